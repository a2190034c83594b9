// The one suite for every maker of a Store. Each maker's test registers it under its own name:
//   const bool kRegistered = store::register_conformance("memory", [] { return make(); });
// The cases know nothing but store.h; they assert guarantees, never speed.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "store/store.h"
#include "world/real.h"

namespace weir::store {

// Makes an empty store at revision 0.
using MakeStore = std::function<std::unique_ptr<Store>()>;

// What a case works with.
struct Bench {
  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Store> store;

  Deadline soon() { return clock->within(10s); }
  Revision put(const std::string& key, const std::string& value, Revision expected = 0,
               LeaseId lease = 0) {
    const auto done = store->commit({{key, expected, value, lease}}, soon());
    EXPECT_TRUE(done) << done.error().what;
    return done.value_or(-1);
  }
  Revision remove(const std::string& key, Revision expected) {
    const auto done = store->commit({{key, expected, std::nullopt, 0}}, soon());
    EXPECT_TRUE(done) << done.error().what;
    return done.value_or(-1);
  }
  // "-" if absent.
  std::string value(const std::string& key) {
    const auto entry = store->get(key, soon());
    EXPECT_TRUE(entry) << entry.error().what;
    return entry && *entry ? (*entry)->value : "-";
  }
  Failure refusal(const std::vector<Change>& changes) {
    const auto done = store->commit(changes, soon());
    EXPECT_FALSE(done);
    return done ? Failure::io : done.error().failure;
  }
  // What has happened already: one watch from `after`, with the events that are there.
  Watched seen(const std::string& prefix, Revision after) {
    const auto watched = store->watch(prefix, after, soon());
    EXPECT_TRUE(watched) << watched.error().what;
    return watched.value_or(Watched{});
  }
  bool gone_by(const std::string& key, Duration limit) {
    return poll_until(*clock, clock->within(limit), 5ms, [&] { return value(key) == "-"; });
  }
};

namespace conformance {

inline void an_empty_store_stands_at_nothing(Bench& b) {
  EXPECT_EQ(b.value("F/a"), "-");
  EXPECT_TRUE(b.store->list("", b.soon())->empty());
  EXPECT_EQ(*b.store->commit({}, b.soon()), 0);
  EXPECT_EQ(*b.store->watch("", 0, b.clock->within(1ms)), (Watched{{}, 0}));
}

inline void a_key_is_created_once(Bench& b) {
  EXPECT_EQ(b.put("F/a", "1"), 1);
  EXPECT_EQ(b.refusal({{"F/a", 0, "2", 0}}), Failure::conflict);
  EXPECT_EQ(*b.store->get("F/a", b.soon()), (Entry{"F/a", "1", 1}));
}

inline void a_key_is_changed_at_its_revision_only(Bench& b) {
  const Revision first = b.put("F/a", "1");
  b.put("F/b", "other");
  const Revision second = b.put("F/a", "2", first);
  EXPECT_EQ(second, 3);
  EXPECT_EQ(b.refusal({{"F/a", first, "3", 0}}), Failure::conflict);
  EXPECT_EQ(b.refusal({{"F/a", second + 1, "3", 0}}), Failure::conflict);
  EXPECT_EQ(b.refusal({{"F/none", second, "3", 0}}), Failure::conflict);
  EXPECT_EQ(*b.store->get("F/a", b.soon()), (Entry{"F/a", "2", second}));
}

inline void a_key_is_deleted_at_its_revision_only(Bench& b) {
  const Revision first = b.put("F/a", "1");
  EXPECT_EQ(b.refusal({{"F/a", first + 1, std::nullopt, 0}}), Failure::conflict);
  EXPECT_EQ(b.value("F/a"), "1");
  EXPECT_EQ(b.remove("F/a", first), 2);
  EXPECT_EQ(b.value("F/a"), "-");
  EXPECT_EQ(b.refusal({{"F/a", first, "2", 0}}), Failure::conflict);
  EXPECT_EQ(b.put("F/a", "2"), 3);
}

inline void values_come_back_as_they_were(Bench& b) {
  const std::string odd = std::string("a\0b\n\"\\", 6) + "\xc3\xa4\xf0\x9f\x8c\x8a";
  b.put("F/odd", odd);
  b.put("F/empty", "");
  EXPECT_EQ(b.value("F/odd"), odd);
  EXPECT_EQ(*b.store->get("F/empty", b.soon()), (Entry{"F/empty", "", 2}));
}

inline void a_transaction_is_all_or_nothing(Bench& b) {
  const Revision first = b.put("F/a", "1");
  EXPECT_EQ(b.refusal({{"F/b", 0, "new", 0}, {"F/a", 0, "2", 0}, {"F/c", 0, "new", 0}}),
            Failure::conflict);
  EXPECT_EQ(b.value("F/b"), "-");
  EXPECT_EQ(b.value("F/c"), "-");
  const auto done = b.store->commit(
      {{"F/b", 0, "new", 0}, {"F/a", first, std::nullopt, 0}, {"F/d", 0, std::nullopt, 0}},
      b.soon());
  ASSERT_TRUE(done);
  EXPECT_EQ(*done, first + 1);
  EXPECT_EQ(*b.store->list("F/", b.soon()), (std::vector<Entry>{{"F/b", "new", *done}}));
}

inline void absence_is_a_condition_without_effect(Bench& b) {
  EXPECT_EQ(b.remove("F/none", 0), 0);
  b.put("F/a", "1");
  EXPECT_EQ(b.refusal({{"F/b", 0, "2", 0}, {"F/a", 0, std::nullopt, 0}}), Failure::conflict);
  EXPECT_EQ(b.value("F/b"), "-");
}

inline void a_key_stands_once_in_a_transaction(Bench& b) {
  EXPECT_EQ(b.refusal({{"F/a", 0, "1", 0}, {"F/a", 0, "2", 0}}), Failure::bad_data);
  EXPECT_EQ(b.value("F/a"), "-");
}

inline void limits_are_kept(Bench& b) {
  b.put(std::string(kKeyBytesMax, 'k'), "1");
  b.put("F/big", std::string(kValueBytesMax, 'v'));
  EXPECT_EQ(b.value("F/big").size(), kValueBytesMax);
  EXPECT_EQ(b.refusal({{std::string(kKeyBytesMax + 1, 'k'), 0, "1", 0}}), Failure::bad_data);
  EXPECT_EQ(b.refusal({{"F/a", 0, std::string(kValueBytesMax + 1, 'v'), 0}}), Failure::bad_data);
  EXPECT_EQ(b.refusal({{"", 0, "1", 0}}), Failure::bad_data);
  std::vector<Change> many;
  for (std::size_t i = 0; i < kChangesMax; ++i)
    many.push_back({"F/many/" + std::to_string(i), 0, "1", 0});
  EXPECT_TRUE(b.store->commit(many, b.soon()));
  EXPECT_EQ(b.store->list("F/many/", b.soon())->size(), kChangesMax);
  for (Change& change : many) change.key += "x";
  many.push_back({"F/one too many", 0, "1", 0});
  EXPECT_EQ(b.refusal(many), Failure::bad_data);
}

inline void text_that_is_not_utf8_is_refused(Bench& b) {
  EXPECT_EQ(b.refusal({{"F/a", 0, "\xff\xfe", 0}}), Failure::bad_data);
  EXPECT_EQ(b.refusal({{"F/\xc3", 0, "1", 0}}), Failure::bad_data);
  EXPECT_TRUE(b.store->list("", b.soon())->empty());
}

inline void a_list_is_sorted_and_of_its_prefix(Bench& b) {
  for (const char* key : {"F/b/2", "F/a", "F/b/10", "F/b", "F/c", "F/b/1", "G/b/1"})
    b.put(key, "1");
  std::vector<std::string> keys;
  const auto entries = b.store->list("F/b/", b.soon());
  for (const Entry& entry : *entries) keys.push_back(entry.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"F/b/1", "F/b/10", "F/b/2"}));
  EXPECT_EQ(b.store->list("", b.soon())->size(), 7u);
  EXPECT_TRUE(b.store->list("F/d", b.soon())->empty());
}

