// Joining: what a token allows, to whom, how often and how long; and the pair of files of a host.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "access/access.h"
#include "world/real.h"

namespace weir::access {
namespace {

class Join : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/weir-join-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    folder_ = path;
    ASSERT_TRUE(make_ca(*files_, at("ca"), "test", now_));
    ASSERT_TRUE(declare(*files_, at("ca"), {"b", {"198.18.0.2"}, 24h * 90}));
    signer_.emplace(*files_, *random_, at("ca"));
    ASSERT_TRUE(files_->make_folder(at("b")));
    ASSERT_TRUE(files_->write(at("b/ca.crt"), *signer_->ca()));
    seal_ = make_seal(*files_, at("b")).value_or("");
  }
  void TearDown() override { ASSERT_TRUE(files_->remove(folder_)); }

  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  std::string text(const std::string& name) { return files_->read(at(name)).value_or("absent"); }
  std::string request(const std::string& folder = "b") {
    return request_cert(*files_, at(folder), "b").value_or("");
  }
  Token mint() { return signer_->mint("b", now_).value_or(Token{}); }
  Result<std::string> admit(const Token& token, const std::string& csr, Duration later = 1s) {
    return signer_->admit(token.id, token.secret, csr, seal_, now_ + later);
  }

  std::string folder_;
  std::string seal_;
  std::unique_ptr<Files> files_ = make_real_files();
  std::unique_ptr<Random> random_ = make_real_random();
  const WallTime now_ = make_real_clock()->wall();
  std::optional<Signer> signer_;
};

TEST_F(Join, ATokenBecomesACertificateWhoseKeyNeverLeft) {
  const Token token = mint();
  EXPECT_EQ(token.ca, hash_of_cert(*signer_->ca()).value_or(""));
  const auto cert = admit(token, request());
  ASSERT_TRUE(cert) << cert.error().what;
  ASSERT_TRUE(accept_cert(*files_, at("b"), "b", *cert));
  const auto facts = read_cert(*files_, at("b/b.crt"));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->name, "b");
  EXPECT_FALSE(files_->exists(at("b/b.key.next")));
  EXPECT_NE(text("b/b.key").find("PRIVATE KEY"), std::string::npos);
  EXPECT_EQ(seal_of(*files_, at("ca"), "b").value_or(""), seal_);
}

TEST_F(Join, ATokenIsForOneKeyOnlyAndALostAnswerIsGivenAgain) {
  const Token token = mint();
  const std::string csr = request();
  ASSERT_TRUE(admit(token, csr));
  EXPECT_TRUE(admit(token, csr, 10s)) << "the answer was lost";
  // The CA's host restarts in between: what was used stays used.
  signer_.emplace(*files_, *random_, at("ca"));
  const auto other = admit(token, request("thief"), 20s);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().failure, Failure::denied);
  EXPECT_NE(other.error().what.find("used before"), std::string::npos) << other.error().what;
}

TEST_F(Join, ATokenLivesFifteenMinutesByAClockThatWasNotSetBack) {
  const Token token = mint();
  EXPECT_EQ(admit(token, request(), 15min).error().failure, Failure::denied);
  EXPECT_EQ(admit(token, request(), -2h).error().failure, Failure::denied);
  EXPECT_TRUE(admit(token, request(), 14min));
}

TEST_F(Join, AnUnknownOrGuessedTokenIsDenied) {
  Token token = mint();
  const std::string right = token.secret;
  token.secret = "x" + right.substr(1);
  EXPECT_EQ(admit(token, request()).error().failure, Failure::denied);
  token.secret = right;
  for (const char* id : {"", "unknown", "../hosts/b", "a/b"}) {
    token.id = id;
    EXPECT_EQ(admit(token, request()).error().failure, Failure::denied) << id;
  }
}

TEST_F(Join, TheSecretIsNotKeptBesideTheCa) {
  const Token token = mint();
  EXPECT_EQ(text("ca/tokens/" + token.id + ".json").find(token.secret), std::string::npos);
}

