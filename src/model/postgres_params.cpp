// The table of parameters, those that weir sets itself, and the canonical text of a value.
#include "model/postgres_params.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/quantity.h"
#include "base/text.h"

namespace weir {
namespace {

using T = PostgresParam::Type;
using C = PostgresParam::Change;

constexpr PostgresParam kParams[] = {
#include "model/postgres_params.inc"
};

// What weir sets itself; a name that ends in '*' stands for all that begin so.
struct Owned {
  std::string_view name;
  std::string_view why;
};
constexpr std::string_view kAddress = "weir sets it from the member's host and port";
constexpr std::string_view kFailover = "weir sets it to lead and to follow";
constexpr std::string_view kSet = "it follows from `sync` and `durability`";
constexpr std::string_view kLoss = "another value than weir's can lose acknowledged commits";
constexpr std::string_view kReplication = "weir sets it for replication and rewinding";
constexpr std::string_view kArchive = "weir's own backups set it";
constexpr std::string_view kIdentity = "the fleet's own certificates and passwords need it";
constexpr std::string_view kLayout = "weir decides where a member's files lie";
constexpr std::string_view kSession = "it belongs to one session, not to a server";
constexpr Owned kOwned[] = {
    {"listen_addresses", kAddress},
    {"port", kAddress},
    {"unix_socket_*", kAddress},
    {"bonjour*", kAddress},
    {"primary_conninfo", kFailover},
    {"primary_slot_name", kFailover},
    {"restore_command", kFailover},
    {"recovery_target*", kFailover},
    {"recovery_end_command", kFailover},
    {"promote_trigger_file", kFailover},
    {"hot_standby", kFailover},
    {"cluster_name", kFailover},
    {"default_transaction_read_only", kFailover},
    {"synchronous_standby_names", kSet},
    {"synchronous_commit", kSet},
    {"fsync", kLoss},
    {"full_page_writes", kLoss},
    {"ignore_checksum_failure", kLoss},
    {"ignore_invalid_pages", kLoss},
    {"zero_damaged_pages", kLoss},
    {"data_sync_retry", kLoss},
    {"wal_level", kReplication},
    {"wal_log_hints", kReplication},
    {"max_wal_senders", kReplication},
    {"max_replication_slots", kReplication},
    {"archive_*", kArchive},
    {"ssl*", kIdentity},
    {"password_encryption", kIdentity},
    {"krb_server_keyfile", kIdentity},
    {"hba_file", kLayout},
    {"ident_file", kLayout},
    {"data_directory", kLayout},
    {"config_file", kLayout},
    {"external_pid_file", kLayout},
    {"application_name", kSession},
    {"client_encoding", kSession},
    {"is_superuser", kSession},
    {"role", kSession},
    {"seed", kSession},
    {"session_authorization", kSession},
    {"transaction_*", kSession},
};
constexpr std::string_view kFixed = "it is decided when the cluster is made";

// Postgres takes these as lists of names (GUC_LIST_INPUT), so that blanks around commas say
// nothing.
constexpr std::string_view kLists[] = {
    "DateStyle",        "local_preload_libraries",   "log_destination",
    "search_path",      "session_preload_libraries", "shared_preload_libraries",
    "temp_tablespaces", "wal_consistency_checking",
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && lower(a) == lower(b);
}

std::optional<bool> boolean_from(std::string_view text) {
  const std::string word = lower(trim(text));
  for (const std::string_view yes : {"on", "true", "yes", "1", "t", "y"}) {
    if (word == yes) return true;
  }
  for (const std::string_view no : {"off", "false", "no", "0", "f", "n"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

struct Unit {
  std::string_view name;
  double size;  // in bytes, or in milliseconds
};
constexpr std::array kMemory{Unit{"TB", 1099511627776.0}, Unit{"GB", 1073741824.0},
                             Unit{"MB", 1048576.0}, Unit{"kB", 1024.0}, Unit{"B", 1.0}};
constexpr std::array kTime{Unit{"d", 86400000.0}, Unit{"h", 3600000.0}, Unit{"min", 60000.0},
                           Unit{"s", 1000.0},     Unit{"ms", 1.0},      Unit{"us", 0.001}};

bool is_time(std::string_view unit) { return unit == "ms" || unit == "s" || unit == "min"; }

double size_of(std::string_view unit) {
  if (unit == "8kB") return 8192;
  for (const Unit& known : kMemory) {
    if (known.name == unit) return known.size;
  }
  for (const Unit& known : kTime) {
    if (known.name == unit) return known.size;
  }
  return 1;
}

std::string plain(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    return fmt::format("{}", static_cast<std::int64_t>(value));
  }
  return fmt::format("{}", value);
}

// As SHOW does: in the greatest unit that leaves a whole number; zero and less carry no unit.
std::string with_unit(double value, std::string_view unit) {
  if (unit.empty() || value <= 0) return plain(value);
  const double size = value * size_of(unit);
  const auto print = [&](const auto& units) {
    for (const Unit& known : units) {
      const double count = size / known.size;
      if (std::abs(count - std::round(count)) < 1e-8 * count && std::round(count) >= 1) {
        return plain(std::round(count)) + std::string(known.name);
      }
    }
    return plain(value);
  };
  return is_time(unit) ? print(kTime) : print(kMemory);
}

// As Postgres reads one: a whole number that begins with 0 is octal.
std::optional<double> bare_number(const std::string& text) {
  if (text.size() > 1 && text.size() < 20 && text[0] == '0' &&
      text.find_first_not_of("01234567") == std::string::npos) {
    return static_cast<double>(std::strtoll(text.c_str(), nullptr, 8));
  }
  if (text.empty() || text.find_first_not_of("0123456789.+-eE") != std::string::npos) {
    return std::nullopt;
  }
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end != '\0' || !std::isfinite(value)) return std::nullopt;
  return value;
}

// The value counted in the parameter's own unit.
std::optional<double> counted(const PostgresParam& param, const std::string& text) {
  if (const auto bare = bare_number(text)) return bare;
  if (param.unit.empty()) return std::nullopt;
  const double unit = size_of(param.unit);
  if (is_time(param.unit)) {
    const auto time = parse_duration(text);
    if (!time) return std::nullopt;
    return static_cast<double>(time->count()) / 1e6 / unit;
  }
  const auto bytes = parse_bytes(text);
  if (!bytes) return std::nullopt;
  return static_cast<double>(*bytes) / unit;
}

std::string expected(const PostgresParam& param) {
  if (!param.unit.empty())
    return is_time(param.unit) ? "a time such as 30s" : "a size such as 16MB";
  return param.type == T::integer ? "a whole number" : "a number";
}

Result<std::string> number_value(const PostgresParam& param, const std::string& text) {
  const auto read = counted(param, text);
  const bool whole = param.type == T::integer;
  if (!read || (whole && param.unit.empty() && *read != std::floor(*read))) {
    return fail(Failure::bad_config, fmt::format("expected {}, got '{}'", expected(param), text));
  }
  const double value = whole ? std::round(*read) : *read;
  if (value < param.least || value > param.greatest) {
    return fail(Failure::bad_config, fmt::format("{} must be between {} and {}, got '{}'",
                                                 param.name, with_unit(param.least, param.unit),
                                                 with_unit(param.greatest, param.unit), text));
  }
  if (param.name == "log_file_mode") return fmt::format("{:04o}", static_cast<int>(value));
  return with_unit(value, param.unit);
}

Result<std::string> choice_value(const PostgresParam& param, const std::string& text) {
  const std::vector<std::string> choices = split(param.choices, ',');
  const std::string word = lower(text);
  for (const std::string& choice : choices) {
    if (lower(choice) == word) return choice;
  }
  // Where on and off are choices, Postgres takes every other spelling of them too.
  if (const auto on = boolean_from(text)) {
    const std::string spelt = *on ? "on" : "off";
    if (std::find(choices.begin(), choices.end(), spelt) != choices.end()) return spelt;
  }
  return fail(Failure::bad_config,
              fmt::format("expected one of {}, got '{}'", join(choices, ", "), text));
}

}  // namespace

std::span<const PostgresParam> postgres_params() { return kParams; }

const PostgresParam* find_postgres_param(std::string_view name) {
  for (const PostgresParam& param : kParams) {
    if (same_name(param.name, name)) return &param;
  }
  return nullptr;
}

std::string_view postgres_param_refusal(std::string_view name) {
  const std::string word = lower(name);
  for (const Owned& owned : kOwned) {
    const bool prefix = owned.name.back() == '*';
    const std::string_view stem = prefix ? owned.name.substr(0, owned.name.size() - 1) : owned.name;
    if (prefix ? starts_with(word, stem) : word == stem) return owned.why;
  }
  const PostgresParam* param = find_postgres_param(name);
  return param != nullptr && param->change == C::fixed ? kFixed : std::string_view{};
}

const std::vector<std::string>& declarable_postgres_params() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const PostgresParam& param : kParams) {
      if (postgres_param_refusal(param.name).empty()) names.emplace_back(param.name);
    }
    return names;
  }();
  return kNames;
}

