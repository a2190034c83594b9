// JSON as a value of our own: what records, peers, journals and reports are written in.
// The library behind parse and dump stays in json.cpp.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace weir {

// An immutable-feeling value tree. Objects keep the order in which members were added, so that
// reports and golden files read as they were written. Not thread-safe, like any value.
class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool b) : value_(b) {}
  Json(std::int64_t n) : value_(n) {}
  Json(int n) : value_(std::int64_t{n}) {}
  Json(std::uint64_t n) : value_(static_cast<std::int64_t>(n)) {}
  Json(unsigned n) : value_(std::int64_t{n}) {}
  Json(double d) : value_(d) {}
  Json(std::string s) : value_(std::move(s)) {}
  Json(std::string_view s) : value_(std::string(s)) {}
  Json(const char* s) : value_(std::string(s)) {}
  Json(Array a) : value_(std::move(a)) {}
  Json(Object o) : value_(std::move(o)) {}

  static Json object() { return Json(Object{}); }
  static Json array() { return Json(Array{}); }

  // Reads one whole text. Errors: bad_data with line and column; nesting beyond 64 levels and
  // texts beyond `bytes_max` are refused.
  static Result<Json> parse(std::string_view text, std::size_t bytes_max = 64u << 20);
  // One line, or indented by two blanks. Invalid UTF-8 is replaced, never refused.
  std::string dump(bool indented = false) const;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_number() const {
    return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<double>(value_);
  }

  // Lenient reading: a member that is absent, or a value of another type, reads as the fallback.
  // Records that must be whole are checked by their own from_json.
  const Json& operator[](std::string_view key) const;
  bool has(std::string_view key) const;
  std::string text(std::string fallback = {}) const;
  std::int64_t integer(std::int64_t fallback = 0) const;
  double number(double fallback = 0) const;
  bool boolean(bool fallback = false) const;
  const Array& items() const;     // empty unless an array
  const Object& members() const;  // empty unless an object

  // Sets or replaces a member (null becomes an object first); returns *this to chain.
  Json& set(std::string key, Json value);
  // Like set, for a key that is known to be new: it is not searched for.
  Json& append(std::string key, Json value);
  // Appends to an array (null becomes an array first).
  Json& add(Json value);

  bool operator==(const Json&) const = default;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_;
};

// An Error on the wire and under -o json: {"failure", "what", "hint"}.
Json to_json(const Error& error);
Error error_from(const Json& json);

}  // namespace weir
