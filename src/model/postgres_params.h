// The parameters of PostgreSQL 15: what may be declared, how a value is written, and what a change
// does. config/ checks the fleet file against it; engine/postgres has its effects from it. The
// table in postgres_params.inc is made from a real server, and compared with one, by
// tests/real/postgres/params_test.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

struct PostgresParam {
  enum class Type { boolean, integer, real, text, choice };
  enum class Change { reload, restart, fixed };  // fixed: decided by initdb or the build
  std::string_view name;
  Type type = Type::text;
  Change change = Change::reload;
  std::string_view unit;  // "", "B", "kB", "8kB", "MB", "ms", "s", "min"
  double least = 0;       // numbers only, counted in `unit`
  double greatest = 0;
  std::string_view choices;  // comma-separated; a choice only
};

// The whole table, sorted by name.
std::span<const PostgresParam> postgres_params();
// By name, upper and lower case alike as in Postgres; nullptr if Postgres 15 has no such parameter.
// Names with a dot belong to extensions and are in no table.
const PostgresParam* find_postgres_param(std::string_view name);
// All that a fleet file may declare, for "did you mean".
const std::vector<std::string>& declarable_postgres_params();
// Why a fleet file may not declare it, as one clause; empty if it may.
std::string_view postgres_param_refusal(std::string_view name);

// "reload" or "restart"; an extension's parameter is taken to need a reload.
std::string_view postgres_param_effect(std::string_view name);
// How two texts of its value are compared: "bool", "bytes", "duration", "number", "list", "text".
std::string_view postgres_param_canonical(std::string_view name);

// The value as SHOW would print it: "8192" of shared_buffers is "64MB". Refuses with bad_config
// what Postgres would refuse: wrong type, unknown choice, outside its range.
Result<std::string> canonical_value(const PostgresParam& param, std::string_view text);

}  // namespace weir
