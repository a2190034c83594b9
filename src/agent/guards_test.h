// Test only: guards that answer or do not, as they are told, and remember a deadline.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "world/world.h"

namespace weir::agent {

inline const std::string kGuarded = "quickstart/a/orders-a";

class Guards final : public Servers {
 public:
  std::atomic<bool> answer = true;
  std::atomic<int> asked = 0;
  std::atomic<std::int64_t> deadline = 0;

  Result<ServerState> start(const ServerSpec&, Deadline) override { return fail(none()); }
  Result<ServerState> state(const ServerSpec&) override { return fail(none()); }
  Result<> signal(const ServerSpec&, int) override { return fail(none()); }
  Result<> kill_all(const ServerSpec&, Deadline) override { return fail(none()); }
  Result<bool> any_left(const ServerSpec&) override { return fail(none()); }
  Result<> hold(const std::string& name, Instant at, Deadline) override {
    EXPECT_EQ(name, kGuarded);
    ++asked;
    if (!answer) return fail(Failure::timed_out, "the guard does not answer");
    deadline = at.time_since_epoch().count();
    return {};
  }

 private:
  static Error none() { return {Failure::unsupported, "a lease starts no server"}; }
};

}  // namespace weir::agent
