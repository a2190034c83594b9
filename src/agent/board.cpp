// Facts in, views out.
#include "agent/board.h"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "base/mutant.h"

namespace weir::agent {

Board::Board(Member self, HostName host, AgentLife life, Instant began,
             std::optional<Remembered> remembered)
    : self_(std::move(self)),
      host_(std::move(host)),
      life_(std::move(life)),
      remembered_(std::move(remembered)) {
  memory_.began = began;
}

bool Board::learn_service(const store::HeldService& held) {
  const std::lock_guard lock(mutex_);
  if (held.revision <= desired_revision_) return false;
  desired_revision_ = held.revision;
  service_ = held.service;
  differences_.reset();
  std::map<MemberName, failover::Other> others;
  for (const Member& member : held.service.all()) {
    if (member.name == self_.name) continue;
    const auto before = others_.find(member.name);
    if (before != others_.end()) others[member.name] = before->second;
    others[member.name].member = member;
    others[member.name].leaves = held.service.find_leaving(member.name) != nullptr;
  }
  others_ = std::move(others);
  return true;
}

Reading Board::known_locked() const {
  Reading known;
  if (held_) known = {held_->record.rebuilt, held_->revision};
  if (remembered_) known = std::max(known, remembered_->reading());
  return known;
}

Reading Board::known() const {
  const std::lock_guard lock(mutex_);
  return known_locked();
}

// By the epoch and the promises that we know, too: an old copy may have gone on counting revisions.
std::string Board::why_lost(const StoreAnswer& answer, const Reading& known) const {
  if (mutant("an-old-record-believed")) return {};
  Epoch epoch;
  if (held_) epoch = held_->record.epoch;
  if (remembered_) epoch = std::max(epoch, remembered_->record.epoch);
  return why_old(answer, known, epoch, own_.promised_last);
}

bool Board::learn_record(const store::Held& held, Instant now) {
  const std::lock_guard lock(mutex_);
  if (held_ && held.record.rebuilt == held_->record.rebuilt && held.revision == held_->revision) {
    return false;
  }
  if (!why_lost(answer_of(held.record, held.revision), known_locked()).empty()) {
    doubts_ = true;
    return true;
  }
  return take_record(held, now);
}

bool Board::learn_read(const std::optional<store::Held>& held, const Reading& known, Instant now) {
  const std::lock_guard lock(mutex_);
  memory_.store_heard = now;
  const StoreAnswer answer = held ? answer_of(held->record, held->revision) : StoreAnswer{};
  // Overtaken: a newer record was learned while it was under way, with an epoch that is newer, too.
  doubts_ = known < known_locked() && answer.reading < known_locked();
  if (doubts_) return false;
  std::string lost = why_lost(answer, known);
  if (lost.empty()) {
    const bool found = !memory_.store_lost.empty();
    memory_.store_lost.clear();
    return (held && take_record(*held, now)) || found;
  }
  const bool news = memory_.store_lost.empty();
  if (!held_ && remembered_) take_record({remembered_->record, remembered_->revision}, now);
  memory_.store_lost = std::move(lost);
  return news;
}

void Board::doubt() {
  const std::lock_guard lock(mutex_);
  doubts_ = true;
}

bool Board::doubts() const {
  const std::lock_guard lock(mutex_);
  return doubts_;
}

bool Board::store_lost() const {
  const std::lock_guard lock(mutex_);
  return !memory_.store_lost.empty();
}

std::optional<Remembered> Board::unsaved(const FleetName& fleet) const {
  const std::lock_guard lock(mutex_);
  if (!held_ || !service_) return std::nullopt;
  const Reading reading{held_->record.rebuilt, held_->revision};
  const bool known = remembered_ && reading <= remembered_->reading();
  if (known && desired_revision_ == remembered_->desired_revision) return std::nullopt;
  if (known && reading < remembered_->reading()) return std::nullopt;
  return Remembered{fleet, held_->revision, held_->record, *service_, desired_revision_};
}

void Board::learn_saved(const Remembered& remembered) {
  const std::lock_guard lock(mutex_);
  remembered_ = remembered;
}

bool Board::take_record(const store::Held& held, Instant now) {
  const Reading reading{held.record.rebuilt, held.revision};
  if (held_ && reading <= Reading{held_->record.rebuilt, held_->revision}) return false;
  memory_.store_lost.clear();
  // In a new life of the store its revisions begin anew.
  if (held_ && held.record.rebuilt != held_->record.rebuilt) desired_revision_ = 0;
  if (!held_ || held.record.set != held_->record.set || held.record.epoch != held_->record.epoch) {
    memory_.set_reading = reading;
    memory_.set_seen = now;
  }
  const std::optional<OpenRound> before = held_ ? held_->record.round : std::nullopt;
  const Epoch epoch_before = held_ ? held_->record.epoch : Epoch{};
  const bool same_lease = held_ && held_->record.leader_life == held.record.leader_life &&
                          held_->record.leader_host == held.record.leader_host;
  if (!same_lease) memory_.lease_from = now;
  held_ = held;
  if (held.record.round && before != held.record.round) {
    memory_.round_seen = now;
    promises_.clear();
  }
  if (before && !held.record.round && held.record.epoch == epoch_before) {
    memory_.round_closed = now;
  }
  if (held.record.epoch != epoch_before) {
    memory_.epoch_seen = now;
    memory_.rejoins = 0;
    memory_.furthest = {};
    memory_.receiving = now;
    memory_.diverged = false;
    memory_.proven.reset();
  }
  return true;
}

// Only a renewal in the life that the record carries holds the lease of its leader.
void Board::learn_renewal(const HostName& host, const Json& renewal, Instant now,
                          std::optional<Instant> read) {
  const std::lock_guard lock(mutex_);
  const std::string text = renewal.dump();
  const bool changed = std::exchange(renewals_[host], text) != text;
  if (!held_ || held_->record.leader_host != host) return;
  const bool counts =
      renewal["incarnation"].text() == held_->record.leader_life.text || mutant("renewal-by-name");
  if (changed && counts) memory_.lease_from = now;
  if (mutant("store-ttl") && !renewal.has("incarnation")) memory_.lease_from = {};
  if (read) memory_.lease_read = *read;
}

void Board::learn_grant(const HostName& host, Instant now) {
  const std::lock_guard lock(mutex_);
  if (held_ && held_->record.leader_host == host) memory_.lease_from = now;
}

void Board::learn_extended(const std::vector<MemberName>& by, Instant asked) {
  const std::lock_guard lock(mutex_);
  memory_.extended = asked;
  memory_.extended_by = by;
}

void Board::learn_store_heard(Instant now) {
  const std::lock_guard lock(mutex_);
  memory_.store_heard = now;
}

void Board::learn_life(const AgentLife& life) {
  const std::lock_guard lock(mutex_);
  life_ = life;
}

bool Board::learn_sighting(const MemberName& member, const Sighting& sighting,
                           const Timings& timings) {
  const std::lock_guard lock(mutex_);
  if (member == self_.name) {
    return failover::learn_own_sighting(memory_, others_, own_seen_, sighting);
  }
  const auto found = others_.find(member);
  if (found == others_.end()) return false;
  return failover::learn_sighting(found->second, sighting, policy(timings));
}

failover::Policy Board::policy(const Timings& timings) const {
  failover::Policy policy;
  policy.heartbeat = timings.heartbeat;
  policy.suspect_after = timings.suspect_after;
  policy.round_limit = timings.round_limit;
  policy.lease = timings.lease;
  policy.sync = service_ ? service_->sync : 1;
  policy.service_leaves = service_ && service_->leaves();
  policy.self_leaves = service_ && service_->find_leaving(self_.name) != nullptr;
  policy.mode = service_ ? service_->durability : Durability::required;
  return policy;
}

bool Board::learn_voice(const MemberName& member, const Spoken& spoken) {
  const std::lock_guard lock(mutex_);
  const auto found = others_.find(member);
  if (found == others_.end()) return false;
  failover::Voice& voice = found->second.voice;
  const bool news = voice.server != spoken.voice.server || voice.epoch != spoken.voice.epoch ||
                    voice.suspects != spoken.voice.suspects ||
                    voice.rising != spoken.voice.rising || voice.sick != spoken.voice.sick ||
                    voice.voter != spoken.voice.voter || voice.read != spoken.voice.read;
  const Instant refused = voice.refused;
  voice = spoken.voice;
  voice.refused = refused;
  bool promised = false;
  if (spoken.promise) {
    const auto before = promises_.find(member);
    promised = before == promises_.end() || before->second.round != spoken.promise->round;
    promises_[member] = *spoken.promise;
  }
  return news || promised;
}

void Board::learn_refusal(const HostName& host, Instant at) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, other] : others_) {
    if (other.member.host == host) other.voice.refused = at;
  }
}

