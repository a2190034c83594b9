// The pure parts of a member's settings: file texts, names, connection parameters, probes' rows.
#include "engine/postgres/settings.h"

#include <gtest/gtest.h>

#include "engine/postgres/connect.h"
#include "engine/postgres/role_settings.h"
#include "engine/postgres/shapes_grants.h"
#include "engine/postgres/sight_query.h"

namespace weir::engine::postgres {
namespace {

class MapFiles : public Files {
 public:
  Result<std::string> read(const std::string& path) override {
    const auto found = content.find(path);
    if (found == content.end()) return fail(Failure::not_found, "no " + path);
    return found->second;
  }
  Result<> write(const std::string& path, std::string_view text, int) override {
    content[path] = text;
    return {};
  }
  Result<> append(const std::string& path, std::string_view text) override {
    content[path] += text;
    return {};
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    content[to] = content[from];
    content.erase(from);
    return {};
  }
  Result<> remove(const std::string& path) override {
    content.erase(path);
    return {};
  }
  Result<> make_folder(const std::string&, int) override { return {}; }
  Result<std::vector<std::string>> list(const std::string&) override {
    return std::vector<std::string>{};
  }
  bool exists(const std::string& path) override { return content.contains(path); }

  std::map<std::string, std::string> content;
};

Service three(const std::string& network) {
  Service service;
  service.name = ServiceName("orders");
  for (const char* host : {"a", "b", "c"}) {
    service.members.push_back({service.name, MemberName(host), HostName(host),
                               network + std::to_string(service.members.size() + 1), 5432});
  }
  return service;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(PostgresRoleSettings, ReadsBackWhatItWroteWithEveryQuote) {
  MapFiles files;
  const RoleSettings settings{R"(host='a' sslkey='/x/it''s \\ key')", "weir_b",
                              R"(ANY 1 ("weir_b_x"))", "cp '%f' \"%p\""};
  ASSERT_TRUE(write_role_settings(files, "/role.conf", settings));
  const auto back = read_role_settings(files, "/role.conf");
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, settings);
  EXPECT_EQ(*read_role_settings(files, "/absent"), RoleSettings{});
  files.content["/bad"] = "primary_conninfo = 'no end\n";
  EXPECT_EQ(read_role_settings(files, "/bad").error().failure, Failure::bad_data);
}

TEST(PostgresRoleSettings, NamesOfVoters) {
  const Voter voter{MemberName("b_1"), Incarnation("k3jd8s0a9x2q")};
  EXPECT_EQ(application_name(voter), "weir_b_1_k3jd8s0a9x2q");
  EXPECT_EQ(voter_named("weir_b_1_k3jd8s0a9x2q"), voter);
  for (const char* name : {"", "weir_", "weir_b", "weir__x", "weir_b_", "pg_receivewal", "weir"}) {
    EXPECT_EQ(voter_named(name), std::nullopt) << name;
  }
  EXPECT_EQ(slot_name(MemberName("b")), "weir_b");
  EXPECT_NE(slot_name(MemberName("b-1")), slot_name(MemberName("b_1")));
}

TEST(PostgresRoleSettings, NeverNamesAnEmptySet) {
  EXPECT_EQ(standby_names({{}, 1}), "ANY 1 (weir_nobody)");
  EXPECT_TRUE(listed_voters("ANY 1 (weir_nobody)").empty());
  const SyncSet set{{{MemberName("b"), Incarnation("x")}, {MemberName("c"), Incarnation("y")}}, 2};
  EXPECT_EQ(standby_names(set), R"(ANY 2 ("weir_b_x","weir_c_y"))");
  EXPECT_EQ(listed_voters(standby_names(set)), set.voters);
}

TEST(PostgresSettings, LaterLinesWinSoThatWeirsOwnCannotBeChanged) {
  Service service = three("10.0.0.");
  service.resources = {{"param", "fsync", {{"value", "off"}}},
                       {"param", "search_path", {{"value", "it's"}}}};
  const Layout layout = layout_of({}, service.members[0]);
  const std::string config = config_text(layout, service.members[0], false, false);
  const std::size_t params = config.find("include '" + layout.params_file);
  ASSERT_NE(params, std::string::npos);
  EXPECT_GT(config.find("fsync = 'on'"), params);
  EXPECT_GT(config.find("synchronous_commit = 'on'"), params);
  EXPECT_LT(config.find("max_connections"), params);
  EXPECT_GT(config.find("include '" + layout.role_file), config.find("ident_file"));
  EXPECT_TRUE(holds(params_text(service), "search_path = 'it''s'\n"));
}

TEST(PostgresSettings, AServerNamesAListOfTheRevokedOnlyWhereThereIsOne) {
  const Service service = three("10.0.0.");
  const Layout layout = layout_of({}, service.members[0]);
  EXPECT_FALSE(holds(config_text(layout, service.members[0], false, false), "ssl_crl_file"));
  EXPECT_TRUE(holds(config_text(layout, service.members[0], true, false),
                    "ssl_crl_file = '" + layout.crl + "'\n"));
}

// A replica's first start would flush each of its files by itself, just after all of them were.
TEST(PostgresSettings, OnlyACopysNextStartFlushesTheWholeFilesystem) {
  const Service service = three("10.0.0.");
  const Layout layout = layout_of({}, service.members[0]);
  EXPECT_FALSE(holds(config_text(layout, service.members[0], false, false), "init_sync"));
  const std::string config = config_text(layout, service.members[0], false, true);
  const std::size_t at = config.find("recovery_init_sync_method = 'syncfs'\n");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(at, config.find("include '" + layout.params_file));  // a service's own word wins
}

TEST(PostgresSettings, InternalRolesComeInByCertificateAlone) {
  for (const bool clients : {false, true}) {
    const Service service = three("10.0.0.");
    const std::string hba = hba_text(service.members[0], service, clients);
    EXPECT_TRUE(holds(hba, "hostssl replication weir_replication 10.0.0.2/32 cert map=weir\n"));
    EXPECT_EQ(holds(hba, "scram-sha-256"), clients);
    EXPECT_FALSE(holds(hba, "trust"));
    const std::size_t reject = hba.find(
        "host all postgres,weir_replication,weir_rewind,weir_monitor,weir_operator 0.0.0.0/0 "
        "reject");
    ASSERT_NE(reject, std::string::npos);
    EXPECT_LT(reject, hba.find("scram-sha-256"));
  }
  // The operator's host may have no member of the service; replicas' hosts always have one.
  const Service apart = three("10.0.0.");
  const std::string from_all = hba_text(apart.members[0], apart, false);
  EXPECT_TRUE(holds(from_all, "hostssl all weir_operator 0.0.0.0/0 cert map=weir\n"));
  EXPECT_TRUE(holds(from_all, "hostssl all weir_monitor 0.0.0.0/0 cert map=weir\n"));
  EXPECT_FALSE(holds(from_all, "weir_replication 0.0.0.0/0 cert"));
  EXPECT_FALSE(holds(from_all, "weir_rewind 0.0.0.0/0 cert"));
  // On loopback every source is 127.0.0.1, whatever was connected to.
  const Service laptop = three("127.0.10.");
  const std::string hba = hba_text(laptop.members[0], laptop, false);
  EXPECT_TRUE(holds(hba, "weir_monitor 127.0.0.1/32 cert"));
  EXPECT_FALSE(holds(hba, "127.0.10."));
  EXPECT_FALSE(holds(hba, "0.0.0.0/0 cert"));
}

TEST(PostgresSettings, OnlyTheOperatorIsTheOperator) {
  const std::string ident = ident_text(three("10.0.0."), "root", "postgres");
  EXPECT_TRUE(holds(ident, "weir \"b\" weir_replication\n"));
  EXPECT_FALSE(holds(ident, "weir \"b\" weir_operator"));
  EXPECT_TRUE(holds(ident, "weir operator weir_operator\n"));
  EXPECT_FALSE(holds(ident, "weir operator weir_replication"));
  EXPECT_TRUE(holds(ident, "weir_local \"root\" postgres\n"));
}

TEST(PostgresConnect, TheReceiverNamesTheVoterAndTheKeyOfItsEpoch) {
  const Service service = three("10.0.0.");
  Setting setting;
  setting.state = "/s";
  const std::string text = conninfo(receiver_parameters(
      setting, service.members[1], Incarnation("x"), {service.members[0], {0, 7}}));
  EXPECT_TRUE(holds(text, "application_name='weir_b_x'")) << text;
  EXPECT_TRUE(holds(text, "sslkey='/s/members/orders-b/receiver/7/client.key'")) << text;
  EXPECT_TRUE(holds(text, "sslcrl='/s/members/orders-b/conf/ca.crl'")) << text;
  EXPECT_TRUE(holds(text, "hostaddr='10.0.0.1'")) << text;
  EXPECT_TRUE(holds(text, "host='a'")) << text;
  EXPECT_TRUE(holds(text, "sslmode='verify-full'")) << text;
  EXPECT_EQ(conninfo({{"a", "it's \\"}}), R"(a='it\'s \\')");
}

TEST(PostgresSession, QuotesAndReadsStates) {
  EXPECT_EQ(quote_name("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\b"), " E'a\\\\b'");
  EXPECT_EQ(sqlstate_of({Failure::refused, "no (42P01)", {}, {}}), "42P01");
  EXPECT_EQ(sqlstate_of({Failure::refused, "no (later)", {}, {}}), "");
  EXPECT_EQ(sqlstate_of({Failure::refused, "()", {}, {}}), "");
}

Rows row(std::vector<std::optional<std::string>> fields) {
  Rows rows;
  rows.rows.push_back(std::move(fields));
  return rows;
}

TEST(PostgresSight, AReplicasPositionIsKnownOnlyOnceItReceived) {
  const auto replica = [](const char* received, const char* replayed) {
    return *sighting_of(row({"t", "77", "1", received, replayed, "16777216", "off", "", "streaming",
                             "a:5432", std::nullopt}),
                        Instant{});
  };
  EXPECT_TRUE(replica("0/3000148", "0/3000148").position_known);
  EXPECT_FALSE(replica("0/3000000", "0/2FFFF00").position_known);  // a segment's start
  EXPECT_FALSE(replica("0/3000148", "0/3000200").position_known);  // less than its disk holds
  const auto none = sighting_of(row({"t", "77", "1", std::nullopt, "0/3000148", "16777216", "off",
                                     "", std::nullopt, std::nullopt, std::nullopt}),
                                Instant{});
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->position_known);
  EXPECT_TRUE(none->receives_from.empty());
  EXPECT_EQ(none->replayed.at, 0x3000148u);
}

TEST(PostgresSight, ALeadersFollowers) {
  const auto seen = sighting_of(
      row({"f", "77", "3", "0/5000000", std::nullopt, "16777216", "off", "ANY 1 (x)", std::nullopt,
           std::nullopt,
           "weir_b_x|streaming|1|0/4FFFF00\nweir_c_y|catchup|0|\nweir_broken|streaming|1|0/1"}),
      Instant{});
  ASSERT_TRUE(seen);
  ASSERT_EQ(seen->followers.size(), 2u);
  EXPECT_TRUE(seen->followers[0].counted);
  EXPECT_TRUE(seen->followers[0].streaming);
  EXPECT_EQ(seen->followers[0].flushed.at, 0x4FFFF00u);
  EXPECT_FALSE(seen->followers[1].counted);
  EXPECT_FALSE(seen->followers[1].streaming);
  EXPECT_TRUE(seen->writable);
  EXPECT_EQ(seen->set_loaded, "ANY 1 (x)");
  EXPECT_FALSE(sighting_of(row({"f"}), Instant{}));
}

TEST(PostgresSight, WhatAFailureSaysOfTheServer) {
  const struct {
    Error error;
    Reach want;
  } rows[] = {
      {{Failure::unreachable, "cannot connect: Connection refused", {}, {}}, Reach::refused},
      {{Failure::unreachable, "cannot connect: starting up (57P03)", {}, {}}, Reach::starting},
      {{Failure::timed_out, "cannot connect: no answer", {}, {}}, Reach::silent},
      {{Failure::outcome_unknown, "the server did not answer in time", {}, {}}, Reach::silent},
      {{Failure::unreachable, "cannot connect: too many clients (53300)", {}, {}}, Reach::unknown},
      {{Failure::denied, "cannot connect: certificate expired", {}, {}}, Reach::unknown},
  };
  for (const auto& each : rows) {
    EXPECT_EQ(sighting_of(each.error, Instant{}).reach, each.want) << each.error.what;
  }
}

TEST(PostgresGrants, NamesAndStatements) {
  const auto grant = grant_named("shop_app on shop.public");
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->role, "shop_app");
  EXPECT_EQ(grant->database, "shop");
  EXPECT_EQ(grant->schema, "public");
  EXPECT_EQ(name_of(*grant), "shop_app on shop.public");
  for (const char* name : {"", "x", "x on y", "x on .y", "x on y.", " on a.b"}) {
    EXPECT_FALSE(grant_named(name)) << name;
  }
  const Resource wanted{"grant", "shop_app on shop.public", {{"tables", "select"}}};
  const std::string made = grant_statements(*grant, &wanted, "shop_owner");
  EXPECT_TRUE(holds(made, "GRANT select ON ALL TABLES IN SCHEMA \"public\" TO \"shop_app\";"));
  EXPECT_TRUE(holds(made, "FOR ROLE \"shop_owner\" IN SCHEMA \"public\" GRANT select ON TABLES"));
  EXPECT_FALSE(holds(made, "GRANT  ON"));
  EXPECT_FALSE(holds(grant_statements(*grant, nullptr, "shop_owner"), "GRANT "));
}

}  // namespace
}  // namespace weir::engine::postgres
