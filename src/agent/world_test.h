// Test only: the real clock and workers around files, programs and servers that nobody asks for.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "world/real.h"

namespace weir::agent {

class NoFiles final : public Files {
 public:
  Result<std::string> read(const std::string&) override { return fail(none()); }
  Result<> write(const std::string&, std::string_view, int) override { return fail(none()); }
  Result<> append(const std::string&, std::string_view) override { return fail(none()); }
  Result<> rename(const std::string&, const std::string&) override { return fail(none()); }
  Result<> remove(const std::string&) override { return fail(none()); }
  Result<> make_folder(const std::string&, int) override { return fail(none()); }
  Result<std::vector<std::string>> list(const std::string&) override { return fail(none()); }
  bool exists(const std::string&) override { return false; }

 private:
  static Error none() { return {Failure::unsupported, "these tests touch no file"}; }
};

class NoServers final : public Servers {
 public:
  Result<ServerState> start(const ServerSpec&, Deadline) override { return fail(none()); }
  Result<ServerState> state(const ServerSpec&) override { return fail(none()); }
  Result<> signal(const ServerSpec&, int) override { return fail(none()); }
  Result<> kill_all(const ServerSpec&, Deadline) override { return fail(none()); }
  Result<bool> any_left(const ServerSpec&) override { return fail(none()); }
  Result<> hold(const std::string&, Instant, Deadline) override { return fail(none()); }

 private:
  static Error none() { return {Failure::unsupported, "these tests run no server"}; }
};

struct TestWorld {
  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Random> random = make_real_random();
  NoFiles files;
  std::unique_ptr<Programs> programs = make_real_programs(*clock);
  NoServers servers;
  std::unique_ptr<Workers> workers = make_real_workers();
  World world{*clock, *random, files, *programs, servers, *workers};

  // Generous: only what never comes true takes so long.
  bool comes_true(const std::function<bool()>& check) {
    return poll_until(*clock, clock->within(30s), 1ms, check);
  }
};

}  // namespace weir::agent
