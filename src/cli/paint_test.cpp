#include "cli/paint.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

TEST(Paint, OnlyATerminalThatWantsIt) {
  EXPECT_TRUE(wants_colour("auto", true, nullptr, "xterm"));
  EXPECT_TRUE(wants_colour("auto", true, "", "xterm"));
  EXPECT_FALSE(wants_colour("auto", true, "1", "xterm"));
  EXPECT_FALSE(wants_colour("auto", true, nullptr, "dumb"));
  EXPECT_FALSE(wants_colour("auto", true, nullptr, nullptr));
  EXPECT_FALSE(wants_colour("auto", false, nullptr, "xterm"));
  EXPECT_FALSE(wants_colour("never", true, nullptr, "xterm"));
  EXPECT_TRUE(wants_colour("always", false, "1", "dumb"));
}

TEST(Paint, WholeWordsAndSigns) {
  EXPECT_EQ(painted("orders: healthy\n"), "orders: \x1b[32mhealthy\x1b[0m\n");
  EXPECT_EQ(painted("not healthy"), "\x1b[31mnot healthy\x1b[0m");
  EXPECT_EQ(painted("unhealthy serving_x"), "unhealthy serving_x");
  EXPECT_EQ(painted("  + orders/member/a"), "\x1b[32m  + orders/member/a\x1b[0m");
  EXPECT_EQ(painted(""), "");
}

}  // namespace
}  // namespace weir::cli
