// The command line killed at every step of a drill: its fault, its schema and its notes are cleaned
// up by whoever drills next, and that drill is a good one. One row for each step.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "drill/decide.h"
#include "drill/drill.h"
#include "sim/world.h"

namespace weir::sim {
namespace {

constexpr const char* kStateFile = "/operator/drill.json";
constexpr Duration kAllWithin = 600s;
constexpr Duration kCalmFor = 3s;

struct Row {
  const char* step;
  const char* after;   // the call counts only after something was said that begins so; "": at once
  const char* call;    // the step's first call
  const char* detail;  // which its detail contains
  bool unhealthy = false;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.step; }

const Row kDrill[] = {
    {"Refuse", "", "record", "", true},           {"Prepare", "", "write", "drill.json"},
    {"StartLoad", "", "say", "writers commit"},   {"Inject", "", "say", "kill-host: "},
    {"Revert", "", "say", "reverting the fault"}, {"EndLoad", "", "say", "ending the load"},
    {"Audit", "ending the load", "record", ""},   {"CleanUp", "commits compared", "record", ""},
    {"Finish", "commits compared", "phases", ""},
};
static_assert(std::size(kDrill) == std::variant_size_v<drill::Step>);

// The supervisor's part: it outlives every command line, and ends a fault by itself when its time
// is over.
class SimSupervisor : public drill::Injector {
 public:
  explicit SimSupervisor(SimFleet& fleet) : fleet_(fleet) {}

  Result<Instant> inject(const drill::FaultOrder& order, Deadline) override {
    cross("inject", order.kind);
    down_ = order.host;
    drill_ = order.drill;
    soon([this, host = order.host] { fleet_.kill_host(host); });
    fleet_.fibers().at(fleet_.fibers().now() + order.revert_by,
                       [this, drill = order.drill] { mend(drill); });
    cross("injected", order.kind);
    return fleet_.fibers().now();
  }
  Result<> revert(const std::string& drill, Deadline) override {
    cross("revert", drill);
    soon([this, drill] { mend(drill); });
    cross("reverted", drill);
    return {};
  }
  Result<bool> reverted(const std::string& drill, Deadline) override {
    cross("ask", drill);
    return drill != drill_ || fleet_.cluster().up(down_);
  }
  bool all_mended() const { return down_.empty() || fleet_.cluster().up(down_); }

 private:
  void cross(const char* call, const std::string& detail) {
    fleet_.client().passage.cross(call, detail, 1ms, 3ms);
  }
  void soon(std::function<void()> what) {
    fleet_.fibers().at(fleet_.fibers().now(), std::move(what));
  }
  void mend(const std::string& drill) {
    if (drill == drill_) fleet_.revive_host(down_);
  }

  SimFleet& fleet_;
  HostName down_;
  std::string drill_;
};

class Drilled {
 public:
  Drilled(const Row& row, int crossings)
      : row_(row),
        left_(crossings),
        fleet_(static_cast<std::uint64_t>(7 + crossings), 3, 1, Durability::required),
        supervisor_(fleet_) {
    engine::Setting setting;
    setting.fleet = FleetName("sim");
    setting.host = HostName("client");
    setting.state = "/state";
    engine_ = engine::make_fake(fleet_.client().world, setting, fleet_.cluster());
    fleet_.client().passage.on_cross = [this](std::string_view call, std::string_view detail) {
      on_cross(call, detail);
    };
  }

  void go() {
    fleet_.begin();
    tick();
    fleet_.fibers().run_until(Instant(kAllWithin));
    for (auto& checker : fleet_.checkers()) checker->on_end(fleet_.truth());
  }

  void expect_good() {
    EXPECT_TRUE(killed_) << row_.step << " did not come up";
    ASSERT_TRUE(report_.has_value()) << "no later drill came to its end: " << last_;
    EXPECT_TRUE(report_->fault_gone);
    EXPECT_TRUE(report_->old_leader_follows);
    EXPECT_EQ(report_->loss.lost_commits, 0u);
    EXPECT_TRUE(supervisor_.all_mended());
    EXPECT_FALSE(fleet_.client().disk.exists(kStateFile));
    const Truth truth = fleet_.truth();
    EXPECT_EQ(not_back(truth), "");
    for (const Resource& shape : truth.cluster.shapes_of(truth.id(truth.record.leader.member))) {
      EXPECT_NE(shape.kind, "ledger") << "a drill's schema is left";
    }
    for (const auto& checker : fleet_.checkers()) {
      EXPECT_TRUE(checker->violations().empty()) << join(checker->violations(), "\n");
    }
  }
  bool past_the_step() const { return past_; }

