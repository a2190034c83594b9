#include "tests/real/hosts/three_hosts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "base/text.h"

namespace weir::test {
namespace {

constexpr std::array<const char*, 3> kHosts{"a", "b", "c"};
constexpr const char* kPrefix = "weir-test-";
constexpr const char* kStore = "198.18.0.1:7400";
constexpr const char* kPsql = "/usr/lib/postgresql/15/bin/psql";

std::string binary() {
  const char* given = std::getenv("WEIR_BINARY");
  return given == nullptr ? WEIR_BINARY_DEFAULT : given;
}

}  // namespace

ThreeHosts::ThreeHosts() : prefix_(fmt::format("{}{}-", kPrefix, getpid())) {
  // As an ordinary user it could neither read what the hosts keep nor see that a file is missing.
  if (geteuid() != 0 || run({"ip", "netns", "list"}).status != 0) {
    fmt::print(stderr, "this test makes network namespaces: bash tests/real/as_root.sh PROGRAM\n");
    std::abort();
  }
  sweep();
  std::array<char, 20> name{"/tmp/wh-XXXXXX"};
  if (mkdtemp(name.data()) == nullptr) std::abort();
  folder_ = name.data();
  chmod(folder_.c_str(), 0711);
  file_ = folder_ + "/fleet.yaml";
  std::string text = "fleet: trio\nhosts:\n";
  for (const char* host : kHosts) {
    text += fmt::format("  {}: {{address: {}}}\n", host, address(host));
    EXPECT_TRUE(files_->make_folder(folder_ + "/" + host, 0711));
    chmod((folder_ + "/" + host).c_str(), 0711);
  }
  // b leads first: a, which has the store, is not the one to be lost.
  text +=
      "services:\n  orders:\n    engine: postgres\n    members: [b, c, a]\n    sync: 1\n"
      "    durability: required\n    objective: {availability: 99.95%, rpo: 0s, rto: 30s}\n"
      "    params:\n      max_connections: 60\n    databases:\n      shop: {owner: shop_owner}\n"
      "    roles:\n      shop_owner: {}\n      shop_app:\n        login: true\n"
      "        password: generated\n        grants:\n          - {on: shop.public, "
      "tables: [select, insert, update, delete], sequences: [usage]}\n";
  EXPECT_TRUE(files_->write(file_, text, 0644));
  make_network();
}

ThreeHosts::~ThreeHosts() {
  if (testing::Test::HasFailure()) {
    for (const char* host : kHosts) {
      for (const char* verb : {"agent", "store"}) {
        const auto text = files_->read(log(host, verb));
        if (!text) continue;
        const std::size_t shown = std::min<std::size_t>(text->size(), 4000);
        fmt::print("--- {} of {}\n{}\n", verb, host, text->substr(text->size() - shown));
      }
    }
  }
  remove_namespaces(prefix_);
  for (const int pid : started_) waitpid(pid, nullptr, 0);
  if (std::getenv("WEIR_KEEP") == nullptr) {
    EXPECT_TRUE(files_->remove(folder_));
  }
}

Ran ThreeHosts::run(const std::vector<std::string>& argv, const std::vector<std::string>& env,
                    const std::string& input, Duration limit) {
  Command command;
  command.argv = argv;
  // A minimal environment has no path to ip.
  command.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  command.env.insert(command.env.end(), env.begin(), env.end());
  command.input = input;
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/sbin/"}) {
    if (command.argv.front().front() == '/') break;
    if (files_->exists(folder + command.argv.front())) {
      command.argv.front() = folder + command.argv.front();
    }
  }
  const auto output = programs_->run(command, clock_->within(limit));
  if (!output) return {-1, "", output.error().what};
  return {output->status, output->out, output->err};
}

void ThreeHosts::must(const std::vector<std::string>& argv) {
  const Ran ran = run(argv);
  if (ran.status == 0) return;
  fmt::print(stderr, "cannot prepare the test: {}: {}\n", ::weir::join(argv, " "), ran.err);
  std::abort();
}

