// What counts as a member's own data.
#include "engine/postgres/whose_data.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "engine/postgres/notes.h"
#include "world/real.h"

namespace weir::engine::postgres {
namespace {

// The first bytes of the control file of a cluster with the identifier 0x0807060504030201.
const std::string kControl = "\x01\x02\x03\x04\x05\x06\x07\x08 and what else it holds";
constexpr const char* kSystem = "578437695752307201";

class WhoseData : public testing::Test {
 protected:
  void SetUp() override {
    std::array<char, 22> name{"/tmp/weir-data-XXXXXX"};
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name.data();
    layout_.data = folder_ + "/data";
    layout_.incarnation = folder_ + "/incarnation.json";
    put("/data/PG_VERSION", "15\n");
    put("/data/global/pg_control", kControl);
    ASSERT_TRUE(
        write_incarnation(*files_, layout_.incarnation, Incarnation("abc"), kSystem).has_value());
  }
  void TearDown() override { (void)files_->remove(folder_); }

  void put(const std::string& path, const std::string& content) {
    const std::string whole = folder_ + path;
    ASSERT_TRUE(files_->make_folder(whole.substr(0, whole.rfind('/'))).has_value());
    ASSERT_TRUE(files_->write(whole, content).has_value());
  }
  std::string refusal() {
    const auto ours = refuse_exchanged(*files_, layout_);
    return ours ? "" : ours.error().what;
  }

  std::unique_ptr<Files> files_ = make_real_files();
  std::string folder_;
  Layout layout_;
};

TEST_F(WhoseData, TheMembersOwnIsTaken) {
  EXPECT_EQ(system_of(*files_, layout_.data).value_or("?"), kSystem);
  EXPECT_EQ(refusal(), "");
}

TEST_F(WhoseData, AnotherVersionIsRefused) {
  put("/data/PG_VERSION", "14\n");
  EXPECT_EQ(refusal(), "cannot use " + layout_.data +
                           ": its data is of PostgreSQL 14, and this member is of PostgreSQL 15; "
                           "it was left untouched");
}

TEST_F(WhoseData, AnotherClusterIsRefused) {
  put("/data/global/pg_control", "\x02" + kControl.substr(1));
  EXPECT_NE(refusal().find("of another cluster"), std::string::npos) << refusal();
}

TEST_F(WhoseData, ANoteOfBeforeSaysNothingOfTheCluster) {
  ASSERT_TRUE(write_incarnation(*files_, layout_.incarnation, Incarnation("abc"), "").has_value());
  put("/data/global/pg_control", "\x02" + kControl.substr(1));
  EXPECT_EQ(refusal(), "");
}

TEST_F(WhoseData, NoDataIsNobodys) {
  ASSERT_TRUE(files_->remove(layout_.data).has_value());
  EXPECT_EQ(refusal(), "");
}

}  // namespace
}  // namespace weir::engine::postgres