inline void a_watch_tells_what_has_happened(Bench& b) {
  b.put("F/a", "1");
  const Revision second = b.put("F/b", "1");
  b.put("G/a", "1");
  const Revision fourth = b.put("F/a", "2", 1);
  const Watched all = b.seen("F/", 0);
  EXPECT_EQ(all.events, (std::vector<Event>{{"F/a", "1", 1}, {"F/b", "1", 2}, {"F/a", "2", 4}}));
  EXPECT_EQ(all.revision, fourth);
  EXPECT_EQ(b.seen("F/", second).events, (std::vector<Event>{{"F/a", "2", fourth}}));
}

inline void a_watch_tells_of_deletions(Bench& b) {
  const Revision first = b.put("F/a", "1");
  const Revision second = b.remove("F/a", first);
  EXPECT_EQ(b.seen("F/", first).events, (std::vector<Event>{{"F/a", std::nullopt, second}}));
}

inline void a_watch_ends_empty_at_its_deadline(Bench& b) {
  const Revision first = b.put("F/a", "1");
  const Revision second = b.put("G/a", "1");
  const Instant begun = b.clock->now();
  const auto watched = b.store->watch("F/", first, b.clock->within(60ms));
  ASSERT_TRUE(watched);
  EXPECT_TRUE(watched->events.empty());
  EXPECT_GE(b.clock->now() - begun, 60ms);
  EXPECT_GE(watched->revision, first);
  EXPECT_LE(watched->revision, second);
}

