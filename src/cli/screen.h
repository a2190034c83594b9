// One service as the operator sees it: what the record says, what a probe of each member found,
// what its agent says of itself. status, get and describe show the same.
#pragma once

#include <string>
#include <vector>

#include "cli/known.h"

namespace weir::cli {

struct Line {
  Member member;
  Sighting sighting;  // by our own probe, now
  Json told;          // what its agent says; null: it is silent
  const char* agent() const { return told.is_null() ? "silent" : "alive"; }
};

struct Screen {
  Look look;
  std::vector<Line> lines;
  std::string failover;  // "possible, because ..."
  bool failover_possible = false;

  const Service& service() const { return look.desired.service; }
  const Record* record() const { return look.held ? &look.held->record : nullptr; }
};
Result<Screen> screen_of(Session& session, const Known& known, const store::HeldService& desired);

// Unknown is a value of its own in all of these: never drawn as zero and never as healthy.
std::string health_of(const Screen& screen);
std::string lag_of(const Screen& screen, const Line& line);
std::string counted(const Screen& screen, const MemberName& member);
std::string set_text(const SyncSet& set);

// The service for a program; passwords are told as set or not, never what they are.
Json to_json(Session& session, const Screen& screen);
// What is declared, without the verifiers of passwords.
std::vector<Resource> without_secrets(std::vector<Resource> resources);

}  // namespace weir::cli
