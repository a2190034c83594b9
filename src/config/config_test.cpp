// Every class of mistake has a file under tests/golden/config with what is said about it beside it.
#include "config/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "tests/golden/golden.h"

namespace weir::config {
namespace {

std::string shown(const Parsed& parsed) {
  std::string out;
  for (const Complaint& complaint : parsed.complaints) out += show(complaint) + "\n";
  return out;
}

std::string quickstart() {
  return golden::read(golden::folder() / ".." / ".." / "examples" / "quickstart.yaml");
}

// Memory in place of a disk; only reading is ever asked of it.
class FilesInMemory : public Files {
 public:
  std::map<std::string, std::string> content;
  Result<std::string> read(const std::string& path) override {
    const auto found = content.find(path);
    if (found == content.end()) return fail(Failure::not_found, "no such file");
    return found->second;
  }
  Result<> write(const std::string&, std::string_view, int) override { return refused(); }
  Result<> append(const std::string&, std::string_view) override { return refused(); }
  Result<> rename(const std::string&, const std::string&) override { return refused(); }
  Result<> remove(const std::string&) override { return refused(); }
  Result<> make_folder(const std::string&, int) override { return refused(); }
  Result<std::vector<std::string>> list(const std::string&) override { return refused(); }
  bool exists(const std::string& path) override { return content.count(path) > 0; }

 private:
  static tl::unexpected<Error> refused() { return fail(Failure::refused, "only for reading"); }
};

TEST(Config, EveryClassOfMistakeIsAnsweredAsInItsGoldenFile) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden::folder() / "config")) {
    const std::filesystem::path& path = entry.path();
    if (path.extension() != ".yaml") continue;
    ++files;
    SCOPED_TRACE(path.filename().string());
    const Parsed parsed = parse(path.filename().string(), golden::read(path));
    EXPECT_FALSE(parsed.complaints.empty());
    golden::expect("config/" + path.stem().string() + ".txt", shown(parsed));
  }
  EXPECT_GE(files, 28);
}

TEST(Config, NoSecretIsEverShown) {
  for (const char* name : {"passwords", "malformed_secret"}) {
    SCOPED_TRACE(name);
    const std::string file = std::string("config/") + name + ".yaml";
    const std::string text = golden::read(golden::folder() / file);
    ASSERT_NE(text.find("hunter2"), std::string::npos);
    for (const Complaint& complaint : parse("f", text).complaints) {
      EXPECT_EQ(show(complaint).find("hunter"), std::string::npos) << show(complaint);
    }
  }
}

// Cut off anywhere, or with any one byte changed, a file is answered at a place that it has, and
// without its secrets.
TEST(Config, AnyDamageIsAnsweredWithinTheFile) {
  const auto check = [](const std::string& text) {
    for (const Complaint& complaint : parse("f", text).complaints) {
      const std::string said = show(complaint);
      ASSERT_GE(complaint.line, 1);
      ASSERT_LE(complaint.line, 2 + std::count(text.begin(), text.end(), '\n')) << said;
      ASSERT_GE(complaint.caret, 1);
      ASSERT_GE(complaint.width, 1);
      ASSERT_EQ(said.find("hunter"), std::string::npos) << said << "\nin\n" << text;
    }
  };
  const std::string secrets = golden::read(golden::folder() / "config" / "passwords.yaml");
  for (const std::string& text : {quickstart(), secrets}) {
    for (std::size_t cut = 0; cut < text.size(); ++cut) check(text.substr(0, cut));
  }
  const std::string whole = quickstart();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char byte : {'\0', '\xff', '\n', '\t', '{', '*', '|'}) {
      std::string damaged = whole;
      damaged[at] = byte;
      check(damaged);
    }
  }
}

TEST(Config, ASecretThatGoesOnOverLinesIsMasked) {
  const Parsed parsed = parse("f", "roles:\n  app:\n    password: |\n      hunter2 \x1b[31m\n");
  ASSERT_EQ(parsed.complaints.size(), 1u);
  EXPECT_EQ(parsed.complaints[0].line, 4);
  EXPECT_EQ(parsed.complaints[0].text.find("hunter"), std::string::npos);
}

