// What bad days have in common: what is mounted, what is said, and a fleet to have them.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fmt/format.h>

#include "tests/real/days/application.h"
#include "tests/real/fleet/live_fleet.h"

namespace weir::test {

// What status and events say, until they say it.
inline bool hears(LiveFleet& fleet, const std::string& words, Duration limit = 120s) {
  return poll_until(fleet.clock(), fleet.clock().within(limit), 300ms, [&] {
    return fleet.weir({"status", "orders"}).out.find(words) != std::string::npos ||
           fleet.weir({"events"}).out.find(words) != std::string::npos;
  });
}

// A fleet that cannot become whole is brought up by an `up` that goes on waiting.
class WaitingUp {
 public:
  explicit WaitingUp(LiveFleet& fleet)
      : fleet_(fleet), pid_(fleet.start_weir({"up", "-f", fleet.file()})) {
    // A question that comes before its store would start one for itself.
    EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(60s), 20ms, [&] {
      return fleet.process("supervisor") != 0 && fleet.process("store") != 0;
    }));
  }
  ~WaitingUp() {
    kill(pid_, SIGINT);
    const int status = fleet_.wait_for(pid_, 60s);
    EXPECT_TRUE(status == 130 || status == 0) << status << "\n" << fleet_.said_by_started();
  }
  WaitingUp(const WaitingUp&) = delete;
  WaitingUp& operator=(const WaitingUp&) = delete;

 private:
  LiveFleet& fleet_;
  int pid_;
};

// A mount until the end of the test. Mounts are root's: without root and `sudo -n` the test fails.
class Mounted {
 public:
  Mounted(LiveFleet& fleet, const std::string& arguments, std::string path)
      : fleet_(fleet), path_(std::move(path)) {
    const Ran ran = fleet_.shell(as_root() + "mount " + arguments + " " + path_);
    EXPECT_EQ(ran.status, 0) << "this test mounts, which needs root or sudo: " << ran.err;
  }
  ~Mounted() { (void)fleet_.shell(as_root() + "umount -l " + path_); }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  const std::string& path() const { return path_; }
  static std::string as_root() { return geteuid() == 0 ? "" : "sudo -n "; }

 private:
  LiveFleet& fleet_;
  std::string path_;
};

class BadDay : public testing::Test {
 protected:
  void down() {
    const Ran ran = fleet.weir({"down"});
    ASSERT_EQ(ran.status, 0) << ran.err;
  }
  std::string data(const std::string& host) { return fleet.member_folder(host) + "/data"; }
  LiveFleet fleet;
};

}  // namespace weir::test