 private:
  void tick() {
    fleet_.tick();
    const Instant now = fleet_.fibers().now();
    if (!began_ && not_back(fleet_.truth()).empty()) begin();
    if (ended_ && !calm_) begin_again(now);
    if (calm_ && now >= *calm_) {
      fleet_.fibers().stop();
      return;
    }
    fleet_.fibers().at(now + engine::FakeCluster::kTick, [this] { tick(); });
  }

  void begin() {
    began_ = true;
    if (row_.unhealthy) {
      for (const char* host : {"b", "c"}) fleet_.kill_host(HostName(host));
    }
    begin_command();
  }

  // Somebody types it again, until one drill has come to its end.
  void begin_again(Instant now) {
    if (report_) {
      calm_ = now + kCalmFor;
      return;
    }
    ended_ = false;
    fleet_.fibers().at(now + 1s, [this] { begin_command(); });
  }

  void begin_command() {
    command_ = fleet_.fibers().new_group();
    ++fleet_.faults;
    fleet_.fibers().begin(command_, "drill", [this] { drill(); });
  }

  void drill() {
    World& world = fleet_.client().world;
    drill::DrillPorts ports{world,
                            *engine_->observes(),
                            *engine_->writes(),
                            supervisor_,
                            [this](const ServiceName& service, Deadline) -> Result<Record> {
                              cross("record", service.text);
                              return fleet_.truth().record;
                            },
                            [this](Instant, Instant) {
                              cross("phases", "");
                              return std::vector<Phase>{};
                            },
                            [this](const std::string& line) { cross("say", line); },
                            [] { return Result<>{}; },
                            [](Deadline) { return Result<std::string>(""); }};
    drill::DrillOrder order;
    order.id = fmt::format("drill{:07}", ++drills_);
    order.fleet = FleetName("sim");
    order.service = fleet_.service();
    order.fault = "kill-host";
    order.database = "shop";
    order.state_file = kStateFile;
    order.log_file = "/operator/" + order.id + ".ledger";
    order.writers = 2;
    order.rate = 40;
    order.limits.green_for = 500ms;
    order.limits.served_for = 1s;
    order.limits.acknowledged_min = 20;
    auto cleaned = drill::clean_up_after(kStateFile, ports);
    Result<DrillReport> report =
        cleaned ? drill::run(order, ports) : Result<DrillReport>(fail(cleaned.error()));
    if (report && killed_) report_ = *report;
    if (!report) last_ = report.error().what;
    ended_ = true;
  }

  void cross(const char* call, const std::string& detail) {
    fleet_.client().passage.cross(call, detail, 1us, 5us);
  }

  void on_cross(std::string_view call, std::string_view detail) {
    if (killed_) return;
    if (call == "say" && std::string_view(row_.after).size() > 0 &&
        detail.find(row_.after) != std::string_view::npos) {
      may_count_ = true;
    }
    if (!counting_) {
      const bool due = may_count_ || std::string_view(row_.after).empty();
      if (!due || call != row_.call || detail.find(row_.detail) == std::string_view::npos) return;
      counting_ = true;
    }
    if (left_-- > 0) return;
    killed_ = true;
    past_ = call == "say" && detail.find(row_.detail) == std::string_view::npos;
    fleet_.fibers().at(fleet_.fibers().now(), [this] {
      fleet_.fibers().kill(command_);
      if (row_.unhealthy) {
        for (const char* host : {"b", "c"}) fleet_.revive_host(HostName(host));
      }
      ended_ = true;
    });
  }

  const Row& row_;
  int left_;
  SimFleet fleet_;
  SimSupervisor supervisor_;
  std::unique_ptr<engine::Engine> engine_;
  Group command_ = 0;
  int drills_ = 0;
  bool began_ = false;
  bool ended_ = false;
  bool may_count_ = false;
  bool counting_ = false;
  bool killed_ = false;
  bool past_ = false;
  std::optional<DrillReport> report_;
  std::string last_;
  std::optional<Instant> calm_;
};

class DrillKillPoints : public testing::TestWithParam<Row> {};

// The first calls of a step, one after the other, and a few further on: a load and an audit have
// thousands, of which each is like the one before.
TEST_P(DrillKillPoints, AreCleanedUpByTheNextDrill) {
  for (const int crossings : {0, 1, 2, 3, 4, 7, 12}) {
    SCOPED_TRACE(fmt::format("{} + {}", GetParam().step, crossings));
    Drilled drilled(GetParam(), crossings);
    drilled.go();
    ASSERT_NO_FATAL_FAILURE(drilled.expect_good());
    if (drilled.past_the_step() || HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, DrillKillPoints, testing::ValuesIn(kDrill),
                         [](const auto& row) { return std::string(row.param.step); });

}  // namespace
}  // namespace weir::sim
