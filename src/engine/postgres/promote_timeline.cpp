// Files in pg_wal that steer which timeline a server takes.
#include "engine/postgres/promote_timeline.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "engine/postgres/leads_system.h"

namespace weir::engine::postgres {
namespace {

constexpr const char* kFilling = "# weir: no leader of this number branched off here\n";
constexpr const char* kAside = ".weir-aside";
constexpr int kFormat = 1;

std::string log_folder(Context& context, const Member& member) {
  return context.layout(member).data + "/pg_wal";
}

std::string history_name(std::int64_t timeline) { return fmt::format("{:08X}.history", timeline); }

std::optional<std::int64_t> timeline_in(const std::string& name) {
  std::int64_t value = 0;
  const char* const end = name.data() + 8;
  if (name.size() < 8) return std::nullopt;
  const auto [stopped, error] = std::from_chars(name.data(), end, value, 16);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

bool is_history(const std::string& name) {
  return name.size() == 16 && name.substr(8) == ".history" && timeline_in(name);
}

bool is_segment(const std::string& name) {
  return name.size() == 24 && name.find_first_not_of("0123456789ABCDEF") == std::string::npos;
}

// The history of one timeline of a lineage, as Postgres writes it.
std::string history_text(const Lineage& lineage, std::int64_t timeline) {
  std::string out;
  for (const Branch& branch : lineage.branches) {
    if (branch.timeline >= timeline) break;
    out += fmt::format("{}\t{}\tfrom a later history\n", branch.timeline, show(branch.until));
  }
  return out;
}

bool lived(const Lineage& lineage, std::int64_t timeline) {
  for (const Branch& branch : lineage.branches) {
    if (branch.timeline == timeline) return true;
  }
  return lineage.timeline == timeline;
}

// A filling may lie where a leader's history belongs: we once tried a higher number.
Result<> remove_filling(Context& context, const std::string& path) {
  const auto old = context.files().read(path);
  if (!old || *old != kFilling) return {};
  return context.files().remove(path);
}

Result<> put(Context& context, const std::string& path, const std::string& text) {
  if (context.files().exists(path)) return {};
  return context.files().write(path, text, kPrivate);
}

}  // namespace

Result<> fill_histories(Context& context, const Member& member, const Lineage& lineage,
                        std::int64_t number) {
  const std::string folder = log_folder(context, member) + "/";
  for (std::int64_t timeline = number - 1; timeline > 1; --timeline) {
    const std::string path = folder + history_name(timeline);
    const bool real = lived(lineage, timeline);
    if (real) WEIR_TRY_(remove_filling(context, path));
    WEIR_TRY_(put(context, path, real ? history_text(lineage, timeline) : kFilling));
  }
  return {};
}

Result<> place_history(Context& context, const Member& member, const Lineage& leader,
                       const std::string& history) {
  if (leader.timeline <= 1) return {};
  const std::string path = log_folder(context, member) + "/" + history_name(leader.timeline);
  WEIR_TRY_(remove_filling(context, path));
  WEIR_TRY_(put(context, path, history));
  return fill_histories(context, member, leader, leader.timeline);
}

Result<> remove_fillings(Context& context, const Member& member, std::int64_t timeline) {
  const std::string folder = log_folder(context, member) + "/";
  WEIR_TRY(const std::vector<std::string> names, context.files().list(folder));
  for (const std::string& name : names) {
    if (!is_history(name) || *timeline_in(name) <= timeline) continue;
    WEIR_TRY(const std::string text, context.files().read(folder + name));
    if (text == kFilling) WEIR_TRY_(context.files().remove(folder + name));
  }
  return {};
}

Result<bool> has_untaken(Context& context, const Member& member, std::int64_t timeline) {
  const std::string folder = log_folder(context, member) + "/";
  WEIR_TRY(const std::vector<std::string> names, context.files().list(folder));
  for (const std::string& name : names) {
    if (!is_history(name) && !is_segment(name)) continue;
    if (*timeline_in(name) <= timeline) continue;
    if (is_segment(name)) return true;
    WEIR_TRY(const std::string text, context.files().read(folder + name));
    if (text != kFilling) return true;
  }
  return false;
}

Result<> set_aside_untaken(Context& context, const Member& member, std::int64_t timeline) {
  WEIR_TRY_(remove_fillings(context, member, timeline));
  const std::string folder = log_folder(context, member) + "/";
  WEIR_TRY(const std::vector<std::string> names, context.files().list(folder));
  for (const std::string& name : names) {
    if (!is_history(name) && !is_segment(name)) continue;
    if (*timeline_in(name) <= timeline) continue;
    WEIR_TRY_(context.files().rename(folder + name, folder + name + kAside));
  }
  return {};
}

Result<> note_promoting(Context& context, const Member& member, const ServerState& server) {
  const Json note = Json::object()
                        .set("format", kFormat)
                        .set("pid", server.pid)
                        .set("start_time", server.start_time);
  return context.files().write(context.layout(member).root + "/promoting.json", note.dump() + "\n");
}

Result<bool> is_promoting(Context& context, const Member& member, const ServerState& server) {
  const auto text = context.files().read(context.layout(member).root + "/promoting.json");
  if (!text && text.error().failure == Failure::not_found) return false;
  if (!text) return fail(text.error());
  WEIR_TRY(const Json note, Json::parse(*text));
  return server.life == ServerLife::running && note["pid"].integer() == server.pid &&
         note["start_time"].integer() == server.start_time;
}

Result<> forget_promoting(Context& context, const Member& member) {
  return context.files().remove(context.layout(member).root + "/promoting.json");
}

Result<> make_standby(Context& context, const Member& member) {
  return put(context, context.layout(member).data + "/standby.signal", "");
}

}  // namespace weir::engine::postgres
