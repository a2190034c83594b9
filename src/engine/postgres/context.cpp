// Programs, ownership and the start lock.
#include "engine/postgres/context.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "engine/postgres/owner.h"

namespace weir::engine::postgres {
namespace {

// Where distributions put PostgreSQL 15: Debian and its kin, the RPM packages, a local build.
constexpr const char* kProgramFolders[] = {"/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin",
                                           "/usr/local/pgsql/bin"};

std::string last_line(const std::string& text) {
  const std::string all = trim(text);
  const std::size_t cut = all.rfind('\n');
  return cut == std::string::npos ? all : all.substr(cut + 1);
}

}  // namespace

bool says_no_space(const std::string& text) {
  return text.find("No space left on device") != std::string::npos;
}

std::string last_words(Files& files, const std::string& log, std::size_t from) {
  const auto text = files.read(log);
  if (!text) return "its log cannot be read";
  std::string found = "it left no reason in " + log;
  for (const std::string& line : split(text->substr(std::min(from, text->size())), '\n')) {
    const std::size_t at = std::min(line.find("FATAL:"), line.find("PANIC:"));
    if (at != std::string::npos) found = trim(line.substr(at));
  }
  return found;
}

const Layout& Context::layout(const Member& member) const {
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = layouts_.try_emplace({member.service, member.name});
  if (is_new) place->second = layout_of(setting_, member);
  return place->second;
}

Result<std::string> Context::program(const std::string& name) {
  for (const char* folder : kProgramFolders) {
    const std::string path = fmt::format("{}/{}", folder, name);
    if (world_.files.exists(path)) return path;
  }
  return fail(Failure::missing_package,
              fmt::format("cannot find {} of PostgreSQL 15 in {}", name, kProgramFolders[0]),
              "apt-get install postgresql-15");
}

Result<ServerSpec> Context::spec(const Member& member) {
  WEIR_TRY(const std::string path, program("postgres"));
  return spec_of(setting_, member, layout(member), path);
}

Result<Command> Context::command(const std::string& name,
                                 const std::vector<std::string>& arguments) {
  WEIR_TRY(std::string path, program(name));
  Command out;
  out.argv = {std::move(path)};
  out.argv.insert(out.argv.end(), arguments.begin(), arguments.end());
  out.user = setting_.server_user;
  out.env = {"LC_ALL=C.UTF-8", "TZ=UTC"};
  return out;
}

Result<Output> Context::run_raw(const std::string& name, const std::vector<std::string>& arguments,
                                Deadline deadline) {
  WEIR_TRY(const Command how, command(name, arguments));
  return world_.programs.run(how, deadline);
}

Result<std::string> Context::run(const std::string& name, const std::vector<std::string>& arguments,
                                 Deadline deadline) {
  WEIR_TRY(Output output, run_raw(name, arguments, deadline));
  if (output.status != 0) {
    const std::string said = last_line(output.err.empty() ? output.out : output.err);
    return fail(says_no_space(output.err) ? Failure::no_space : Failure::io,
                fmt::format("{} failed with status {}: {}", name, output.status, said));
  }
  return std::move(output.out);
}

Result<Session> Context::local_session(const Member& member, Deadline deadline,
                                       const std::string& database) {
  return Session::connect(world_.clock, local_parameters(setting_, member, database), deadline);
}

Result<Session> Context::remote_session(const Member& member, const std::string& role,
                                        Deadline deadline, const std::string& database) {
  return Session::connect(world_.clock, remote_parameters(setting_, member, role, database),
                          deadline);
}

Result<Session> Context::replication_session(const Member& member, Deadline deadline) {
  return Session::connect(world_.clock, replication_parameters(setting_, member), deadline);
}

Result<Session> Context::super_session(const Member& member, Deadline deadline,
                                       const std::string& database) {
  if (is_here(member)) return local_session(member, deadline, database);
  return remote_session(member, kOperatorRole, deadline, database);
}

Result<> Context::reload(const Member& member) {
  return world_.servers.signal(handle(member), kReloadSignal);
}

Result<> Context::make_server_folder(const std::string& path) {
  WEIR_TRY_(world_.files.make_folder(path, 0700));
  return give_to(setting_.server_user, path);
}

Result<> Context::place_receiver_key(const Member& member, const Epoch& epoch) {
  const Layout l = layout(member);
  const std::string own = setting_.identity + "/" + setting_.host.text;
  WEIR_TRY(const std::string cert, world_.files.read(own + ".crt"));
  WEIR_TRY(const std::string key, world_.files.read(own + ".key"));
  WEIR_TRY_(make_server_folder(l.receiver));
  WEIR_TRY_(make_server_folder(l.receiver_folder(epoch)));
  WEIR_TRY_(world_.files.write(l.receiver_cert(epoch), cert, kPrivate));
  return world_.files.write(l.receiver_key(epoch), key, kPrivate);
}

Result<StartLock> Context::lock_start(const Member& member, Deadline deadline) {
  const std::string name = layout(member).root;
  std::shared_ptr<void> token;
  const auto take = [&] {
    const std::lock_guard guard(mutex_);
    std::weak_ptr<void>& holder = starting_[name];
    if (!holder.expired()) return false;
    token = std::make_shared<int>(0);
    holder = token;
    return true;
  };
  if (!poll_until(world_.clock, deadline, 1ms, take)) {
    return fail(Failure::held, fmt::format("cannot start or promise {}: another start or promise "
                                           "of it is under way",
                                           member.name.text));
  }
  return StartLock(std::move(token));
}

void Context::note_restart_estimate(const Member& member, std::optional<Duration> estimate) {
  const std::lock_guard lock(mutex_);
  const std::string key = member.service.text + "-" + member.name.text;
  if (estimate) {
    restart_estimates_[key] = *estimate;
  } else {
    restart_estimates_.erase(key);
  }
}

std::optional<Duration> Context::restart_estimate(const Member& member) {
  const std::lock_guard lock(mutex_);
  const auto found = restart_estimates_.find(member.service.text + "-" + member.name.text);
  if (found == restart_estimates_.end()) return std::nullopt;
  return found->second;
}

}  // namespace weir::engine::postgres