TEST(Config, TheQuickstartIsAFleet) {
  const Parsed parsed = parse("quickstart.yaml", quickstart());
  EXPECT_EQ(shown(parsed), "");
  ASSERT_EQ(parsed.fleet.services.size(), 1u);
  EXPECT_EQ(parsed.fleet.name.text, "quickstart");
  ASSERT_EQ(parsed.fleet.hosts.size(), 3u);
  EXPECT_EQ(parsed.fleet.hosts[1], (Host{HostName{"b"}, "127.0.10.2"}));
  golden::expect("config/quickstart.json", to_json(parsed.fleet.services[0]).dump(true) + "\n");
}

TEST(Config, WhatIsNotSaidHasADefault) {
  const Parsed parsed = parse("f", R"(
fleet: f
hosts: {a: {address: 10.0.0.1}, b: {address: 10.0.0.2}}
services:
  orders: {engine: postgres, members: [b, a]}
  logs: {engine: postgres, members: [a], durability: async, port: 5433}
)");
  ASSERT_EQ(shown(parsed), "");
  const Service& orders = parsed.fleet.services[0];
  EXPECT_EQ(orders.durability, Durability::required);
  EXPECT_EQ(orders.sync, 1);
  EXPECT_EQ(orders.members[0].name.text, "b");
  EXPECT_EQ(orders.members[0].address, "10.0.0.2");
  EXPECT_EQ(orders.members[0].port, 5432);
  EXPECT_TRUE(orders.resources.empty());
  const Service& logs = parsed.fleet.services[1];
  EXPECT_EQ(logs.durability, Durability::async);
  EXPECT_EQ(logs.sync, 0);
  EXPECT_EQ(logs.members[0].port, 5433);
}

TEST(Config, ParametersAreWrittenAsTheServerShowsThem) {
  const Parsed parsed = parse("f", R"(
fleet: f
hosts: {a: {address: 10.0.0.1}, b: {address: 10.0.0.2}}
services:
  orders:
    engine: postgres
    members: [a, b]
    params: {Shared_Buffers: 8192, autovacuum: "yes", timezone: UTC, work_mem: 1024kB}
)");
  ASSERT_EQ(shown(parsed), "");
  std::map<std::string, std::string> values;
  for (const Resource& param : parsed.fleet.services[0].resources) {
    values[param.name] = param.attributes.at("value");
  }
  const std::map<std::string, std::string> wanted{
      {"TimeZone", "UTC"}, {"autovacuum", "on"}, {"shared_buffers", "64MB"}, {"work_mem", "1MB"}};
  EXPECT_EQ(values, wanted);
}

TEST(Config, AFileTooLargeIsNotRead) {
  const Parsed parsed = parse("big.yaml", std::string(100u << 20, '['));
  EXPECT_EQ(shown(parsed),
            "big.yaml:1:1: the file has 104857600 bytes; a fleet file may have at most 16777216\n");
}

TEST(Config, AFileOfMistakesIsAnsweredWithABoundedText) {
  std::string text = "fleet: f\nhosts: {}\nservices: {}\n";
  for (int i = 0; i < 5000; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const Parsed parsed = parse("f", text);
  EXPECT_EQ(parsed.complaints.size(), 100u);
  EXPECT_EQ(parsed.complaints.back().hint, "4900 more mistakes are not shown");
}

TEST(Config, ManyServicesAreRead) {
  std::string text =
      "fleet: f\nhosts: {a: {address: 10.0.0.1}, b: {address: 10.0.0.2}}\nservices:\n";
  for (int i = 0; i < 2000; ++i) {
    text += "  s" + std::to_string(i) +
            ": {engine: postgres, members: [a, b], port: " + std::to_string(10000 + i) + "}\n";
  }
  const Parsed parsed = parse("f", text);
  EXPECT_EQ(shown(parsed), "");
  EXPECT_EQ(parsed.fleet.services.size(), 2000u);
}

TEST(Config, LoadShowsEveryMistakeOrTheFleet) {
  FilesInMemory files;
  files.content["good.yaml"] = quickstart();
  files.content["bad.yaml"] = "flet: f\nhosts: {}\nservices: {}\n";
  EXPECT_TRUE(load(files, "good.yaml").has_value());
  const auto bad = load(files, "bad.yaml");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().failure, Failure::bad_config);
  EXPECT_TRUE(starts_with(bad.error().what, "bad.yaml:1:1: "));
  const auto absent = load(files, "absent.yaml");
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().failure, Failure::not_found);
}

}  // namespace
}  // namespace weir::config
