// Sealed values: whom they are for, and that nobody else reads or changes them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "access/access.h"
#include "world/real.h"

namespace weir::access {
namespace {

class Seal : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/weir-seal-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    folder_ = path;
    for (const char* host : {"a", "b", "c"}) {
      ASSERT_TRUE(files_->make_folder(folder_ + "/" + host));
      keys_[host] = make_seal(*files_, folder_ + "/" + host).value_or("");
    }
  }
  void TearDown() override { ASSERT_TRUE(files_->remove(folder_)); }

  std::string for_hosts(const std::vector<std::string>& hosts) {
    std::map<std::string, std::string> to;
    for (const std::string& host : hosts) to[host] = keys_[host];
    return seal(to, "s3cret").value_or("");
  }
  Result<std::string> open(const std::string& host, const std::string& text) {
    return unseal(*files_, folder_ + "/" + host, host, text);
  }

  std::string folder_;
  std::map<std::string, std::string> keys_;
  std::unique_ptr<Files> files_ = make_real_files();
};

TEST_F(Seal, ThoseWhomItIsForReadIt) {
  const std::string text = for_hosts({"a", "b"});
  EXPECT_TRUE(is_sealed(text));
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
  EXPECT_EQ(open("a", text).value_or(""), "s3cret");
  EXPECT_EQ(open("b", text).value_or(""), "s3cret");
  EXPECT_EQ(sealed_for(text).value_or(std::set<std::string>{}), (std::set<std::string>{"a", "b"}));
}

TEST_F(Seal, NobodyElseReadsIt) {
  const std::string text = for_hosts({"a"});
  EXPECT_EQ(open("c", text).error().failure, Failure::not_found);
  // Also not who takes the other's name.
  const auto stolen = unseal(*files_, folder_ + "/c", "a", text);
  ASSERT_FALSE(stolen);
  EXPECT_EQ(stolen.error().failure, Failure::bad_data);
}

TEST_F(Seal, TheSameSecretNeverLooksTheSame) { EXPECT_NE(for_hosts({"a"}), for_hosts({"a"})); }

TEST_F(Seal, WhatWasChangedIsNotOpened) {
  const std::string text = for_hosts({"a"});
  for (std::size_t at = 7; at < text.size(); at += 7) {
    std::string changed = text;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    const auto opened = open("a", changed);
    // A changed letter of the key's PEM may read as the same key; then it is the same secret.
    EXPECT_EQ(opened.value_or("s3cret"), "s3cret");
  }
  EXPECT_FALSE(open("a", text.substr(0, text.size() / 2)));
  EXPECT_FALSE(open("a", "sealed:"));
  EXPECT_FALSE(open("a", "hello"));
}

TEST_F(Seal, TheKeyIsMadeOnceAndForItsOwnerOnly) {
  EXPECT_EQ(make_seal(*files_, folder_ + "/a").value_or(""), keys_["a"]);
  EXPECT_EQ(keys_["a"].find("PRIVATE"), std::string::npos);
}

}  // namespace
}  // namespace weir::access