bool Board::learn_local(const engine::Local& local, Instant now) {
  const std::lock_guard lock(mutex_);
  const bool running = local.server.life == ServerLife::running;
  const bool same =
      own_.server.pid == local.server.pid && own_.server.start_time == local.server.start_time;
  if (running) memory_.server_ended_seen = Instant{};
  if (!running && memory_.server_ended_seen == Instant{}) memory_.server_ended_seen = now;
  if (!running || !same) memory_.proven.reset();
  const bool news = own_.server.life != local.server.life;
  if (!same) standing_life_.clear();
  // It may have written on since; so may backends that outlived their server.
  const bool backends_ended = own_.processes_left && !local.processes_left;
  if (backends_ended) standing_life_.clear();
  if (!same || news || backends_ended) standing_.reset();
  own_ = local;
  return news;
}

void Board::learn_standing(const Standing& standing) {
  const std::lock_guard lock(mutex_);
  standing_ = standing;
  standing_life_ = server_life();
}

bool Board::learn_done(const failover::Done& done, bool followed, Instant now) {
  const std::lock_guard lock(mutex_);
  // The step may have started a server that lived, wrote and ended since we last looked.
  if (own_.server.life != ServerLife::running) {
    standing_life_.clear();
    standing_.reset();
  }
  if (done.promise) {
    promises_[self_.name] = *done.promise;
    own_.promised = done.promise->round;
  }
  if (done.writable) own_seen_.writable = *done.writable;
  if (done.proven) memory_.proven = done.proven;
  // At once: a store that dies before it is read again must not leave us with the record before it.
  const bool news =
      done.written && !mutant("own-write-not-learned") && take_record(*done.written, now);
  if (done.written) memory_.write_in_doubt = false;
  if (done.write_in_doubt) memory_.write_in_doubt = true;
  if (done.diverged && held_) {
    memory_.diverged = true;
    memory_.diverged_from = held_->record.epoch;
  }
  if (followed) {
    memory_.diverged = false;
    memory_.receiving = now;
  }
  return news;
}

