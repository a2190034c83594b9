// The certificates are judged by OpenSSL's own chain verification, not by our reading of them.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "access/access.h"
#include "world/real.h"

namespace weir::access {
namespace {

X509* load(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) return nullptr;
  X509* cert = PEM_read_X509(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  return cert;
}

class Certs : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/weir-access-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    folder_ = path;
  }
  void TearDown() override { ASSERT_TRUE(files_->remove(folder_)); }

  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  Result<> make(const std::string& ca = "ca") {
    return make_ca(*files_, at(ca), "quickstart", clock_->wall());
  }
  Result<> issue_at(WallTime now, CertRequest request = {"b", {"127.64.0.2", "::1"}, 24h * 90}) {
    return issue(*files_, at("ca"), at("b"), request, now, *random_);
  }
  std::string text(const std::string& name) { return files_->read(at(name)).value_or("absent"); }

  // OpenSSL's verdict on b/b.crt for `purpose` under the given CA: X509_V_OK or an error number.
  int verdict(const std::string& ca, int purpose, const char* host, const char* ip) {
    X509* authority = load(at(ca));
    X509* cert = load(at("b/b.crt"));
    X509_STORE* store = X509_STORE_new();
    X509_STORE_add_cert(store, authority);
    X509_STORE_CTX* check = X509_STORE_CTX_new();
    X509_STORE_CTX_init(check, store, cert, nullptr);
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(check);
    X509_STORE_CTX_set_purpose(check, purpose);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    if (host != nullptr) X509_VERIFY_PARAM_set1_host(param, host, 0);
    if (ip != nullptr) X509_VERIFY_PARAM_set1_ip_asc(param, ip);
    X509_verify_cert(check);
    const int result = X509_STORE_CTX_get_error(check);
    X509_STORE_CTX_free(check);
    X509_STORE_free(store);
    X509_free(cert);
    X509_free(authority);
    return result;
  }

  std::string folder_;
  std::unique_ptr<Files> files_ = make_real_files();
  std::unique_ptr<Random> random_ = make_real_random();
  std::unique_ptr<Clock> clock_ = make_real_clock();
};

TEST_F(Certs, OpensslAcceptsThemForBothSidesByNameAndAddress) {
  ASSERT_TRUE(make());
  ASSERT_TRUE(issue_at(clock_->wall()));
  EXPECT_EQ(verdict("b/ca.crt", X509_PURPOSE_SSL_SERVER, "b", nullptr), X509_V_OK);
  EXPECT_EQ(verdict("b/ca.crt", X509_PURPOSE_SSL_CLIENT, "b", nullptr), X509_V_OK);
  EXPECT_EQ(verdict("b/ca.crt", X509_PURPOSE_SSL_SERVER, nullptr, "127.64.0.2"), X509_V_OK);
  EXPECT_EQ(verdict("b/ca.crt", X509_PURPOSE_SSL_SERVER, nullptr, "::1"), X509_V_OK);
}

TEST_F(Certs, OpensslRefusesAnotherNameAddressOrAuthority) {
  ASSERT_TRUE(make());
  ASSERT_TRUE(make("other"));
  ASSERT_TRUE(issue_at(clock_->wall()));
  EXPECT_EQ(verdict("b/ca.crt", X509_PURPOSE_SSL_SERVER, "c", nullptr),
            X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verdict("b/ca.crt", X509_PURPOSE_SSL_SERVER, nullptr, "127.64.0.3"),
            X509_V_ERR_IP_ADDRESS_MISMATCH);
  EXPECT_NE(verdict("other/ca.crt", X509_PURPOSE_SSL_SERVER, "b", nullptr), X509_V_OK);
}

TEST_F(Certs, AHostCertificateSignsNothing) {
  ASSERT_TRUE(make());
  ASSERT_TRUE(issue_at(clock_->wall()));
  X509* cert = load(at("b/b.crt"));
  EXPECT_EQ(X509_check_ca(cert), 0);
  X509_free(cert);
}

