// The first data of a service: initdb, weir's roles and its pulse, and only then the note that
// says that the data is whole.
#include <fmt/format.h>

#include "base/json.h"
#include "engine/postgres/first_statements.h"
#include "engine/postgres/notes.h"
#include "engine/postgres/owner.h"
#include "engine/postgres/runs.h"
#include "engine/postgres/session.h"
#include "engine/postgres/whose_data.h"

namespace weir::engine::postgres {
namespace {

// One line each. Owners are not there yet: they follow with all else that is declared.
std::string statements_of_databases(const Service& service) {
  std::string out;
  for (const Resource& resource : service.resources) {
    if (resource.kind != "database") continue;
    out += fmt::format("INSERT INTO weir.made VALUES ('database', {});\nCREATE DATABASE {};\n",
                       quote_literal(resource.name), quote_name(resource.name));
  }
  return out;
}

}  // namespace

// Data without a note of ours, and without the mark that we are making it, is somebody else's; so
// is what lies where ours should and is of another version or cluster than the note says.
Result<> PostgresRuns::refuse_foreign(const Member& member) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  if (!files.exists(l.data) || files.exists(l.making)) return {};
  if (files.exists(l.incarnation)) return refuse_exchanged(files, l);
  WEIR_TRY(const std::vector<std::string> names, files.list(l.data));
  if (names.empty()) return {};
  return fail(Failure::bad_data,
              fmt::format("cannot use {}: there is data in it that is not weir's; it was left "
                          "untouched",
                          l.data),
              "mv " + l.data + " " + l.data + ".foreign");
}

Result<> PostgresRuns::create(const Member& member, const Incarnation& incarnation,
                              const Service& service, Deadline deadline) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  WEIR_TRY_(refuse_foreign(member));
  WEIR_TRY(const Incarnation there, read_incarnation(files, l.incarnation));
  if (there == incarnation && files.exists(l.data)) return {};
  if (!there.empty()) {
    return fail(Failure::refused,
                fmt::format("cannot create {}: data of the incarnation {} is there",
                            member.name.text, there.text));
  }
  WEIR_TRY(const bool alive, context_.world().servers.any_left(context_.handle(member)));
  if (alive) {
    return fail(Failure::refused,
                fmt::format("cannot create {}: a process of its server is left", member.name.text));
  }

  WEIR_TRY_(prepare_folders(member));
  WEIR_TRY_(files.write(l.making, Json::object().set("format", 1).set("what", "create").dump()));
  WEIR_TRY_(files.remove(l.data));
  WEIR_TRY_(files.remove(l.role_file));
  WEIR_TRY_(write_settings_beside(member, service, {false, false},
                                  [&] { return initdb(member, deadline); }));
  WEIR_TRY_(first_statements(member, service, deadline));
  WEIR_TRY_(sync_filesystem_of(l.data));
  WEIR_TRY(const std::string system, system_of(files, l.data));
  WEIR_TRY_(write_incarnation(files, l.incarnation, incarnation, system));
  return files.remove(l.making);
}

Result<> PostgresRuns::initdb(const Member& member, Deadline deadline) {
  WEIR_TRY_(
      context_.run("initdb",
                   {"--pgdata=" + context_.layout(member).data, "--username=postgres",
                    "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=peer",
                    "--auth-host=scram-sha-256", "--no-instructions", "--no-sync"},
                   deadline));
  return {};
}

// In single-user mode: no port, no client and no replica can see the cluster before it is whole. It
// flushes nothing (-F), as initdb did not: the filesystem is flushed once, after all. So the
// declared databases are made here, three hundred files each; made by a server, each of these would
// be flushed by itself, in the checkpoint that the first base backups wait for.
Result<> PostgresRuns::first_statements(const Member& member, const Service& service,
                                        Deadline deadline) {
  const Layout l = context_.layout(member);
  WEIR_TRY(const std::string postgres, context_.program("postgres"));
  Command command;
  command.argv = {postgres,
                  "--single",
                  "-F",
                  "-D",
                  l.data,
                  "-c",
                  "config_file=" + l.config_file,
                  "-c",
                  "synchronous_commit=local",
                  "-c",
                  "exit_on_error=on",
                  "-c",
                  "log_checkpoints=off",
                  "postgres"};
  command.user = context_.setting().server_user;
  command.env = {"LC_ALL=C.UTF-8", "TZ=UTC"};
  command.input = kFirstStatements + statements_of_databases(service);
  WEIR_TRY(const Output output, context_.world().programs.run(command, deadline));
  if (output.status == 0) return {};
  // The server logs each failed statement, so the reason is the first line that names one.
  const std::string& said = output.err;
  const std::size_t at =
      said.find("ERROR:") != std::string::npos ? said.find("ERROR:") : said.find("FATAL:");
  const std::string reason =
      at == std::string::npos ? said : said.substr(at, said.find('\n', at) - at);
  return fail(Failure::io,
              fmt::format("cannot make what a new cluster begins with in {}: {}", l.data, reason));
}

}  // namespace weir::engine::postgres
