// The server chooses its timeline at its start; the choice is repeated here from the same files.
#include "engine/postgres/leads_standing.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "engine/postgres/leads_system.h"

namespace weir::engine::postgres {
namespace {

constexpr Duration kAsksFor = 500ms;

std::string log_folder(Context& context, const Member& member) {
  return context.layout(member).data + "/pg_wal";
}

// Timelines of which a history or a segment is there, newest first, down to the checkpoint's.
Result<std::vector<std::int64_t>> timelines_there(Files& files, const std::string& folder,
                                                  const Control& control) {
  WEIR_TRY(const std::vector<std::string> names, files.list(folder));
  std::set<std::int64_t, std::greater<>> found{control.timeline};
  for (const std::string& name : names) {
    if (const auto id = segment_from(name, control.segment_bytes)) found.insert(id->timeline);
  }
  std::vector<std::int64_t> out;
  for (const std::int64_t timeline : found) {
    if (timeline >= control.timeline) out.push_back(timeline);
  }
  return out;
}

Result<Lineage> lineage_on_disk(Files& files, const std::string& folder, const Control& control,
                                std::int64_t timeline) {
  std::vector<Branch> branches;
  if (timeline > 1) {
    WEIR_TRY(const std::string text,
             files.read(fmt::format("{}/{:08X}.history", folder, timeline)));
    WEIR_TRY(branches, parse_history(text));
  }
  return lineage_of(control.system, std::move(branches), timeline);
}

// Whether the checkpoint of the data is part of that lineage.
bool holds_checkpoint(const Lineage& lineage, const Control& control) {
  if (lineage.timeline == control.timeline) return true;
  return std::any_of(lineage.branches.begin(), lineage.branches.end(), [&](const Branch& branch) {
    return branch.timeline == control.timeline && control.redo <= branch.until;
  });
}

}  // namespace

Lineage lineage_of(std::string system, std::vector<Branch> branches, std::int64_t timeline) {
  for (std::size_t i = branches.size(); i-- > 1;) {
    branches[i - 1].until = std::min(branches[i - 1].until, branches[i].until);
  }
  Lineage out;
  out.system = std::move(system);
  out.timeline = timeline;
  Position began;
  for (const Branch& branch : branches) {
    if (branch.until <= began) continue;
    out.branches.push_back(branch);
    began = branch.until;
  }
  return out;
}

Result<Control> read_control(Context& context, const Member& member, Deadline deadline) {
  WEIR_TRY(const std::string printed,
           context.run("pg_controldata", {context.layout(member).data}, deadline));
  return parse_control(printed);
}

SegmentSource segments_of(Context& context, const Member& member, std::uint64_t segment_bytes,
                          std::optional<Error>& trouble) {
  const std::string folder = log_folder(context, member);
  return [&context, &trouble, folder, segment_bytes](
             std::int64_t timeline, std::uint64_t segment, std::uint64_t from,
             std::size_t most) -> std::optional<SegmentPart> {
    auto part = context.files().read_part(
        folder + "/" + segment_name(timeline, segment, segment_bytes), from, most);
    if (!part && part.error().failure != Failure::not_found) trouble = part.error();
    if (!part) return std::nullopt;
    return SegmentPart{std::move(part->bytes), part->file_bytes};
  };
}

Result<Standing> standing_on_disk(Context& context, const Member& member,
                                  std::optional<Position> replayed, Deadline deadline) {
  Files& files = context.files();
  const std::string folder = log_folder(context, member);
  WEIR_TRY(const Control control, read_control(context, member, deadline));
  const WalkStart start{replayed.value_or(control.redo), control.segment_bytes, !replayed};
  std::optional<Error> trouble;
  const SegmentSource source = segments_of(context, member, control.segment_bytes, trouble);
  WEIR_TRY(const std::vector<std::int64_t> timelines, timelines_there(files, folder, control));
  std::optional<Error> last;
  for (const std::int64_t timeline : timelines) {
    const auto lineage = lineage_on_disk(files, folder, control, timeline);
    if (!lineage || !holds_checkpoint(*lineage, control)) {
      const bool unreadable = !lineage && (lineage.error().failure == Failure::io ||
                                           lineage.error().failure == Failure::denied);
      if (unreadable) return fail(lineage.error());
      if (!lineage) last = lineage.error();
      continue;
    }
    const auto end = walk_wal(*lineage, start, source);
    if (trouble) return fail(std::move(*trouble));
    if (!end) {
      last = end.error();
      continue;
    }
    const Lineage taken = trimmed(*lineage, end->end);
    // A log that does not reach beyond the switch point has not taken that timeline, and the files
    // of the older one may reach further.
    const bool on_it = taken.timeline == timeline && end->timeline == timeline;
    if (!on_it && timeline != timelines.back()) continue;
    if (control.min_recovery > end->end) {
      return fail(Failure::bad_data,
                  fmt::format("the log of {} ends at {}, before {}, which its data needs: {}",
                              member.name.text, show(end->end), show(control.min_recovery),
                              end->stopped_by));
    }
    return Standing{taken, end->end};
  }
  if (last) return fail(std::move(*last));
  return fail(Failure::bad_data,
              fmt::format("cannot find the end of the log of {}: no timeline on its disk holds "
                          "its checkpoint",
                          member.name.text));
}

Result<Standing> standing_here(Context& context, const Member& member, bool running,
                               Deadline deadline) {
  std::optional<Position> replayed;
  if (running) {
    // A server that is still starting or hangs cannot say it, and its disk knows as well.
    const Deadline soon = sooner(deadline, context.clock().within(kAsksFor));
    if (auto session = context.local_session(member, soon)) {
      const auto rows = session->query(
          "select pg_is_in_recovery(), case when pg_is_in_recovery() then pg_last_wal_replay_lsn() "
          "else pg_current_wal_flush_lsn() end",
          {}, soon);
      if (rows) replayed = position_from(rows->text(0, 1));
    }
  }
  return standing_on_disk(context, member, replayed, deadline);
}

Result<> flush_log_end(Context& context, const Member& member, const Standing& standing,
                       Deadline deadline) {
  WEIR_TRY(const Control control, read_control(context, member, deadline));
  const std::string folder = log_folder(context, member);
  const std::uint64_t last = (standing.at.at - 1) / control.segment_bytes;
  std::vector<std::int64_t> timelines{standing.lineage.timeline};
  for (const Branch& branch : standing.lineage.branches) timelines.push_back(branch.timeline);
  for (const std::int64_t timeline : timelines) {
    for (std::uint64_t segment = last == 0 ? 0 : last - 1; segment <= last; ++segment) {
      WEIR_TRY_(flush_file(folder + "/" + segment_name(timeline, segment, control.segment_bytes)));
    }
  }
  return flush_file(folder);
}

Result<LeaderFacts> ask_leader(Context& context, const Member& leader, Deadline deadline) {
  WEIR_TRY(Session session, context.replication_session(leader, deadline));
  WEIR_TRY(const Rows recovery, session.run("SHOW in_hot_standby", deadline));
  if (recovery.text(0, 0) != "off") {
    return fail(Failure::unreachable,
                fmt::format("cannot follow {}: it does not serve as leader", leader.name.text));
  }
  WEIR_TRY(const Rows system, session.run("IDENTIFY_SYSTEM", deadline));
  const auto at = position_from(system.text(0, 2));
  const std::int64_t timeline = std::atoll(system.text(0, 1).c_str());
  if (!at || timeline <= 0) {
    return fail(Failure::bad_data,
                fmt::format("cannot read what {} says of its log", leader.name.text));
  }
  LeaderFacts out;
  std::vector<Branch> branches;
  if (timeline > 1) {
    WEIR_TRY(const Rows history,
             session.run(fmt::format("TIMELINE_HISTORY {}", timeline), deadline));
    out.history = history.text(0, 1);
    WEIR_TRY(branches, parse_history(out.history));
  }
  out.standing = {lineage_of(system.text(0, 0), std::move(branches), timeline), *at};
  return out;
}

}  // namespace weir::engine::postgres
