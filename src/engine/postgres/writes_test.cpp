// What an answer to the ledger means, and how the outside client connects; without a server.
#include "engine/postgres/writes.h"

#include <gtest/gtest.h>

#include <map>

#include "engine/postgres/writes_session.h"

namespace weir::engine::postgres {
namespace {

Result<Rows> answer(std::string tag, std::vector<Warning> warnings = {}) {
  Rows rows;
  rows.tag = std::move(tag);
  rows.warnings = std::move(warnings);
  return rows;
}

Result<Rows> failed(Failure failure, std::string what) { return fail(failure, std::move(what)); }

TEST(PostgresWrites, OnlyAPlainCommandCompleteIsAcknowledged) {
  const struct {
    const char* when;
    Result<Rows> answer;
    bool alive;
    Written want;
  } rows[] = {
      {"a plain insert", answer("INSERT 0 1"), true, Written::acknowledged},
      {"a notice of another kind", answer("INSERT 0 1", {{"00000", "n"}}), true,
       Written::acknowledged},
      {"the wait for replicas was cancelled", answer("INSERT 0 1", {{"01000", "canceling wait"}}),
       true, Written::in_doubt},
      {"nothing was inserted", answer("INSERT 0 0"), true, Written::in_doubt},
      {"a read-only server", failed(Failure::refused, "read-only transaction (25006)"), true,
       Written::refused},
      {"a statement cancelled before its commit", failed(Failure::timed_out, "canceled (57014)"),
       true, Written::refused},
      {"a terminated session", failed(Failure::outcome_unknown, "terminating (57P01)"), true,
       Written::in_doubt},
      {"an error that ended the session", failed(Failure::refused, "fatal (25P03)"), false,
       Written::in_doubt},
      {"no answer", failed(Failure::outcome_unknown, "no answer in time"), false,
       Written::in_doubt},
      {"an error of ours without the server's word", failed(Failure::refused, "hm"), true,
       Written::in_doubt},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.when);
    EXPECT_EQ(outcome_of(row.answer, row.alive).written, row.want);
  }
}

const std::vector<Member> kMembers = {
    {ServiceName("orders"), MemberName("a"), HostName("a"), "127.64.0.1", 5432},
    {ServiceName("orders"), MemberName("b"), HostName("b"), "127.64.0.2", 5433},
    {ServiceName("orders"), MemberName("c"), HostName("c"), "127.64.0.3", 5434}};
const LedgerAccess kAccess{"shop", "weir_ledger", "weir_ledger", "the password", "/x/ca.crt"};

std::map<std::string, std::string> by_key(const Parameters& parameters) {
  return {parameters.begin(), parameters.end()};
}

TEST(PostgresWrites, ConnectsAsAnApplicationWould) {
  auto got = by_key(client_parameters(kMembers, kAccess, 0, true));
  EXPECT_EQ(got["host"], "a,b,c");
  EXPECT_EQ(got["hostaddr"], "127.64.0.1,127.64.0.2,127.64.0.3");
  EXPECT_EQ(got["port"], "5432,5433,5434");
  EXPECT_EQ(got["target_session_attrs"], "read-write");
  EXPECT_EQ(got["sslmode"], "verify-full");
  EXPECT_EQ(got["sslrootcert"], "/x/ca.crt");
  got = by_key(client_parameters(kMembers, kAccess, 4, false));
  EXPECT_EQ(got["host"], "b,c,a");
  EXPECT_EQ(got["port"], "5433,5434,5432");
  EXPECT_EQ(got["target_session_attrs"], "any");
}

}  // namespace
}  // namespace weir::engine::postgres
