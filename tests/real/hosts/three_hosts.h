// Three machines as network namespaces of one: addresses, links, state and run folders of their
// own. Host a has the CA and the store. Nothing of them is left behind, and what an earlier, killed
// test left is swept first.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/real/fleet/live_fleet.h"

namespace weir::test {

class ThreeHosts {
 public:
  ThreeHosts();
  ~ThreeHosts();
  ThreeHosts(const ThreeHosts&) = delete;
  ThreeHosts& operator=(const ThreeHosts&) = delete;

  // Runs `weir WORDS...` on a host to its end.
  Ran weir(const std::string& host, const std::vector<std::string>& words,
           const std::string& input = {}, Duration limit = 240s);
  // The same with a state folder of another name, as on a machine that knows nothing yet.
  Ran weir_anew(const std::string& host, const std::string& state,
                const std::vector<std::string>& words, const std::string& input = {});
  // Starts `weir WORDS...` in the foreground, as systemd would; its output goes to log(host, verb).
  void start(const std::string& host, const std::vector<std::string>& words);
  std::string log(const std::string& host, const std::string& verb) const;
  // init, store and agent on a; b and c join and their agents start. Asserts success.
  void join_all(const std::string& certificate_life = "90d");
  void join(const std::string& host);
  void apply();  // asserts success

  void end_agent(const std::string& host);  // SIGTERM, and waits; servers go on
  void kill_host(const std::string& host);  // every process of it
  void link(const std::string& host, bool up);

  Json status(const std::string& from = "a");
  std::string leader() { return status()["leader"].text(); }
  void await_healthy(Duration limit = 120s);
  // As superuser on the host's own server.
  std::string sql(const std::string& host, const std::string& statement,
                  const std::string& database = "shop");
  // As the application, from a host, wherever the leader is; status 0 means acknowledged.
  Ran as_application(const std::string& from, const std::string& statement);

  std::string address(const std::string& host) const;
  std::string state(const std::string& host) const { return folder_ + "/" + host + "/s/trio"; }
  std::string identity(const std::string& host) const {
    return state(host) + "/hosts/" + host + "/identity";
  }
  std::vector<int> processes(const std::string& host);
  const std::string& folder() const { return folder_; }
  const std::string& file() const { return file_; }
  Clock& clock() { return *clock_; }
  Files& files() { return *files_; }
  // A program on a host, in its namespace.
  Ran on(const std::string& host, const std::vector<std::string>& argv,
         const std::vector<std::string>& env = {}, const std::string& input = {},
         Duration limit = 30s);

 private:
  Ran run(const std::vector<std::string>& argv, const std::vector<std::string>& env = {},
          const std::string& input = {}, Duration limit = 30s);
  void must(const std::vector<std::string>& argv);
  void sweep();
  void remove_namespaces(const std::string& prefix);
  void make_network();
  std::string space(const std::string& host) const { return prefix_ + host; }
  std::vector<std::string> environment(const std::string& host) const;

  std::unique_ptr<Clock> clock_ = make_real_clock();
  std::unique_ptr<Programs> programs_ = make_real_programs(*clock_);
  std::unique_ptr<Files> files_ = make_real_files();
  std::string prefix_;  // of the namespaces' names
  std::string folder_;
  std::string file_;
  std::map<std::string, int> agents_;  // pids of ours
  std::vector<int> started_;
};

}  // namespace weir::test
