// Where a fleet lies: what the environment says, what is refused, and which fleet is meant.
#include "cli/place.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

namespace weir::cli {
namespace {

constexpr uid_t kNobody = 65534;

// One variable for one test; afterwards as it was.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    if (value == nullptr) {
      ::unsetenv(name);
    } else {
      ::setenv(name, value, 1);
    }
  }
  ~Variable() {
    if (before_) {
      ::setenv(name_, before_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

// The same rules whoever runs the tests: root puts on an ordinary user for a while.
class AsUser {
 public:
  AsUser() : was_root_(::geteuid() == 0) {
    EXPECT_EQ(::seteuid(was_root_ ? kNobody : ::geteuid()), 0);
  }
  ~AsUser() { EXPECT_EQ(::seteuid(was_root_ ? 0 : ::geteuid()), 0); }
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

 private:
  const bool was_root_;
};

struct FindPlace : ::testing::Test {
  Variable state{"WEIR_STATE", nullptr};
  Variable run{"WEIR_RUN", nullptr};
  Variable xdg{"XDG_STATE_HOME", nullptr};
  Variable home{"HOME", nullptr};
};

TEST_F(FindPlace, AUsersStateLiesWhereTheEnvironmentSays) {
  const AsUser user;
  const Variable with_home("HOME", "/h");
  EXPECT_EQ(find_place()->state, "/h/.local/state/weir");
  const Variable with_xdg("XDG_STATE_HOME", "/x");
  EXPECT_EQ(find_place()->state, "/x/weir");
  const Variable with_state("WEIR_STATE", "/s");
  EXPECT_EQ(find_place()->state, "/s");
  EXPECT_EQ(find_place()->server_user, "") << "servers run as we are";
}

TEST_F(FindPlace, AUserWithoutAnyOfTheseIsToldWhichToSet) {
  const AsUser user;
  const Variable empty("HOME", "");
  const auto place = find_place();
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().failure, Failure::bad_config);
  EXPECT_EQ(place.error().hint, "export WEIR_STATE=/some/folder");
}

TEST_F(FindPlace, SocketsOfAUserLieByHisNumber) {
  const AsUser user;
  const Variable with_home("HOME", "/h");
  EXPECT_EQ(find_place()->run, "/tmp/weir-" + std::to_string(::geteuid()));
  const Variable with_run("WEIR_RUN", "/r");
  EXPECT_EQ(find_place()->run, "/r");
}

TEST_F(FindPlace, ARelativePathIsRefusedByTheNameOfItsVariable) {
  const AsUser user;
  {
    const Variable relative("WEIR_STATE", "state");
    const auto place = find_place();
    ASSERT_FALSE(place);
    EXPECT_EQ(place.error().failure, Failure::bad_config);
    EXPECT_EQ(place.error().what, "WEIR_STATE must be an absolute path, got 'state'");
  }
  const Variable with_state("WEIR_STATE", "/s");
  const Variable relative("WEIR_RUN", "./run");
  const auto place = find_place();
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().what, "WEIR_RUN must be an absolute path, got './run'");
}

TEST_F(FindPlace, RootHasTheFoldersOfTheSystemAndServersAUserOfTheirOwn) {
  const auto place = find_place();
  if (::geteuid() == 0) {
    ASSERT_TRUE(place) << place.error().what;
    EXPECT_EQ(place->state, "/var/lib/weir");
    EXPECT_EQ(place->run, "/run/weir");
    EXPECT_EQ(place->server_user, "postgres");
  } else {
    EXPECT_FALSE(place) << "a user without HOME has no such folder";
  }
}

TEST(Place, EveryHostHasItsOwnFolders) {
  Place place;
  place.state = "/s";
  place.run = "/r";
  place.fleet = FleetName("quickstart");
  EXPECT_EQ(place.facts(), "/s/quickstart/fleet.json");
  EXPECT_EQ(place.host_folder(HostName("a")), "/s/quickstart/hosts/a");
  EXPECT_EQ(place.identity(HostName("a")), "/s/quickstart/hosts/a/identity");
  EXPECT_EQ(place.host_run(HostName("a")), "/r/quickstart/a");
  const peer::Identity identity = place.identity_of("/folder", "a");
  EXPECT_EQ(identity.name, "a");
  EXPECT_EQ(identity.cert, "/folder/a.crt");
  EXPECT_EQ(identity.key, "/folder/a.key");
  EXPECT_EQ(identity.ca, "/folder/ca.crt");
}

FleetFacts quickstart() {
  return {FleetName("quickstart"),
          {"store", "127.0.10.250", 7400},
          {{HostName("a"), "127.0.10.1"}, {HostName("b"), "127.0.10.2"}}};
}

void expect_equal(const FleetFacts& a, const FleetFacts& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.store.name, b.store.name);
  EXPECT_EQ(a.store.ip, b.store.ip);
  EXPECT_EQ(a.store.port, b.store.port);
  EXPECT_EQ(a.hosts, b.hosts);
}

