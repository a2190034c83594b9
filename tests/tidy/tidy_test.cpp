// The rules of the house, run over the whole repository; and each of them fed with a violation.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/tidy/rules.h"

namespace weir::tidy {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = WEIR_SOURCE_DIR;

Source read(const std::string& path) {
  std::ifstream file(kRoot / path, std::ios::binary);
  return source(path, {std::istreambuf_iterator<char>(file), {}});
}

bool exists(const std::string& path) { return fs::exists(kRoot / path); }

std::vector<Source> files_below(const std::vector<std::string>& folders,
                                const std::vector<std::string>& endings) {
  std::vector<Source> out;
  for (const std::string& folder : folders) {
    if (!exists(folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      const std::string ending = entry.path().extension();
      const bool wanted = std::find(endings.begin(), endings.end(), ending) != endings.end();
      if (!entry.is_regular_file() || !wanted) continue;
      out.push_back(read(fs::relative(entry.path(), kRoot)));
    }
  }
  return out;
}

const std::vector<Source>& sources() {
  static const auto all = files_below({"src", "sim", "tests", "bench"}, {".cpp", ".h", ".c"});
  return all;
}

void expect_kept(Complaints (*rule)(const Source&)) {
  for (const Source& file : sources()) {
    for (const std::string& complaint : rule(file)) ADD_FAILURE() << complaint;
  }
}

TEST(Tidy, ThereIsSomethingToRead) { EXPECT_GT(sources().size(), 100U); }
TEST(Tidy, Layering) { expect_kept(layering); }
TEST(Tidy, Sizes) { expect_kept(sizes); }
TEST(Tidy, BannedWords) { expect_kept(banned_words); }
TEST(Tidy, PlainHeaders) { expect_kept(plain_headers); }
TEST(Tidy, TheAgentDecidesNothing) { expect_kept(deciding_agent); }
TEST(Tidy, FaceSizes) { expect_kept(face_sizes); }

TEST(Tidy, DecisionsArePure) {
  int decisions = 0;
  for (const Source& file : sources()) {
    if (file.path.find("/decide") != std::string::npos) ++decisions;
    for (const std::string& complaint : pure_decision(file, read)) ADD_FAILURE() << complaint;
  }
  EXPECT_GE(decisions, 3);
}

TEST(Tidy, NoPathsOfAMachine) {
  auto files = files_below({"src", "sim", "tests", "bench", "docs", "examples", "cmake", ".ci"},
                           {".cpp", ".h", ".c", ".md", ".yaml", ".sh", ".txt", ".cmake", ""});
  for (const char* name : {"dev", "README.md", "ARCHITECTURE.md", "CMakeLists.txt"}) {
    files.push_back(read(name));
  }
  for (const Source& file : files) {
    for (const std::string& complaint : strange_paths(file)) ADD_FAILURE() << complaint;
  }
}

TEST(Tidy, PathsNamedByPagesExist) {
  for (const char* page : {"README.md", "ARCHITECTURE.md"}) {
    ASSERT_TRUE(exists(page)) << page;
    for (const std::string& each : named_paths(read(page), exists)) ADD_FAILURE() << each;
  }
}

TEST(Tidy, TestsNamedByPagesExist) {
  std::set<std::string> tests;
  for (const Source& file : sources()) collect_tests(file, tests);
  EXPECT_GT(tests.size(), 100U);
  for (const std::string& each : named_tests(read("ARCHITECTURE.md"), tests)) ADD_FAILURE() << each;
}

// ---- each rule can fail
// --------------------------------------------------------------------------

using Rule = Complaints (*)(const Source&);

struct Planted {
  const char* what;
  Rule rule;
  const char* path;
  std::string text;
  const char* want;  // "" where nothing may be found
};

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

const std::vector<Planted>& planted() {
  static const std::vector<Planted> all = {
      {"a row above is seen", layering, "src/cli/a.cpp", "#include \"engine/engine.h\"\n", ""},
      {"a row below is not", layering, "src/store/a.cpp", "\n#include \"engine/engine.h\"\n",
       "src/store/a.cpp:2: store may not include engine/engine.h"},
      {"left in the row", layering, "src/store/a.cpp", "#include \"peer/peer.h\"\n", ""},
      {"right in the row", layering, "src/peer/a.cpp", "#include \"store/store.h\"\n",
       "src/peer/a.cpp:1: peer may not include store/store.h"},
      {"another capability", layering, "src/drill/a.cpp", "#include \"failover/failover.h\"\n",
       "src/drill/a.cpp:1: drill may not include failover/failover.h"},
      {"a capability to its left", layering, "src/failover/a.cpp",
       "#include \"provision/provision.h\"\n",
       "src/failover/a.cpp:1: failover may not include provision/provision.h"},
      {"not by the door", layering, "src/cli/drill.cpp", "#include \"failover/decide.h\"\n",
       "src/cli/drill.cpp:1: failover/decide.h is no door of failover"},
      {"the simulator", layering, "src/agent/a.cpp", "#include \"sim/world.h\"\n",
       "src/agent/a.cpp:1: agent may not include sim/world.h"},
      {"a test's door from a product", layering, "src/agent/a.cpp",
       "#include \"engine/fake/fake.h\"\n",
       "src/agent/a.cpp:1: engine/fake/fake.h is no door of engine"},
      {"a test's door from a test", layering, "src/agent/a_test.cpp",
       "#include \"engine/fake/fake.h\"\n", ""},
      {"one engine in another", layering, "src/engine/redis/a.cpp",
       "#include \"engine/postgres/runs.h\"\n",
       "src/engine/redis/a.cpp:1: engines never see each other: engine/postgres/runs.h"},
      {"a folder nobody knows", layering, "src/cli/a.cpp", "#include \"misc/misc.h\"\n",
       "src/cli/a.cpp:1: cli may not include misc/misc.h"},
      {"a long file", sizes, "src/cli/a.cpp", repeated("int x;\n", 601),
       "src/cli/a.cpp:601: 601 lines, at most 600"},
      {"a long door", sizes, "src/drill/drill.h", repeated("int x;\n", 151),
       "src/drill/drill.h:151: 151 lines, at most 150"},
      {"a long guard", sizes, "src/guard/guard.c", repeated("int x;\n", 301),
       "src/guard/guard.c:301: 301 lines, at most 300"},
      {"a long line", sizes, "src/cli/a.cpp", std::string(101, 'x') + "\n",
       "src/cli/a.cpp:1: 101 columns"},
      {"a line of wide letters", sizes, "src/cli/a.cpp", repeated("\xC3\xA4", 100) + "\n", ""},
      {"a long function", sizes, "src/cli/a.cpp", "int f() {\n" + repeated("  g();\n", 59) + "}\n",
       "src/cli/a.cpp:1: a function of 61 lines"},
      {"a clock", banned_words, "src/cli/a.cpp", "auto t = std::chrono::steady_clock::now();\n",
       "src/cli/a.cpp:1: banned here; take the Clock of world/"},
      {"a clock in world", banned_words, "src/world/a.cpp", "std::chrono::steady_clock::now();\n",
       ""},
      {"a clock in a comment", banned_words, "src/cli/a.cpp", "// not steady_clock::now\n", ""},
      {"chance", banned_words, "sim/a.cpp", "int x = std::rand();\n",
       "sim/a.cpp:1: banned here; take the Random of world/"},
      {"sleep", banned_words, "src/agent/a.cpp", "std::this_thread::sleep_for(1s);\n",
       "src/agent/a.cpp:1: banned here; wait by the Clock of world/"},
      {"a thread", banned_words, "src/agent/a.cpp", "std::thread t(f);\n",
       "src/agent/a.cpp:1: banned here; give the work to the Workers of world/"},
      {"a thread of a test", banned_words, "src/agent/a_test.cpp", "std::thread t(f);\n", ""},
      {"a leftover", banned_words, "src/agent/a.cpp",
       "// TO"
       "DO: later\n",
       "src/agent/a.cpp:1: banned here; do it, or file an issue"},
      {"a skip", banned_words, "tests/real/a_test.cpp",
       "  GTEST_"
       "SKIP();\n",
       "tests/real/a_test.cpp:1: banned here; a skipped test proves nothing"},
      {"a library in a header", plain_headers, "src/config/a.h", "#include <yaml.h>\n",
       "src/config/a.h:1: keep yaml.h in one .cpp file"},
      {"a library in a source", plain_headers, "src/config/a.cpp", "#include <yaml.h>\n", ""},
      {"a decision in the agent", deciding_agent, "src/agent/a.cpp",
       "  if (sighting.role == Role::leader) {\n",
       "src/agent/a.cpp:1: the agent decides nothing; ask a capability or a face"},
      {"the same elsewhere", deciding_agent, "src/failover/a.cpp",
       "  if (sighting.role == Role::leader) {\n", ""},
      {"a wide face", face_sizes, "src/engine/engine.h",
       "class Runs {\n" + repeated("  virtual int f() = 0;\n", 9) + "};\n",
       "src/engine/engine.h:1: Runs has 9 calls, at most 8"},
      {"a View that knows too much", face_sizes, "src/drill/view.h",
       "struct View {\n" + repeated("  int x = 0;\n", 13) + "};\n",
       "src/drill/view.h:1: a View of 13 fields, at most 12"},
      {"a folder of a machine", strange_paths, "docs/a.md",
       "see /ho"
       "me/somebody/x\n",
       "docs/a.md:1: names a folder of somebody's machine"},
  };
  return all;
}

TEST(Tidy, EveryRuleCanFail) {
  for (const Planted& each : planted()) {
    SCOPED_TRACE(each.what);
    const Complaints found = each.rule(source(each.path, each.text));
    const std::string first = found.empty() ? std::string{} : found.front();
    EXPECT_EQ(first, each.want);
  }
}

TEST(Tidy, AnImpureDecisionIsFound) {
  const auto from = [](const std::string& path) {
    return source(path, path == "src/drill/view.h" ? "#include \"world/world.h\"\n" : "");
  };
  const Source itself = source("src/drill/decide.cpp", "#include \"store/store.h\"\n");
  EXPECT_EQ(pure_decision(itself, from),
            Complaints{"src/drill/decide.cpp:1: a decision may not know store/store.h"});
  const Source by_header = source("src/drill/decide_more.cpp", "#include \"drill/view.h\"\n");
  EXPECT_EQ(pure_decision(by_header, from),
            Complaints{"src/drill/view.h:1: a decision may not know world/world.h, which "
                       "src/drill/decide_more.cpp includes"});
}

TEST(Tidy, AStalePageIsFound) {
  const auto there = [](const std::string& path) { return path == "src/drill/drill.h"; };
  const Source page = source("README.md", "`drill/drill.h`, `src/gone/gone.h`, [more](docs/a.md)");
  EXPECT_EQ(named_paths(page, there),
            (Complaints{"README.md:1: names src/gone/gone.h, which is not there",
                        "README.md:1: names docs/a.md, which is not there"}));
  std::set<std::string> tests;
  collect_tests(source("a_test.cpp", "TEST(Drill, Works) {\n"), tests);
  EXPECT_EQ(named_tests(source("README.md", "`Drill.Works`, `Drill.Worked`"), tests),
            Complaints{"README.md:1: names the test Drill.Worked, which is not there"});
}

}  // namespace
}  // namespace weir::tidy
