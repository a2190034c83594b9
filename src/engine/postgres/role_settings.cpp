// Text in, text out: the file's own syntax and that of synchronous_standby_names.
#include "engine/postgres/role_settings.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"

namespace weir::engine::postgres {
namespace {

constexpr std::string_view kPrefix = "weir_";
constexpr std::string_view kNobody = "weir_nobody";
constexpr std::string_view kTakesNoWrites = "default_transaction_read_only = on";
constexpr int kReadable = 0644;  // inside a folder that only the server's user can enter

// The inverse of quote_setting, for lines that we wrote.
std::optional<std::string> unquote_setting(std::string_view text) {
  if (text.size() < 2 || text.front() != '\'' || text.back() != '\'') return std::nullopt;
  const std::string_view inner = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if ((inner[i] == '\'' || inner[i] == '\\') && ++i >= inner.size()) return std::nullopt;
    out += inner[i];
  }
  return out;
}

}  // namespace

std::string quote_setting(const std::string& value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + "'";
}

Result<RoleSettings> read_role_settings(Files& files, const std::string& path) {
  const auto text = files.read(path);
  if (!text && text.error().failure == Failure::not_found) return RoleSettings{};
  if (!text) return fail(text.error());
  RoleSettings out;
  const std::pair<std::string_view, std::string*> fields[] = {
      {"primary_conninfo", &out.primary_conninfo},
      {"primary_slot_name", &out.primary_slot_name},
      {"synchronous_standby_names", &out.synchronous_standby_names},
      {"restore_command", &out.restore_command}};
  for (const std::string& line : split(*text, '\n')) {
    if (line == kTakesNoWrites) out.takes_no_writes = true;
    const std::size_t equals = line.find(" = ");
    if (equals == std::string::npos) continue;
    for (const auto& [name, field] : fields) {
      if (line.substr(0, equals) != name) continue;
      auto value = unquote_setting(trim(line.substr(equals + 3)));
      if (!value) return fail(Failure::bad_data, fmt::format("cannot read {} in {}", name, path));
      *field = std::move(*value);
    }
  }
  return out;
}

Result<> write_role_settings(Files& files, const std::string& path, const RoleSettings& settings) {
  std::string text = fmt::format(
      "# Written by weir; changes made here are overwritten.\n"
      "primary_conninfo = {}\nprimary_slot_name = {}\n"
      "synchronous_standby_names = {}\nrestore_command = {}\n",
      quote_setting(settings.primary_conninfo), quote_setting(settings.primary_slot_name),
      quote_setting(settings.synchronous_standby_names), quote_setting(settings.restore_command));
  if (settings.takes_no_writes) text += std::string(kTakesNoWrites) + "\n";
  return files.write(path, text, kReadable);
}

std::string application_name(const Voter& voter) {
  return fmt::format("{}{}_{}", kPrefix, voter.member.text, voter.incarnation.text);
}

std::optional<Voter> voter_named(const std::string& application_name) {
  if (!starts_with(application_name, kPrefix)) return std::nullopt;
  const std::string rest = application_name.substr(kPrefix.size());
  const std::size_t cut = rest.rfind('_');
  if (cut == std::string::npos || cut == 0 || cut + 1 == rest.size()) return std::nullopt;
  return Voter{MemberName(rest.substr(0, cut)), Incarnation(rest.substr(cut + 1))};
}

std::string slot_name(const MemberName& member) {
  std::string out(kPrefix);
  for (const char c : member.text) {
    // A slot's alphabet has no dash: the underscore escapes it and itself, so that no two members
    // ever share a slot.
    if (c == '_') {
      out += "__";
    } else if (c == '-') {
      out += "_m";
    } else {
      out += c;
    }
  }
  return out;
}

std::string standby_names(const SyncSet& set) {
  if (set.number <= 0) return {};
  if (set.voters.empty()) return fmt::format("ANY {} ({})", set.number, kNobody);
  std::vector<std::string> names;
  for (const Voter& voter : set.voters) names.push_back('"' + application_name(voter) + '"');
  return fmt::format("ANY {} ({})", set.number, join(names, ","));
}

std::vector<Voter> listed_voters(const std::string& standby_names) {
  std::vector<Voter> out;
  for (std::size_t at = standby_names.find('"'); at != std::string::npos;) {
    const std::size_t end = standby_names.find('"', at + 1);
    if (end == std::string::npos) break;
    if (auto voter = voter_named(standby_names.substr(at + 1, end - at - 1))) out.push_back(*voter);
    at = standby_names.find('"', end + 1);
  }
  return out;
}

}  // namespace weir::engine::postgres
