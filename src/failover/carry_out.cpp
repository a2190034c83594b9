// The effects of failover's steps. Deciding is over: nothing here chooses.
#include "base/check.h"
#include "base/mutant.h"
#include "base/probe.h"
#include "failover/failover.h"
#include "store/record_io.h"

namespace weir::failover {
namespace {

constexpr Duration kStoreLimit = 2s;
constexpr Duration kPromiseLimit = 3s;
constexpr Duration kFenceLimit = 5s;
constexpr Duration kPromoteLimit = 30s;
constexpr Duration kFollowLimit = 20s;
constexpr Duration kSetLimit = 2s;
constexpr Duration kStartLimit = 120s;    // crash recovery takes what it takes
constexpr Duration kRejoinLimit = 3600s;  // a base copy, too

class Executor {
 public:
  explicit Executor(const Hands& hands) : hands_(hands) {}

  Done operator()(const AskOthers&) const {
    WEIR_ASSERT(false && "asking the others is the agent's own work");
    return {};
  }
  Done operator()(const OpenRound& step) const { return write(step.next); }
  Done operator()(const CloseRound& step) const { return write(step.next); }
  Done operator()(const Take& step) const {
    if (mutant("promote-before-the-cas")) {
      (void)hands_.leads.promote(hands_.self, step.next.epoch, step.next.set,
                                 within(kPromoteLimit));
    }
    return write(step.next);
  }
  Done operator()(const RecordSet& step) const { return write(step.next); }
  Done operator()(const Reclaim& step) const { return write(step.next); }

  Done operator()(const GivePromise& step) const {
    Done done;
    auto promise = hands_.leads.promise(hands_.self, step.round, within(kPromiseLimit));
    if (!promise) {
      done.outcome = fail(promise.error());
    } else {
      done.promise = *promise;
    }
    return done;
  }

  Done operator()(const Promote& step) const {
    Done done;
    done.outcome = hands_.leads.promote(hands_.self, step.epoch, step.set, within(kPromoteLimit));
    return done;
  }

  Done operator()(const Confirm& step) const {
    Done done;
    done.outcome = hands_.leads.confirm(hands_.self, step.epoch, within(kSetLimit));
    return done.outcome ? write(step.next) : done;
  }

  Done operator()(const Release& step) const {
    Done done;
    done.outcome =
        hands_.leads.release(hands_.self, step.round, step.upstream, within(kFollowLimit));
    return done;
  }

  Done operator()(const Follow& step) const {
    Done done;
    done.outcome = hands_.leads.follow(hands_.self, step.upstream, within(kFollowLimit));
    done.diverged = !done.outcome && done.outcome.error().failure == Failure::bad_data;
    return done;
  }

  Done operator()(const Fence&) const {
    Done done;
    done.outcome = hands_.runs.fence(hands_.self, within(kFenceLimit));
    return done;
  }

  Done operator()(const LoadSet& step) const {
    Done done;
    done.outcome = hands_.leads.load_set(hands_.self, step.set, within(kSetLimit));
    if (done.outcome) done.proven = step.set;
    return done;
  }

  // The record first: an open round changes its revision, and then this restart does not happen.
  // Backends outlive a killed postmaster, so whatever is left of it goes before the start (S9).
  Done operator()(const Restart& step) const {
    Done done = write(step.next);
    if (!done.outcome) return done;
    done.outcome = hands_.runs.fence(hands_.self, within(kFenceLimit));
    if (done.outcome) {
      done.outcome = hands_.runs.start(hands_.self, step.epoch, within(kStartLimit));
    }
    return done;
  }

  Done operator()(const Rejoin& step) const {
    Done done;
    // A replica whose log left the leader's history still runs; it is not to change under a rewind.
    done.outcome = hands_.runs.fence(hands_.self, within(kFenceLimit));
    if (!done.outcome) return done;
    done.outcome = hands_.leads.rejoin(hands_.self, step.upstream, step.how, step.fresh,
                                       hands_.service, within(kRejoinLimit));
    return done;
  }

  Done operator()(const Isolate& step) const {
    Done done;
    if (hands_.isolates == nullptr) {
      done.outcome = fail(Failure::unsupported, "cannot isolate a leader of this engine");
      return done;
    }
    done.outcome = step.on ? hands_.isolates->isolate(hands_.self, within(kSetLimit))
                           : hands_.isolates->take_writes(hands_.self, within(kSetLimit));
    if (done.outcome) done.writable = !step.on;
    return done;
  }

 private:
  Deadline within(Duration limit) const { return hands_.world.clock.within(limit); }

  Done write(const Record& next) const {
    Done done;
    auto revision = store::write_record(hands_.store, hands_.keys, hands_.service.name, next,
                                        hands_.revision, within(kStoreLimit));
    if (revision) {
      done.written = store::Held{next, *revision};
    } else {
      if (revision.error().failure == Failure::conflict) probe("failover.lost_the_race");
      done.outcome = fail(revision.error());
      done.write_in_doubt = revision.error().failure == Failure::outcome_unknown;
    }
    return done;
  }

  const Hands& hands_;
};

}  // namespace

Done carry_out(const Step& step, const Hands& hands) { return std::visit(Executor(hands), step); }

}  // namespace weir::failover