TEST_F(Certs, KeysAreReadableByTheirOwnerOnly) {
  ASSERT_TRUE(make());
  ASSERT_TRUE(issue_at(clock_->wall()));
  for (const char* name : {"ca/ca.key", "b/b.key"}) {
    struct stat facts {};
    ASSERT_EQ(::stat(at(name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 0777u, 0600u) << name;
  }
}

TEST_F(Certs, MakingTheCaAgainChangesNothing) {
  ASSERT_TRUE(make());
  const std::string before = text("ca/ca.crt") + text("ca/ca.key");
  ASSERT_TRUE(make());
  EXPECT_EQ(text("ca/ca.crt") + text("ca/ca.key"), before);
}

TEST_F(Certs, ACaThatWasInterruptedAfterItsKeyIsFinished) {
  ASSERT_TRUE(make());
  const std::string key = text("ca/ca.key");
  ASSERT_TRUE(files_->remove(at("ca/ca.crt")));
  ASSERT_TRUE(make());
  EXPECT_EQ(text("ca/ca.key"), key);
  ASSERT_TRUE(issue_at(clock_->wall()));
  EXPECT_EQ(verdict("ca/ca.crt", X509_PURPOSE_SSL_SERVER, "b", nullptr), X509_V_OK);
}

TEST_F(Certs, ACaWhoseHalvesDoNotBelongTogetherIsBadData) {
  ASSERT_TRUE(make());
  ASSERT_TRUE(make("other"));
  ASSERT_TRUE(files_->write(at("ca/ca.key"), text("other/ca.key")));
  EXPECT_EQ(make().error().failure, Failure::bad_data);
  ASSERT_TRUE(files_->remove(at("ca/ca.key")));
  EXPECT_EQ(make().error().failure, Failure::bad_data);
}

TEST_F(Certs, ACertificateIsKeptUntilTwoThirdsOfItsLife) {
  ASSERT_TRUE(make());
  const WallTime now = clock_->wall();
  ASSERT_TRUE(issue_at(now));
  const std::string first = text("b/b.crt");
  const std::string key = text("b/b.key");
  ASSERT_TRUE(issue_at(now + 24h * 59));
  EXPECT_EQ(text("b/b.crt"), first);
  ASSERT_TRUE(issue_at(now + 24h * 60));
  EXPECT_NE(text("b/b.crt"), first);
  EXPECT_NE(text("b/b.key"), key);
}

TEST_F(Certs, ACertificateOfOtherNamesOrOfAnotherCaIsReplaced) {
  ASSERT_TRUE(make());
  const WallTime now = clock_->wall();
  ASSERT_TRUE(issue_at(now));
  const std::string first = text("b/b.crt");
  ASSERT_TRUE(issue_at(now, {"b", {"127.64.0.9"}, 24h * 90}));
  const std::string second = text("b/b.crt");
  EXPECT_NE(second, first);
  EXPECT_EQ(verdict("ca/ca.crt", X509_PURPOSE_SSL_SERVER, nullptr, "127.64.0.9"), X509_V_OK);
  ASSERT_TRUE(files_->remove(at("ca")));
  ASSERT_TRUE(make());
  ASSERT_TRUE(issue_at(now, {"b", {"127.64.0.9"}, 24h * 90}));
  EXPECT_EQ(text("b/ca.crt"), text("ca/ca.crt"));
  EXPECT_EQ(verdict("ca/ca.crt", X509_PURPOSE_SSL_SERVER, "b", nullptr), X509_V_OK);
}

TEST_F(Certs, FactsAreReadBack) {
  ASSERT_TRUE(make());
  const WallTime now = clock_->wall();
  ASSERT_TRUE(issue_at(now));
  const auto facts = read_cert(*files_, at("b/b.crt"));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->name, "b");
  EXPECT_LE(facts->from, now - 1h);
  EXPECT_GT(facts->from, now - 1h - 2s);
  EXPECT_LE(facts->until, now + 24h * 90);
  EXPECT_GT(facts->until, now + 24h * 90 - 2s);
}

TEST_F(Certs, NamesAndAddressesThatMeanSomethingElseAreRefused) {
  ASSERT_TRUE(make());
  const WallTime now = clock_->wall();
  for (const char* name : {"", "b,DNS:c", "b\nc", "*"}) {
    EXPECT_EQ(issue_at(now, {name, {}, 24h}).error().failure, Failure::bad_config) << name;
  }
  EXPECT_EQ(issue_at(now, {"b", {"localhost"}, 24h}).error().failure, Failure::bad_config);
}

TEST_F(Certs, WhatIsNoCertificateIsBadDataAndWhatIsAbsentIsNotFound) {
  ASSERT_TRUE(files_->write(at("x.crt"), "hello"));
  EXPECT_EQ(read_cert(*files_, at("x.crt")).error().failure, Failure::bad_data);
  EXPECT_EQ(read_cert(*files_, at("y.crt")).error().failure, Failure::not_found);
  EXPECT_EQ(issue_at(clock_->wall()).error().failure, Failure::not_found);
}

}  // namespace
}  // namespace weir::access
