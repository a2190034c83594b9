// Revoking: what the list names, who believes it, and what a hostile one achieves. OpenSSL's own
// chain verification is the judge.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "access/access.h"
#include "world/passing_files_test.h"
#include "world/real.h"

namespace weir::access {
namespace {

// Does something else before the first write of a path that contains `at`.
class Meddled : public PassingFiles {
 public:
  Meddled(Files& files, std::string at, std::function<void()> meddle)
      : PassingFiles(files), at_(std::move(at)), meddle_(std::move(meddle)) {}
  Result<> write(const std::string& path, std::string_view text, int mode) override {
    if (path.find(at_) != std::string::npos) std::exchange(meddle_, [] {})();
    return PassingFiles::write(path, text, mode);
  }

 private:
  const std::string at_;
  std::function<void()> meddle_;
};

class Revoking : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/weir-crl-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    folder_ = path;
    ASSERT_NO_FATAL_FAILURE(found("ca"));
    signer_.emplace(*files_, *random_, at("ca"));
  }
  void TearDown() override { ASSERT_TRUE(files_->remove(folder_)); }

  void found(const std::string& ca) {
    ASSERT_TRUE(make_ca(*files_, at(ca), "test", now_));
    for (const char* host : {"b", "c"}) {
      ASSERT_TRUE(declare(*files_, at(ca), {host, {"198.18.0.2"}, 24h * 90}));
    }
  }
  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  std::string ca(const std::string& name = "ca") {
    return files_->read(at(name) + "/ca.crt").value_or("");
  }
  std::string request(const std::string& host) {
    return request_cert(*files_, at(host), host).value_or("");
  }
  // The serial of a new certificate that `host` has got by a token.
  std::string join(const std::string& host) {
    EXPECT_TRUE(files_->make_folder(at(host)));
    EXPECT_TRUE(files_->write(at(host) + "/ca.crt", ca()));
    const auto token = signer_->mint(host, now_);
    const auto seal = make_seal(*files_, at(host));
    const auto cert = signer_->admit(token->id, token->secret, request(host), *seal, now_);
    EXPECT_TRUE(cert && accept_cert(*files_, at(host), host, *cert));
    return serial_of(host);
  }
  std::string serial_of(const std::string& host) {
    return read_cert(*files_, at(host) + "/" + host + ".crt").value_or(CertFacts{}).serial;
  }
  Result<Crl> revoke(const std::string& host) { return signer_->revoke(host, {}, {}, now_); }

  // OpenSSL's verdict on HOST.crt with `crl`.
  int verdict(const std::string& host, const std::string& crl) {
    const auto text = files_->read(at(host) + "/" + host + ".crt").value_or("");
    X509* cert = parse<X509>(text, PEM_read_bio_X509);
    X509* authority = parse<X509>(ca(), PEM_read_bio_X509);
    X509_CRL* list = parse<X509_CRL>(crl, PEM_read_bio_X509_CRL);
    X509_STORE* store = X509_STORE_new();
    X509_STORE_add_cert(store, authority);
    X509_STORE_add_crl(store, list);
    X509_STORE_CTX* check = X509_STORE_CTX_new();
    X509_STORE_CTX_init(check, store, cert, nullptr);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(check),
                                X509_V_FLAG_CRL_CHECK | X509_V_FLAG_X509_STRICT);
    X509_verify_cert(check);
    const int result = X509_STORE_CTX_get_error(check);
    X509_STORE_CTX_free(check);
    X509_STORE_free(store);
    X509_CRL_free(list);
    X509_free(authority);
    X509_free(cert);
    return result;
  }

  template <class T, class Read>
  static T* parse(const std::string& text, Read read) {
    BIO* bio = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
    T* out = read(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return out;
  }

  std::string folder_;
  std::unique_ptr<Files> files_ = make_real_files();
  std::unique_ptr<Random> random_ = make_real_random();
  const WallTime now_ = make_real_clock()->wall();
  std::optional<Signer> signer_;
};

TEST_F(Revoking, OpensslRefusesEveryCertificateOfTheHostAndNoOther) {
  const std::string first = join("c");
  const auto renewed = signer_->renew("c", first, request("c"), now_);
  ASSERT_TRUE(renewed && accept_cert(*files_, at("c"), "c", *renewed));
  const std::string second = serial_of("c");
  const std::string other = join("b");
  const auto crl = revoke("c");
  ASSERT_TRUE(crl) << crl.error().what;
  EXPECT_EQ(crl->number, 1);
  EXPECT_TRUE(crl->revoked.contains(first) && crl->revoked.contains(second));
  EXPECT_FALSE(crl->revoked.contains(other));
  EXPECT_EQ(verdict("c", crl->pem), X509_V_ERR_CERT_REVOKED);
  EXPECT_EQ(verdict("b", crl->pem), X509_V_OK);
}

TEST_F(Revoking, ARevokedCertificateIsNotRenewedAndANewTokenBringsANewOne) {
  const std::string old = join("c");
  const auto unused = signer_->mint("c", now_);
  const auto crl = revoke("c");
  ASSERT_TRUE(crl);
  EXPECT_EQ(signer_->renew("c", old, request("c"), now_).error().failure, Failure::denied);
  // A token that was out before is worth nothing any more.
  EXPECT_EQ(signer_->admit(unused->id, unused->secret, request("c"), "", now_).error().failure,
            Failure::denied);
  const std::string anew = join("c");
  EXPECT_NE(anew, old);
  EXPECT_EQ(verdict("c", crl->pem), X509_V_OK);
  EXPECT_TRUE(signer_->renew("c", anew, request("c"), now_));
}

