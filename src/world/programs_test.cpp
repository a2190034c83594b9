// Real programs: what they print, how they end, and that nothing of them is left.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "world/real.h"

namespace weir {
namespace {

class RealProgramsTest : public ::testing::Test {
 protected:
  Result<Output> shell(const std::string& script, Duration limit = 20s) {
    Command command;
    command.argv = {"/bin/sh", "-c", script};
    return programs_->run(command, clock_->within(limit));
  }

  static bool lives(pid_t pid) {
    // A zombie waits for its reaper and is no process any more.
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    return (stat >> number >> name >> state) && state != "Z";
  }

  std::unique_ptr<Clock> clock_ = make_real_clock();
  std::unique_ptr<Programs> programs_ = make_real_programs(*clock_);
};

TEST_F(RealProgramsTest, KeepsBothOutputsAndTheStatus) {
  const auto output = shell("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(output) << output.error().what;
  EXPECT_EQ(output->out, "out\n");
  EXPECT_EQ(output->err, "err\n");
  EXPECT_EQ(output->status, 3);
}

TEST_F(RealProgramsTest, TellsTheSignalThatEndedIt) {
  EXPECT_EQ(shell("kill -9 $$")->status, 128 + SIGKILL);
}

TEST_F(RealProgramsTest, GivesInputAndASmallEnvironment) {
  ::setenv("WEIR_TEST_SECRET", "must not pass", 1);
  Command command;
  command.argv = {"sh", "-c", "cat; env | cut -d= -f1 | sort | tr '\\n' ' '; echo $TZ $LANG; pwd"};
  command.env = {"MORE=1", "LANG=C.UTF-8"};
  command.input = std::string(200000, 'i') + "\n";
  const auto output = programs_->run(command, clock_->within(20s));
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, command.input + "HOME LANG MORE PATH PWD TZ UTC C.UTF-8\n/\n");
}

TEST_F(RealProgramsTest, DropsWhatIsBeyondTheLimitAndLetsItEnd) {
  Command command;
  command.argv = {"/bin/sh", "-c", "head -c 1000000 /dev/zero; exit 4"};
  command.output_max = 1000;
  const auto output = programs_->run(command, clock_->within(20s));
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out.size(), 1000U);
  EXPECT_EQ(output->status, 4);
}

TEST_F(RealProgramsTest, KillsTheWholeGroupAtTheDeadline) {
  char path[] = "/tmp/weir-wt-XXXXXX";
  const std::string folder = ::mkdtemp(path);
  const auto output =
      shell("sleep 1000 & echo $! > " + folder + "/pid; echo half-way >&2; wait", 500ms);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().failure, Failure::timed_out);
  EXPECT_NE(output.error().what.find("half-way"), std::string::npos);
  const std::string pid = make_real_files()->read(folder + "/pid").value_or("");
  ASSERT_FALSE(pid.empty());
  EXPECT_TRUE(
      poll_until(*clock_, clock_->within(5s), 1ms, [&] { return !lives(std::atoi(pid.c_str())); }));
  EXPECT_TRUE(make_real_files()->remove(folder));
}

TEST_F(RealProgramsTest, LeavesNothingOfAProgramThatEndedBeforeItsChildren) {
  const auto output = shell("sleep 1000 & echo $!");
  ASSERT_TRUE(output);
  EXPECT_TRUE(poll_until(*clock_, clock_->within(5s), 1ms,
                         [&] { return !lives(std::atoi(output->out.c_str())); }));
}

TEST_F(RealProgramsTest, StartsNothingWithoutTime) {
  EXPECT_EQ(shell("true", -1s).error().failure, Failure::timed_out);
}

TEST_F(RealProgramsTest, NamesThePackageOfAMissingProgram) {
  Command command;
  command.argv = {"/usr/lib/postgresql/99/bin/initdb"};
  auto output = programs_->run(command, clock_->within(20s));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().failure, Failure::missing_package);
  EXPECT_EQ(output.error().hint, "apt-get install postgresql-99");
  command.argv = {"no-such-program-of-weir"};
  EXPECT_EQ(programs_->run(command, clock_->within(20s)).error().failure, Failure::missing_package);
}

TEST_F(RealProgramsTest, RunsAsAnotherUserWithHisGroupsOnly) {
  Command command;
  command.argv = {"/usr/bin/id"};
  command.user = "daemon";
  const auto output = programs_->run(command, clock_->within(20s));
  if (::geteuid() != 0) {
    EXPECT_EQ(output.error().failure, Failure::denied);
    return;
  }
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "uid=1(daemon) gid=1(daemon) groups=1(daemon)\n");
  command.user = "no-such-user-of-weir";
  EXPECT_EQ(programs_->run(command, clock_->within(20s)).error().failure, Failure::not_found);
}

}  // namespace
}  // namespace weir