TEST(Facts, AreReadAsTheyWereWritten) {
  const auto read = facts_from(*Json::parse(to_json(quickstart()).dump()));
  ASSERT_TRUE(read) << read.error().what;
  expect_equal(*read, quickstart());
}

TEST(Facts, WhatIsNewerOrNotWholeIsRefused) {
  const auto refused = [](Json json) {
    const auto read = facts_from(json);
    EXPECT_FALSE(read) << json.dump();
    if (read) return std::string{};
    EXPECT_EQ(read.error().failure, Failure::bad_data);
    return read.error().what;
  };
  EXPECT_EQ(refused(to_json(quickstart()).set("format", kFactsFormat + 1)),
            "fleet.json was written by a newer weir");
  EXPECT_EQ(refused(to_json(quickstart()).set("fleet", "")), "fleet.json is not whole");
  EXPECT_EQ(refused(to_json(quickstart()).set("store", "127.0.10.250:7400")),
            "fleet.json is not whole");
  EXPECT_EQ(refused(Json::array()), "fleet.json is not whole");
}

// Files in memory: folders are there as soon as something lies in them.
class MemoryFiles final : public Files {
 public:
  std::map<std::string, std::string> content;

  Result<std::string> read(const std::string& path) override {
    const auto found = content.find(path);
    if (found == content.end()) return fail(Failure::not_found, "cannot read " + path);
    return found->second;
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    std::vector<std::string> names;
    for (const auto& [file, text] : content) {
      if (!file.starts_with(path + "/")) continue;
      const std::size_t begin = path.size() + 1;
      const std::string name = file.substr(begin, file.find('/', begin) - begin);
      if (names.empty() || names.back() != name) names.push_back(name);
    }
    if (names.empty()) return fail(Failure::not_found, "no folder " + path);
    return names;
  }
  bool exists(const std::string& path) override { return content.contains(path); }
  Result<> write(const std::string&, std::string_view, int) override { return fail(unused()); }
  Result<> append(const std::string&, std::string_view) override { return fail(unused()); }
  Result<> rename(const std::string&, const std::string&) override { return fail(unused()); }
  Result<> remove(const std::string&) override { return fail(unused()); }
  Result<> make_folder(const std::string&, int) override { return fail(unused()); }

 private:
  static Error unused() { return {Failure::unsupported, "looking changes nothing"}; }
};

struct FindFleet : ::testing::Test {
  FindFleet() { place.state = "/s"; }

  void make(const char* name) {
    FleetFacts facts = quickstart();
    facts.name = FleetName(name);
    files.content["/s/" + std::string(name) + "/fleet.json"] = to_json(facts).dump();
  }

  MemoryFiles files;
  Place place;
};

TEST_F(FindFleet, TheOnlyOneNeedsNoName) {
  make("quickstart");
  files.content["/s/stray/notes.txt"] = "not a fleet";
  const auto facts = find_fleet(files, place, "");
  ASSERT_TRUE(facts) << facts.error().what;
  expect_equal(*facts, quickstart());
  EXPECT_EQ(place.fleet, FleetName("quickstart"));
}

TEST_F(FindFleet, OfSeveralOneIsToBeNamed) {
  make("one");
  make("two");
  const auto facts = find_fleet(files, place, "");
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().failure, Failure::bad_config);
  EXPECT_EQ(facts.error().what, "several fleets are here: one, two");
  EXPECT_EQ(facts.error().hint, "name one: --fleet one");
  ASSERT_TRUE(find_fleet(files, place, "two"));
  EXPECT_EQ(place.fleet, FleetName("two"));
}

TEST_F(FindFleet, NoneSaysWhatMakesOne) {
  auto facts = find_fleet(files, place, "");
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().failure, Failure::not_found);
  EXPECT_EQ(facts.error().what, "no fleet was made here, below /s");
  EXPECT_EQ(facts.error().hint, "weir up -f fleet.yaml");
  make("one");
  facts = find_fleet(files, place, "two");
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().failure, Failure::not_found);
  EXPECT_EQ(facts.error().what, "no fleet two was made here");
}

TEST_F(FindFleet, DamagedFactsAreNoFleet) {
  files.content["/s/quickstart/fleet.json"] = "{\"format\":1";
  const auto facts = find_fleet(files, place, "");
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().failure, Failure::bad_data);
}

}  // namespace
}  // namespace weir::cli
