// Revoked certificates on the peer port, over real TLS on loopback: refused in both directions,
// and what was open is ended.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "access/access.h"
#include "peer/peer.h"
#include "world/real.h"

namespace weir::peer {
namespace {

class RevokedPeers : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/weir-revoked-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    folder_ = path;
    const auto pid = static_cast<unsigned>(::getpid());
    ip_ = "127." + std::to_string(64 + (pid >> 8) % 64) + "." + std::to_string(pid & 255) + ".2";
    ASSERT_TRUE(access::make_ca(*files_, folder_ + "/ca", "test", clock_->wall()));
  }
  void TearDown() override {
    released_ = true;
    listener_.reset();
    ASSERT_TRUE(files_->remove(folder_));
  }

  Identity identity(const std::string& name, std::shared_ptr<Revoked> revoked = nullptr) {
    const std::string folder = folder_ + "/" + name;
    EXPECT_TRUE(access::issue(*files_, folder_ + "/ca", folder, {name, {ip_}, 24h * 90},
                              clock_->wall(), *random_));
    return {name, folder + "/" + name + ".crt", folder + "/" + name + ".key", folder + "/ca.crt",
            std::move(revoked)};
  }
  access::Crl revoke(const std::string& host) {
    access::Signer signer(*files_, *random_, folder_ + "/ca");
    const auto crl = signer.revoke(host, {}, {}, clock_->wall());
    EXPECT_TRUE(crl) << crl.error().what;
    return crl.value_or(access::Crl{});
  }
  void serve(std::shared_ptr<Revoked> revoked, Handler handler, Handler strangers = {}) {
    auto listener = listen(ip_, 0, identity("b", std::move(revoked)), std::move(handler), 16,
                           std::move(strangers));
    ASSERT_TRUE(listener) << listener.error().what;
    listener_ = std::move(*listener);
  }
  static Result<Json> echo(const Request& request) {
    return Json::object().set("from", request.from).set("serial", request.serial);
  }
  Result<Json> call(Caller& caller, const std::string& path = "/x", Duration within = 20s) {
    return caller.call({"b", ip_, listener_->port()}, path, Json::object(), clock_->within(within));
  }

  std::string folder_;
  std::string ip_;
  std::unique_ptr<Files> files_ = make_real_files();
  std::unique_ptr<Random> random_ = make_real_random();
  std::unique_ptr<Clock> clock_ = make_real_clock();
  const std::shared_ptr<Revoked> known_ = std::make_shared<Revoked>();
  const std::shared_ptr<Revoked> own_ = std::make_shared<Revoked>();
  std::atomic<int> running_{0};
  std::atomic<bool> released_{false};
  std::unique_ptr<Listener> listener_;
};

TEST_F(RevokedPeers, ACallerIsRefusedAndToldWhyAndOthersAreNot) {
  serve(known_, echo);
  const auto a = make_caller(*clock_, identity("a"));
  const auto c = make_caller(*clock_, identity("c", own_));
  const auto first = call(*c);
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_EQ((*first)["serial"].text(),
            access::read_cert(*files_, folder_ + "/c/c.crt").value_or(access::CertFacts{}).serial);
  known_->learn(revoke("c"));
  const auto anew = make_caller(*clock_, identity("c", own_));
  const auto refused = call(*anew);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::denied) << refused.error().what;
  EXPECT_NE(refused.error().what.find("revoked"), std::string::npos) << refused.error().what;
  EXPECT_TRUE(own_->own());
  EXPECT_TRUE(call(*a));
}

TEST_F(RevokedPeers, AListenerIsNotTrustedAndItsOpenConnectionsAreNotUsedAgain) {
  serve(nullptr, echo);
  const auto a = make_caller(*clock_, identity("a", known_));
  ASSERT_TRUE(call(*a));
  known_->learn(revoke("b"));
  const auto refused = call(*a);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::denied) << refused.error().what;
  EXPECT_NE(refused.error().what.find("revoked"), std::string::npos) << refused.error().what;
}

TEST_F(RevokedPeers, WhatIsOpenIsEndedAlsoInTheMiddleOfACall) {
  serve(known_, [&](const Request&) -> Result<Json> {
    ++running_;
    poll_until(*clock_, clock_->within(60s), 10ms, [&] { return released_.load(); });
    return Json::object();
  });
  const auto c = make_caller(*clock_, identity("c"));
  std::optional<Result<Json>> answer;
  std::thread waiting([&] { answer = call(*c, "/watch", 60s); });
  ASSERT_TRUE(poll_until(*clock_, clock_->within(20s), 10ms, [&] { return running_ == 1; }));
  known_->learn(revoke("c"));
  waiting.join();  // the handler still waits: its answer was not what ended the call
  EXPECT_FALSE(released_);
  EXPECT_EQ(answer->error().failure, Failure::outcome_unknown) << answer->error().what;
}

TEST_F(RevokedPeers, WhoWasRevokedMayStillAskToJoinAsAStranger) {
  serve(known_, echo, echo);
  known_->learn(revoke("b"));
  known_->learn(access::Crl{});  // nothing is forgotten
  EXPECT_EQ(known_->known()->number, 1);
  const auto stranger = make_stranger(*clock_, folder_ + "/ca/ca.crt");
  const auto answer = call(*stranger);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ((*answer)["from"].text("x"), "");
}

TEST_F(RevokedPeers, ANewCertificateOfTheSameHostIsWelcome) {
  serve(known_, echo);
  const Identity before = identity("c", own_);
  known_->learn(revoke("c"));
  ASSERT_FALSE(call(*make_caller(*clock_, before)));
  ASSERT_TRUE(files_->remove(before.cert));
  const auto c = make_caller(*clock_, identity("c", own_));
  const auto answer = call(*c);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ((*answer)["from"].text(), "c");
}

}  // namespace
}  // namespace weir::peer