// The agent signs while the command revokes: another process. Wherever in the signing that falls,
// what is handed out is either refused or on the list.
TEST_F(Revoking, WhatIsBeingSignedMeanwhileIsRefusedOrListed) {
  const std::string old = join("c");
  for (const char* when : {"/tokens/", "/signed/c/"}) {
    SCOPED_TRACE(when);
    const auto token = signer_->mint("c", now_);
    ASSERT_TRUE(token);
    const auto seal = make_seal(*files_, at("c"));
    Meddled files(*files_, when, [&] { ASSERT_TRUE(revoke("c")); });
    Signer meddled(files, *random_, at("ca"));
    const auto joined = meddled.admit(token->id, token->secret, request("c"), *seal, now_);
    if (joined) {
      const Crl crl = held_crl(*files_, at("ca")).value_or(Crl{});
      ASSERT_TRUE(accept_cert(*files_, at("c"), "c", *joined));
      EXPECT_TRUE(crl.revoked.contains(serial_of("c")));
    }
    // The token is worth nothing after it either.
    EXPECT_FALSE(signer_->admit(token->id, token->secret, request("c"), *seal, now_));
    const std::string own = join("c");
    Meddled others(*files_, when, [&] { ASSERT_TRUE(revoke("c")); });
    Signer renewing(others, *random_, at("ca"));
    const auto renewed = renewing.renew("c", own, request("c"), now_);
    const Crl crl = held_crl(*files_, at("ca")).value_or(Crl{});
    EXPECT_TRUE(!renewed || !crl.revoked.contains(own)) << "renewed although revoked";
  }
  EXPECT_TRUE(held_crl(*files_, at("ca")).value_or(Crl{}).revoked.contains(old));
}

TEST_F(Revoking, RepeatedItChangesNothingAndEachNewOneIsAboveAll) {
  join("c");
  join("b");
  const auto first = revoke("c");
  const auto again = revoke("c");
  ASSERT_TRUE(first && again);
  EXPECT_EQ(again->pem, first->pem);
  const auto second = revoke("b");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->number, 2);
  EXPECT_EQ(second->revoked.size(), 2u);
  // The folder of the CA was put back from a copy of before: nobody is forgotten.
  ASSERT_TRUE(files_->write(at("ca/ca.crl"), first->pem));
  join("b");
  const auto third = signer_->revoke("b", {}, second->pem, now_);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->number, 3);
  EXPECT_EQ(third->revoked.size(), 3u);
}

TEST_F(Revoking, WhatWasNeverSignedIsNotFoundAndWhatStandsElsewhereIsTaken) {
  EXPECT_EQ(revoke("c").error().failure, Failure::not_found);
  EXPECT_EQ(revoke("../b").error().failure, Failure::bad_config);
  const auto crl = signer_->revoke("c", {"40aa"}, {}, now_);
  ASSERT_TRUE(crl) << crl.error().what;
  EXPECT_TRUE(crl->revoked.contains("40aa"));
}

TEST_F(Revoking, ALowerNumberIsNeverTaken) {
  join("b");
  join("c");
  const auto first = revoke("b");
  const auto second = revoke("c");
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(keep_crl(*files_, at("b"), second->pem));
  EXPECT_EQ(keep_crl(*files_, at("b"), first->pem).error().failure, Failure::refused);
  EXPECT_TRUE(keep_crl(*files_, at("b"), second->pem)) << "the same again";
  EXPECT_EQ(held_crl(*files_, at("b")).value_or(Crl{}).number, 2);
}

TEST_F(Revoking, AHostileListIsNotTakenAndLeavesTheOneThatIsHeld) {
  join("b");
  const auto good = revoke("b");
  ASSERT_TRUE(good && keep_crl(*files_, at("b"), good->pem));
  ASSERT_NO_FATAL_FAILURE(found("strange"));
  Signer strange(*files_, *random_, at("strange"));
  const auto foreign = strange.revoke("c", {"41"}, {}, now_);
  ASSERT_TRUE(foreign) << foreign.error().what;
  // The CA has the same name: only its key tells.
  EXPECT_EQ(keep_crl(*files_, at("b"), foreign->pem).error().failure, Failure::denied);
  std::string torn = good->pem;
  torn[torn.size() / 2] = torn[torn.size() / 2] == 'A' ? 'B' : 'A';
  const std::string huge(100u << 20, 'A');
  for (const std::string& text : {std::string(), std::string("hello"), ca(), torn, huge,
                                  good->pem.substr(0, good->pem.size() / 2)}) {
    const auto kept = keep_crl(*files_, at("b"), text);
    ASSERT_FALSE(kept) << text.substr(0, 40);
  }
  EXPECT_EQ(held_crl(*files_, at("b")).value_or(Crl{}).pem, good->pem);
}

TEST_F(Revoking, WhereNothingWasRevokedThereIsNothing) {
  join("b");
  const auto none = held_crl(*files_, at("b"));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->number, 0);
  EXPECT_EQ(none->pem, "");
  // What was damaged on disk is no list without entries: it says so, and a good one replaces it.
  ASSERT_TRUE(files_->write(at("b/ca.crl"), "hello"));
  EXPECT_EQ(held_crl(*files_, at("b")).error().failure, Failure::bad_data);
  const auto crl = revoke("b");
  ASSERT_TRUE(crl && keep_crl(*files_, at("b"), crl->pem));
  EXPECT_EQ(held_crl(*files_, at("b")).value_or(Crl{}).number, 1);
}

TEST_F(Revoking, ASerialIsShownAsPostgresShowsIt) {
  EXPECT_EQ(decimal_of("ff"), "255");
  EXPECT_EQ(decimal_of("400000000000000000000000000000ff"),
            "85070591730234615865843651857942053119");
  EXPECT_EQ(decimal_of("hello"), "");
}

}  // namespace
}  // namespace weir::access
