#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>

#include "access/access.h"
#include "world/real.h"

namespace weir::access {
namespace {

// The salt and password of RFC 7677's example; the keys are those that its exchange proves.
const std::string kSalt = "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
const std::string kVerifier =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

TEST(Scram, TheExampleOfTheStandard) {
  const auto verifier = scram_verifier("pencil", kSalt);
  ASSERT_TRUE(verifier);
  EXPECT_EQ(*verifier, kVerifier);
}

TEST(Scram, MatchesItsOwnPasswordOnly) {
  EXPECT_TRUE(scram_matches(kVerifier, "pencil"));
  EXPECT_FALSE(scram_matches(kVerifier, "Pencil"));
  EXPECT_FALSE(scram_matches(kVerifier, ""));
}

TEST(Scram, WhatIsNoVerifierMatchesNothing) {
  for (const char* text :
       {"", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:AAAA$x:y", "SCRAM-SHA-256$x:AAAA$x:y",
        "SCRAM-SHA-256$4096:!!!!$x:y", "SCRAM-SHA-256$4096:AAA$x:y"}) {
    EXPECT_FALSE(scram_matches(text, "pencil")) << text;
  }
  EXPECT_FALSE(scram_matches(kVerifier + "=", "pencil"));
}

TEST(Scram, PasswordsThatAClientWouldChangeFirstAreRefused) {
  EXPECT_EQ(scram_verifier("caf\xc3\xa9", kSalt).error().failure, Failure::unsupported);
  EXPECT_EQ(scram_verifier("", kSalt).error().failure, Failure::bad_config);
}

TEST(Password, IsLongPlainAndNeverTheSame) {
  const auto random = make_real_random();
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string password = new_password(*random);
    EXPECT_EQ(password.size(), 24u);
    EXPECT_EQ(password.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789"),
              std::string::npos);
    EXPECT_TRUE(seen.insert(password).second);
  }
}

class Reference : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/weir-secret-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    folder_ = path;
  }
  void TearDown() override { ASSERT_TRUE(files_->remove(folder_)); }
  Failure failure(const std::string& reference) {
    const auto value = resolve(*files_, reference);
    EXPECT_FALSE(value) << reference;
    return value ? Failure::io : value.error().failure;
  }

  std::string folder_;
  std::unique_ptr<Files> files_ = make_real_files();
};

TEST_F(Reference, EnvironmentAndFileAreRead) {
  ::setenv("WEIR_TEST_SECRET", "s3cret", 1);
  EXPECT_EQ(resolve(*files_, "env:WEIR_TEST_SECRET").value_or(""), "s3cret");
  ::unsetenv("WEIR_TEST_SECRET");
  ASSERT_TRUE(files_->write(folder_ + "/pw", "s3cret \n"));
  EXPECT_EQ(resolve(*files_, "file:" + folder_ + "/pw").value_or(""), "s3cret ");
}

TEST_F(Reference, WhatIsMissingOrEmptyIsNotFound) {
  EXPECT_EQ(failure("env:WEIR_TEST_ABSENT"), Failure::not_found);
  EXPECT_EQ(failure("file:" + folder_ + "/absent"), Failure::not_found);
  ASSERT_TRUE(files_->write(folder_ + "/empty", "\n"));
  EXPECT_EQ(failure("file:" + folder_ + "/empty"), Failure::not_found);
}

TEST_F(Reference, AnotherFormIsRefusedWithoutRepeatingIt) {
  for (const char* text : {"hunter2", "env:", "file:", "vault:x", ""}) {
    EXPECT_EQ(failure(text), Failure::bad_config) << text;
  }
  EXPECT_EQ(failure("file:relative/path"), Failure::bad_config);
  EXPECT_EQ(resolve(*files_, "hunter2").error().what.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace weir::access
