// Every word that weir speaks is explained, and nothing else is.
#include "cli/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "config/config.h"
#include "failover/failover.h"
#include "journal/journal.h"
#include "model/record.h"
#include "model/report.h"
#include "model/sighting.h"
#include "provision/provision.h"

namespace weir::cli {
namespace {

std::set<std::string> explained(const std::string& topic) {
  std::set<std::string> out;
  for (const Glossary& glossary : glossaries()) {
    if (topic != glossary.name) continue;
    for (const Meaning& meaning : glossary.meanings()) {
      EXPECT_TRUE(out.insert(meaning.word).second) << meaning.word << " stands twice";
      EXPECT_TRUE(meaning.text.ends_with(".")) << meaning.word;
    }
  }
  return out;
}

// The name of every alternative, each made empty.
template <class Step, class Kind>
std::set<std::string> kinds(Kind kind_of) {
  std::set<std::string> out;
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    (out.insert(kind_of(Step{std::in_place_index<i>})), ...);
  }(std::make_index_sequence<std::variant_size_v<Step>>{});
  return out;
}

TEST(Explain, EveryStepAndNothingElse) {
  EXPECT_EQ(explained("failover-steps"),
            kinds<failover::Step>([](const auto& step) { return failover::kind_of(step); }))
      << "add a row to src/cli/glossary.cpp";
  EXPECT_EQ(explained("provision-steps"),
            kinds<provision::Step>([](const auto& step) { return provision::kind_of(step); }))
      << "add a row to src/cli/glossary.cpp";
}

TEST(Explain, EveryFieldOfTheRecord) {
  std::set<std::string> fields;
  const Json record = to_json(Record{});
  for (const auto& [name, value] : record.members()) fields.insert(name);
  EXPECT_EQ(explained("record"), fields) << "add a row to src/cli/glossary.cpp";
}

TEST(Explain, EveryWordOfAVerdict) {
  using journal::Outcome;
  EXPECT_EQ(explained("verdicts"),
            (std::set<std::string>{name_of(Verdict::met), name_of(Verdict::breached),
                                   name_of(Verdict::void_run)}));
  EXPECT_EQ(explained("evidence"), (std::set<std::string>{name_of(Evidence::measured_real),
                                                          name_of(Evidence::measured_emulated),
                                                          name_of(Evidence::estimated)}));
  EXPECT_EQ(explained("reach"),
            (std::set<std::string>{name_of(Reach::unknown), name_of(Reach::serving),
                                   name_of(Reach::starting), name_of(Reach::refused),
                                   name_of(Reach::silent), name_of(Reach::sick)}));
  EXPECT_EQ(
      explained("outcomes"),
      (std::set<std::string>{journal::name_of(Outcome::open), journal::name_of(Outcome::done),
                             journal::name_of(Outcome::refused), journal::name_of(Outcome::failed),
                             journal::name_of(Outcome::unknown)}));
}

TEST(Explain, EveryKeyOfTheFileSaysWhatItTakes) {
  const auto keys = config::file_keys();
  EXPECT_GT(keys.size(), 15u);
  for (const config::FileKey& key : keys) {
    EXPECT_FALSE(key.takes.empty()) << key.path;
    EXPECT_FALSE(key.help.empty()) << key.path;
  }
  for (const char* path : {"services.SERVICE.members", "services.SERVICE.objective.rto",
                           "services.SERVICE.databases.DATABASE.owner",
                           "services.SERVICE.roles.ROLE.grants.tables", "hosts.HOST.address"}) {
    EXPECT_TRUE(std::any_of(keys.begin(), keys.end(), [&](const config::FileKey& key) {
      return key.path == path;
    })) << path;
  }
}

TEST(Explain, TimingsAreSaidWithTheirReasons) {
  for (const Timing& timing : timings()) {
    EXPECT_FALSE(timing.value.empty()) << timing.name;
    EXPECT_FALSE(timing.reason.empty()) << timing.name;
  }
}

}  // namespace
}  // namespace weir::cli
