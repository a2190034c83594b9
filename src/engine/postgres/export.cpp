// Log that a member alone has is put aside, whole and once, before its directory is rewound or
// replaced (safety.md S10).
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/quantity.h"
#include "engine/postgres/leads.h"
#include "engine/postgres/leads_standing.h"

namespace weir::engine::postgres {
namespace {

constexpr int kFormat = 1;
// Until it is whole: what was cut off, by a full disk above all, must not stay and fill it.
constexpr const char* kMaking = "making";
constexpr const char* kSummary = "summary.json";

// "2026-11-23T060102Z-4": names of folders sort by time.
std::string export_name(WallTime now, const Epoch& epoch) {
  std::string out;
  for (const char c : show(now).substr(0, 19)) {
    if (c != ':') out += c;
  }
  return fmt::format("{}Z-{}", out, show(epoch));
}

// A way back that fails is tried again and again: each try would put the same log aside once more,
// and a disk with little space would never have enough for the rewind itself.
Result<bool> is_exported(Files& files, const std::string& exports, const Standing& own,
                         Position from) {
  if (!files.exists(exports)) return false;
  WEIR_TRY(const std::vector<std::string> names, files.list(exports));
  return std::ranges::any_of(names, [&](const std::string& name) {
    if (name == kMaking) return false;
    const auto text = files.read(exports + "/" + name + "/" + kSummary);
    const auto json = text ? Json::parse(*text) : fail(text.error());
    return json && (*json)["from"].text() == show(from) && (*json)["to"].text() == show(own.at) &&
           (*json)["lineage"].dump() == to_json(own.lineage).dump();
  });
}

}  // namespace

Result<> PostgresLeads::export_diverged(const Member& member, const Standing& own, Position from,
                                        const Epoch& epoch, Deadline deadline) {
  const Layout l = context_.layout(member);
  Files& files = context_.files();
  WEIR_TRY(const bool there, is_exported(files, l.exports, own, from));
  if (there) return {};
  WEIR_TRY(const Control control, read_control(context_, member, deadline));
  const std::string folder = l.exports + "/" + kMaking;
  WEIR_TRY_(files.remove(folder));
  WEIR_TRY_(files.make_folder(folder));
  std::optional<Error> trouble;
  const SegmentSource source = segments_of(context_, member, control.segment_bytes, trouble);
  std::vector<std::int64_t> timelines{own.lineage.timeline};
  for (const Branch& branch : own.lineage.branches) {
    if (branch.until > from) timelines.push_back(branch.timeline);
  }
  Json names = Json::array();
  const std::uint64_t last = (own.at.at - 1) / control.segment_bytes;
  for (std::uint64_t segment = from.at / control.segment_bytes; segment <= last; ++segment) {
    for (const std::int64_t timeline : timelines) {
      const auto content = source(timeline, segment, 0, control.segment_bytes);
      if (trouble) return fail(std::move(*trouble));
      if (!content) continue;
      const std::string name = segment_name(timeline, segment, control.segment_bytes);
      WEIR_TRY_(files.write(folder + "/" + name, content->bytes));
      names.add(name);
    }
  }
  // Unknown is not 0: a count that could not be made is left out.
  const auto commits = count_commits(own.lineage, {from, control.segment_bytes, false}, source);
  if (trouble) return fail(std::move(*trouble));
  Json summary = Json::object();
  summary.set("format", kFormat)
      .set("service", member.service.text)
      .set("member", member.name.text)
      .set("towards_epoch", to_json(epoch))
      .set("from", show(from))
      .set("to", show(own.at))
      .set("bytes", own.at.at - from.at)
      .set("lineage", to_json(own.lineage))
      .set("segments", std::move(names));
  if (commits) summary.set("commits", *commits);
  WEIR_TRY_(files.write(folder + "/" + kSummary, summary.dump(true) + "\n"));
  return files.rename(folder, l.exports + "/" + export_name(context_.clock().wall(), epoch));
}

}  // namespace weir::engine::postgres
