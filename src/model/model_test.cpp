// The values of leadership: how histories compare, and that nothing changes on its way through
// JSON.
#include <gtest/gtest.h>

#include "model/fleet.h"
#include "model/postgres_params.h"
#include "model/promise.h"
#include "model/record.h"
#include "model/sighting.h"

namespace weir {
namespace {

Lineage lineage(std::vector<Branch> branches, std::int64_t timeline) {
  return {"sys", std::move(branches), timeline};
}
Standing at(std::uint64_t position, Lineage on) { return {std::move(on), {position}}; }

const Lineage kFirst = lineage({}, 1);
const Lineage kSecond = lineage({{1, {100}}}, 2);
const Lineage kThird = lineage({{1, {100}}, {2, {200}}}, 3);
const Lineage kOtherSecond = lineage({{1, {90}}}, 2);  // the same number, another switch point

TEST(Lineage, EqualTimelineNumbersProveNothing) {
  EXPECT_TRUE(comparable(kSecond, kSecond));
  EXPECT_TRUE(comparable(kFirst, kThird));
  EXPECT_TRUE(comparable(kThird, kFirst));
  EXPECT_FALSE(comparable(kSecond, kOtherSecond));
  EXPECT_FALSE(comparable(kThird, kOtherSecond));
  // Two children of one timeline at one point are still two histories.
  EXPECT_FALSE(comparable(lineage({{1, {100}}}, 2), lineage({{1, {100}}}, 3)));
  EXPECT_FALSE(comparable(kFirst, {"another", {}, 1}));
  EXPECT_FALSE(comparable({}, {}));
  EXPECT_FALSE(comparable(lineage({}, 2), kSecond));
}

TEST(Lineage, WhatIsContainedEndsBeforeTheNewerLeft) {
  EXPECT_TRUE(contained(at(100, kFirst), at(150, kSecond)));
  EXPECT_FALSE(contained(at(101, kFirst), at(150, kSecond)));  // diverged: it went on
  EXPECT_TRUE(contained(at(150, kSecond), at(150, kSecond)));
  EXPECT_FALSE(contained(at(151, kSecond), at(150, kSecond)));
  EXPECT_FALSE(contained(at(95, kSecond), at(300, kFirst)));  // the ancestor is not newer
  EXPECT_FALSE(contained(at(50, kOtherSecond), at(150, kSecond)));
  EXPECT_TRUE(contained(at(200, kSecond), at(250, kThird)));
  EXPECT_FALSE(contained(at(201, kSecond), at(250, kThird)));
}

TEST(Lineage, TheCommonLogEndsAtTheFirstContradiction) {
  EXPECT_EQ(common_until(at(150, kFirst), at(180, kSecond)), Position{100});
  EXPECT_EQ(common_until(at(80, kFirst), at(180, kSecond)), Position{80});
  EXPECT_EQ(common_until(at(180, kOtherSecond), at(180, kSecond)), Position{90});
  EXPECT_EQ(common_until(at(180, kSecond), at(260, kThird)), Position{180});
  EXPECT_EQ(common_until(at(260, kThird), at(260, kThird)), Position{260});
  EXPECT_EQ(common_until(at(260, kThird), at(260, {"another", {}, 1})), std::nullopt);
}

// Every pair of small histories: the relations must agree with each other.
TEST(Lineage, TheRelationsAgree) {
  std::vector<Standing> all;
  const Lineage lineages[] = {kFirst, kSecond, kThird, kOtherSecond};
  for (const Lineage& one : lineages) {
    for (std::uint64_t position = 0; position <= 300; position += 10) {
      all.push_back(at(position, one));
    }
  }
  for (const Standing& a : all) {
    EXPECT_TRUE(contained(a, a));
    for (const Standing& b : all) {
      EXPECT_EQ(comparable(a.lineage, b.lineage), comparable(b.lineage, a.lineage));
      EXPECT_EQ(common_until(a, b), common_until(b, a));
      EXPECT_LE(*common_until(a, b), std::min(a.at, b.at));
      if (contained(a, b)) {
        EXPECT_EQ(common_until(a, b), a.at);
        EXPECT_TRUE(comparable(a.lineage, b.lineage));
      }
    }
  }
}

TEST(Lineage, PositionsAreWrittenAsPostgresDoes) {
  EXPECT_EQ(show(Position{0x3000148}), "0/3000148");
  EXPECT_EQ(position_from("16/B374D848"), Position{0x16b374d848});
  for (const char* bad : {"", "/", "0/", "/1", "0/123456789", "0/xyz", "0 / 1", "0/1/2"}) {
    EXPECT_EQ(position_from(bad), std::nullopt) << bad;
  }
}

Record record() {
  Record value;
  value.mode = Durability::preferred;
  value.epoch = {1, 7};
  value.leader = {MemberName{"a"}, Incarnation{"aaa"}};
  value.leader_host = HostName{"a"};
  value.leader_life = AgentLife{"life"};
  value.lineage = kThird;
  value.members = {
      value.leader, {MemberName{"b"}, Incarnation{"bbb"}}, {MemberName{"c"}, Incarnation{}}};
  value.set = {{{MemberName{"b"}, Incarnation{"bbb"}}}, 1};
  value.previous = {{{{{MemberName{"c"}, Incarnation{"ccc"}}}, 2}, value.leader}};
  value.last_round = 9;
  value.round = OpenRound{9, HostName{"b"}};
  value.confirmed = true;
  return value;
}

TEST(Record, SurvivesItsJson) {
  const Record whole = record();
  EXPECT_EQ(record_from(*Json::parse(to_json(whole).dump())).value(), whole);
  Record closed = whole;
  closed.round.reset();
  closed.lineage = {};
  EXPECT_EQ(record_from(*Json::parse(to_json(closed).dump())).value(), closed);
}

TEST(Record, IsRefusedUnlessItIsWhole) {
  const Json whole = to_json(record());
  for (const auto& [name, value] : whole.members()) {
    SCOPED_TRACE(name);
    Json without = Json::object();
    for (const auto& [other, kept] : whole.members()) {
      if (other != name) without.set(other, kept);
    }
    const auto read = record_from(without);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().failure, Failure::bad_data);
    Json wrong = whole;
    wrong.set(name, "of another type");
    EXPECT_EQ(record_from(wrong).has_value(), name == "leader_host" || name == "leader_life");
  }
  EXPECT_FALSE(record_from(Json()).has_value());
}

TEST(Record, AnotherFormatIsRefusedWithASentence) {
  Json json = to_json(record());
  json.set("format", kRecordFormat + 1);
  const auto read = record_from(json);
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error().what.find("newer"), std::string::npos);
  EXPECT_FALSE(record_from(json.set("format", 0)).has_value());
}

