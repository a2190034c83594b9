// The only place that knows the JSON library: its events build our own tree, its writer prints it.
#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace weir {
namespace {

constexpr std::size_t kDepthMax = 64;
constexpr std::size_t kFewMembers = 4;  // as most objects have; growing from one costs two moves

const Json kNull;
const Json::Array kNoItems;
const Json::Object kNoMembers;

std::string place(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const auto before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t begin = before.rfind('\n');
  const std::size_t column = begin == std::string_view::npos ? offset : offset - begin - 1;
  return fmt::format("line {}, column {}", line, std::max<std::size_t>(column, 1));
}

// Builds our tree from the library's events. Iterative, so that depth costs no stack.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(std::string_view text) : text_(text) {}

  bool null() override { return put(Json()); }
  bool boolean(bool value) override { return put(Json(value)); }
  bool number_integer(number_integer_t value) override { return put(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    if (value <= static_cast<number_unsigned_t>(kMax)) return put(Json(value));
    return put(Json(static_cast<double>(value)));
  }
  bool number_float(number_float_t value, const string_t&) override { return put(Json(value)); }
  bool string(string_t& value) override { return put(Json(std::move(value))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool end_object() override {
    const Json::Object& members = open_.back().value.members();
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const auto& [name, value] : members) keys.push_back(name);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return close();
    what = fmt::format("the key '{}' stands twice in one object", *twice);
    return false;
  }
  bool key(string_t& name) override {
    open_.back().key = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    what = fmt::format("not JSON at {}", place(text_, position));
    return false;
  }

  Json result;
  std::string what;  // why parsing ended, when it did

 private:
  struct Open {
    Json value;
    std::string key;  // of the member that comes next
  };

  bool open(Json empty) {
    if (open_.size() >= kDepthMax) {
      what = fmt::format("nested deeper than {} levels", kDepthMax);
      return false;
    }
    open_.push_back({std::move(empty), {}});
    return true;
  }
  bool close() {
    Json done = std::move(open_.back().value);
    open_.pop_back();
    return put(std::move(done));
  }
  bool put(Json value) {
    if (open_.empty()) {
      result = std::move(value);
    } else if (open_.back().value.is_array()) {
      open_.back().value.add(std::move(value));
    } else {
      // Appended unseen: set() would search for the key each time; end_object looks once.
      open_.back().value.append(std::move(open_.back().key), std::move(value));
    }
    return true;
  }

  std::string_view text_;
  std::vector<Open> open_;
};

// As the library writes it, which would want a copy of the whole tree in its own values first: what
// agents say to each other is written some hundred times a second. What is seldom it still writes.
class Writer {
 public:
  explicit Writer(bool indented) : indented_(indented) {}

  void put(const Json& json) {
    if (json.is_object()) {
      put_all(json.members(), '{', '}', [this](const Json::Member& member) {
        put_text(member.first);
        text += indented_ ? ": " : ":";
        put(member.second);
      });
    } else if (json.is_array()) {
      put_all(json.items(), '[', ']', [this](const Json& item) { put(item); });
    } else if (json.is_string()) {
      put_text(json.text());
    } else if (json.is_integer()) {
      const fmt::format_int digits(json.integer());
      text.append(digits.data(), digits.size());
    } else if (json.is_number()) {
      text += nlohmann::json(json.number()).dump();
    } else if (json.is_bool()) {
      text += json.boolean() ? "true" : "false";
    } else {
      text += "null";
    }
  }

  std::string text;

 private:
  template <class Items, class Put>
  void put_all(const Items& items, char opening, char closing, Put put_one) {
    text += opening;
    depth_ += 2;
    bool first = true;
    for (const auto& item : items) {
      if (!first) text += ',';
      first = false;
      begin_line();
      put_one(item);
    }
    depth_ -= 2;
    if (!items.empty()) begin_line();
    text += closing;
  }
  void begin_line() {
    if (indented_) text.append(1, '\n').append(depth_, ' ');
  }
  void put_text(std::string_view plain) {
    if (!std::ranges::all_of(plain, is_plain)) {
      text += nlohmann::json(plain).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      return;
    }
    text.append(1, '"').append(plain).append(1, '"');
  }
  static bool is_plain(char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; }

  const bool indented_;
  std::size_t depth_ = 0;
};

}  // namespace

Result<Json> Json::parse(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    return fail(Failure::bad_data,
                fmt::format("cannot read JSON: {} bytes are more than {}", text.size(), bytes_max));
  }
  Builder builder(text);
  bool read = false;
  try {
    read = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  } catch (const nlohmann::json::exception& e) {
    builder.what = e.what();
  }
  if (!read) return fail(Failure::bad_data, "cannot read JSON: " + builder.what);
  return std::move(builder.result);
}

std::string Json::dump(bool indented) const {
  Writer writer(indented);
  writer.put(*this);
  return std::move(writer.text);
}

const Json& Json::operator[](std::string_view key) const {
  for (const Member& member : members()) {
    if (member.first == key) return member.second;
  }
  return kNull;
}

bool Json::has(std::string_view key) const {
  return std::any_of(members().begin(), members().end(),
                     [&](const Member& member) { return member.first == key; });
}

std::string Json::text(std::string fallback) const {
  const auto* value = std::get_if<std::string>(&value_);
  return value == nullptr ? std::move(fallback) : *value;
}

std::int64_t Json::integer(std::int64_t fallback) const {
  const auto* value = std::get_if<std::int64_t>(&value_);
  return value == nullptr ? fallback : *value;
}

double Json::number(double fallback) const {
  if (const auto* value = std::get_if<double>(&value_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  return fallback;
}

bool Json::boolean(bool fallback) const {
  const auto* value = std::get_if<bool>(&value_);
  return value == nullptr ? fallback : *value;
}

const Json::Array& Json::items() const {
  const auto* value = std::get_if<Array>(&value_);
  return value == nullptr ? kNoItems : *value;
}

const Json::Object& Json::members() const {
  const auto* value = std::get_if<Object>(&value_);
  return value == nullptr ? kNoMembers : *value;
}

Json& Json::set(std::string key, Json value) {
  if (is_null()) value_ = Object{};
  for (Member& member : std::get<Object>(value_)) {
    if (member.first != key) continue;
    member.second = std::move(value);
    return *this;
  }
  return append(std::move(key), std::move(value));
}

Json& Json::append(std::string key, Json value) {
  if (is_null()) value_ = Object{};
  Object& members = std::get<Object>(value_);
  if (members.capacity() == 0) members.reserve(kFewMembers);
  members.emplace_back(std::move(key), std::move(value));
  return *this;
}

Json& Json::add(Json value) {
  if (is_null()) value_ = Array{};
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

Json to_json(const Error& error) {
  Json json = Json::object();
  json.set("failure", name_of(error.failure)).set("what", error.what).set("hint", error.hint);
  return json;
}

Error error_from(const Json& json) {
  return {failure_named(json["failure"].text()), json["what"].text(), json["hint"].text(), {}};
}

}  // namespace weir
