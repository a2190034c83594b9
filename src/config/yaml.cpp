// Json as YAML, by libyaml's emitter: what -o yaml prints.
#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "config/config.h"

namespace weir::config {
namespace {

// Plain words that YAML 1.1 or 1.2 readers take for something else than a text.
constexpr std::array<std::string_view, 13> kTaken{"",   "~",   "null", "true", "false", "yes", "no",
                                                  "on", "off", "y",    "n",    "nan",   "inf"};

bool needs_quotes(const std::string& text) {
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (std::ranges::find(kTaken, lower) != kTaken.end()) return true;
  constexpr std::string_view kNumberBegins = "0123456789+-.<=";
  return kNumberBegins.find(text[0]) != std::string_view::npos;
}

class Emitter {
 public:
  Emitter() {
    WEIR_ASSERT(yaml_emitter_initialize(&emitter_) == 1);
    yaml_emitter_set_output(&emitter_, append, &out_);
    yaml_emitter_set_unicode(&emitter_, 1);
    yaml_emitter_set_width(&emitter_, -1);
  }
  ~Emitter() { yaml_emitter_delete(&emitter_); }
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  std::string whole(const Json& json) {
    yaml_event_t event;
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    give(event);
    yaml_document_start_event_initialize(&event, nullptr, nullptr, nullptr, 1);
    give(event);
    node(json);
    yaml_document_end_event_initialize(&event, 1);
    give(event);
    yaml_stream_end_event_initialize(&event);
    give(event);
    return out_;
  }

 private:
  static int append(void* out, unsigned char* bytes, std::size_t count) {
    static_cast<std::string*>(out)->append(reinterpret_cast<char*>(bytes), count);
    return 1;
  }

  // The emitter takes the event over. It fails only on events out of order, or without memory.
  void give(yaml_event_t& event) { WEIR_ASSERT(yaml_emitter_emit(&emitter_, &event) == 1); }

  void scalar(const std::string& text, yaml_scalar_style_t style) {
    yaml_event_t event;
    const auto* bytes = reinterpret_cast<const yaml_char_t*>(text.data());
    yaml_scalar_event_initialize(&event, nullptr, nullptr, bytes, static_cast<int>(text.size()), 1,
                                 1, style);
    give(event);
  }

  void text(const std::string& value) {
    const bool lines = value.find('\n') != std::string::npos;
    scalar(value, lines                 ? YAML_LITERAL_SCALAR_STYLE
                  : needs_quotes(value) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
                                        : YAML_PLAIN_SCALAR_STYLE);
  }

  void node(const Json& json) {
    yaml_event_t event;
    if (json.is_object()) {
      const yaml_mapping_style_t style =
          json.members().empty() ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE;
      yaml_mapping_start_event_initialize(&event, nullptr, nullptr, 1, style);
      give(event);
      for (const auto& [key, value] : json.members()) {
        text(key);
        node(value);
      }
      yaml_mapping_end_event_initialize(&event);
      give(event);
    } else if (json.is_array()) {
      const yaml_sequence_style_t style =
          json.items().empty() ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
      yaml_sequence_start_event_initialize(&event, nullptr, nullptr, 1, style);
      give(event);
      for (const Json& item : json.items()) node(item);
      yaml_sequence_end_event_initialize(&event);
      give(event);
    } else if (json.is_string()) {
      text(json.text());
    } else {
      scalar(json.dump(), YAML_PLAIN_SCALAR_STYLE);
    }
  }

  yaml_emitter_t emitter_;
  std::string out_;
};

}  // namespace

// By way of the JSON text, which has replaced what is not UTF-8: libyaml would refuse it.
std::string to_yaml(const Json& json) {
  const auto clean = Json::parse(json.dump());
  return Emitter().whole(clean ? *clean : json);
}

}  // namespace weir::config