void ThreeHosts::remove_namespaces(const std::string& prefix) {
  for (const std::string& line : split(run({"ip", "netns", "list"}).out, '\n')) {
    const std::string name = line.substr(0, line.find(' '));
    if (!starts_with(name, prefix)) continue;
    // Until none is left: a guard may start another before it ends.
    for (int i = 0; i < 200; ++i) {
      const Ran pids = run({"ip", "netns", "pids", name});
      if (trim(pids.out).empty()) break;
      std::vector<std::string> kill{"kill", "-9"};
      for (const std::string& pid : split(trim(pids.out), '\n')) kill.push_back(pid);
      (void)run(kill);
      clock_->sleep_for(10ms);
    }
    EXPECT_EQ(run({"ip", "netns", "delete", name}).status, 0) << name;
  }
}

void ThreeHosts::sweep() {
  for (const std::string& line : split(run({"ip", "netns", "list"}).out, '\n')) {
    if (!starts_with(line, kPrefix)) continue;
    const int pid = std::atoi(line.c_str() + std::strlen(kPrefix));
    if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) {
      remove_namespaces(fmt::format("{}{}-", kPrefix, pid));
    }
  }
}

// Each host has a cable to a switch that is a namespace of its own.
void ThreeHosts::make_network() {
  const std::string sw = space("switch");
  must({"ip", "netns", "add", sw});
  must({"ip", "-n", sw, "link", "add", "br0", "type", "bridge"});
  must({"ip", "-n", sw, "link", "set", "br0", "up"});
  for (const std::string host : kHosts) {
    must({"ip", "netns", "add", space(host)});
    must({"ip", "-n", space(host), "link", "set", "lo", "up"});
    must({"ip", "-n", sw, "link", "add", "to-" + host, "type", "veth", "peer", "name", "eth0",
          "netns", space(host)});
    must({"ip", "-n", sw, "link", "set", "to-" + host, "master", "br0", "up"});
    must({"ip", "-n", space(host), "addr", "add", address(host) + "/24", "dev", "eth0"});
    must({"ip", "-n", space(host), "link", "set", "eth0", "up"});
  }
}

void ThreeHosts::link(const std::string& host, bool up) {
  must({"ip", "-n", space("switch"), "link", "set", "to-" + host, up ? "up" : "down"});
}

std::string ThreeHosts::address(const std::string& host) const {
  return fmt::format("198.18.0.{}", host == "a" ? 1 : host == "b" ? 2 : 3);
}

std::vector<std::string> ThreeHosts::environment(const std::string& host) const {
  return {"WEIR_STATE=" + folder_ + "/" + host + "/s", "WEIR_RUN=" + folder_ + "/" + host + "/r"};
}

Ran ThreeHosts::on(const std::string& host, const std::vector<std::string>& argv,
                   const std::vector<std::string>& env, const std::string& input, Duration limit) {
  std::vector<std::string> all{"ip", "netns", "exec", space(host), "env"};
  all.insert(all.end(), env.begin(), env.end());
  all.insert(all.end(), argv.begin(), argv.end());
  return run(all, {}, input, limit);
}

Ran ThreeHosts::weir(const std::string& host, const std::vector<std::string>& words,
                     const std::string& input, Duration limit) {
  std::vector<std::string> argv{binary()};
  argv.insert(argv.end(), words.begin(), words.end());
  return on(host, argv, environment(host), input, limit);
}

Ran ThreeHosts::weir_anew(const std::string& host, const std::string& state,
                          const std::vector<std::string>& words, const std::string& input) {
  std::vector<std::string> argv{binary()};
  argv.insert(argv.end(), words.begin(), words.end());
  const std::string folder = folder_ + "/" + state;
  return on(host, argv, {"WEIR_STATE=" + folder + "/s", "WEIR_RUN=" + folder + "/r"}, input);
}

std::string ThreeHosts::log(const std::string& host, const std::string& verb) const {
  return fmt::format("{}/{}/{}.log", folder_, host, verb);
}

void ThreeHosts::start(const std::string& host, const std::vector<std::string>& words) {
  std::vector<std::string> argv{"ip", "netns", "exec", space(host), "env"};
  for (const std::string& pair : environment(host)) argv.push_back(pair);
  argv.push_back(binary());
  argv.insert(argv.end(), words.begin(), words.end());
  const std::string out = log(host, words.front());
  const pid_t pid = fork();
  if (pid == 0) {
    std::vector<char*> raw;
    for (std::string& word : argv) raw.push_back(word.data());
    raw.push_back(nullptr);
    const int file = open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(file, 1);
    dup2(file, 2);
    execvp(raw[0], raw.data());
    _exit(127);
  }
  started_.push_back(pid);
  if (words.front() == "agent") agents_[host] = pid;
}