void Board::forget_proof() {
  const std::lock_guard lock(mutex_);
  if (!mutant("old-proof-kept")) memory_.proven.reset();
}

void Board::learn_rejoin() {
  const std::lock_guard lock(mutex_);
  ++memory_.rejoins;
}

void Board::learn_answers(failover::Answers answers) {
  const std::lock_guard lock(mutex_);
  answers_ = std::move(answers);
}

void Board::learn_settled(provision::Settled settled) {
  const std::lock_guard lock(mutex_);
  settled_ = std::move(settled);
}

void Board::forget_settled() {
  const std::lock_guard lock(mutex_);
  settled_.reset();
}

void Board::learn_differences(std::optional<std::vector<engine::Difference>> differences,
                              Instant now) {
  const std::lock_guard lock(mutex_);
  differences_.reset();
  if (differences) differences_ = provision::Compared{std::move(*differences), now};
}

void Board::forget(Instant now) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, other] : others_) {
    other.voice = {};
    other.seen = {};
    other.answered = {};
    other.streaming = {};
    other.acknowledged = {};
  }
  memory_.began = now;
  memory_.receiving = now;
  answers_ = {};
  own_seen_ = {};
}

void Board::conclude(std::string because) {
  const std::lock_guard lock(mutex_);
  because_ = std::move(because);
}

