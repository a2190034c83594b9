// Shapes on a real server: what is declared is made, a second look finds nothing to do, and what
// somebody else made is left alone.
#include <gtest/gtest.h>

#include "access/access.h"
#include "tests/real/support.h"

namespace weir::test {
namespace {

using engine::Difference;

class PostgresShapes : public ::testing::Test {
 protected:
  PostgresShapes() : it({"a"}) {
    verifier = *access::scram_verifier("a password of nobody", "0123456789abcdef");
    wanted = {{"database", "shop", {{"owner", "shop_owner"}}},
              {"grant",
               "shop_app on shop.public",
               {{"database", "shop"},
                {"role", "shop_app"},
                {"schema", "public"},
                {"sequences", "usage"},
                {"tables", "delete, insert, select, update"}}},
              {"param", "work_mem", {{"value", "8MB"}}},
              {"role", "shop_app", {{"login", "true"}, {"password", verifier}}},
              {"role", "shop_owner", {{"login", "false"}}}};
    it.service().resources = wanted;
    it.begin("a", {0, 1});
  }

  std::vector<Difference> differences(engine::Engine& from) {
    const auto present = from.shapes()->present(it.member("a"), wanted, it.within(10s));
    EXPECT_TRUE(present) << (present ? "" : present.error().what);
    return present ? engine::diff(wanted, *present, from.shapes()->attributes())
                   : std::vector<Difference>{};
  }
  std::vector<Difference> differences() { return differences(it.engine("a")); }

  void apply_all(engine::Engine& from) {
    for (const Difference& difference : differences(from)) {
      if (difference.wanted.kind == "param") continue;
      const auto done = from.shapes()->apply(it.member("a"), difference, it.within(20s));
      EXPECT_TRUE(done) << difference.reason << ": " << (done ? "" : done.error().what);
    }
  }

  // Nobody is in the synchronous set here, so a commit that waited would wait for ever.
  std::string sql(const std::string& statement, const std::string& database = "postgres") {
    return it.sql("a", statement, database, "-c synchronous_commit=local");
  }

  std::string names(const std::vector<Difference>& differences) {
    std::string out;
    for (const Difference& each : differences) {
      out += each.wanted.kind + " " + each.wanted.name + "|" + each.present.name + ";";
    }
    return out;
  }

