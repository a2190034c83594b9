// How tests drive a whole fleet.
#include "tests/real/fleet/live_fleet.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/text.h"
#include "tests/real/network.h"

namespace weir::test {
namespace {

std::string link_of(const std::string& path) {
  std::error_code error;
  return std::filesystem::read_symlink(path, error).string();
}

}  // namespace

Json Ran::json() const {
  const auto parsed = Json::parse(out);
  EXPECT_TRUE(parsed.has_value()) << out << err;
  return parsed.value_or(Json{});
}

std::string LiveFleet::tested_program() {
  const char* given = std::getenv("WEIR_BINARY");
  return given == nullptr ? WEIR_BINARY_DEFAULT : given;
}

LiveFleet::LiveFleet() {
  for (int third = 128; third < 250 && lock_ < 0; ++third) {
    const int fd = open(fmt::format("/tmp/weir-test-net-{}.lock", third).c_str(),
                        O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) continue;
    const bool ours = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (ours && nobody_listens(fmt::format("127.65.{}.250", third), 7400)) {
      lock_ = fd;
      network_ = fmt::format("127.65.{}", third);
    } else {
      close(fd);
    }
  }
  std::array<char, 20> name{"/tmp/wf-XXXXXX"};
  if (lock_ < 0 || mkdtemp(name.data()) == nullptr) std::abort();
  folder_ = name.data();
  chmod(folder_.c_str(), 0711);
  file_ = folder_ + "/fleet.yaml";
  write_file();
}

LiveFleet::~LiveFleet() {
  if (files_->exists(folder_ + "/s/live/fleet.json") && !processes().empty()) {
    const Ran down = weir({"down"});
    EXPECT_EQ(down.status, 0) << down.err;
  }
  const std::vector<int> left = processes();
  for (const int pid : left) {
    const auto command = files_->read(fmt::format("/proc/{}/cmdline", pid));
    ADD_FAILURE() << "process " << pid << " outlived the fleet: " << command.value_or("?");
    kill(pid, SIGKILL);
  }
  if (testing::Test::HasFailure()) {
    for (const char* log : {"agent-a", "agent-b", "agent-c", "store", "supervisor"}) {
      const auto text = files_->read(folder_ + "/s/live/logs/" + log + ".log");
      if (text)
        fmt::print("--- {}\n{}\n", log,
                   text->substr(text->size() - std::min<std::size_t>(text->size(), 4000)));
    }
  }
  (void)files_->remove(folder_);
  close(lock_);
}

std::vector<std::string> LiveFleet::environment() const {
  return {"WEIR_STATE=" + folder_ + "/s", "WEIR_RUN=" + folder_ + "/r"};
}

Ran LiveFleet::weir(const std::vector<std::string>& words, Duration limit) {
  Command command{{program_}, "", environment(), "", 16u << 20};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  const auto output = programs_->run(command, clock_->within(limit));
  if (!output) {
    ADD_FAILURE() << output.error().what;
    return {-1, "", ""};
  }
  return {output->status, output->out, output->err};
}

int LiveFleet::start_weir(const std::vector<std::string>& words) {
  std::vector<std::string> argv{program_};
  argv.insert(argv.end(), words.begin(), words.end());
  const std::string log = fmt::format("{}/started-{}.log", folder_, ++started_);
  const pid_t pid = fork();
  if (pid == 0) {
    std::vector<char*> raw;
    for (std::string& word : argv) raw.push_back(word.data());
    raw.push_back(nullptr);
    for (std::string& pair : environment()) putenv(strdup(pair.c_str()));
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(out, 1);
    dup2(out, 2);
    execv(raw[0], raw.data());
    _exit(127);
  }
  return pid;
}

std::string LiveFleet::said_by_started() {
  return files_->read(fmt::format("{}/started-{}.log", folder_, started_)).value_or("");
}

bool LiveFleet::remove_while_written(const std::string& path) {
  return poll_until(*clock_, clock_->within(30s), 20ms,
                    [&] { return files_->remove(path).has_value(); });
}

int LiveFleet::wait_for(int pid, Duration limit) {
  int status = 0;
  const bool ended = poll_until(*clock_, clock_->within(limit), 10ms,
                                [&] { return waitpid(pid, &status, WNOHANG) == pid; });
  if (!ended) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void LiveFleet::write_file(const std::string& params, const std::string& durability,
                           const std::string& rpo) {
  std::string text = "fleet: live\nhosts:\n";
  for (const char* host : {"a", "b", "c"}) {
    text += fmt::format("  {}: {{address: {}}}\n", host, address(host));
  }
  text += fmt::format(
      "services:\n  orders:\n    engine: postgres\n    members: [a, b, c]\n    {}\n"
      "    objective: {{availability: 99.95%, rpo: {}, rto: 30s}}\n"
      "    params:\n      {}\n    databases:\n      shop: {{owner: shop_owner}}\n    roles:\n"
      "      shop_owner: {{}}\n      shop_app:\n        login: true\n        password: generated\n"
      "        grants:\n          - {{on: shop.public, tables: [select, insert, update, delete], "
      "sequences: [usage]}}\n",
      durability, rpo, params);
  write_text(text);
}

void LiveFleet::write_text(const std::string& text) {
  ASSERT_TRUE(files_->write(file_, text, 0600).has_value());
}

void LiveFleet::up() {
  const Ran ran = weir({"up", "-f", file_, "--store", store()});
  ASSERT_EQ(ran.status, 0) << ran.err;
}

Json LiveFleet::status() { return weir({"status", "orders", "-o", "json"}).json(); }

std::string LiveFleet::leader() { return status()["leader"].text(); }

void LiveFleet::await_healthy(Duration limit) {
  Json last;
  const bool healthy = poll_until(*clock_, clock_->within(limit), 50ms, [&] {
    const Ran ran = weir({"status", "orders", "-o", "json"});
    const auto json = Json::parse(ran.out);
    if (json) last = *json;
    return json && (*json)["healthy"].boolean();
  });
  ASSERT_TRUE(healthy) << last["waiting_for"].text();
}

std::string LiveFleet::sql(const std::string& host, const std::string& statement,
                           const std::string& database) {
  const auto output = programs_->run({{"/usr/lib/postgresql/15/bin/psql", "-h",
                                       folder_ + "/r/live/" + host + "/orders-" + host + ".s", "-U",
                                       "postgres", "-d", database, "-qAtX", "-c", statement},
                                      "",
                                      {},
                                      "",
                                      1u << 20},
                                     clock_->within(20s));
  if (!output) return output.error().what;
  return trim(output->out + output->err);
}

Ran LiveFleet::as_application(const std::string& statement) {
  const auto password = files_->read(folder_ + "/s/live/secrets/orders/shop_app");
  EXPECT_TRUE(password.has_value());
  const std::string hosts = fmt::format("{},{},{}", address("a"), address("b"), address("c"));
  const auto output = programs_->run(
      {{"/usr/lib/postgresql/15/bin/psql",
        fmt::format("postgresql://shop_app@/shop?host={}&target_session_attrs=read-write"
                    "&sslmode=verify-ca&sslrootcert={}",
                    hosts, folder_ + "/s/live/operator/ca.crt"),
        "-qAtX", "-c", statement},
       "",
       {"PGPASSWORD=" + password.value_or("")},
       "",
       1u << 20},
      clock_->within(30s));
  if (!output) return {-1, "", output.error().what};
  return {output->status, trim(output->out), output->err};
}

std::string LiveFleet::address(const std::string& host) const {
  return fmt::format("{}.{}", network_, host == "a" ? 1 : host == "b" ? 2 : 3);
}

std::string LiveFleet::host_folder(const std::string& host) const {
  return folder_ + "/s/live/hosts/" + host;
}

int LiveFleet::postmaster(const std::string& host) {
  const auto text = files_->read(member_folder(host) + "/data/postmaster.pid");
  if (!text) return 0;
  const int pid = std::atoi(text->c_str());
  return kill(pid, 0) == 0 ? pid : 0;
}

int LiveFleet::find(const std::function<bool(const std::vector<std::string>&)>& asked) {
  for (const int pid : processes()) {
    const auto command = files_->read(fmt::format("/proc/{}/cmdline", pid));
    if (command && asked(split(*command, '\0'))) return pid;
  }
  return 0;
}

int LiveFleet::agent(const std::string& host) {
  return find([&](const std::vector<std::string>& words) {
    return words.size() > 5 && words[1] == "agent" && words[5] == host;
  });
}

int LiveFleet::guard(const std::string& host) {
  return find([&](const std::vector<std::string>& words) {
    return words.size() > 1 && words[0] == "weir-guard" &&
           words[1].find("/" + host + "/") != std::string::npos;
  });
}

int LiveFleet::process(const std::string& verb) {
  return find(
      [&](const std::vector<std::string>& words) { return words.size() > 1 && words[1] == verb; });
}

std::string LiveFleet::store_folder() const { return folder_ + "/s/live/store"; }

Ran LiveFleet::shell(const std::string& script, Duration limit) {
  const std::string tools = folder_ + "/bin";
  std::filesystem::create_directories(tools);
  std::filesystem::remove(tools + "/weir");
  std::filesystem::create_symlink(program_, tools + "/weir");
  Command command{{"/bin/bash", "-euc", script}, "", environment(), "", 16u << 20};
  command.env.push_back("PATH=" + tools + ":/usr/sbin:/usr/bin:/sbin:/bin");
  const auto output = programs_->run(command, clock_->within(limit));
  if (!output) return {-1, "", output.error().what};
  return {output->status, output->out, output->err};
}

// Everything that runs with our folders in its environment or as its working directory.
std::vector<int> LiveFleet::processes() {
  std::vector<int> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0 || pid == getpid()) continue;
    const auto state = files_->read(entry.path().string() + "/stat");
    if (!state || state->find(") Z ") != std::string::npos) continue;
    const auto environ = files_->read(entry.path().string() + "/environ");
    const bool ours = (environ && environ->find("WEIR_STATE=" + folder_) != std::string::npos) ||
                      starts_with(link_of(entry.path().string() + "/cwd"), folder_);
    if (ours) out.push_back(pid);
  }
  return out;
}

}  // namespace weir::test
