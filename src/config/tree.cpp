// libyaml's events become our tree. Everything that grows is bounded while it grows, so that no
// file, however made, costs more than its own size in memory and time.
#include "config/tree.h"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "config/complaints.h"
#include "config/config.h"

namespace weir::config {
namespace {

// Frees what libyaml allocated.
class Parser {
 public:
  explicit Parser(const std::string& text) {
    ready_ = yaml_parser_initialize(&parser_) == 1;
    if (!ready_) return;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~Parser() {
    if (ready_) yaml_parser_delete(&parser_);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  bool next(yaml_event_t& event) { return ready_ && yaml_parser_parse(&parser_, &event) == 1; }
  const yaml_parser_t& state() const { return parser_; }

 private:
  yaml_parser_t parser_{};
  bool ready_ = false;
};

class Event {
 public:
  Event() = default;
  ~Event() { yaml_event_delete(&event); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  yaml_event_t event{};
};

Mark mark_of(const yaml_mark_t& mark) {
  return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

std::string text_of(const unsigned char* text) {
  return text == nullptr ? std::string{} : reinterpret_cast<const char*>(text);
}

// A list or map whose end has not come yet.
struct Open {
  std::shared_ptr<Node> node;
  std::string anchor;
  NodePtr key;  // of the entry whose value comes next
  std::unordered_map<std::string, Mark> seen;
};

class Builder {
 public:
  explicit Builder(Complaints& complaints) : complaints_(complaints) {}

  // False: nothing more is read.
  bool take(const yaml_event_t& event);
  bool ended() const { return ended_; }
  NodePtr root() const { return root_; }

 private:
  bool refuse(Mark at, std::string what, std::string hint = {}) {
    complaints_.add(at, 1, std::move(what), std::move(hint));
    return false;
  }
  bool scalar(const yaml_event_t& event);
  bool open(const yaml_event_t& event, Node::Kind kind, const unsigned char* anchor);
  bool close(const yaml_event_t& event);
  bool alias(const yaml_event_t& event);
  bool begin_document(const yaml_event_t& event);
  bool put(NodePtr node, const std::string& anchor, Mark at);
  bool put_key(NodePtr node, Mark at);
  bool counted(Mark at);
  void tag(const unsigned char* tag, Mark at);

  Complaints& complaints_;
  std::vector<Open> open_;
  std::map<std::string, NodePtr> anchors_;
  NodePtr root_;
  std::size_t nodes_ = 0;
  std::size_t unfolded_ = 0;
  int documents_ = 0;
  bool ended_ = false;
};

bool Builder::take(const yaml_event_t& event) {
  switch (event.type) {
    case YAML_STREAM_END_EVENT:
      ended_ = true;
      return true;
    case YAML_DOCUMENT_START_EVENT:
      return begin_document(event);
    case YAML_SCALAR_EVENT:
      return scalar(event);
    case YAML_ALIAS_EVENT:
      return alias(event);
    case YAML_SEQUENCE_START_EVENT:
      tag(event.data.sequence_start.tag, mark_of(event.start_mark));
      return open(event, Node::Kind::list, event.data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
      tag(event.data.mapping_start.tag, mark_of(event.start_mark));
      return open(event, Node::Kind::map, event.data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
      return close(event);
    default:
      return true;
  }
}

bool Builder::begin_document(const yaml_event_t& event) {
  if (++documents_ == 1) return true;
  return refuse(mark_of(event.start_mark), "a second document begins; a fleet file holds one");
}

bool Builder::counted(Mark at) {
  if (++nodes_ <= kNodesMax) return true;
  return refuse(at, fmt::format("the file holds more than {} values", kNodesMax));
}

// A tag would give a value a type of its own; ours have theirs from the key.
void Builder::tag(const unsigned char* tag, Mark at) {
  if (tag != nullptr) refuse(at, fmt::format("the tag {} is not used here", text_of(tag)));
}

bool Builder::scalar(const yaml_event_t& event) {
  const auto& data = event.data.scalar;
  const Mark at = mark_of(event.start_mark);
  if (!counted(at)) return false;
  tag(data.tag, at);
  auto node = std::make_shared<Node>();
  node->text.assign(reinterpret_cast<const char*>(data.value), data.length);
  node->plain = data.style == YAML_PLAIN_SCALAR_STYLE;
  node->begin = at;
  node->end = mark_of(event.end_mark);
  return put(std::move(node), text_of(data.anchor), at);
}

bool Builder::open(const yaml_event_t& event, Node::Kind kind, const unsigned char* anchor) {
  const Mark at = mark_of(event.start_mark);
  if (!counted(at)) return false;
  if (static_cast<int>(open_.size()) >= kDepthMax) {
    return refuse(at, fmt::format("nested deeper than {} levels", kDepthMax));
  }
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->begin = at;
  open_.push_back({std::move(node), text_of(anchor), nullptr, {}});
  return true;
}

bool Builder::close(const yaml_event_t& event) {
  Open done = std::move(open_.back());
  open_.pop_back();
  done.node->end = mark_of(event.end_mark);
  const Mark at = done.node->begin;
  return put(std::move(done.node), done.anchor, at);
}

bool Builder::alias(const yaml_event_t& event) {
  const Mark at = mark_of(event.start_mark);
  const std::string name = text_of(event.data.alias.anchor);
  const auto found = anchors_.find(name);
  if (found == anchors_.end()) {
    return refuse(at, fmt::format("the alias *{} names no value that ended before it", name));
  }
  const NodePtr& target = found->second;
  unfolded_ += target->size;
  if (unfolded_ > kUnfoldedMax) {
    return refuse(at, fmt::format("aliases unfold to more than {} values", kUnfoldedMax));
  }
  if (static_cast<int>(open_.size()) + target->height > kDepthMax) {
    return refuse(at,
                  fmt::format("nested deeper than {} levels by the alias *{}", kDepthMax, name));
  }
  return put(target, {}, at);
}

bool Builder::put(NodePtr node, const std::string& anchor, Mark at) {
  if (!anchor.empty()) anchors_[anchor] = node;
  if (open_.empty()) {
    root_ = std::move(node);
    return true;
  }
  Open& parent = open_.back();
  if (parent.node->kind == Node::Kind::map && parent.key == nullptr) {
    return put_key(std::move(node), at);
  }
  parent.node->size += node->size;
  parent.node->height = std::max(parent.node->height, node->height + 1);
  if (parent.node->kind == Node::Kind::list) {
    parent.node->items.push_back(std::move(node));
    return true;
  }
  const NodePtr key = std::move(parent.key);
  parent.key = nullptr;
  // A duplicate was complained of with its key; the first one stands.
  if (parent.seen.at(key->text) == key->begin) {
    parent.node->entries.push_back({key, std::move(node)});
  }
  return true;
}

bool Builder::put_key(NodePtr node, Mark at) {
  if (node->kind != Node::Kind::scalar) return refuse(at, "a key must be a word");
  Open& parent = open_.back();
  const auto [first, fresh] = parent.seen.emplace(node->text, node->begin);
  if (!fresh) {
    complaints_.add(*node, fmt::format("the key `{}` stands twice, first on line {}", node->text,
                                       first->second.line));
  }
  parent.key = std::move(node);
  parent.node->size += 1;
  return true;
}

void complain_of_syntax(const yaml_parser_t& parser, const std::string& text,
                        Complaints& complaints) {
  // The reader, which sees bytes before the scanner sees lines, gives an offset in place of a mark.
  const Mark at = parser.error == YAML_READER_ERROR ? mark_at(text, parser.problem_offset)
                                                    : mark_of(parser.problem_mark);
  std::string what = parser.problem == nullptr ? "it cannot be read" : parser.problem;
  if (parser.context != nullptr && parser.context_mark.line != parser.problem_mark.line) {
    what +=
        fmt::format(" ({} that begins on line {})", parser.context, parser.context_mark.line + 1);
  }
  complaints.add(at, 1, "not YAML: " + what);
}

}  // namespace

bool Node::is_null() const {
  return kind == Kind::scalar && plain && (text.empty() || text == "~" || text == "null");
}

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key->text == key) return entry.value.get();
  }
  return nullptr;
}

const char* name_of(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::scalar:
      return "a text";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a mapping";
  }
  return "a text";
}

Mark mark_at(std::string_view text, std::size_t offset) {
  Mark mark;
  for (std::size_t i = 0; i < std::min(offset, text.size()); ++i) {
    if (text[i] == '\n') {
      mark = {mark.line + 1, 1};
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      ++mark.column;
    }
  }
  return mark;
}

NodePtr read_tree(const std::string& text, Complaints& complaints) {
  Parser parser(text);
  Builder builder(complaints);
  while (!builder.ended()) {
    Event event;
    if (!parser.next(event.event)) {
      complain_of_syntax(parser.state(), text, complaints);
      return nullptr;
    }
    if (!builder.take(event.event)) return nullptr;
  }
  if (builder.root() == nullptr) complaints.add(Mark{}, 1, "the file declares nothing");
  return builder.root();
}

}  // namespace weir::config
