// Test only: a world whose files lie in memory and fail when told to.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "world/real.h"

namespace weir::journal {

class MemoryFiles final : public Files {
 public:
  std::map<std::string, std::string> content;
  bool fail_writes = false;     // nothing of a write arrives
  std::size_t tear_append = 0;  // the next append leaves this many bytes, and fails
  int rewrites = 0;

  Result<std::string> read(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const auto found = content.find(path);
    if (found == content.end()) return fail(Failure::not_found, "cannot read " + path);
    return found->second;
  }
  Result<> write(const std::string& path, std::string_view text, int) override {
    const std::lock_guard lock(mutex_);
    if (fail_writes) return fail(Failure::io, "no space left");
    ++rewrites;
    content[path] = text;
    return {};
  }
  Result<> append(const std::string& path, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    if (fail_writes) return fail(Failure::io, "no space left");
    if (tear_append != 0) {
      content[path] += text.substr(0, tear_append);
      tear_append = 0;
      return fail(Failure::io, "no space left");
    }
    content[path] += text;
    return {};
  }
  Result<> rename(const std::string&, const std::string&) override { return unused(); }
  Result<> remove(const std::string&) override { return unused(); }
  Result<> make_folder(const std::string&, int) override { return {}; }
  Result<std::vector<std::string>> list(const std::string&) override {
    return fail(unused_error());
  }
  bool exists(const std::string& path) override { return content.contains(path); }

 private:
  static Error unused_error() { return {Failure::unsupported, "the journal never asks for this"}; }
  static Result<> unused() { return fail(unused_error()); }
  std::mutex mutex_;
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
  static Error none() { return {Failure::unsupported, "the journal runs no servers"}; }
};

struct TestWorld {
  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Random> random = make_real_random();
  MemoryFiles files;
  std::unique_ptr<Programs> programs = make_real_programs(*clock);
  NoServers servers;
  std::unique_ptr<Workers> workers = make_real_workers();
  World world{*clock, *random, files, *programs, servers, *workers};
};

}  // namespace weir::journal