std::string_view postgres_param_effect(std::string_view name) {
  const PostgresParam* param = find_postgres_param(name);
  return param != nullptr && param->change == C::restart ? "restart" : "reload";
}

std::string_view postgres_param_canonical(std::string_view name) {
  const PostgresParam* param = find_postgres_param(name);
  if (param == nullptr) return "text";
  if (param->type == T::boolean) return "bool";
  if (param->type == T::integer || param->type == T::real) {
    if (param->unit.empty()) return "number";
    return is_time(param->unit) ? "duration" : "bytes";
  }
  const bool list =
      std::find(std::begin(kLists), std::end(kLists), param->name) != std::end(kLists);
  return list ? "list" : "text";
}

Result<std::string> canonical_value(const PostgresParam& param, std::string_view text) {
  const std::string trimmed = trim(text);
  switch (param.type) {
    case T::boolean: {
      const auto value = boolean_from(trimmed);
      if (value) return *value ? "on" : "off";
      return fail(Failure::bad_config, fmt::format("expected on or off, got '{}'", trimmed));
    }
    case T::integer:
    case T::real:
      return number_value(param, trimmed);
    case T::choice:
      return choice_value(param, trimmed);
    case T::text:
      break;
  }
  // A line break would begin a setting of its own in the file that the server reads.
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), control)) {
    return fail(Failure::bad_config,
                fmt::format("the value of {} holds a control character", param.name));
  }
  return std::string(text);
}

}  // namespace weir