std::optional<Service> Board::service() const {
  const std::lock_guard lock(mutex_);
  return service_;
}

std::optional<store::Held> Board::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::int64_t Board::desired_revision() const {
  const std::lock_guard lock(mutex_);
  return desired_revision_;
}

std::string Board::server_life() const {
  return fmt::format("{}/{}/{}", own_.incarnation.text, own_.server.pid, own_.server.start_time);
}

bool Board::position_known_locked() const {
  return failover::knows_position(own_seen_, standing_life_ == server_life());
}

Duration Board::probe_pace(const MemberName& member, const Timings& timings) const {
  const std::lock_guard lock(mutex_);
  return failover::probe_pace(held_ ? held_->record : Record{}, self_.name, member,
                              policy(timings));
}

bool Board::position_known() const {
  const std::lock_guard lock(mutex_);
  return position_known_locked();
}

failover::View Board::view_locked(Instant now, const Timings& timings, const Incarnation& fresh,
                                  Duration jitter) const {
  failover::View view;
  view.now = now;
  view.self = self_;
  view.host = host_;
  view.life = life_;
  if (held_) view.record = held_->record;
  if (mutant("mode-from-the-file") && service_) view.record.mode = service_->durability;
  view.own = own_;
  view.own.standing = standing_;
  view.own_seen = own_seen_;
  for (const auto& [name, other] : others_) view.others.push_back(other);
  for (const auto& [name, promise] : promises_) view.promises.push_back(promise);
  view.memory = memory_;
  view.answers = answers_;
  view.given.policy = policy(timings);
  view.given.fresh = fresh;
  view.given.jitter = jitter;
  return view;
}

failover::View Board::view(Instant now, const Timings& timings, const Incarnation& fresh,
                           Duration jitter) const {
  const std::lock_guard lock(mutex_);
  return view_locked(now, timings, fresh, jitter);
}

provision::View Board::provision_view(Instant now, const Incarnation& fresh) const {
  const std::lock_guard lock(mutex_);
  provision::View view;
  view.now = now;
  view.self = self_;
  if (service_) view.desired = *service_;
  view.desired_revision = desired_revision_;
  if (held_) view.record = held_->record;
  view.own = own_;
  view.own_seen = own_seen_;
  if (held_ && others_.contains(held_->record.leader.member)) {
    view.leader_seen = others_.at(held_->record.leader.member).seen;
  }
  for (const auto& [name, other] : others_) {
    view.heard[name] = std::max(other.voice.heard, memory_.began);
  }
  view.settled = settled_;
  view.differences = differences_;
  view.fresh = fresh;
  return view;
}

Spoken Board::speak(Instant now, const Timings& timings) const {
  const std::lock_guard lock(mutex_);
  Spoken spoken;
  spoken.voice.life = life_;
  spoken.voice.voter = {self_.name, own_.incarnation};
  spoken.voice.server = own_.server.life;
  spoken.voice.knows_position = position_known_locked();
  if (held_) {
    const failover::View view = view_locked(now, timings, {}, {});
    spoken.voice.suspects = failover::suspicion(view).suspects;
    spoken.voice.rising = failover::rising(view);
    spoken.voice.sick = failover::is_sick(view);
    spoken.voice.epoch = held_->record.epoch;
    spoken.voice.leader = held_->record.leader.member;
    spoken.voice.read = remembered_ ? remembered_->reading() : Reading{};
    const auto own = promises_.find(self_.name);
    const bool open = held_->record.round && own != promises_.end() &&
                      own->second.round == held_->record.round->number;
    if (open) spoken.promise = own->second;
  }
  return spoken;
}

Sighting Board::seen(const MemberName& member) const {
  const std::lock_guard lock(mutex_);
  if (member == self_.name) return own_seen_;
  const auto found = others_.find(member);
  return found == others_.end() ? Sighting{} : found->second.seen;
}

std::string Board::because() const {
  const std::lock_guard lock(mutex_);
  return because_;
}

}  // namespace weir::agent
