// Notes are one small JSON file, written whole before what they tell of is done.
#include "guard/supervisor_notes.h"

#include <algorithm>
#include <array>

#include "guard/processes.h"

namespace weir::guard {
namespace {

constexpr int kNotesFormat = 1;
constexpr std::size_t kEndedFaultsMax = 100;

constexpr std::array kFaults{Fault::kill_server, Fault::kill_host, Fault::kill_agent};

Json to_json(const ChildNote& child) {
  return Json::object()
      .set("name", child.name)
      .set("pid", std::int64_t{child.pid})
      .set("start_time", child.start_time);
}

Json to_json(const FaultNote& note) {
  return Json::object()
      .set("drill", note.drill)
      .set("fault", name_of(note.fault))
      .set("host", note.host.text)
      .set("revert_by_ns", std::int64_t{note.revert_by.time_since_epoch().count()})
      .set("ended", note.ended);
}

FaultNote fault_from(const Json& json) {
  return {json["drill"].text(), fault_named(json["fault"].text()).value_or(Fault::kill_server),
          HostName(json["host"].text()), Instant(Duration(json["revert_by_ns"].integer())),
          json["ended"].boolean()};
}

}  // namespace

const char* name_of(Fault fault) {
  switch (fault) {
    case Fault::kill_server:
      return "kill-server";
    case Fault::kill_host:
      return "kill-host";
    case Fault::kill_agent:
      return "kill-agent";
  }
  return "kill-server";
}

std::optional<Fault> fault_named(const std::string& text) {
  for (const Fault fault : kFaults) {
    if (text == name_of(fault)) return fault;
  }
  return std::nullopt;
}

const ChildNote* Notes::child(const std::string& name) const {
  const auto found = std::find_if(children.begin(), children.end(),
                                  [&](const ChildNote& child) { return child.name == name; });
  return found == children.end() ? nullptr : &*found;
}

FaultNote* Notes::fault_of(const std::string& drill) {
  const auto found = std::find_if(faults.begin(), faults.end(),
                                  [&](const FaultNote& note) { return note.drill == drill; });
  return found == faults.end() ? nullptr : &*found;
}

const FaultNote* Notes::down(const HostName& host) const {
  const auto found = std::find_if(faults.begin(), faults.end(), [&](const FaultNote& note) {
    return note.host == host && note.fault == Fault::kill_host && !note.ended;
  });
  return found == faults.end() ? nullptr : &*found;
}

Result<Notes> read_notes(Files& files, const std::string& path) {
  const Result<std::string> text = files.read(path);
  if (!text && text.error().failure == Failure::not_found) return Notes{};
  if (!text) return fail(text.error());
  WEIR_TRY(const Json json, Json::parse(*text));
  if (json["format"].integer() != kNotesFormat)
    return fail(Failure::bad_data, "cannot read " + path + ": it is of another version of weir");
  Notes notes;
  if (json["boot_id"].text() != boot_id()) return notes;
  for (const Json& child : json["children"].items()) {
    notes.children.push_back({child["name"].text(), static_cast<pid_t>(child["pid"].integer()),
                              child["start_time"].integer()});
  }
  for (const Json& fault : json["faults"].items()) notes.faults.push_back(fault_from(fault));
  return notes;
}

Result<> write_notes(Files& files, const std::string& path, const Notes& notes) {
  Json children = Json::array();
  for (const ChildNote& child : notes.children) children.add(to_json(child));
  Json faults = Json::array();
  auto ended = static_cast<std::size_t>(std::count_if(
      notes.faults.begin(), notes.faults.end(), [](const FaultNote& note) { return note.ended; }));
  for (const FaultNote& note : notes.faults) {
    const bool forgotten = note.ended && ended > kEndedFaultsMax;
    if (note.ended) --ended;
    if (!forgotten) faults.add(to_json(note));
  }
  const Json json = Json::object()
                        .set("format", kNotesFormat)
                        .set("boot_id", boot_id())
                        .set("children", children)
                        .set("faults", faults);
  return files.write(path, json.dump(true) + "\n");
}

}  // namespace weir::guard
