// What the tests of real processes share: a scratch folder, and the certainty that nothing that
// works in it outlives the test.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <memory>
#include <string>

#include "guard/guard.h"
#include "guard/processes.h"
#include "world/real.h"

namespace weir::guard {

class RealProcesses : public ::testing::Test {
 protected:
  RealProcesses() {
    char path[] = "/tmp/weir-gt-XXXXXX";
    root_ = ::mkdtemp(path);
    // Servers of another user pass through it.
    ::chmod(path, 0711);
  }

  ~RealProcesses() override {
    // By page and by folder: guards, servers and whatever they left behind.
    for (int quiet = 0; quiet < 2;) {
      bool found = false;
      for (const Process& process : all_processes()) {
        const bool ours = page_of_guard(process.pid).starts_with(root_) ||
                          working_folder_of(process.pid).starts_with(root_);
        if (!ours) continue;
        send_signal(process.pid, process.start_time, SIGKILL);
        found = true;
      }
      quiet = found ? 0 : quiet + 1;
    }
    // A process that was killed in the middle of a write may still finish it.
    EXPECT_TRUE(comes_true([this] { return files_->remove(root_).has_value(); }));
  }

  Deadline soon() { return clock_->within(20s); }
  bool comes_true(const std::function<bool()>& check) {
    return poll_until(*clock_, soon(), 1ms, check);
  }

  std::string root_;
  std::unique_ptr<Clock> clock_ = make_real_clock();
  std::unique_ptr<Files> files_ = make_real_files();
};

}  // namespace weir::guard
