// Durable files on a real disk.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "world/real.h"

namespace weir {
namespace {

class RealFilesTest : public ::testing::Test {
 protected:
  RealFilesTest() {
    char path[] = "/tmp/weir-wt-XXXXXX";
    root_ = ::mkdtemp(path);
  }
  ~RealFilesTest() override { EXPECT_TRUE(files_->remove(root_)); }

  static struct stat look(const std::string& path) {
    struct stat seen {};
    EXPECT_EQ(::stat(path.c_str(), &seen), 0) << path;
    return seen;
  }

  std::string root_;
  std::unique_ptr<Files> files_ = make_real_files();
};

TEST_F(RealFilesTest, ReadsWhatWasWritten) {
  const std::string all("a\0b\n", 4);
  ASSERT_TRUE(files_->write(root_ + "/x", all));
  EXPECT_EQ(files_->read(root_ + "/x").value(), all);
  EXPECT_EQ(look(root_ + "/x").st_mode & 07777, 0600U);
  ASSERT_TRUE(files_->write(root_ + "/x", "second", 0640));
  EXPECT_EQ(files_->read(root_ + "/x").value(), "second");
  EXPECT_EQ(look(root_ + "/x").st_mode & 07777, 0640U);
}

TEST_F(RealFilesTest, ReadsThePartThatIsAskedFor) {
  ASSERT_TRUE(files_->write(root_ + "/x", "0123456789"));
  const auto part = [&](std::uint64_t from, std::size_t most) {
    const auto got = files_->read_part(root_ + "/x", from, most);
    EXPECT_TRUE(got);
    EXPECT_EQ(got ? got->file_bytes : 0, 10U);
    // What a world gets that brings no way of its own is the same.
    const auto plain = files_->Files::read_part(root_ + "/x", from, most);
    EXPECT_TRUE(plain && got && plain->bytes == got->bytes && plain->file_bytes == 10U);
    return got ? got->bytes : "?";
  };
  EXPECT_EQ(part(0, 4), "0123");
  EXPECT_EQ(part(4, 100), "456789");
  EXPECT_EQ(part(9, 1), "9");
  EXPECT_EQ(part(3, 0), "");
  EXPECT_EQ(part(10, 1), "");
  EXPECT_EQ(part(std::uint64_t{1} << 62, 1), "");
  EXPECT_EQ(files_->read_part(root_ + "/none", 0, 1).error().failure, Failure::not_found);
  EXPECT_FALSE(files_->read_part(root_, 0, 1));
}

TEST_F(RealFilesTest, ReplacesWholeFilesUnderManyWriters) {
  const std::string path = root_ + "/x";
  ASSERT_TRUE(files_->write(path, std::string(10000, 'a')));
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c'}) {
    writers.emplace_back([&, letter] {
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(files_->write(path, std::string(10000, letter)));
    });
  }
  for (int i = 0; i < 100; ++i) {
    const std::string seen = files_->read(path).value();
    ASSERT_EQ(seen, std::string(10000, seen.at(0)));
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(files_->list(root_).value(), std::vector<std::string>{"x"});
}

TEST_F(RealFilesTest, ListsNamesSortedAndNoWriteThatACrashCutOff) {
  for (const char* name : {"b", "a", ".hidden", ".a.7-0.tmp"}) {
    std::ofstream file(root_ + "/" + name);
    file << "x";
  }
  EXPECT_EQ(files_->list(root_).value(), (std::vector<std::string>{".hidden", "a", "b"}));
}

TEST_F(RealFilesTest, Appends) {
  ASSERT_TRUE(files_->append(root_ + "/log", "one\n"));
  ASSERT_TRUE(files_->append(root_ + "/log", "two\n"));
  EXPECT_EQ(files_->read(root_ + "/log").value(), "one\ntwo\n");
  EXPECT_EQ(look(root_ + "/log").st_mode & 07777, 0600U);
}

TEST_F(RealFilesTest, FollowsNoLinkWhenItWrites) {
  ASSERT_TRUE(files_->write(root_ + "/target", "kept"));
  ASSERT_EQ(::symlink((root_ + "/target").c_str(), (root_ + "/link").c_str()), 0);
  EXPECT_FALSE(files_->append(root_ + "/link", "more"));
  ASSERT_TRUE(files_->write(root_ + "/link", "new"));
  EXPECT_EQ(files_->read(root_ + "/target").value(), "kept");
  EXPECT_EQ(files_->read(root_ + "/link").value(), "new");
}

TEST_F(RealFilesTest, RemovesTreesAndIsContentWithAbsence) {
  ASSERT_TRUE(files_->make_folder(root_ + "/t/deep"));
  ASSERT_TRUE(files_->write(root_ + "/t/deep/x", "x"));
  ASSERT_TRUE(files_->remove(root_ + "/t"));
  EXPECT_FALSE(files_->exists(root_ + "/t"));
  EXPECT_TRUE(files_->remove(root_ + "/t"));
}

TEST_F(RealFilesTest, MakesFoldersThatOthersPassButDoNotList) {
  ASSERT_TRUE(files_->make_folder(root_ + "/p/q", 0700));
  EXPECT_EQ(look(root_ + "/p").st_mode & 07777, 0711U);
  EXPECT_EQ(look(root_ + "/p/q").st_mode & 07777, 0700U);
  EXPECT_TRUE(files_->make_folder(root_ + "/p/q"));
  ASSERT_TRUE(files_->write(root_ + "/file", "x"));
  EXPECT_EQ(files_->make_folder(root_ + "/file").error().failure, Failure::bad_data);
}

TEST_F(RealFilesTest, RenamesOverAndBetweenFolders) {
  ASSERT_TRUE(files_->make_folder(root_ + "/to"));
  ASSERT_TRUE(files_->write(root_ + "/x", "x"));
  ASSERT_TRUE(files_->rename(root_ + "/x", root_ + "/to/y"));
  EXPECT_FALSE(files_->exists(root_ + "/x"));
  EXPECT_EQ(files_->read(root_ + "/to/y").value(), "x");
}

TEST_F(RealFilesTest, NamesThePathAndTheReasonOfAFailure) {
  const auto absent = files_->read(root_ + "/absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().failure, Failure::not_found);
  EXPECT_NE(absent.error().what.find(root_ + "/absent"), std::string::npos);
  EXPECT_EQ(files_->write(root_ + "/no/x", "x").error().failure, Failure::not_found);
  // A full disk that every Linux has.
  const auto full = files_->append("/dev/full", "x");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().failure, Failure::no_space);
  EXPECT_NE(full.error().what.find("no space left"), std::string::npos) << full.error().what;
}

TEST_F(RealFilesTest, AsRootGivesNewFilesToTheOwnerOfTheirFolder) {
  if (::geteuid() != 0) {
    // Nobody but root can give files away, and nothing is to be given.
    ASSERT_TRUE(files_->write(root_ + "/x", "x"));
    EXPECT_EQ(look(root_ + "/x").st_uid, ::geteuid());
    return;
  }
  ASSERT_TRUE(files_->make_folder(root_ + "/theirs"));
  ASSERT_EQ(::chown((root_ + "/theirs").c_str(), 65534, 65534), 0);
  ASSERT_TRUE(files_->write(root_ + "/theirs/x", "x"));
  ASSERT_TRUE(files_->append(root_ + "/theirs/y", "y"));
  ASSERT_TRUE(files_->make_folder(root_ + "/theirs/z"));
  for (const char* name : {"x", "y", "z"})
    EXPECT_EQ(look(root_ + "/theirs/" + name).st_uid, 65534U) << name;
}

}  // namespace
}  // namespace weir
