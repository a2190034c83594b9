// What is believed when the store's answer to a write is lost.
#include "store/record_io.h"

#include <gtest/gtest.h>

#include <functional>

#include "store/memory/memory.h"
#include "world/real.h"

namespace weir::store {
namespace {

enum class Lost { nothing, answer, request };

// A store whose answers, or whose callers' requests, may be lost on the way.
class Lossy final : public Store {
 public:
  Lossy(Clock& clock, Workers& workers) : store_(make_memory(clock, workers)) {}
  Lost lost = Lost::nothing;
  bool reads_lost = false;
  std::function<void(Store&)> afterwards = [](Store&) {};

  Result<std::optional<Entry>> get(const std::string& key, Deadline d) override {
    if (reads_lost) return fail(Failure::timed_out, "no answer");
    return store_->get(key, d);
  }
  Result<std::vector<Entry>> list(const std::string& prefix, Deadline d) override {
    return store_->list(prefix, d);
  }
  Result<Revision> commit(const std::vector<Change>& changes, Deadline d) override {
    Result<Revision> done = fail(Failure::timed_out, "the request was lost");
    if (lost != Lost::request) done = store_->commit(changes, d);
    afterwards(*store_);
    if (lost != Lost::nothing) return fail(Failure::outcome_unknown, "no answer");
    return done;
  }
  Result<Watched> watch(const std::string& prefix, Revision after, Deadline d) override {
    return store_->watch(prefix, after, d);
  }
  Result<LeaseId> grant(Duration ttl, Deadline d) override { return store_->grant(ttl, d); }
  Result<> renew(LeaseId lease, Deadline d) override { return store_->renew(lease, d); }
  Result<> revoke(LeaseId lease, Deadline d) override { return store_->revoke(lease, d); }

 private:
  std::unique_ptr<Store> store_;
};

Record record_of(std::int64_t epoch, const std::string& leader) {
  Record record;
  record.epoch = {0, epoch};
  record.leader = {MemberName(leader), Incarnation("i" + leader + "0000000000")};
  record.leader_host = HostName(leader);
  record.leader_life = AgentLife("life00000000");
  record.lineage = {"7000000000000000001", {}, 1};
  for (const char* name : {"a", "b", "c"})
    record.members.push_back(
        {MemberName(name), Incarnation(std::string("i") + name + "0000000000")});
  record.set = {{record.members[1], record.members[2]}, 1};
  record.last_round = epoch;
  return record;
}

struct RecordIo : ::testing::Test {
  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Workers> workers = make_real_workers();
  Lossy store{*clock, *workers};
  Keys keys{FleetName("f")};
  ServiceName orders{"orders"};

