// The real Postgres passes the suite by which the fake is trusted.
#include <csignal>

#include "engine/conformance.h"
#include "tests/real/support.h"

namespace weir::test {

class PostgresBench {
 public:
  Deadline within(Duration duration) { return it_.within(duration); }
  Clock& clock() { return it_.clock(); }
  const Service& service() { return it_.service(); }
  const Member& member(const std::string& host) { return it_.member(host); }
  engine::Engine& engine(const std::string& host) { return it_.engine(host); }
  void kill(const std::string& host) {
    const auto killed = it_.world().servers.kill_all(it_.server(host), within(10s));
    EXPECT_TRUE(killed.has_value());
  }

 private:
  Installation it_;
};

}  // namespace weir::test

namespace weir::engine {

INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, Conformance, weir::test::PostgresBench);

}  // namespace weir::engine