  Installation it;
  std::string verifier;
  std::vector<Resource> wanted;
};

TEST_F(PostgresShapes, AppliesAllOnceAndThenNothing) {
  EXPECT_EQ(differences().size(), 4u) << names(differences());
  apply_all(it.engine("a"));
  EXPECT_EQ(names(differences()), "");
  apply_all(it.engine("a"));

  // The grants hold for tables that the owner makes afterwards, and with the password.
  EXPECT_EQ(sql("set role shop_owner; create table orders (id serial, what text)", "shop"), "");
  EXPECT_EQ(sql("set role shop_app; insert into orders (what) values ('x') returning id", "shop"),
            "1");
  EXPECT_NE(sql("set role shop_app; truncate orders", "shop").find("denied"), std::string::npos);
  EXPECT_EQ(sql("select rolpassword from pg_authid where rolname = 'shop_app'"), verifier);
  EXPECT_EQ(names(differences()), "");
}

TEST(PostgresBirth, ADeclaredDatabaseIsThereFromTheBeginningAndIsOurs) {
  Installation it({"a"});
  it.service().resources = {{"database", "shop", {}}, {"database", "it's \"odd\"\\", {}}};
  it.begin("a", {0, 1});
  const auto differences = [&](const std::vector<Resource>& wanted) {
    const auto present = it.engine("a").shapes()->present(it.member("a"), wanted, it.within(10s));
    EXPECT_TRUE(present);
    return engine::diff(wanted, *present, it.engine("a").shapes()->attributes()).size();
  };
  EXPECT_EQ(differences(it.service().resources), 0U);
  EXPECT_EQ(differences({}), 2U) << "who takes them from the file sees them go";
}

TEST_F(PostgresShapes, SeesAndMendsWhatDrifted) {
  apply_all(it.engine("a"));
  sql("create table old (i int); revoke insert on old from shop_app", "shop");
  EXPECT_EQ(names(differences()), "grant shop_app on shop.public|shop_app on shop.public;");
  sql("alter role shop_app nologin");
  sql("alter database shop owner to postgres");
  apply_all(it.engine("a"));
  apply_all(it.engine("a"));  // the new owner's default privileges come with the second look
  EXPECT_EQ(names(differences()), "");
  EXPECT_EQ(sql("select rolcanlogin from pg_roles where rolname = 'shop_app'"), "t");
}

TEST_F(PostgresShapes, DeletesOnlyItsOwn) {
  apply_all(it.engine("a"));
  sql("create role somebody");
  sql("create database theirs");
  std::erase_if(
      wanted, [](const Resource& each) { return each.kind == "grant" || each.name == "shop_app"; });
  EXPECT_EQ(names(differences()), " |shop_app on shop.public; |shop_app;");
  apply_all(it.engine("a"));
  EXPECT_EQ(names(differences()), "");
  EXPECT_EQ(it.sql("a",
                   "select count(*) from pg_roles where rolname in "
                   "('shop_app', 'shop_owner', 'somebody')"),
            "2");
  EXPECT_EQ(sql("select count(*) from pg_database where datname in ('shop', 'theirs')"), "2");
}

TEST_F(PostgresShapes, ADatabaseThatGoesIsKeptUnderAnotherNameAndItsOwnerMayGo) {
  apply_all(it.engine("a"));
  EXPECT_EQ(sql("set role shop_owner; create table t as select 7 as n", "shop"), "");
  wanted = {{"param", "work_mem", {{"value", "8MB"}}}};
  apply_all(it.engine("a"));
  EXPECT_EQ(names(differences()), "");
  const std::string kept = sql("select datname from pg_database where datname like 'weir_final%'");
  EXPECT_EQ(kept.substr(kept.size() - 5), "_shop");
  EXPECT_EQ(sql("select n from t", kept), "7");
  EXPECT_EQ(sql("select datconnlimit, pg_get_userbyid(datdba) from pg_database "
                "where datname = '" +
                kept + "'"),
            "0|postgres");
  EXPECT_EQ(sql("select count(*) from pg_roles where rolname like 'shop%'"), "0");
  EXPECT_EQ(sql("select count(*) from pg_database where datname = 'shop'"), "0");
}

TEST_F(PostgresShapes, ADatabaseIsDroppedWhereNoCopyIsAskedFor) {
  apply_all(it.engine("a"));
  Difference gone;
  gone.present = wanted[0];
  gone.final_copy = false;
  ASSERT_TRUE(it.shapes("a").apply(it.member("a"), gone, it.within(20s)));
  EXPECT_EQ(sql("select count(*) from pg_database where datname like '%shop'"), "0");
}

TEST_F(PostgresShapes, WhatAlterSystemSetIsSeenAndTakenBack) {
  apply_all(it.engine("a"));
  EXPECT_EQ(sql("alter system set work_mem = '1MB'"), "");
  EXPECT_EQ(sql("alter system set log_min_duration_statement = '5s'"), "");
  EXPECT_EQ(sql("alter system set fsync = off"), "");
  EXPECT_EQ(sql("select pg_reload_conf()"), "t");
  const auto seen = [&] { return names(differences()); };
  const auto comes = [&](const std::string& what) {
    return poll_until(it.clock(), it.within(20s), 20ms, [&] { return seen() == what; });
  };
  EXPECT_TRUE(comes("param work_mem|work_mem; |log_min_duration_statement; |fsync;")) << seen();
  for (int i = 0; i < 2; ++i) {
    const auto settled = it.runs("a").settle(it.member("a"), it.service(), true, it.within(20s));
    ASSERT_TRUE(settled) << settled.error().what;
    EXPECT_TRUE(settled->empty());
  }
  EXPECT_TRUE(comes("")) << seen();
  EXPECT_EQ(sql("show fsync") + sql("show work_mem"), "on8MB");
  // A stopped server does not start with it either.
  EXPECT_EQ(sql("alter system set shared_buffers = '900GB'"), "");
  ASSERT_TRUE(it.runs("a").stop(it.member("a"), engine::StopMode::fast, it.within(20s)));
  ASSERT_TRUE(it.runs("a").settle(it.member("a"), it.service(), true, it.within(20s)));
  const auto started = it.runs("a").start(it.member("a"), {0, 1}, it.within(30s));
  ASSERT_TRUE(started) << started.error().what;
  EXPECT_EQ(sql("select count(*) from pg_settings where sourcefile like '%auto.conf'"), "0");
}

TEST_F(PostgresShapes, TheOperatorMayFromElsewhereAndAMonitorSeesNoPassword) {
  apply_all(it.operator_engine());
  const auto present =
      it.operator_engine().shapes()->present(it.member("a"), wanted, it.within(10s));
  ASSERT_TRUE(present) << present.error().what;
  for (const Resource& each : *present) {
    if (each.kind != "role") continue;
    EXPECT_EQ(each.attributes.at("password"), "");
  }
  EXPECT_EQ(names(differences(it.operator_engine())), "");
  EXPECT_EQ(names(differences()), "");
}

TEST_F(PostgresShapes, RefusesWhatIsNoPrivilege) {
  apply_all(it.engine("a"));
  Difference evil;
  evil.wanted = {"grant", "shop_app on shop.public", {{"tables", "select; drop table x"}}};
  const auto done = it.shapes("a").apply(it.member("a"), evil, it.within(5s));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().failure, Failure::bad_config);
}

}  // namespace
}  // namespace weir::test
