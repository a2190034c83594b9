// Passwords become verifiers on the host that knows them, and nothing else of them comes out.
#include <gtest/gtest.h>

#include <map>

#include "access/access.h"
#include "provision/provision.h"

namespace weir::provision {
namespace {

constexpr const char* kPath = "/secrets/shop_app";
constexpr const char* kReference = "file:/secrets/shop_app";
constexpr const char* kSecret = "correct horse battery";

Error unused() { return {Failure::unsupported, "no secret asks for this"}; }

class MemoryFiles final : public Files {
 public:
  std::map<std::string, std::string> content;
  int reads = 0;

  Result<std::string> read(const std::string& path) override {
    ++reads;
    const auto found = content.find(path);
    if (found == content.end()) return fail(Failure::not_found, "no file " + path);
    return found->second;
  }
  Result<> write(const std::string&, std::string_view, int) override { return fail(unused()); }
  Result<> append(const std::string&, std::string_view) override { return fail(unused()); }
  Result<> rename(const std::string&, const std::string&) override { return fail(unused()); }
  Result<> remove(const std::string&) override { return fail(unused()); }
  Result<> make_folder(const std::string&, int) override { return fail(unused()); }
  Result<std::vector<std::string>> list(const std::string&) override { return fail(unused()); }
  bool exists(const std::string& path) override { return content.contains(path); }
};

// Each draw differs, so that each salt does.
class Counting final : public Random {
 public:
  std::uint64_t next() override { return at_ += 0x9e3779b97f4a7c15ULL; }

 private:
  std::uint64_t at_ = 1;
};

class NoClock final : public Clock {
 public:
  Instant now() override { return {}; }
  WallTime wall() override { return {}; }
  void sleep_until(Instant) override {}
};

class NoPrograms final : public Programs {
 public:
  Result<Output> run(const Command&, Deadline) override { return fail(unused()); }
};

class NoServers final : public Servers {
 public:
  Result<ServerState> start(const ServerSpec&, Deadline) override { return fail(unused()); }
  Result<ServerState> state(const ServerSpec&) override { return fail(unused()); }
  Result<> signal(const ServerSpec&, int) override { return fail(unused()); }
  Result<> kill_all(const ServerSpec&, Deadline) override { return fail(unused()); }
  Result<bool> any_left(const ServerSpec&) override { return fail(unused()); }
  Result<> hold(const std::string&, Instant, Deadline) override { return fail(unused()); }
};

class NoWorkers final : public Workers {
 public:
  std::shared_ptr<Job> begin(std::string, std::function<void()>) override { return nullptr; }
  std::unique_ptr<Alarm> make_alarm() override { return nullptr; }
};

class WithSecrets : public ::testing::Test {
 protected:
  WithSecrets() { files_.content[kPath] = std::string(kSecret) + "\n"; }

  static Resource role(const std::string& password) {
    return {"role", "shop_app", {{"login", "true"}, {"password", password}}};
  }

  // The password of the only resource, once it has gone through.
  std::string result(const Resource& wanted, const std::vector<Resource>& present = {}) {
    const auto out = with_secrets(world_, {wanted}, present, open_);
    EXPECT_TRUE(out) << out.error().what;
    if (!out || out->size() != 1) return "(none)";
    EXPECT_EQ(out->front().kind, wanted.kind);
    EXPECT_EQ(out->front().name, wanted.name);
    EXPECT_EQ(out->front().attributes.at("login"), "true");
    return out->front().attributes.at("password");
  }

