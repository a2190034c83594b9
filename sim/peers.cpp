// A call is a fiber of the process that answers; the caller waits for it in its own.
#include "sim/peers.h"

#include <memory>
#include <optional>

namespace weir::sim {
namespace {

struct Exchange {
  std::optional<Result<Json>> answer;
  bool broken = false;
  bool lost = false;  // answered, but no answer comes
};

// Tells the caller when the answering fiber ends in any way.
class Ending {
 public:
  Ending(Fibers& fibers, FiberId waiter, std::shared_ptr<Exchange> exchange)
      : fibers_(fibers), waiter_(waiter), exchange_(std::move(exchange)) {}
  ~Ending() {
    if (exchange_->lost) return;
    if (!exchange_->answer) exchange_->broken = true;
    fibers_.unpark(waiter_);
  }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  Fibers& fibers_;
  const FiberId waiter_;
  const std::shared_ptr<Exchange> exchange_;
};

constexpr Duration kTripLeast = 80us;
constexpr Duration kTripMost = 500us;

}  // namespace

Result<Json> SimCaller::call(const peer::Address& to, const std::string& path, const Json& body,
                             Deadline deadline) {
  const std::string where = to.name + path;
  if (!passage_.cross("call", where, kTripLeast, kTripMost)) {
    return fail(Failure::cancelled, "the process was killed");
  }
  const HostName self(from_), other(to.name);
  fibers_.sleep_until(fibers_.now() + net_.delay(self, other));
  const Doorway door = find_(to.name);
  if (!door.host_up || !net_.passes(self, other)) {
    fibers_.sleep_until(deadline.at);
    return fail(Failure::timed_out, "cannot reach " + to.name + ": no answer");
  }
  if (door.group == 0) {
    return fail(Failure::unreachable, "cannot reach " + to.name + ": connection refused");
  }
  auto exchange = std::make_shared<Exchange>();
  const FiberId caller = fibers_.current();
  // The answer outlives its caller, whose SimCaller dies with it: only the simulator's own is kept.
  const FiberId answering =
      fibers_.begin(door.group, where,
                    [&fibers = fibers_, &random = random_, &net = net_, exchange, caller, self,
                     other, answer = door.answer, request = peer::Request{path, body, from_}] {
                      const Ending ending(fibers, caller, exchange);
                      Result<Json> out = answer(request);
                      fibers.sleep_until(fibers.now() + random.between(kTripLeast, kTripMost) +
                                         net.delay(other, self));
                      exchange->lost = !net.passes(other, self);
                      if (!exchange->lost) exchange->answer = std::move(out);
                    });
  while (answering != 0 && !exchange->answer && !exchange->broken && fibers_.now() < deadline.at &&
         !fibers_.unwinding()) {
    fibers_.park_until(deadline.at);
  }
  if (exchange->answer) return std::move(*exchange->answer);
  return fail(Failure::outcome_unknown, "no answer from " + where);
}

}  // namespace weir::sim
