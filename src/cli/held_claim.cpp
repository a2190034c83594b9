// The client's half of a claim: src/agent/claims.cpp is the other.
#include "cli/held_claim.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <vector>

#include "base/quantity.h"

namespace weir::cli {
namespace {

constexpr Duration kCallLimit = 3s;
constexpr Duration kKeepEvery = 1s;
constexpr Duration kAgentsTurn = 20s;  // what an agent of its own has to finish, before we give up
constexpr Duration kPause = 50ms;

std::string who(const std::string& verb) {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return fmt::format("{}, pid {} on {}", verb, getpid(), host.data());
}

class ByAgent final : public HeldClaim {
 public:
  ByAgent(Session& session, const ClaimOrder& order)
      : session_(session),
        service_(order.service.name),
        lasts_(order.lasts),
        begun_(session.machine().clock.now()),
        alarm_(workers().make_alarm()) {
    body_ = Json::object()
                .set("service", service_.text)
                .set("capability", name_of(order.capability))
                .set("id", session.machine().random.id())
                .set("client", who(order.verb))
                .set("lasts_ns", std::int64_t{order.lasts.count()})
                .set("for_all", order.for_all);
    for (const Member& member : order.service.all()) {
      agents_.push_back({member.host.text, member.address, peer::kAgentPort});
    }
    std::ranges::stable_partition(
        agents_, [&](const peer::Address& agent) { return agent.name != order.last.text; });
  }

  ~ByAgent() override {
    stopping_ = true;
    alarm_->ring();
    // Also after --timeout: whoever comes next is not to wait for a claim that nobody uses.
    Clock& clock = session_.machine().clock;
    while (keeping_ && !keeping_->wait(clock.within(1s))) continue;
    if (!taken_) return;
    (void)session_.caller().call(agents_[at_], "/claim/give-up", body_, clock.within(kCallLimit));
  }

  Result<> begin() {
    const Deadline patience = session_.within(kAgentsTurn);
    while (true) {
      auto asked = ask();
      if (asked) break;
      if (asked.error().failure != Failure::held) return asked;
      if (session_.cancelled())
        return fail(Failure::cancelled, "the wait for a claim was cancelled");
      if (session_.machine().clock.passed(patience) || is_a_clients()) {
        return fail(
            Failure::held,
            fmt::format("could not take the claim of {}: {}", service_.text, asked.error().what),
            "weir status " + service_.text);
      }
      session_.machine().clock.sleep_for(kPause);
    }
    taken_ = true;
    keeping_ = workers().begin("claim " + service_.text, [this] { keep(); });
    return {};
  }

  Result<> check() override {
    if (is_over()) {
      return fail(Failure::refused, fmt::format("this command's claim of {} is over: it was for {}",
                                                service_.text, show(lasts_)));
    }
    WEIR_TRY_(ask());
    const std::lock_guard lock(mutex_);
    if (first_round_ == round_) return {};
    return fail(Failure::refused,
                fmt::format("a failover of {} has preempted this command's claim", service_.text));
  }

 private:
  bool is_over() { return session_.machine().clock.now() - begun_ >= lasts_; }
  Workers& workers() { return session_.machine().workers; }

  // The agent that has it, then the others: a new agent takes over what the dead one held for us
  // once its host's lease is over, or at once if it is of the same id.
  Result<> ask() {
    Result<> last = fail(Failure::unreachable, "the service has no member");
    for (std::size_t i = 0; i < agents_.size(); ++i) {
      const std::size_t which = (at_ + i) % agents_.size();
      const auto answer =
          session_.caller().call(agents_[which], "/claim", body_, session_.within(kCallLimit));
      if (answer) {
        WEIR_TRY(const Claim claim, claim_from((*answer)["claim"]));
        const std::lock_guard lock(mutex_);
        at_ = which;
        round_ = claim.round;
        if (!taken_) first_round_ = round_;
        return {};
      }
      last = fail(answer.error());
      if (answer.error().failure == Failure::held) return last;
    }
    return last;
  }

  bool is_a_clients() {
    const auto claim =
        store::read_claim(session_.store(), session_.keys(), service_, session_.within(kCallLimit));
    return claim && *claim && !(*claim)->claim.client.empty();
  }

  void keep() {
    while (!stopping_ && !is_over()) {
      alarm_->wait_until(session_.machine().clock.now() + kKeepEvery);
      if (!stopping_) (void)ask();  // what it came to is asked again before each effect
    }
  }

  Session& session_;
  const ServiceName service_;
  const Duration lasts_;
  const Instant begun_;
  Json body_;
  std::vector<peer::Address> agents_;
  std::unique_ptr<Alarm> alarm_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> taken_ = false;
  std::atomic<std::size_t> at_ = 0;
  std::mutex mutex_;  // guards the two below
  std::int64_t round_ = 0;
  std::int64_t first_round_ = 0;
  std::shared_ptr<Job> keeping_;
};

}  // namespace

Result<std::unique_ptr<HeldClaim>> HeldClaim::take(Session& session, const ClaimOrder& order) {
  auto claim = std::make_unique<ByAgent>(session, order);
  WEIR_TRY_(claim->begin());
  return std::unique_ptr<HeldClaim>(std::move(claim));
}

}  // namespace weir::cli