  Deadline soon() { return clock->within(10s); }
  Result<Revision> write(const Record& record, Revision expected) {
    return write_record(store, keys, orders, record, expected, soon());
  }
  std::optional<Held> read() {
    const auto held = read_record(store, keys, orders, soon());
    EXPECT_TRUE(held) << held.error().what;
    return held.value_or(std::nullopt);
  }
  void overwrite(Store& inner, const std::string& value) {
    const std::string key = keys.leadership(orders);
    const auto entry = inner.get(key, soon());
    ASSERT_TRUE(inner.commit({{key, *entry ? (*entry)->revision : 0, value, 0}}, soon()));
  }
};

TEST_F(RecordIo, WhatIsWrittenIsRead) {
  EXPECT_FALSE(read());
  const Record first = record_of(1, "a");
  EXPECT_EQ(*write(first, 0), 1);
  EXPECT_EQ(*read(), (Held{first, 1}));
  EXPECT_EQ(write(record_of(2, "b"), 0).error().failure, Failure::conflict);
  EXPECT_EQ(*write(record_of(2, "b"), 1), 2);
  EXPECT_EQ(*read(), (Held{record_of(2, "b"), 2}));
}

TEST_F(RecordIo, ALostAnswerIsFoundOut) {
  store.lost = Lost::answer;
  const auto first = write(record_of(1, "a"), 0);
  ASSERT_TRUE(first) << first.error().what;
  const auto second = write(record_of(2, "b"), *first);
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(*read(), (Held{record_of(2, "b"), *second}));
}

TEST_F(RecordIo, ALostRequestStaysUnknown) {
  ASSERT_TRUE(write(record_of(1, "a"), 0));
  store.lost = Lost::request;
  EXPECT_EQ(write(record_of(2, "b"), 1).error().failure, Failure::outcome_unknown);
  EXPECT_EQ(*read(), (Held{record_of(1, "a"), 1}));
}

TEST_F(RecordIo, SomebodyElsesChangeIsAConflict) {
  ASSERT_TRUE(write(record_of(1, "a"), 0));
  const std::string theirs = to_json(record_of(2, "c")).dump();
  for (const Lost lost : {Lost::request, Lost::answer}) {
    const Revision stands = read()->revision;
    store.lost = lost;
    store.afterwards = [&](Store& inner) { overwrite(inner, theirs); };
    EXPECT_EQ(write(record_of(2, "b"), stands).error().failure, Failure::conflict);
    EXPECT_EQ(read()->record, record_of(2, "c"));
  }
}

TEST_F(RecordIo, ADeletedRecordIsAConflict) {
  ASSERT_TRUE(write(record_of(1, "a"), 0));
  store.lost = Lost::request;
  store.afterwards = [&](Store& inner) {
    ASSERT_TRUE(inner.commit({{keys.leadership(orders), 1, std::nullopt, 0}}, soon()));
  };
  EXPECT_EQ(write(record_of(2, "b"), 1).error().failure, Failure::conflict);
}

// The same value at the revision that we started from is not ours.
TEST_F(RecordIo, AnEqualValueAtTheOldRevisionProvesNothing) {
  ASSERT_TRUE(write(record_of(1, "a"), 0));
  store.lost = Lost::request;
  EXPECT_EQ(write(record_of(1, "a"), 1).error().failure, Failure::outcome_unknown);
}

TEST_F(RecordIo, AnUnreadableAnswerStaysUnknown) {
  store.lost = Lost::answer;
  store.reads_lost = true;
  EXPECT_EQ(write(record_of(1, "a"), 0).error().failure, Failure::outcome_unknown);
}

TEST_F(RecordIo, ADamagedRecordNamesItsKey) {
  for (const char* bad : {"no json", "{}", "{\"format\": 999}"}) {
    overwrite(store, bad);
    const auto held = read_record(store, keys, orders, soon());
    ASSERT_FALSE(held) << bad;
    EXPECT_EQ(held.error().failure, Failure::bad_data);
    EXPECT_NE(held.error().what.find("f/local/service/orders/leadership"), std::string::npos);
  }
}

TEST_F(RecordIo, TheListOfTheRevokedIsReadAndRubbishInItsPlaceIsOverwritten) {
  const auto none = read_crl(store, keys, soon());
  ASSERT_TRUE(none);
  EXPECT_EQ(none->revision, 0);
  access::Crl crl;
  crl.number = 3;
  crl.pem = "a list";
  const auto first = write_crl(store, keys, crl, 0, soon());
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_EQ(read_crl(store, keys, soon())->pem, "a list");
  EXPECT_EQ(write_crl(store, keys, crl, 0, soon()).error().failure, Failure::conflict);
  Revision at = *first;
  for (const char* bad : {"", "[]", R"({"format":2,"crl":"x"})", R"({"format":1})"}) {
    const auto written = store.commit({{keys.revoked(), at, bad, 0}}, soon());
    ASSERT_TRUE(written);
    const auto held = read_crl(store, keys, soon());
    ASSERT_TRUE(held) << bad;
    EXPECT_EQ(held->pem, "") << bad;
    EXPECT_EQ(held->revision, *written);
    const auto again = write_crl(store, keys, crl, held->revision, soon());
    ASSERT_TRUE(again);
    at = *again;
  }
}

TEST_F(RecordIo, DesiredServicesAreWrittenReadAndListed) {
  Service service;
  service.name = orders;
  service.engine = "postgres";
  service.members = {{orders, MemberName("a"), HostName("a"), "127.0.10.1", 5432}};
  service.sync = 1;
  EXPECT_FALSE(*read_desired(store, keys, orders, soon()));
  const auto first = write_desired(store, keys, service, 0, soon());
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_EQ(**read_desired(store, keys, orders, soon()), (HeldService{service, *first}));
  Service other = service;
  other.name = ServiceName("bills");
  other.members.front().service = other.name;
  ASSERT_TRUE(write_desired(store, keys, other, 0, soon()));
  const auto all = list_desired(store, keys, soon());
  ASSERT_TRUE(all) << all.error().what;
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ(all->front().service, other);
  EXPECT_EQ(all->back().service, service);
}

}  // namespace
}  // namespace weir::store
