// What an agent answers that is asked to extend another host's lease. Whole fleets that live by it
// are the simulator's (tests/scenarios/store).
#include "agent/extension.h"

#include "agent/store_test.h"
#include "agent/world_test.h"

namespace weir::agent {
namespace {

class NobodyToCall final : public peer::Caller {
 public:
  Result<Json> call(const peer::Address&, const std::string&, const Json&, Deadline) override {
    return fail(Failure::unreachable, "nobody is there");
  }
};

struct ExtensionTest : ::testing::Test, TestWorld {
  Json asked_by(const std::string& service) {
    return Json::object()
        .set("life", "life-a")
        .set("services",
             Json::array().add(
                 Json::object().set("service", service).set("epoch", weir::to_json(Epoch{0, 1}))));
  }

  MoodyStore store{*clock, *workers};
  NobodyToCall caller;
  Setting setting{store::Keys{FleetName("quickstart")}, HostName("b"), "/state", {}};
  Engines engines;
  Claims claims{world, store, setting, AgentLife("life-b")};
  Remembering remembering{files, "/remembered"};
  Extension extension{{world, store, caller, setting, engines, claims, remembering,
                       [] { return std::vector<std::shared_ptr<ServiceLoop>>{}; }}};
};

TEST_F(ExtensionTest, ForAServiceThatItKnowsNothingOfItGivesNoWord) {
  const auto answer = extension.answer({"/grant", asked_by("orders"), "a"});
  ASSERT_TRUE(answer);
  EXPECT_FALSE((*answer)["given"].boolean(true));
  EXPECT_EQ((*answer)["because"].text(), "no member of orders is here");
}

TEST_F(ExtensionTest, AQuestionThatIsNotWholeIsRefused) {
  for (const Json& body : {Json::object(), Json::object().set("life", "life-a"),
                           Json::object().set("life", "life-a").set("services", Json::array()),
                           Json::object().set("services", asked_by("orders")["services"])}) {
    const auto answer = extension.answer({"/grant", body, "a"});
    ASSERT_FALSE(answer) << body.dump();
    EXPECT_EQ(answer.error().failure, Failure::bad_data);
  }
}

TEST_F(ExtensionTest, AHostThatLeadsNothingAsksNobody) {
  EXPECT_FALSE(extension.ask(AgentLife("life-b")));
}

}  // namespace
}  // namespace weir::agent