TEST_F(Join, OnlyDeclaredHostsAreCertifiedWithTheirDeclaredAddress) {
  EXPECT_EQ(signer_->mint("c", now_).error().failure, Failure::not_found);
  EXPECT_EQ(signer_->mint("../b", now_).error().failure, Failure::bad_config);
  EXPECT_EQ(signer_->renew("c", "", request(), now_).error().failure, Failure::not_found);
  ASSERT_TRUE(signer_->renew("b", "", request(), now_));
}

TEST_F(Join, WhatIsNoRequestIsBadData) {
  EXPECT_EQ(signer_->renew("b", "", "hello", now_).error().failure, Failure::bad_data);
  EXPECT_EQ(admit(mint(), "hello").error().failure, Failure::bad_data);
}

TEST_F(Join, AnAnswerOfAnotherCaOrForAnotherKeyLeavesThePairAsItWas) {
  const auto first = admit(mint(), request());
  ASSERT_TRUE(accept_cert(*files_, at("b"), "b", *first));
  const std::string before = text("b/b.crt") + text("b/b.key");
  ASSERT_TRUE(make_ca(*files_, at("strange"), "test", now_));
  ASSERT_TRUE(declare(*files_, at("strange"), {"b", {}, 24h}));
  Signer strange(*files_, *random_, at("strange"));
  const auto foreign = strange.renew("b", "", request(), now_);
  ASSERT_TRUE(foreign);
  EXPECT_EQ(accept_cert(*files_, at("b"), "b", *foreign).error().failure, Failure::denied);
  EXPECT_EQ(accept_cert(*files_, at("b"), "b", *first).error().failure, Failure::bad_data);
  EXPECT_EQ(accept_cert(*files_, at("b"), "b", "hello").error().failure, Failure::bad_data);
  EXPECT_EQ(text("b/b.crt") + text("b/b.key"), before);
}

TEST_F(Join, AnAcceptanceCutOffBetweenItsTwoFilesIsFinished) {
  const auto first = admit(mint(), request());
  ASSERT_TRUE(accept_cert(*files_, at("b"), "b", *first));
  const auto second = signer_->renew("b", "", request(), now_);
  ASSERT_TRUE(second);
  const std::string next = text("b/b.key.next");
  ASSERT_TRUE(files_->write(at("b/b.crt"), *second));  // and then the power went
  ASSERT_TRUE(mend(*files_, at("b"), "b"));
  EXPECT_EQ(text("b/b.key"), next);
  // A request that was never answered is no half of a pair.
  const std::string key = text("b/b.key");
  ASSERT_FALSE(request().empty());
  ASSERT_TRUE(mend(*files_, at("b"), "b"));
  EXPECT_EQ(text("b/b.key"), key);
}

TEST_F(Join, ATokenIsOneWordAndReadsBack) {
  Token token = mint();
  token.fleet = "live";
  token.signer = "a";
  token.ip = "198.18.0.1";
  token.port = 7401;
  const std::string word = word_of(token);
  EXPECT_EQ(word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789-_"),
            std::string::npos);
  const auto read = token_from(word);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->secret, token.secret);
  EXPECT_EQ(read->ca, token.ca);
  EXPECT_EQ(read->port, 7401);
  for (const std::string& text : {std::string(), std::string("hello"), word.substr(0, 40),
                                  std::string(5000, 'A'), word + "!"}) {
    EXPECT_EQ(token_from(text).error().failure, Failure::bad_config) << text;
  }
}

TEST_F(Join, AShortLifeIsRenewedAtTwoThirdsOfIt) {
  ASSERT_TRUE(declare(*files_, at("ca"), {"b", {}, 30s}));
  const auto cert = signer_->renew("b", "", request(), now_);
  ASSERT_TRUE(accept_cert(*files_, at("b"), "b", *cert));
  const auto facts = read_cert(*files_, at("b/b.crt"));
  ASSERT_TRUE(facts);
  EXPECT_FALSE(renewal_due(*facts, now_ + 10s));
  EXPECT_TRUE(renewal_due(*facts, now_ + 25s));
  EXPECT_TRUE(renewal_due(*facts, now_ - 1h)) << "the clock was set back";
  EXPECT_GT(facts->until, now_ + 25s);
}

}  // namespace
}  // namespace weir::access
