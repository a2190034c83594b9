// The table of parameters is what the real server says of itself. WEIR_REGENERATE=1 writes it anew
// from this server: that is how it was made.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/text.h"
#include "tests/real/support.h"

namespace weir::test {
namespace {

constexpr const char* kTable = WEIR_SOURCE_DIR "/src/model/postgres_params.inc";
constexpr const char* kHead =
    "// The parameters of PostgreSQL 15, as its own view pg_settings lists them: name, type, when "
    "a\n"
    "// change takes effect, unit, least, greatest, choices. Made from a real server by\n"
    "// tests/real/postgres/params_test.cpp; never edited by hand.\n";
// A choice may be empty in the view, which stands for the parameter's default.
constexpr const char* kRows = R"(
SELECT '{"' || name || '", T::' ||
       CASE vartype WHEN 'bool' THEN 'boolean' WHEN 'enum' THEN 'choice' WHEN 'string' THEN 'text'
                    ELSE vartype END || ', C::' ||
       CASE context WHEN 'postmaster' THEN 'restart' WHEN 'internal' THEN 'fixed'
                    ELSE 'reload' END || ', "' ||
       coalesce(unit, '') || '", ' || coalesce(min_val, '0') || ', ' || coalesce(max_val, '0') ||
       ', |"' || coalesce(array_to_string(array_remove(enumvals, ''), ','), '') || '"},'
  FROM pg_settings WHERE name NOT LIKE '%.%' ORDER BY name COLLATE "C")";

std::vector<std::string> rows_of(const std::string& table) {
  std::vector<std::string> out;
  for (const std::string& line : split(table, '\n')) {
    if (starts_with(line, "{")) out.push_back(line);
    if (starts_with(line, " ") && !out.empty()) out.back() += line;
  }
  return out;
}

std::string name_of(const std::string& row) { return row.substr(0, row.find(',')); }

// One line a parameter; the choices stand on a line of their own where they would be too far right.
std::string table_of(const std::string& rows) {
  std::string out = kHead;
  for (const std::string& row : split(rows, '\n')) {
    const std::size_t bar = row.find('|');
    if (bar == std::string::npos) {
      ADD_FAILURE() << row;
      continue;
    }
    const std::string left = row.substr(0, bar), right = row.substr(bar + 1);
    const bool fits = left.size() + right.size() <= 100;
    out += fits ? left + right + "\n" : trim(left) + "\n " + right + "\n";
  }
  return out;
}

TEST(PostgresParams, TheTableIsWhatTheServerSays) {
  Installation it({"a"});
  it.begin("a", {0, 1});
  const std::string table = table_of(it.sql("a", kRows));
  const char* regenerate = std::getenv("WEIR_REGENERATE");
  if (regenerate != nullptr && std::string(regenerate) == "1") {
    std::ofstream(kTable, std::ios::trunc) << table;
    return;
  }
  std::ifstream file(kTable);
  std::ostringstream text;
  text << file.rdbuf();
  // A later minor release may add some, and the table may be of a later one: these came with 15.20
  // or shortly before, and 15.18 lacks them. The version itself is one of those nobody can set.
  const std::set<std::string> later{"{\"composite_type_mismatch\"", "{\"output_plugin_libraries\""};
  const std::vector<std::string> ours = rows_of(text.str()), theirs = rows_of(table);
  std::map<std::string, std::string> there;
  for (const std::string& row : theirs) there[name_of(row)] = row;
  for (const std::string& row : ours) {
    const std::string name = name_of(row);
    if (row.find("C::fixed") != std::string::npos) continue;
    if (later.contains(name) && !there.contains(name)) continue;
    EXPECT_EQ(row, there[name]) << "WEIR_REGENERATE=1 writes the table anew";
  }
  EXPECT_GT(ours.size(), 300U);
}

}  // namespace
}  // namespace weir::test
