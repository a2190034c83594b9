// Names of things, each a type of its own so that a host is never taken for a member.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace weir {

template <class Tag>
struct Name {
  std::string text;

  Name() = default;
  explicit Name(std::string t) : text(std::move(t)) {}
  bool empty() const { return text.empty(); }
  auto operator<=>(const Name&) const = default;
};

using FleetName = Name<struct FleetTag>;
using RegionName = Name<struct RegionTag>;
using HostName = Name<struct HostTag>;
using ServiceName = Name<struct ServiceTag>;
using MemberName = Name<struct MemberTag>;  // in the thread: the name of its host

// The id of one life of a member's data, made by initdb and by each rebuild or restore
// (safety.md S6): 12 characters of [a-z0-9], never reused. Empty: no data.
using Incarnation = Name<struct IncarnationTag>;
// The id of one life of an agent.
using AgentLife = Name<struct AgentLifeTag>;

// A voter: a member and the incarnation of its data.
struct Voter {
  MemberName member;
  Incarnation incarnation;
  auto operator<=>(const Voter&) const = default;
};

}  // namespace weir

template <class Tag>
struct std::hash<weir::Name<Tag>> {
  std::size_t operator()(const weir::Name<Tag>& name) const {
    return std::hash<std::string>{}(name.text);
  }
};