TEST(Record, ADamagedBranchIsNotGuessed) {
  const std::string text = to_json(record()).dump();
  const std::size_t place = text.find("0/64");
  ASSERT_NE(place, std::string::npos);
  EXPECT_FALSE(record_from(*Json::parse(std::string(text).replace(place, 4, "0-64"))).has_value());
}

TEST(Record, KnowsWhoCounts) {
  const Record value = record();
  EXPECT_NE(value.find(MemberName{"b"}), nullptr);
  EXPECT_EQ(value.find(MemberName{"d"}), nullptr);
  EXPECT_TRUE(value.set.counts({MemberName{"b"}, Incarnation{"bbb"}}));
  EXPECT_FALSE(value.set.counts({MemberName{"b"}, Incarnation{"rebuilt"}}));
  EXPECT_FALSE(value.counted_nowhere(MemberName{"a"}));  // leader of a previous set
  EXPECT_FALSE(value.counted_nowhere(MemberName{"b"}));
  EXPECT_FALSE(value.counted_nowhere(MemberName{"c"}));
  EXPECT_TRUE(value.counted_nowhere(MemberName{"d"}));
}

TEST(Promise, SurvivesItsJson) {
  const Promise promise{{MemberName{"b"}, Incarnation{"bbb"}}, 8, {1, 7}, at(1234, kThird)};
  EXPECT_EQ(promise_from(*Json::parse(to_json(promise).dump())), promise);
  EXPECT_FALSE(promise_from(Json()).standing.lineage.known());
}

TEST(Sighting, SurvivesItsJsonButForItsInstant) {
  Sighting sighting{
      .at = Instant{5s}, .reach = Reach::sick, .detail = "disk", .role = Role::leader};
  sighting.system = "sys";
  sighting.timeline = 3;
  sighting.written = {77};
  sighting.replayed = {66};
  sighting.position_known = true;
  sighting.receives_from = "127.0.0.1:5432";
  sighting.followers = {{{MemberName{"b"}, Incarnation{"bbb"}}, true, true, {70}}};
  sighting.set_loaded = "ANY 1 (x)";
  sighting.writable = true;
  EXPECT_EQ(sighting_from(*Json::parse(to_json(sighting).dump()), Instant{5s}), sighting);
  EXPECT_EQ(sighting_from(*Json::parse(R"({"reach": "dancing"})"), {}).reach, Reach::unknown);
}

TEST(Epoch, IsOrderedAndShown) {
  EXPECT_LT((Epoch{0, 9}), (Epoch{1, 1}));
  EXPECT_EQ(show(Epoch{0, 7}), "7");
  EXPECT_EQ(show(Epoch{2, 7}), "2.7");
  EXPECT_EQ(epoch_from(to_json(Epoch{2, 7})), (Epoch{2, 7}));
  EXPECT_TRUE(epoch_from(Json()).none());
}

Service service() {
  Service value;
  value.name = ServiceName{"orders"};
  value.engine = "postgres";
  value.members = {{value.name, MemberName{"a"}, HostName{"a"}, "10.0.0.1", 5432},
                   {value.name, MemberName{"b"}, HostName{"b"}, "10.0.0.2", 5432}};
  value.sync = 1;
  value.objective = {0.9995, 0s, std::nullopt};
  value.freezes = {{WallTime(100s), WallTime(200s), "sale"}};
  value.resources = {{"database", "shop", {{"owner", "o"}}}, {"role", "o", {{"login", "false"}}}};
  return value;
}

