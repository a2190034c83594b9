// The agent's certificates in a world of one machine: who is renewed, who may ask, what is told.
#include "agent/certificates.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "world/passing_files_test.h"
#include "world/real.h"

namespace weir::agent {
namespace {

// Carries a call straight to another host's Certificates, as the peer port would.
class Wire : public peer::Caller {
 public:
  Result<Json> call(const peer::Address& to, const std::string& path, const Json& body,
                    Deadline) override {
    ++calls;
    if (other == nullptr) return fail(Failure::unreachable, "cannot reach " + to.name);
    return other->renew({path, body, from, serial});
  }
  Certificates* other = nullptr;
  std::string from = "b";
  std::string serial;
  std::atomic<int> calls{0};
};

// A wall clock that a test can set; CLOCK_BOOTTIME goes on.
class SetClock : public Clock {
 public:
  Instant now() override { return real_->now(); }
  WallTime wall() override { return real_->wall() + Duration(set_.load()); }
  void sleep_until(Instant instant) override { real_->sleep_until(instant); }
  void set(Duration by) { set_ = by.count(); }

 private:
  std::unique_ptr<Clock> real_ = make_real_clock();
  std::atomic<Duration::rep> set_{0};
};

// A disk that has no space left as long as it is told so.
class FullDisk : public PassingFiles {
 public:
  explicit FullDisk(Files& files) : PassingFiles(files) {}
  std::atomic<bool> full{true};
  std::atomic<int> refused{0};

  Result<> write(const std::string& path, std::string_view content, int mode) override {
    if (!full) return PassingFiles::write(path, content, mode);
    ++refused;
    return fail(Failure::no_space, "cannot write " + path + ": no space left on device");
  }
};

class HostCertificates : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/weir-certs-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    folder_ = path;
    ASSERT_TRUE(access::make_ca(*files_, folder_ + "/ca", "test", clock_.wall()));
    for (const char* host : {"a", "b", "operator"}) certify(host, 24h * 90);
    a_.keys = b_.keys = {FleetName("test")};
    a_.host = HostName("a");
    a_.papers = {folder_ + "/a", folder_ + "/ca", {}, {{folder_ + "/operator", "operator"}}};
    b_.host = HostName("b");
    b_.papers = {folder_ + "/b", {}, peer::Address{"a", "127.0.0.1", 1}, {}};
  }
  void TearDown() override { ASSERT_TRUE(files_->remove(folder_)); }

  void certify(const std::string& name, Duration life) {
    const access::CertRequest request{name, {}, life};
    // One that is there would be kept.
    ASSERT_TRUE(files_->remove(folder_ + "/" + name + "/" + name + ".crt"));
    ASSERT_TRUE(access::declare(*files_, folder_ + "/ca", request));
    ASSERT_TRUE(access::issue(*files_, folder_ + "/ca", folder_ + "/" + name, request,
                              clock_.wall(), *random_));
  }
  std::string serial(const std::string& name) {
    const auto facts = access::read_cert(*files_, folder_ + "/" + name + "/" + name + ".crt");
    return facts ? facts->serial : "none";
  }
  access::Crl revoke(const std::string& host) {
    access::Signer signer(*files_, *random_, folder_ + "/ca");
    return signer.revoke(host, {}, {}, clock_.wall()).value_or(access::Crl{});
  }
  static Json list_of(const std::string& pem) {
    return Json::object().set("format", 1).set("crl", pem);
  }
  std::string held(const std::string& name) {
    return files_->read(folder_ + "/" + name + "/ca.crl").value_or("none");
  }
  bool comes_true(const std::function<bool()>& check) {
    return poll_until(clock_, clock_.within(60s), 10ms, check);
  }
  std::unique_ptr<Certificates> start(const Setting& setting, Wire& wire) {
    return std::make_unique<Certificates>(world_, wire, setting, [this] { ++renewed_; });
  }

  std::string folder_;
  SetClock clock_;
  std::unique_ptr<Random> random_ = make_real_random();
  std::unique_ptr<Files> files_ = make_real_files();
  std::unique_ptr<Programs> programs_ = make_real_programs(clock_);
  std::unique_ptr<Workers> workers_ = make_real_workers();
  struct NoServers : Servers {
    Result<ServerState> start(const ServerSpec&, Deadline) override { return ServerState{}; }
    Result<ServerState> state(const ServerSpec&) override { return ServerState{}; }
    Result<> signal(const ServerSpec&, int) override { return {}; }
    Result<> kill_all(const ServerSpec&, Deadline) override { return {}; }
    Result<bool> any_left(const ServerSpec&) override { return false; }
    Result<> hold(const std::string&, Instant, Deadline) override { return {}; }
  } servers_;
  World world_{clock_, *random_, *files_, *programs_, servers_, *workers_};
  std::atomic<int> renewed_{0};
  Setting a_;
  Setting b_;
  Wire silent_;
};

