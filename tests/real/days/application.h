// An application of a fleet under test.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/real/fleet/live_fleet.h"

namespace weir::test {

// An application that inserts numbers and remembers those that were acknowledged.
class Application {
 public:
  explicit Application(LiveFleet& fleet) : fleet_(fleet) {
    const std::string made =
        fleet.sql(fleet.leader(), "set role shop_owner; create table kept(n int primary key)");
    EXPECT_EQ(made, "");
  }
  void write(int times) {
    for (int i = 0; i < times; ++i) {
      const std::string n = std::to_string(++last_);
      if (fleet_.as_application("insert into kept values (" + n + ") returning n").out == n) {
        acknowledged_.push_back(n);
      }
    }
  }
  std::size_t acknowledged() const { return acknowledged_.size(); }
  // Every acknowledged row is there, read on the leader.
  void expect_all() {
    std::string list;
    for (const std::string& n : acknowledged_) list += (list.empty() ? "" : ",") + n;
    const std::string found =
        fleet_.as_application("select count(*) from kept where n in (" + list + ")").out;
    EXPECT_EQ(found, std::to_string(acknowledged_.size()));
  }

 private:
  LiveFleet& fleet_;
  int last_ = 0;
  std::vector<std::string> acknowledged_;
};

}  // namespace weir::test