inline void a_watch_waits_for_its_prefix(Bench& b) {
  const Revision first = b.put("F/a", "1");
  Result<Watched> watched;
  const Deadline limit = b.soon();
  bool woken = false;
  std::thread watcher([&] {
    watched = b.store->watch("F/", first, limit);
    woken = !b.clock->passed(limit);
  });
  b.clock->sleep_for(20ms);
  b.put("G/a", "not under the prefix");
  b.clock->sleep_for(20ms);
  const Revision third = b.put("F/a", "2", first);
  watcher.join();
  ASSERT_TRUE(watched) << watched.error().what;
  EXPECT_TRUE(woken) << "the change was only seen when the wait was over";
  EXPECT_EQ(*watched, (Watched{{{"F/a", "2", third}}, third}));
}

// Several watchers follow several writers; each must see every transaction whole and in order.
inline void no_event_is_missed(Bench& b) {
  constexpr int kWriters = 4, kEach = 40;
  constexpr Revision kLast = kWriters * kEach;
  std::vector<std::thread> threads;
  std::vector<std::vector<Event>> seen(3);
  for (auto& events : seen)
    threads.emplace_back([&] {
      Revision after = 0;
      while (after < kLast) {
        const auto watched = b.store->watch("F/", after, b.soon());
        ASSERT_TRUE(watched) << watched.error().what;
        ASSERT_FALSE(watched->events.empty());
        events.insert(events.end(), watched->events.begin(), watched->events.end());
        after = watched->revision;
      }
    });
  for (int writer = 0; writer < kWriters; ++writer)
    threads.emplace_back([&, writer] {
      for (int i = 0; i < kEach; ++i) {
        const std::string key = "F/" + std::to_string(writer) + "/" + std::to_string(i);
        ASSERT_TRUE(b.store->commit({{key + "/a", 0, "1", 0}, {key + "/b", 0, "1", 0}}, b.soon()));
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& events : seen) {
    ASSERT_EQ(events.size(), static_cast<std::size_t>(2 * kLast));
    EXPECT_EQ(events, seen.front());
    for (std::size_t i = 0; i < events.size(); ++i)
      ASSERT_EQ(events[i].revision, static_cast<Revision>(i / 2 + 1));
  }
}

inline void a_watch_from_too_long_ago_is_refused(Bench& b) {
  Revision last = b.put("F/a", "0");
  for (int i = 0; i < 90; ++i) {  // more than the 10,000 events that are kept
    std::vector<Change> many;
    for (std::size_t k = 0; k < kChangesMax; ++k)
      many.push_back({"F/" + std::to_string(k), i == 0 ? 0 : last, "1", 0});
    const auto done = b.store->commit(many, b.soon());
    ASSERT_TRUE(done) << done.error().what;
    last = *done;
  }
  const auto late = b.store->watch("F/", 0, b.soon());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().failure, Failure::conflict);
  EXPECT_EQ(b.seen("F/", last - 1).events.size(), kChangesMax);
}

inline void a_watch_from_another_stores_revision_is_refused(Bench& b) {
  const auto ahead = b.store->watch("F/", b.put("F/a", "1") + 1, b.soon());
  ASSERT_FALSE(ahead);
  EXPECT_EQ(ahead.error().failure, Failure::conflict);
}

inline void an_ended_lease_takes_its_keys(Bench& b) {
  const LeaseId lease = *b.store->grant(500ms, b.soon());
  const LeaseId other = *b.store->grant(1h, b.soon());
  b.put("F/a", "1", 0, lease);
  b.put("F/b", "1", 0, other);
  const Revision third = b.put("F/c", "1", 0, lease);
  EXPECT_NE(lease, other);
  const Watched watched = b.seen("F/", third);  // nobody else calls: the watch itself must wake
  EXPECT_EQ(watched.events, (std::vector<Event>{{"F/a", std::nullopt, third + 1},
                                                {"F/c", std::nullopt, third + 1}}));
  EXPECT_EQ(b.value("F/a"), "-");
  EXPECT_EQ(b.value("F/b"), "1");
  EXPECT_EQ(b.store->renew(lease, b.soon()).error().failure, Failure::not_found);
  EXPECT_EQ(b.refusal({{"F/d", 0, "1", lease}}), Failure::not_found);
}

inline void a_renewed_lease_lives_on(Bench& b) {
  const LeaseId lease = *b.store->grant(1500ms, b.soon());
  b.put("F/a", "1", 0, lease);
  const Instant until = b.clock->now() + 2s;
  while (b.clock->now() < until) {
    ASSERT_TRUE(b.store->renew(lease, b.soon()));
    ASSERT_EQ(b.value("F/a"), "1");
    b.clock->sleep_for(20ms);
  }
  EXPECT_TRUE(b.gone_by("F/a", 10s));
}

inline void a_revoked_lease_takes_its_keys(Bench& b) {
  const LeaseId lease = *b.store->grant(1h, b.soon());
  const Revision first = b.put("F/a", "1", 0, lease);
  EXPECT_TRUE(b.store->revoke(lease, b.soon()));
  EXPECT_EQ(b.value("F/a"), "-");
  EXPECT_EQ(b.seen("F/", first).events, (std::vector<Event>{{"F/a", std::nullopt, first + 1}}));
  EXPECT_EQ(b.store->revoke(lease, b.soon()).error().failure, Failure::not_found);
  EXPECT_EQ(b.store->grant(0s, b.soon()).error().failure, Failure::bad_data);
}

inline void a_key_belongs_to_the_lease_of_its_last_change(Bench& b) {
  const LeaseId lease = *b.store->grant(1h, b.soon());
  const LeaseId other = *b.store->grant(1h, b.soon());
  const Revision first = b.put("F/a", "1", 0, lease);
  const Revision second = b.put("F/b", "1", 0, lease);
  b.put("F/a", "2", first);
  b.put("F/b", "2", second, other);
  EXPECT_TRUE(b.store->revoke(lease, b.soon()));
  EXPECT_EQ(b.value("F/a"), "2");
  EXPECT_EQ(b.value("F/b"), "2");
  EXPECT_TRUE(b.store->revoke(other, b.soon()));
  EXPECT_EQ(b.value("F/b"), "-");
}

// Linearizability, from outside: were one read stale or one CAS lost, the sum would be wrong.
inline void many_threads_count_right(Bench& b) {
  constexpr int kThreads = 4, kEach = 25;
  b.put("F/count", "0");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&] {
      for (int done = 0; done < kEach;) {
        const auto entry = b.store->get("F/count", b.soon());
        ASSERT_TRUE(entry && *entry);
        const std::string next = std::to_string(std::stoi((*entry)->value) + 1);
        const auto set =
            b.store->commit({{"F/count", (*entry)->revision, next, 0}}, b.clock->within(60s));
        if (set)
          ++done;
        else
          ASSERT_EQ(set.error().failure, Failure::conflict) << set.error().what;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(b.value("F/count"), std::to_string(kThreads * kEach));
  EXPECT_EQ((*b.store->get("F/count", b.soon()))->revision, kThreads * kEach + 1);
}

struct Case {
  const char* name;
  void (*body)(Bench&);
};

inline std::vector<Case> cases() {
#define WEIR_CASE(name) \
  { #name, name }
  return {WEIR_CASE(an_empty_store_stands_at_nothing),
          WEIR_CASE(a_key_is_created_once),
          WEIR_CASE(a_key_is_changed_at_its_revision_only),
          WEIR_CASE(a_key_is_deleted_at_its_revision_only),
          WEIR_CASE(values_come_back_as_they_were),
          WEIR_CASE(a_transaction_is_all_or_nothing),
          WEIR_CASE(absence_is_a_condition_without_effect),
          WEIR_CASE(a_key_stands_once_in_a_transaction),
          WEIR_CASE(limits_are_kept),
          WEIR_CASE(text_that_is_not_utf8_is_refused),
          WEIR_CASE(a_list_is_sorted_and_of_its_prefix),
          WEIR_CASE(a_watch_tells_what_has_happened),
          WEIR_CASE(a_watch_tells_of_deletions),
          WEIR_CASE(a_watch_ends_empty_at_its_deadline),
          WEIR_CASE(a_watch_waits_for_its_prefix),
          WEIR_CASE(no_event_is_missed),
          WEIR_CASE(a_watch_from_too_long_ago_is_refused),
          WEIR_CASE(a_watch_from_another_stores_revision_is_refused),
          WEIR_CASE(an_ended_lease_takes_its_keys),
          WEIR_CASE(a_renewed_lease_lives_on),
          WEIR_CASE(a_revoked_lease_takes_its_keys),
          WEIR_CASE(a_key_belongs_to_the_lease_of_its_last_change),
          WEIR_CASE(many_threads_count_right)};
#undef WEIR_CASE
}

class Test : public ::testing::Test {
 public:
  Test(MakeStore make, void (*body)(Bench&)) : make_(std::move(make)), body_(body) {}
  void TestBody() override {
    Bench bench;
    bench.store = make_();
    ASSERT_TRUE(bench.store);
    body_(bench);
  }

 private:
  MakeStore make_;
  void (*body_)(Bench&);
};

}  // namespace conformance

// Called before main by each maker's test. Returns true, so that it can initialise a constant.
inline bool register_conformance(const std::string& maker, const MakeStore& make) {
  for (const auto& [name, body] : conformance::cases())
    ::testing::RegisterTest(
        (maker + "_store").c_str(), name, nullptr, nullptr, __FILE__, __LINE__,
        [make, body = body]() -> ::testing::Test* { return new conformance::Test(make, body); });
  return true;
}

}  // namespace weir::store