void ThreeHosts::join(const std::string& host) {
  const Ran token = weir("a", {"token", "--host", host});
  ASSERT_EQ(token.status, 0) << token.err;
  const Ran joined = weir(host, {"join", "-", "--store", kStore, "--host", host}, token.out);
  ASSERT_EQ(joined.status, 0) << joined.err;
}

void ThreeHosts::join_all(const std::string& certificate_life) {
  const Ran init = weir(
      "a", {"init", "-f", file_, "--store", address("a"), "--certificate-life", certificate_life});
  ASSERT_EQ(init.status, 0) << init.err;
  start("a", {"store"});
  start("a", {"agent", "--host", "a"});
  ASSERT_TRUE(poll_until(*clock_, clock_->within(60s), 50ms, [&] {
    return files_->read(log("a", "agent")).value_or("").find("serving at") != std::string::npos;
  }));
  for (const char* host : {"b", "c"}) {
    ASSERT_NO_FATAL_FAILURE(join(host));
    start(host, {"agent", "--host", host});
  }
}

void ThreeHosts::apply() {
  const Ran ran = weir("a", {"apply", "-f", file_, "--yes"});
  ASSERT_EQ(ran.status, 0) << ran.err;
}

void ThreeHosts::end_agent(const std::string& host) {
  const int pid = agents_[host];
  ASSERT_GT(pid, 0);
  kill(pid, SIGTERM);
  EXPECT_TRUE(poll_until(*clock_, clock_->within(60s), 10ms,
                         [&] { return waitpid(pid, nullptr, WNOHANG) == pid; }));
  agents_.erase(host);
  std::erase(started_, pid);
}

std::vector<int> ThreeHosts::processes(const std::string& host) {
  std::vector<int> out;
  for (const std::string& pid : split(run({"ip", "netns", "pids", space(host)}).out, '\n')) {
    if (!trim(pid).empty()) out.push_back(std::atoi(pid.c_str()));
  }
  return out;
}

void ThreeHosts::kill_host(const std::string& host) {
  EXPECT_TRUE(poll_until(*clock_, clock_->within(30s), 10ms, [&] {
    const std::vector<int> left = processes(host);
    for (const int pid : left) kill(pid, SIGKILL);
    return left.empty();
  }));
}

Json ThreeHosts::status(const std::string& from) {
  const Ran ran = weir(from, {"status", "orders", "-o", "json"});
  return Json::parse(ran.out).value_or(Json{});
}

void ThreeHosts::await_healthy(Duration limit) {
  Json last;
  const bool healthy = poll_until(*clock_, clock_->within(limit), 50ms, [&] {
    last = status();
    return last["healthy"].boolean();
  });
  ASSERT_TRUE(healthy) << last["waiting_for"].text();
}

std::string ThreeHosts::sql(const std::string& host, const std::string& statement,
                            const std::string& database) {
  const std::string socket = fmt::format("{}/{}/r/trio/{}/orders-{}.s", folder_, host, host, host);
  const Ran ran =
      on(host, {kPsql, "-h", socket, "-U", "postgres", "-d", database, "-qAtX", "-c", statement});
  return trim(ran.out + ran.err);
}

Ran ThreeHosts::as_application(const std::string& from, const std::string& statement) {
  const auto password = files_->read(state("a") + "/secrets/orders/shop_app");
  Ran ran =
      on(from,
         {kPsql,
          fmt::format("postgresql://shop_app@/shop?host={},{},{}&connect_timeout=2"
                      "&target_session_attrs=read-write&sslmode=verify-ca&sslrootcert={}",
                      address("a"), address("b"), address("c"), state("a") + "/operator/ca.crt"),
          "-qAtX", "-c", statement},
         {"PGPASSWORD=" + password.value_or("")});
  ran.out = trim(ran.out);
  return ran;
}

}  // namespace weir::test
