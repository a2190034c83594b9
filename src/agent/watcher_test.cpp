// What stands in the store is heard, whenever it was written and whatever the watch has missed.
#include "agent/watcher.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "agent/store_test.h"
#include "agent/world_test.h"

namespace weir::agent {
namespace {

const store::Keys kKeys{FleetName("quickstart")};
const ServiceName kOrders("orders");

Service service(const char* name, int sync = 1) {
  Service out;
  out.name = ServiceName(name);
  out.engine = "postgres";
  out.sync = sync;
  out.members = {{out.name, MemberName("a"), HostName("a"), "10.0.0.1", 5432}};
  return out;
}

Record record(std::int64_t epoch) {
  Record out;
  out.epoch = {0, epoch};
  out.last_round = epoch;
  out.leader = {MemberName("a"), Incarnation("ia")};
  out.members = {out.leader};
  return out;
}

// Notes all that the watcher tells, in its order.
struct WatcherTest : ::testing::Test, TestWorld {
  Deadline soon() { return clock->within(10s); }

  Watcher::Ears ears() {
    return {[this](const store::HeldService& held) {
              const std::lock_guard lock(mutex);
              told.push_back("service " + held.service.name.text);
              services[held.service.name] = held;
            },
            [this](const ServiceName& name) {
              const std::lock_guard lock(mutex);
              told.push_back("gone " + name.text);
            },
            [this](const ServiceName& name, const store::Held& held) {
              const std::lock_guard lock(mutex);
              told.push_back("record " + name.text);
              records[name] = held;
            },
            [this](const ServiceName& name, const std::optional<store::HeldClaim>& held) {
              const std::lock_guard lock(mutex);
              told.push_back((held ? "claim " : "no claim ") + name.text);
            },
            [this](const HostName& host, const Json& renewal) {
              const std::lock_guard lock(mutex);
              renewals[host] = renewal["count"].integer();
            },
            [this] { ++answered; },
            [this](store::Revision) {
              const std::lock_guard lock(mutex);
              ++listed;
            }};
  }
  bool hears_record(const ServiceName& name, std::int64_t epoch) {
    return comes_true([&] {
      const std::lock_guard lock(mutex);
      return records.contains(name) && records[name].record.epoch.number == epoch;
    });
  }
  bool hears_service(const ServiceName& name, int sync) {
    return comes_true([&] {
      const std::lock_guard lock(mutex);
      return services.contains(name) && services[name].service.sync == sync;
    });
  }
  store::Revision put_record(const ServiceName& name, std::int64_t epoch,
                             store::Revision expected) {
    const auto written = store::write_record(store, kKeys, name, record(epoch), expected, soon());
    EXPECT_TRUE(written) << written.error().what;
    return written.value_or(0);
  }
  store::Revision put_service(const Service& desired, store::Revision expected) {
    const auto written = store::write_desired(store, kKeys, desired, expected, soon());
    EXPECT_TRUE(written) << written.error().what;
    return written.value_or(0);
  }
  void put_text(const std::string& key, const std::string& value) {
    EXPECT_TRUE(store.commit({{key, 0, value, 0}}, soon())) << key;
  }