TEST_F(HostCertificates, WhatIsNotDueStaysAsItIs) {
  const std::string before = serial("a");
  const auto a = start(a_, silent_);
  ASSERT_TRUE(comes_true([&] { return !a->tell().is_null(); }));
  EXPECT_EQ(a->tell()["serial"].text(), before);
  EXPECT_EQ(a->tell()["trouble"].text("x"), "");
  EXPECT_GT(a->tell()["until"].integer(), 0);
  EXPECT_EQ(serial("a"), before);
  EXPECT_EQ(renewed_, 0);
}

TEST_F(HostCertificates, BesideTheKeyAllPairsThatAreDueAreRenewed) {
  const std::string before = serial("a");
  const std::string others = serial("operator");
  clock_.set(24h * 70);
  const auto a = start(a_, silent_);
  EXPECT_TRUE(comes_true([&] { return serial("a") != before && serial("operator") != others; }));
  EXPECT_EQ(silent_.calls, 0);
}

TEST_F(HostCertificates, ElsewhereTheHostBesideTheKeyIsAskedAndTheKeyIsNew) {
  const auto a = start(a_, silent_);
  const std::string before = serial("b");
  const std::string key = *files_->read(folder_ + "/b/b.key");
  clock_.set(24h * 70);
  Wire wire;
  wire.other = a.get();
  const auto b = start(b_, wire);
  EXPECT_TRUE(comes_true([&] { return serial("b") != before; }));
  EXPECT_TRUE(comes_true([&] { return *files_->read(folder_ + "/b/b.key") != key; }));
  EXPECT_TRUE(comes_true([&] { return b->tell()["serial"].text() == serial("b"); }));
}

TEST_F(HostCertificates, ARenewalThatDoesNotComeIsToldAndTriedAgain) {
  certify("b", 20s);
  Wire wire;  // nobody answers
  clock_.set(15s);
  const auto b = start(b_, wire);
  EXPECT_TRUE(comes_true([&] {
    return b->tell()["trouble"].text().find("it is due") != std::string::npos;
  })) << b->tell().dump();
  EXPECT_TRUE(comes_true([&] { return wire.calls > 1; }));
  clock_.set(30s);
  EXPECT_TRUE(comes_true([&] {
    return b->tell()["trouble"].text().find("it has expired") != std::string::npos;
  })) << b->tell().dump();
}

TEST_F(HostCertificates, AClockThatWasSetBackBringsANewCertificate) {
  const std::string before = serial("a");
  clock_.set(-24h * 30);
  const auto a = start(a_, silent_);
  EXPECT_TRUE(comes_true([&] { return serial("a") != before; }));
}

TEST_F(HostCertificates, APairThatSomebodyElseReplacedIsNoticed) {
  certify("b", 20s);
  Wire wire;
  clock_.set(15s);
  const auto b = start(b_, wire);
  ASSERT_TRUE(comes_true([&] { return wire.calls > 0; }));
  EXPECT_EQ(renewed_, 0);
  certify("b", 24h * 90);
  EXPECT_TRUE(comes_true([&] { return renewed_ == 1; }));
  EXPECT_EQ(b->tell()["trouble"].text("x"), "");
}

