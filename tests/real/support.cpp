// Addresses are taken under a lock file, so that several test programs can run at once.
#include "tests/real/support.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "access/access.h"
#include "base/text.h"
#include "engine/postgres/postgres.h"
#include "guard/guard.h"
#include "tests/real/network.h"

namespace weir::test {
namespace {

constexpr std::uint16_t kPort = 5432;
constexpr const char* kPsql = "/usr/lib/postgresql/15/bin/psql";

// A test cannot go on without its installation; gtest's fatal failures only leave one function.
template <class T>
void require(const Result<T>& result, const char* what) {
  if (result) return;
  fmt::print(stderr, "cannot prepare the test: {}: {}\n", what, result.error().what);
  std::abort();
}

}  // namespace

Installation::Installation(const std::vector<std::string>& hosts)
    : clock_(make_real_clock()),
      random_(make_real_random()),
      files_(make_real_files()),
      programs_(make_real_programs(*clock_)),
      workers_(make_real_workers()) {
  for (int third = 0; third < 256 && network_lock_ < 0; ++third) {
    const std::string path = fmt::format("/tmp/weir-test-net-{}.lock", third);
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) continue;
    bool free = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    for (std::size_t host = 1; host <= hosts.size(); ++host) {
      free = free && nobody_listens(fmt::format("127.64.{}.{}", third, host), kPort);
    }
    if (free) {
      network_lock_ = fd;
      network_ = fmt::format("127.64.{}", third);
    } else {
      ::close(fd);
    }
  }
  std::array<char, 20> name{"/tmp/wt-XXXXXX"};
  if (network_lock_ < 0 || ::mkdtemp(name.data()) == nullptr) std::abort();
  folder_ = name.data();
  ::chmod(folder_.c_str(), 0711);
  run_ = folder_ + "/r";
  auto servers = guard::make_servers(*clock_, run_);
  require(servers, "guards");
  servers_ = std::move(*servers);
  world_ =
      std::make_unique<World>(World{*clock_, *random_, *files_, *programs_, *servers_, *workers_});
  make_hosts(hosts);
}

void Installation::make_hosts(const std::vector<std::string>& hosts) {
  const std::string ca = folder_ + "/ca";
  require(access::make_ca(*files_, ca, "test", clock_->wall()), "the CA");
  service_.name = ServiceName("orders");
  service_.engine = "postgres";
  service_.sync = 1;
  int last = 1;
  for (const std::string& host : hosts) {
    const std::string address = fmt::format("{}.{}", network_, last++);
    service_.members.push_back({service_.name, MemberName(host), HostName(host), address, kPort});
    engine::Setting setting;
    setting.fleet = FleetName("test");
    setting.host = HostName(host);
    setting.state = folder_ + "/" + host;
    setting.run = run_ + "/test/" + host;
    setting.identity = setting.state + "/identity";
    setting.cert_name = host;
    setting.server_user = ::geteuid() == 0 ? "postgres" : "";
    setting.finals = folder_ + "/final";
    require(access::issue(*files_, ca, setting.identity, {.name = host, .ips = {address}},
                          clock_->wall(), *random_),
            "a certificate");
    engines_[host] = engine::make_postgres(*world_, setting);
    settings_[host] = setting;
  }
  engine::Setting cli = settings_.at(hosts.front());
  cli.host = HostName("");
  cli.cert_name = "operator";
  cli.identity = folder_ + "/operator";
  require(access::issue(*files_, ca, cli.identity, {.name = "operator", .ips = {}}, clock_->wall(),
                        *random_),
          "the operator's certificate");
  operator_ = engine::make_postgres(*world_, cli);
}

Installation::~Installation() {
  for (const Member& each : service_.members) {
    const auto killed = servers_->kill_all(server(each.host.text), within(10s));
    if (!killed) fmt::print(stderr, "cannot clean up: {}\n", killed.error().what);
  }
  engines_.clear();
  if (::getenv("WEIR_KEEP") == nullptr) {
    const auto removed = files_->remove(folder_);
    if (!removed) fmt::print(stderr, "cannot clean up: {}\n", removed.error().what);
  }
  ::close(network_lock_);
}

const Member& Installation::member(const std::string& host) const {
  for (const Member& each : service_.members) {
    if (each.host.text == host) return each;
  }
  std::abort();
}

std::string Installation::member_folder(const std::string& host) const {
  return settings_.at(host).state + "/members/orders-" + host;
}

ServerSpec Installation::server(const std::string& host) const {
  ServerSpec spec;
  spec.name = fmt::format("test/{}/orders-{}", host, host);
  spec.user = settings_.at(host).server_user;
  spec.folder = member_folder(host) + "/data";
  spec.log = member_folder(host) + "/log/server.log";
  return spec;
}

std::map<std::string, Incarnation> Installation::begin(const std::string& leader, Epoch epoch) {
  std::map<std::string, Incarnation> out;
  out[leader] = Incarnation(random_->id());
  const auto made = runs(leader).create(member(leader), out[leader], service_, within(60s));
  EXPECT_TRUE(made) << (made ? "" : made.error().what);
  const auto settled = runs(leader).settle(member(leader), service_, true, within(10s));
  EXPECT_TRUE(settled) << (settled ? "" : settled.error().what);
  const auto started = runs(leader).start(member(leader), epoch, within(30s));
  EXPECT_TRUE(started) << (started ? "" : started.error().what);
  if (!started) return out;
  for (const Member& each : service_.members) {
    const std::string& host = each.host.text;
    if (host == leader) continue;
    out[host] = Incarnation(random_->id());
    const auto copied =
        runs(host).copy(each, {member(leader), epoch}, out[host], service_, within(60s));
    EXPECT_TRUE(copied) << (copied ? "" : copied.error().what);
    const auto follows = runs(host).start(each, epoch, within(30s));
    EXPECT_TRUE(follows) << (follows ? "" : follows.error().what);
  }
  return out;
}

std::string Installation::sql(const std::string& host, const std::string& statement,
                              const std::string& database, const std::string& options) {
  const std::string socket = settings_.at(host).run + "/orders-" + host + ".s";
  Command command;
  command.argv = {kPsql,
                  "-X",
                  "-A",
                  "-t",
                  "-q",
                  "-v",
                  "ON_ERROR_STOP=1",
                  "-h",
                  socket,
                  "-p",
                  fmt::format("{}", kPort),
                  "-U",
                  "postgres",
                  "-d",
                  database,
                  "-c",
                  statement};
  if (!options.empty()) command.env = {"PGOPTIONS=" + options};
  const auto output = programs_->run(command, within(30s));
  if (!output) return "error: " + output.error().what;
  return output->status == 0 ? trim(output->out) : "error: " + trim(output->err);
}

}  // namespace weir::test