TEST(Fleet, AServiceSurvivesItsJson) {
  EXPECT_EQ(service_from(*Json::parse(to_json(service()).dump())).value(), service());
  const Host host{HostName{"a"}, "10.0.0.1"};
  EXPECT_EQ(host_from(to_json(host)), host);
}

TEST(Fleet, AServiceIsRefusedUnlessItIsWhole) {
  const Json whole = to_json(service());
  for (const auto& [name, value] : whole.members()) {
    Json without = Json::object();
    for (const auto& [other, kept] : whole.members()) {
      if (other != name) without.set(other, kept);
    }
    if (name == "freezes") continue;  // absent from what an older weir wrote
    EXPECT_FALSE(service_from(without).has_value()) << name;
  }
  Json newer = whole;
  EXPECT_FALSE(service_from(newer.set("format", kDesiredFormat + 1)).has_value());
}

TEST(PostgresParams, ValuesAreWrittenAsTheServerShowsThem) {
  const struct {
    const char *name, *text, *shown;
  } rows[] = {
      {"shared_buffers", "8192", "64MB"},
      {"shared_buffers", "64 MB", "64MB"},
      {"shared_buffers", "65540kB", "65544kB"},
      {"wal_buffers", "-1", "-1"},
      {"checkpoint_timeout", "300", "5min"},
      {"checkpoint_timeout", "90s", "90s"},
      {"log_rotation_age", "1d", "1d"},
      {"statement_timeout", "0", "0"},
      {"statement_timeout", "1500", "1500ms"},
      {"vacuum_cost_delay", "0.5", "500us"},
      {"min_wal_size", "80", "80MB"},
      {"max_wal_size", "8GB", "8GB"},
      {"random_page_cost", "1.10", "1.1"},
      {"max_connections", "200", "200"},
      {"jit", "TRUE", "on"},
      {"wal_compression", "lz4", "lz4"},
      {"constraint_exclusion", "yes", "on"},
      {"log_min_messages", "WARNING", "warning"},
      {"track_activity_query_size", "4096", "4kB"},
      {"log_file_mode", "0640", "0640"},
  };
  for (const auto& row : rows) {
    const PostgresParam* param = find_postgres_param(row.name);
    ASSERT_NE(param, nullptr) << row.name;
    const auto value = canonical_value(*param, row.text);
    ASSERT_TRUE(value.has_value()) << row.name << ": " << value.error().what;
    EXPECT_EQ(*value, row.shown) << row.name;
    EXPECT_EQ(*canonical_value(*param, *value), row.shown) << "again, " << row.name;
  }
}

TEST(PostgresParams, WhatTheServerWouldRefuseIsRefused) {
  const struct {
    const char *name, *text;
  } rows[] = {
      {"max_connections", "0"},     {"max_connections", "1.5"},  {"max_connections", "1MB"},
      {"max_connections", ""},      {"work_mem", "1kB"},         {"jit", "maybe"},
      {"log_min_messages", "loud"}, {"random_page_cost", "nan"}, {"lc_messages", "a\nb = c"}};
  for (const auto& row : rows) {
    const auto value = canonical_value(*find_postgres_param(row.name), row.text);
    ASSERT_FALSE(value.has_value()) << row.name << " " << row.text;
    EXPECT_EQ(value.error().failure, Failure::bad_config);
  }
}

TEST(PostgresParams, EffectsAndRefusals) {
  EXPECT_EQ(postgres_param_effect("shared_buffers"), "restart");
  EXPECT_EQ(postgres_param_effect("work_mem"), "reload");
  EXPECT_EQ(postgres_param_effect("pg_stat_statements.track"), "reload");
  EXPECT_EQ(postgres_param_canonical("shared_buffers"), "bytes");
  EXPECT_EQ(postgres_param_canonical("checkpoint_timeout"), "duration");
  EXPECT_EQ(postgres_param_canonical("search_path"), "list");
  EXPECT_EQ(postgres_param_canonical("jit"), "bool");
  for (const char* owned : {"fsync", "FSYNC", "port", "ssl_ca_file", "archive_mode", "wal_level",
                            "synchronous_standby_names", "block_size", "transaction_isolation"}) {
    EXPECT_FALSE(postgres_param_refusal(owned).empty()) << owned;
  }
  for (const char* free : {"work_mem", "max_connections", "portable"}) {
    EXPECT_TRUE(postgres_param_refusal(free).empty()) << free;
  }
}

TEST(Service, IsFrozenInItsWindowsOnly) {
  const Service frozen = service();
  EXPECT_EQ(frozen.frozen_at(WallTime(99s)), nullptr);
  ASSERT_NE(frozen.frozen_at(WallTime(100s)), nullptr);
  EXPECT_EQ(frozen.frozen_at(WallTime(199s))->reason, "sale");
  EXPECT_EQ(frozen.frozen_at(WallTime(200s)), nullptr);
}

}  // namespace
}  // namespace weir