TEST_F(HostCertificates, AHostIsCertifiedUnderItsOwnNameOnly) {
  const auto a = start(a_, silent_);
  const std::string request = *access::request_cert(*files_, folder_ + "/b", "b");
  // Whatever stands in the request, the name is that of the certificate it came with.
  const auto answer = a->renew({"/renew", Json::object().set("request", request), "operator"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(
      access::accept_cert(*files_, folder_ + "/b", "b", (*answer)["cert"].text()).error().failure,
      Failure::bad_data);
  EXPECT_EQ(a->renew({"/renew", Json::object().set("request", request), "nobody"}).error().failure,
            Failure::not_found);
}

TEST_F(HostCertificates, WhatTheFleetRevokedIsKeptBesideEachPairAndToldToAllThatSpeak) {
  const auto a = start(a_, silent_);
  ASSERT_TRUE(comes_true([&] { return !a->tell().is_null(); }));
  const access::Crl crl = revoke("b");
  a->learn_revoked(list_of(crl.pem));
  EXPECT_TRUE(comes_true([&] { return a_.papers.revoked->known()->number == 1; }));
  EXPECT_EQ(held("a"), crl.pem);
  EXPECT_EQ(held("operator"), crl.pem);
  EXPECT_TRUE(comes_true([&] { return renewed_ == 1; })) << "servers are to be told";
  a->learn_revoked(list_of(crl.pem));  // each watch that begins anew tells it again
  a->learn_revoked(list_of(revoke("operator").pem));
  EXPECT_TRUE(comes_true([&] { return a_.papers.revoked->known()->number == 2; }));
  EXPECT_EQ(renewed_, 2);
}

TEST_F(HostCertificates, AHostileListChangesNothing) {
  const auto a = start(a_, silent_);
  const access::Crl first = revoke("b");
  const access::Crl second = revoke("operator");
  a->learn_revoked(list_of(second.pem));
  ASSERT_TRUE(comes_true([&] { return a_.papers.revoked->known()->number == 2; }));
  ASSERT_TRUE(access::make_ca(*files_, folder_ + "/strange", "test", clock_.wall()));
  access::Signer strange(*files_, *random_, folder_ + "/strange");
  const auto foreign = strange.revoke("a", {"41", "42"}, second.pem, clock_.wall());
  ASSERT_TRUE(foreign);
  const Json newer = Json::object().set("format", 2).set("crl", second.pem);
  for (const Json& list : {list_of(first.pem), list_of(foreign->pem), list_of("hello"),
                           list_of(std::string(4u << 20, 'A')), newer, Json("hello"), Json()}) {
    a->learn_revoked(list);
    a_.papers.revoked->note_own();  // a turn that has looked tells of it
    ASSERT_TRUE(comes_true([&] {
      a->learn_revoked(list);
      return a->tell()["trouble"].text().find("was revoked") != std::string::npos;
    }));
    a_.papers.revoked->forget_own();
    ASSERT_TRUE(comes_true([&] {
      a->learn_revoked(list);
      return a->tell()["trouble"].text("x").empty();
    }));
    EXPECT_EQ(a_.papers.revoked->known()->number, 2);
    EXPECT_EQ(held("a"), second.pem);
  }
}

// Nobody tells of the list again: it is kept until there is space.
TEST_F(HostCertificates, AListThatAFullDiskRefusedIsTakenOnceThereIsSpace) {
  FullDisk disk(*files_);
  World world{clock_, *random_, disk, *programs_, servers_, *workers_};
  const auto a = std::make_unique<Certificates>(world, silent_, a_, [this] { ++renewed_; });
  const access::Crl list = revoke("b");
  a->learn_revoked(list_of(list.pem));
  ASSERT_TRUE(comes_true([&] { return disk.refused > 0; }));
  EXPECT_EQ(a_.papers.revoked->known()->number, 0);
  disk.full = false;
  EXPECT_TRUE(comes_true([&] { return a_.papers.revoked->known()->number == 1; }));
  EXPECT_EQ(held("a"), list.pem);
}

TEST_F(HostCertificates, WhoeverIsRevokedSaysSoAndIsNotRenewed) {
  certify("b", 20s);
  const auto a = start(a_, silent_);
  Wire wire;
  wire.other = a.get();
  wire.serial = serial("b");
  const auto b = start(b_, wire);
  ASSERT_TRUE(comes_true([&] { return !b->tell().is_null(); }));
  const access::Crl crl = revoke("b");
  b->learn_revoked(list_of(crl.pem));
  EXPECT_TRUE(comes_true([&] {
    return b->tell()["trouble"].text().find("join anew: weir token --host b on host a") !=
           std::string::npos;
  })) << b->tell().dump();
  // Its servers need nothing of it: they are refused anyhow, and are not to refuse their own agent.
  EXPECT_EQ(held("b"), "none");
  EXPECT_EQ(b_.papers.revoked->known()->number, 0);
  const auto asked =
      wire.call(*b_.papers.signer, "/renew",
                Json::object().set("request", *access::request_cert(*files_, folder_ + "/b", "b")),
                clock_.within(5s));
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().failure, Failure::denied);
  // A new certificate is another one.
  certify("b", 24h * 90);
  EXPECT_TRUE(comes_true([&] { return b->tell()["trouble"].text("x").empty(); }));
}

TEST_F(HostCertificates, AStrangerGetsTheCaAndNothingElse) {
  const auto a = start(a_, silent_);
  const auto ca = a->admit({"/ca", Json::object(), ""});
  ASSERT_TRUE(ca);
  EXPECT_EQ((*ca)["ca"].text(), *files_->read(folder_ + "/ca/ca.crt"));
  for (const char* path : {"/renew", "/heartbeat", "/status", "/"}) {
    EXPECT_EQ(a->admit({path, Json::object(), ""}).error().failure, Failure::denied) << path;
  }
  EXPECT_EQ(a->admit({"/join", Json::object(), ""}).error().failure, Failure::bad_data);
  const auto b = start(b_, silent_);
  EXPECT_EQ(b->admit({"/ca", Json::object(), ""}).error().failure, Failure::not_found);
}

}  // namespace
}  // namespace weir::agent
