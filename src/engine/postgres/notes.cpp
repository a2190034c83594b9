// The formats of the notes; every one carries `format`, as all records do.
#include "engine/postgres/notes.h"

#include "base/json.h"

namespace weir::engine::postgres {
namespace {

constexpr int kNoteFormat = 1;

// Null for an absent file.
Result<Json> read_note(Files& files, const std::string& path) {
  const auto text = files.read(path);
  if (!text && text.error().failure == Failure::not_found) return Json();
  if (!text) return fail(text.error());
  WEIR_TRY(Json note, Json::parse(*text));
  if (note["format"].integer() < 1 || note["format"].integer() > kNoteFormat) {
    return fail(Failure::bad_data, "cannot read " + path + ": its format is not known here");
  }
  return note;
}

Result<> write_note(Files& files, const std::string& path, Json note) {
  note.set("format", kNoteFormat);
  return files.write(path, note.dump() + "\n");
}

}  // namespace

Result<PromiseNote> read_promise(Files& files, const std::string& path) {
  WEIR_TRY(const Json note, read_note(files, path));
  PromiseNote out;
  out.round = note["round"].integer();
  out.last = note["last"].integer();
  if (note.has("promise")) out.promise = promise_from(note["promise"]);
  return out;
}

Result<> write_promise(Files& files, const std::string& path, const PromiseNote& note) {
  Json json = Json::object();
  json.set("round", note.round).set("last", note.last);
  if (note.promise) json.set("promise", to_json(*note.promise));
  return write_note(files, path, std::move(json));
}

Result<FollowNote> read_follows(Files& files, const std::string& path) {
  WEIR_TRY(const Json note, read_note(files, path));
  FollowNote out;
  if (note.has("epoch")) out.epoch = epoch_from(note["epoch"]);
  out.leader = MemberName(note["leader"].text());
  return out;
}

Result<> write_follows(Files& files, const std::string& path, const FollowNote& note) {
  Json json = Json::object();
  json.set("epoch", to_json(note.epoch)).set("leader", note.leader.text);
  return write_note(files, path, std::move(json));
}

Result<Epoch> read_leads(Files& files, const std::string& path) {
  WEIR_TRY(const Json note, read_note(files, path));
  return note.has("epoch") ? epoch_from(note["epoch"]) : Epoch{};
}

Result<> write_leads(Files& files, const std::string& path, const Epoch& epoch) {
  Json json = Json::object();
  json.set("epoch", to_json(epoch));
  return write_note(files, path, std::move(json));
}

Result<Incarnation> read_incarnation(Files& files, const std::string& path) {
  WEIR_TRY(const Json note, read_note(files, path));
  return Incarnation(note["incarnation"].text());
}

Result<std::string> read_system(Files& files, const std::string& path) {
  WEIR_TRY(const Json note, read_note(files, path));
  return note["system"].text();
}

Result<> write_incarnation(Files& files, const std::string& path, const Incarnation& incarnation,
                           const std::string& system) {
  Json json = Json::object();
  json.set("incarnation", incarnation.text).set("system", system);
  return write_note(files, path, std::move(json));
}

}  // namespace weir::engine::postgres