  MoodyStore store{*clock, *workers};
  std::mutex mutex;
  std::vector<std::string> told;
  std::map<ServiceName, store::HeldService> services;
  std::map<HostName, std::int64_t> renewals;
  int listed = 0;
  std::atomic<int> answered = 0;
  std::map<ServiceName, store::Held> records;
};

TEST_F(WatcherTest, WhatStandsThereIsHeardServicesFirst) {
  const store::Revision led = put_record(kOrders, 1, 0);
  const store::Revision desired = put_service(service("orders"), 0);
  put_service(service("billing"), 0);
  const Watcher watcher(world, store, kKeys, ears());
  ASSERT_TRUE(hears_record(kOrders, 1));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(told, (std::vector<std::string>{"service billing", "service orders", "record orders"}));
  EXPECT_EQ(records[kOrders].revision, led);
  EXPECT_EQ(records[kOrders].record, record(1));
  EXPECT_EQ(services[kOrders].revision, desired);
  EXPECT_EQ(services[kOrders].service, service("orders"));
}

TEST_F(WatcherTest, WhatIsWrittenLaterIsHeard) {
  const Watcher watcher(world, store, kKeys, ears());
  const store::Revision first = put_service(service("orders"), 0);
  ASSERT_TRUE(hears_service(kOrders, 1));
  const store::Revision led = put_record(kOrders, 1, 0);
  ASSERT_TRUE(hears_record(kOrders, 1));
  const store::Revision second = put_service(service("orders", 2), first);
  ASSERT_TRUE(hears_service(kOrders, 2));
  const store::Revision taken = put_record(kOrders, 2, led);
  ASSERT_TRUE(hears_record(kOrders, 2));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(services[kOrders].revision, second);
  EXPECT_EQ(records[kOrders].revision, taken);
  EXPECT_EQ(store.lists, 1) << "the watch told all of it";
}

TEST_F(WatcherTest, AStoreThatIsAwayAnswersNothing) {
  const Watcher watcher(world, store, kKeys, ears());
  ASSERT_TRUE(comes_true([&] { return answered >= 3; })) << "also where nothing changes";
  store.away = true;
  ASSERT_TRUE(comes_true([&] {
    const int before = answered;
    clock->sleep_for(100ms);
    return answered == before;
  }));
  const int before = answered;
  store.away = false;
  EXPECT_TRUE(comes_true([&] { return answered > before; }));
}

TEST_F(WatcherTest, TheRevokedAndWhatAgentsTellOfThemselvesAreHeard) {
  put_text(kKeys.revoked(), Json::object().set("crl", "first").dump());
  Watcher::Ears all = ears();
  std::vector<std::string> heard;
  all.revoked = [&](const Json& list) {
    const std::lock_guard lock(mutex);
    heard.push_back(list["crl"].text());
  };
  all.agent = [&](const HostName& host, const Json& tells) {
    const std::lock_guard lock(mutex);
    heard.push_back(host.text + " " + tells["life"].text());
  };
  const Watcher watcher(world, store, kKeys, all);
  const auto heard_all = [&](std::size_t count) {
    return comes_true([&] {
      const std::lock_guard lock(mutex);
      return heard.size() == count;
    });
  };
  ASSERT_TRUE(heard_all(1));
  put_text(kKeys.agent(HostName("b")), Json::object().set("life", "x").dump());
  ASSERT_TRUE(heard_all(2));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(heard, (std::vector<std::string>{"first", "b x"}));
}

TEST_F(WatcherTest, WhatTheWatchCannotTellIsListedAgain) {
  const store::Revision led = put_record(kOrders, 1, 0);
  const Watcher watcher(world, store, kKeys, ears());
  ASSERT_TRUE(hears_record(kOrders, 1));
  store.forgetful = true;
  ASSERT_TRUE(comes_true([&] { return store.lists >= 2; })) << "the running watch has ended";
  put_record(kOrders, 2, led);
  ASSERT_TRUE(hears_record(kOrders, 2));
  store.forgetful = false;
  put_record(ServiceName("billing"), 1, 0);
  EXPECT_TRUE(hears_record(ServiceName("billing"), 1)) << "and then it watches again";
}

TEST_F(WatcherTest, AStoreThatWasAwayIsReadWhenItIsBack) {
  store.away = true;
  const Watcher watcher(world, store, kKeys, ears());
  clock->sleep_for(10ms);
  store.away = false;
  const store::Revision led = put_record(kOrders, 1, 0);
  ASSERT_TRUE(hears_record(kOrders, 1));
  put_record(kOrders, 2, led);
  ASSERT_TRUE(hears_record(kOrders, 2));
  store.away = true;
  clock->sleep_for(50ms);
  store.away = false;
  put_service(service("orders"), 0);
  EXPECT_TRUE(hears_service(kOrders, 1));
}

TEST_F(WatcherTest, OtherKeysAreNotItsOwn) {
  const store::Keys other{FleetName("quickstart2")};
  EXPECT_TRUE(store::write_record(store, other, kOrders, record(9), 0, soon()));
  EXPECT_TRUE(store::write_desired(store, other, service("orders"), 0, soon()));
  put_text(kKeys.meta(), "{}");
  put_text(kKeys.claim(kOrders), "{}");
  put_text(kKeys.sighting(kOrders, MemberName("a")), "{}");
  put_text(kKeys.renewal(HostName("a")), "{}");
  put_text(kKeys.journal(HostName("a")) + "0000000001", "{}");
  const Watcher watcher(world, store, kKeys, ears());
  put_text(kKeys.renewal(HostName("b")), "{}");
  put_record(kOrders, 1, 0);
  ASSERT_TRUE(hears_record(kOrders, 1));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(told, std::vector<std::string>{"record orders"});
}

// One record that cannot be read hides no other.
TEST_F(WatcherTest, WhatCannotBeReadIsPassedOver) {
  put_text(kKeys.desired(ServiceName("broken")), "{");
  put_text(kKeys.desired(ServiceName("empty")), "{}");
  put_text(kKeys.leadership(ServiceName("broken")), "no JSON");
  put_text(kKeys.leadership(ServiceName("newer")), R"({"format":99})");
  const Watcher watcher(world, store, kKeys, ears());
  put_text(kKeys.leadership(ServiceName("empty")), "{}");
  put_service(service("orders"), 0);
  put_record(kOrders, 1, 0);
  ASSERT_TRUE(hears_record(kOrders, 1));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(told, (std::vector<std::string>{"service orders", "record orders"}));
}

TEST_F(WatcherTest, AKeyThatGoesIsPassedOver) {
  const store::Revision led = put_record(kOrders, 1, 0);
  const Watcher watcher(world, store, kKeys, ears());
  ASSERT_TRUE(hears_record(kOrders, 1));
  ASSERT_TRUE(store.commit({{kKeys.leadership(kOrders), led, std::nullopt, 0}}, soon()));
  put_record(ServiceName("billing"), 1, 0);
  ASSERT_TRUE(hears_record(ServiceName("billing"), 1));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(told, (std::vector<std::string>{"record orders", "record billing"}));
}

TEST_F(WatcherTest, AServiceThatIsGoneIsToldByTheWatchAndByTheList) {
  const store::Revision orders = put_service(service("orders"), 0);
  const store::Revision billing = put_service(service("billing"), 0);
  const Watcher watcher(world, store, kKeys, ears());
  ASSERT_TRUE(hears_service(ServiceName("billing"), 1));
  ASSERT_TRUE(hears_service(kOrders, 1));
  const auto hears = [&](const std::string& what) {
    return comes_true([&] {
      const std::lock_guard lock(mutex);
      return std::ranges::find(told, what) != told.end();
    });
  };
  ASSERT_TRUE(store.commit({{kKeys.desired(kOrders), orders, std::nullopt, 0}}, soon()));
  EXPECT_TRUE(hears("gone orders"));
  store.away = true;
  store.forgetful = true;  // what happens meanwhile no watch tells
  clock->sleep_for(20ms);
  store.away = false;
  ASSERT_TRUE(
      store.commit({{kKeys.desired(ServiceName("billing")), billing, std::nullopt, 0}}, soon()));
  EXPECT_TRUE(hears("gone billing"));
}

}  // namespace
}  // namespace weir::agent