  // A host that can open one value.
  const Open open_ = [](const std::string& sealed) -> Result<std::string> {
    if (sealed == "sealed:for us") return std::string("SCRAM-SHA-256$opened");
    return fail(Failure::not_found, "a sealed value is not for host b");
  };
  MemoryFiles files_;
  Counting random_;
  NoClock clock_;
  NoPrograms programs_;
  NoServers servers_;
  NoWorkers workers_;
  World world_{clock_, random_, files_, programs_, servers_, workers_};
};

TEST_F(WithSecrets, AReferenceBecomesAVerifierOfWhatItNames) {
  const std::string verifier = result(role(kReference));
  EXPECT_TRUE(access::scram_matches(verifier, kSecret)) << verifier;
  EXPECT_EQ(verifier.find(kSecret), std::string::npos);
  EXPECT_EQ(verifier.find(kPath), std::string::npos);
}

TEST_F(WithSecrets, ThePresentVerifierStaysWhileItMatches) {
  const std::string before = result(role(kReference));
  EXPECT_NE(result(role(kReference)), before) << "each verifier has a salt of its own";
  EXPECT_EQ(result(role(kReference), {role(before)}), before);
}

TEST_F(WithSecrets, AChangedSecretGetsANewVerifier) {
  const std::string before = result(role(kReference));
  files_.content[kPath] = "another";
  const std::string after = result(role(kReference), {role(before)});
  EXPECT_TRUE(access::scram_matches(after, "another"));
  EXPECT_FALSE(access::scram_matches(after, kSecret));
}

TEST_F(WithSecrets, OnlyTheSameRolesVerifierCounts) {
  const std::string before = result(role(kReference));
  Resource other = role(before);
  other.name = "somebody";
  EXPECT_NE(result(role(kReference), {other}), before);
  Resource database = role(before);
  database.kind = "database";
  EXPECT_NE(result(role(kReference), {database}), before);
  Resource without = role("");
  without.attributes.erase("password");
  EXPECT_TRUE(access::scram_matches(result(role(kReference), {without}), kSecret));
  EXPECT_TRUE(access::scram_matches(result(role(kReference), {role("")}), kSecret));
}

TEST_F(WithSecrets, WhatIsNoReferenceIsLeftAsItIs) {
  EXPECT_EQ(result(role("")), "");
  EXPECT_EQ(result(role("SCRAM-SHA-256$4096:abc$def:ghi")), "SCRAM-SHA-256$4096:abc$def:ghi");
  const Resource database{"database", "shop", {{"login", "true"}, {"owner", "shop_owner"}}};
  const auto out = with_secrets(world_, {database}, {}, open_);
  ASSERT_TRUE(out);
  EXPECT_EQ(*out, std::vector{database});
  EXPECT_EQ(files_.reads, 0);
}

TEST_F(WithSecrets, ASealedVerifierIsOpenedOrFails) {
  EXPECT_EQ(result(role("sealed:for us")), "SCRAM-SHA-256$opened");
  const auto out = with_secrets(world_, {role("sealed:for others")}, {}, open_);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().failure, Failure::not_found);
}

TEST_F(WithSecrets, AMissingFileIsNamedByItsReference) {
  files_.content.clear();
  const auto out = with_secrets(world_, {role(kReference)}, {}, open_);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().failure, Failure::not_found);
  EXPECT_NE(out.error().what.find(kReference), std::string::npos) << out.error().what;
}

TEST_F(WithSecrets, AMissingVariableIsNamedByItsReference) {
  const auto out = with_secrets(world_, {role("env:WEIR_TEST_NO_SUCH_VARIABLE")}, {}, open_);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().failure, Failure::not_found);
  EXPECT_NE(out.error().what.find("env:WEIR_TEST_NO_SUCH_VARIABLE"), std::string::npos);
}

TEST_F(WithSecrets, ASecretWrittenInClearIsRefusedAndNotRepeated) {
  const auto out = with_secrets(world_, {role(kSecret)}, {}, open_);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().failure, Failure::bad_config);
  EXPECT_EQ((out.error().what + out.error().hint).find(kSecret), std::string::npos)
      << out.error().what;
}

TEST_F(WithSecrets, OneThatFailsFailsAll) {
  Resource broken = role("file:/secrets/absent");
  broken.name = "other";
  const auto out = with_secrets(world_, {role(kReference), broken}, {}, open_);
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().what.find("file:/secrets/absent"), std::string::npos);
  EXPECT_EQ(out.error().what.find(kSecret), std::string::npos);
}

}  // namespace
}  // namespace weir::provision
