// A whole fleet by the command line, as a user has it: its own addresses, state and run folders.
// Nothing of it is left behind.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "world/real.h"

namespace weir::test {

struct Ran {
  int status = 0;
  std::string out;
  std::string err;
  Json json() const;  // of `out`; a test failure if it is none
};

class LiveFleet {
 public:
  LiveFleet();
  // Brings the fleet down and fails the test if a process of it is left.
  ~LiveFleet();
  LiveFleet(const LiveFleet&) = delete;
  LiveFleet& operator=(const LiveFleet&) = delete;

  // Runs `weir WORDS...` to its end.
  Ran weir(const std::vector<std::string>& words, Duration limit = 240s);
  // Starts `weir WORDS...` and gives its pid; its output goes to a file in the folder.
  int start_weir(const std::vector<std::string>& words);
  int wait_for(int pid, Duration limit);  // exit status, 128 + signal, or -1 when it goes on

  // Writes the fleet file anew, with these lines below `params:`.
  void write_file(const std::string& params = "max_connections: 60");
  void write_text(const std::string& text);
  const std::string& file() const { return file_; }

  void up();      // asserts success
  Json status();  // of `orders`
  std::string leader();
  // Waits until the service is healthy; a test failure after `limit`.
  void await_healthy(Duration limit = 120s);
  // One statement as superuser on a member's socket; trimmed output.
  std::string sql(const std::string& host, const std::string& statement,
                  const std::string& database = "shop");
  // As the application: over TLS with its password, through all hosts.
  Ran as_application(const std::string& statement);

  std::string address(const std::string& host) const;
  std::string host_folder(const std::string& host) const;
  std::string member_folder(const std::string& host) const {
    return host_folder(host) + "/members/orders-" + host;
  }
  int postmaster(const std::string& host);  // 0 if none
  int agent(const std::string& host);
  int store();
  std::string folder() const { return folder_; }
  Clock& clock() { return *clock_; }
  Programs& programs() { return *programs_; }
  Files& files() { return *files_; }

 private:
  std::vector<std::string> environment() const;
  std::vector<int> processes();

  std::unique_ptr<Clock> clock_ = make_real_clock();
  std::unique_ptr<Programs> programs_ = make_real_programs(*clock_);
  std::unique_ptr<Files> files_ = make_real_files();
  int lock_ = -1;
  std::string network_;
  std::string folder_;
  std::string file_;
  int started_ = 0;
};

}  // namespace weir::test
