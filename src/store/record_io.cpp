// How typed values travel through the store, and what to believe when an answer is lost.
#include "store/record_io.h"

#include "base/mutant.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace weir::store {
namespace {

constexpr int kCrlFormat = 1;

Result<Revision> write(Store& store, const std::string& key, const std::string& value,
                       Revision expected, Deadline deadline) {
  if (mutant("unconditional-write")) {
    const Result<std::optional<Entry>> now = store.get(key, deadline);
    if (now && *now) expected = (*now)->revision;
  }
  if (mutant("create-if-absent")) {
    const Result<std::optional<Entry>> now = store.get(key, deadline);
    if (now && !*now) expected = 0;
  }
  Result<Revision> done = store.commit({{key, expected, value, 0}}, deadline);
  if (done || done.error().failure != Failure::outcome_unknown) return done;
  const Result<std::optional<Entry>> seen = store.get(key, deadline);
  if (!seen) return done;  // still unknown; the first error says more than the second
  const Revision stands = *seen ? (*seen)->revision : 0;
  if (stands == expected) return done;
  if (*seen && (*seen)->value == value) return stands;
  return fail(Failure::conflict, key + " was changed by somebody else, read it again");
}

Error at(const std::string& key, Error error) {
  error.what = "cannot read " + key + ", " + error.what;
  return error;
}

// Reads one entry as T by `from`.
template <class T, class From>
Result<T> read_entry(const Entry& entry, From from) {
  const Result<Json> json = Json::parse(entry.value);
  if (!json) return fail(at(entry.key, json.error()));
  Result<T> value = from(*json);
  if (!value) return fail(at(entry.key, std::move(value).error()));
  return value;
}

}  // namespace

Result<std::optional<Held>> read_record(Store& store, const Keys& keys, const ServiceName& service,
                                        Deadline deadline) {
  WEIR_TRY(const std::optional<Entry> entry, store.get(keys.leadership(service), deadline));
  if (!entry) return std::optional<Held>();
  WEIR_TRY(Record record, read_entry<Record>(*entry, record_from));
  return Held{std::move(record), entry->revision};
}

Result<std::optional<HeldService>> read_desired(Store& store, const Keys& keys,
                                                const ServiceName& service, Deadline deadline) {
  WEIR_TRY(const std::optional<Entry> entry, store.get(keys.desired(service), deadline));
  if (!entry) return std::optional<HeldService>();
  WEIR_TRY(Service value, read_entry<Service>(*entry, service_from));
  return HeldService{std::move(value), entry->revision};
}

Result<std::optional<HeldClaim>> read_claim(Store& store, const Keys& keys,
                                            const ServiceName& service, Deadline deadline) {
  WEIR_TRY(const std::optional<Entry> entry, store.get(keys.claim(service), deadline));
  if (!entry) return std::optional<HeldClaim>();
  WEIR_TRY(Claim claim, read_entry<Claim>(*entry, claim_from));
  return HeldClaim{std::move(claim), entry->revision};
}

Result<std::vector<HeldService>> list_desired(Store& store, const Keys& keys, Deadline deadline) {
  WEIR_TRY(const std::vector<Entry> entries, store.list(keys.desired(), deadline));
  std::vector<HeldService> out;
  for (const Entry& entry : entries) {
    WEIR_TRY(Service value, read_entry<Service>(entry, service_from));
    out.push_back({std::move(value), entry.revision});
  }
  return out;
}

namespace {

// A mutant: as if the leader lay in one record and the set, with the previous ones, in another.
// Each of the two is written whole, and what stands there is read together. The set comes second,
// and goes to whatever leader stands there by then.
Result<Revision> write_in_two(Store& store, const std::string& key, const ServiceName& service,
                              const Keys& keys, const Record& record, Revision expected,
                              Deadline deadline) {
  const Deadline late{deadline.at + std::chrono::minutes(1)};
  Record next = record;
  if (const auto held = read_record(store, keys, service, late); held && *held) {
    next.set = (*held)->record.set;
    next.previous = (*held)->record.previous;
  }
  Result<Revision> done = write(store, key, to_json(next).dump(), expected, deadline);
  if (!done) return done;
  do {
    WEIR_TRY(const std::optional<Held> held, read_record(store, keys, service, late));
    if (!held) return done;
    next = held->record;
    next.set = record.set;
    next.previous = record.previous;
    if (next == held->record) return done;
    done = write(store, key, to_json(next).dump(), held->revision, late);
  } while (!done && done.error().failure == Failure::conflict);
  return done;
}

}  // namespace

Result<Revision> write_record(Store& store, const Keys& keys, const ServiceName& service,
                              const Record& record, Revision expected, Deadline deadline) {
  const std::string key = keys.leadership(service);
  if (mutant("two-records")) {
    return write_in_two(store, key, service, keys, record, expected, deadline);
  }
  return write(store, key, to_json(record).dump(), expected, deadline);
}

Result<Revision> write_desired(Store& store, const Keys& keys, const Service& service,
                               Revision expected, Deadline deadline) {
  return write(store, keys.desired(service.name), to_json(service).dump(), expected, deadline);
}

Result<Revision> write_claim(Store& store, const Keys& keys, const ServiceName& service,
                             const Claim& claim, Revision expected, Deadline deadline) {
  return write(store, keys.claim(service), to_json(claim).dump(), expected, deadline);
}

Result<> drop_claim(Store& store, const Keys& keys, const ServiceName& service, Revision expected,
                    Deadline deadline) {
  const auto done = store.commit({{keys.claim(service), expected, std::nullopt, 0}}, deadline);
  if (done || done.error().failure == Failure::conflict) return {};
  return fail(done.error());
}

Result<std::string> crl_in(const Json& value) {
  if (value["format"].integer() == kCrlFormat && value["crl"].is_string()) {
    return value["crl"].text();
  }
  return fail(Failure::bad_data,
              fmt::format("cannot read the list of revoked certificates: its format is {}, this "
                          "weir reads {}",
                          value["format"].integer(), kCrlFormat));
}

Result<HeldCrl> read_crl(Store& store, const Keys& keys, Deadline deadline) {
  WEIR_TRY(const std::optional<Entry> entry, store.get(keys.revoked(), deadline));
  if (!entry) return HeldCrl{};
  return HeldCrl{read_entry<std::string>(*entry, crl_in).value_or(""), entry->revision};
}

Result<Revision> write_crl(Store& store, const Keys& keys, const access::Crl& crl,
                           Revision expected, Deadline deadline) {
  const Json value =
      Json::object().set("format", kCrlFormat).set("number", crl.number).set("crl", crl.pem);
  return write(store, keys.revoked(), value.dump(), expected, deadline);
}

Result<> create_renewal(Store& store, const Keys& keys, const HostName& host, Deadline deadline) {
  const std::string key = keys.renewal(host);
  WEIR_TRY(const auto entry, store.get(key, deadline));
  if (entry) return {};
  const Json value = Json::object().set("format", 1).set("incarnation", "").set("count", 0);
  const auto written = store.commit({{key, 0, value.dump(), 0}}, deadline);
  // Somebody was faster: it is there.
  if (!written && written.error().failure != Failure::conflict) return fail(written.error());
  return {};
}

}  // namespace weir::store
