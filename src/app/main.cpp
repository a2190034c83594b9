// All wiring: the real ports of this machine are made here and nowhere else.
#include <malloc.h>
#include <signal.h>

#include <atomic>

#include "cli/cli.h"
#include "guard/guard.h"
#include "world/real.h"

namespace {

std::atomic<bool> cancelled = false;

void cancel(int) { cancelled = true; }

// An agent has some twenty threads that allocate little, and now and then one buffer as large as a
// segment of WAL: by default each thread keeps a heap of its own, and what was once large.
void keep_little_memory() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

}  // namespace

int main(int argc, char** argv) {
  keep_little_memory();
  struct sigaction action = {};
  action.sa_handler = cancel;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);

  const auto clock = weir::make_real_clock();
  const auto random = weir::make_real_random();
  const auto files = weir::make_real_files();
  const auto programs = weir::make_real_programs(*clock);
  const auto workers = weir::make_real_workers();
  const auto servers = [&clock](const std::string& run) {
    return weir::guard::make_servers(*clock, run);
  };
  weir::cli::Machine machine{*clock, *random, *files, *programs, *workers, servers, &cancelled};
  return weir::cli::run(argc, argv, machine);
}
