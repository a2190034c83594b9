// What -o yaml prints reads back as the same value, by the reader that reads fleet files.
#include <gtest/gtest.h>

#include "config/complaints.h"
#include "config/config.h"
#include "config/tree.h"

namespace weir::config {
namespace {

// The tree as Json again; a plain scalar is what a YAML reader makes of it.
Json value_of(const Node& node) {
  if (node.kind == Node::Kind::list) {
    Json list = Json::array();
    for (const NodePtr& item : node.items) list.add(value_of(*item));
    return list;
  }
  if (node.kind == Node::Kind::map) {
    Json map = Json::object();
    for (const Node::Entry& entry : node.entries) {
      map.set(entry.key->text, value_of(*entry.value));
    }
    return map;
  }
  if (!node.plain) return node.text;
  const auto json = Json::parse(node.text);
  return json && !json->is_string() ? *json : Json(node.text);
}

Json round_trip(const Json& json) {
  const std::string text = to_yaml(json);
  Complaints complaints("out.yaml", text);
  const NodePtr root = read_tree(text, complaints);
  EXPECT_NE(root, nullptr) << text;
  return root == nullptr ? Json{} : value_of(*root);
}

TEST(Yaml, ReadsBackAsTheSameValue) {
  const Json json = Json::object()
                        .set("name", "orders")
                        .set("healthy", true)
                        .set("count", 3)
                        .set("share", 0.5)
                        .set("nothing", nullptr)
                        .set("none", Json::array())
                        .set("no members", Json::object())
                        .set("list", Json::array().add(1).add("two").add(
                                         Json::object().set("three", Json::array().add("four"))));
  EXPECT_EQ(round_trip(json), json) << to_yaml(json);
}

TEST(Yaml, ATextStaysAText) {
  for (const char* text : {"",
                           "null",
                           "Null",
                           "~",
                           "true",
                           "No",
                           "on",
                           "y",
                           "3",
                           "3.5",
                           "-1",
                           "+1",
                           ".inf",
                           "0x1f",
                           "1e3",
                           "2026-01-31T12:00:00Z",
                           "127.0.0.1:5432",
                           "a: b",
                           "# no comment",
                           "- item",
                           "{",
                           "[a]",
                           "'",
                           "\"",
                           "a\nb\n",
                           "  led",
                           "*alias",
                           "&anchor",
                           "!tag",
                           "%",
                           "@",
                           "`",
                           "tab\tin it",
                           "\xc3\xa9",
                           "=",
                           "<<",
                           "?",
                           "a #b",
                           "trailing "}) {
    const Json json = Json::object().set("text", text);
    EXPECT_EQ(round_trip(json)["text"], Json(text)) << to_yaml(json);
  }
}

TEST(Yaml, WhatIsNotUtf8IsReplacedAsInJson) {
  EXPECT_NE(to_yaml(Json::object().set("text", "\xff")).find("\xef\xbf\xbd"), std::string::npos);
}

TEST(Yaml, ReadsAsAPersonWouldWriteIt) {
  EXPECT_EQ(to_yaml(Json::object()
                        .set("service", "orders")
                        .set("members", Json::array().add(
                                            Json::object().set("member", "a").set("port", 5432)))),
            "service: orders\nmembers:\n- member: a\n  port: 5432\n");
}

}  // namespace
}  // namespace weir::config
