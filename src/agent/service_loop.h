// One service on this host: observe, decide, journal, carry out; over and over.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/board.h"
#include "agent/loop.h"
#include "agent/ports.h"

namespace weir::agent {

class ServiceLoop {
 public:
  // `self` is this host's member; the engine is the service's. Starts at once.
  ServiceLoop(Ports ports, engine::Engine& engine, Member self, const store::HeldService& service,
              std::optional<Remembered> remembered);
  ~ServiceLoop();
  ServiceLoop(const ServiceLoop&) = delete;
  ServiceLoop& operator=(const ServiceLoop&) = delete;

  Board& board() { return board_; }
  const Board& board() const { return board_; }
  const Member& self() const { return self_; }
  void ring();
  // Something changed at `member`: it and our own server are probed now.
  void look_again(const MemberName& member);
  void learn_service(const store::HeldService& service);
  void learn_record(const store::Held& held);
  // The certificates have changed: servers get them at the next turn. Any thread.
  void settle_again();
  void doubt();  // the store may have lost this service's record
  // How the server of our member is called among guards, and its end whatever else goes on here.
  std::string server_name() const;
  Result<> fence();
  void stop();
  void join();  // stops, and waits until nothing of it runs any more; not from one of its turns
  // Nothing of this member is left here: its loop has nothing to do any more.
  bool has_left();

  // "Do you suspect the leader too?" looked at afresh; for the peer port.
  Json answer_suspicion();
  // Another host's agent asks for its lease while the store is away; extension.cpp.
  failover::Grant grant(const failover::Asking& asking, const std::optional<AgentLife>& renewed);
  // What this agent knows of its member and of the others, for people; tell.cpp.
  Json status() const;
  // The parts of it that are published, over and over.
  Json sighting() const;
  Json line() const;
  // The service and its record as last read from the store: what a CLI shows while it is away.
  Json known() const;

 private:
  void turn();
  void notice_gap();
  bool look_at_own();
  void refresh_record(Duration limit);
  void remember();
  bool is_remembered();
  std::optional<std::int64_t> intend(const char* capability, const std::string& kind,
                                     const Json& step, const std::string& because, bool needed);
  void conclude(std::int64_t number, const std::string& kind, const Json& step,
                const Result<>& outcome, Duration took);
  bool fail_over();
  bool look_at_shapes(const provision::View& seen);
  void provision_one();
  Result<> may_go_on();
  void ask_others();
  struct Prober {
    Member member;
    std::unique_ptr<Loop> loop;
  };
  void probe(Prober& prober);
  void read_lease();
  void follow_members(const Service& service);
  failover::View view();
  bool patient(const std::string& kind, const Json& step, const std::string& because);
  void remember(const std::string& kind, const Json& step, const Result<>& outcome);

  Ports ports_;
  engine::Engine& engine_;
  const Member self_;
  Board board_;

  std::atomic<bool> settle_again_ = false;
  // Touched by the turn alone.
  Instant due_{};  // when the next turn was due at the latest
  struct Failed {
    std::string what;
    std::string detail;
    int times = 0;
    Instant again{};
  } failed_;

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Loop> memory_;  // the disk may hang, and fencing does not wait for it
  std::mutex probers_mutex_;
  std::vector<std::unique_ptr<Prober>> probers_;
};

}  // namespace weir::agent
