// The bottom of the house: text, quantities and JSON, each with what it must refuse.
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/probe.h"
#include "base/quantity.h"
#include "base/text.h"

namespace weir {
namespace {

TEST(Text, SplitsAndJoins) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), std::vector<std::string>{""});
  EXPECT_EQ(join({"a", "b"}, ", "), "a, b");
  EXPECT_EQ(trim(" \t a b \n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(to_hex(std::string("\x00\xffz", 3)), "00ff7a");
}

TEST(Text, NearestKeepsItsBounds) {
  const std::vector<std::string> known{"members", "engine", "sync", "rpo", "rto"};
  EXPECT_EQ(nearest("membres", known), "members");  // a swap is one edit
  EXPECT_EQ(nearest("engin", known), "engine");
  EXPECT_EQ(nearest("sink", known), "");  // two edits are half of the word
  EXPECT_EQ(nearest("memb", known), "");  // three edits
  EXPECT_EQ(nearest("rpp", known), "rpo");
  EXPECT_EQ(nearest("", known), "");
  EXPECT_EQ(nearest(std::string(1 << 20, 'a'), known), "");
}

TEST(Text, Utf8RefusesWhatOnlyLooksLikeIt) {
  EXPECT_TRUE(is_utf8("größe \xf0\x9f\x90\x98"));
  EXPECT_FALSE(is_utf8("\xff"));
  EXPECT_FALSE(is_utf8("\xc3"));              // cut off
  EXPECT_FALSE(is_utf8("\xc0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xe0\x80\x80"));      // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // a surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // beyond U+10FFFF
}

TEST(Quantity, DurationsAreRead) {
  EXPECT_EQ(*parse_duration("30s"), 30s);
  EXPECT_EQ(*parse_duration(" 1.5h "), 90min);
  EXPECT_EQ(*parse_duration("250 ms"), 250ms);
  EXPECT_EQ(*parse_duration("2m"), *parse_duration("2min"));
  EXPECT_EQ(*parse_duration("0"), 0s);
  EXPECT_EQ(*parse_duration("9223372036854775807ns"), Duration::max());
  for (const char* bad : {"", "s", "30", "-3s", "5 parsecs", "1.2.3s", "1.s", "30S", "1e3s",
                          "9223372036854775808ns", "200000000d", "0x10s"}) {
    const auto read = parse_duration(bad);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().failure, Failure::bad_config);
  }
}

TEST(Quantity, BytesAreRead) {
  EXPECT_EQ(*parse_bytes("16MB"), 16u << 20);
  EXPECT_EQ(*parse_bytes("16MiB"), 16u << 20);
  EXPECT_EQ(*parse_bytes("1.5kB"), 1536u);
  EXPECT_EQ(*parse_bytes("8192"), 8192u);
  EXPECT_EQ(*parse_bytes("2TB"), std::uint64_t{2} << 40);
  for (const char* bad : {"", "MB", "16mb", "-1", "16 bananas", "99999999999TB"}) {
    EXPECT_FALSE(parse_bytes(bad).has_value()) << bad;
  }
}

TEST(Quantity, SharesAreRead) {
  EXPECT_DOUBLE_EQ(*parse_percent("99.95%"), 0.9995);
  EXPECT_DOUBLE_EQ(*parse_percent("0%"), 0);
  for (const char* bad : {"99.95", "100.1%", "-1%", "%", ""}) {
    EXPECT_FALSE(parse_percent(bad).has_value()) << bad;
  }
}

TEST(Quantity, DurationsAreShownInThreeDigits) {
  const struct {
    Duration duration;
    const char* shown;
  } rows[] = {
      {0ns, "0s"},         {7ns, "7ns"},        {1500ns, "1.5us"}, {999'499ns, "999us"},
      {999'500ns, "1ms"},  {350ms, "350ms"},    {1234ms, "1.23s"}, {999'600us, "1s"},
      {12'340ms, "12.3s"}, {59'949ms, "59.9s"}, {59'960ms, "1m"},  {125s, "2m 5s"},
      {1h + 1s, "1h"},     {90min, "1h 30m"},   {49h, "2d 1h"},    {-1200ms, "-1.2s"},
  };
  for (const auto& row : rows) EXPECT_EQ(show(row.duration), row.shown);
  EXPECT_EQ(show(Duration::min()), show(Duration::min() + 1ns));
}

TEST(Quantity, OtherQuantitiesAreShown) {
  EXPECT_EQ(show_bytes(0), "0 B");
  EXPECT_EQ(show_bytes(1536), "1.5 kB");
  EXPECT_EQ(show_bytes(16u << 20), "16 MB");
  EXPECT_EQ(show_bytes(UINT64_MAX), "16 EB");
  EXPECT_EQ(show_percent(0.9995), "99.95%");
  EXPECT_EQ(show_percent(1), "100%");
  EXPECT_EQ(show(WallTime{1'700'000'000s + 42ms}), "2023-11-14T22:13:20.042Z");
  EXPECT_EQ(show(WallTime{-1ms}), "1969-12-31T23:59:59.999Z");
}

TEST(Json, ReadsWhatItWrote) {
  Json json = Json::object();
  json.set("text", "a\"\n\xc3\xb6").set("number", 42).set("share", 0.5).set("none", nullptr);
  json.set("list", Json::array().add(true).add(Json::object()));
  json.set("number", 43);  // replaces in place
  EXPECT_EQ(json.dump(),
            "{\"text\":\"a\\\"\\nö\",\"number\":43,\"share\":0.5,\"none\":null,"
            "\"list\":[true,{}]}");
  EXPECT_EQ(*Json::parse(json.dump()), json);
  EXPECT_EQ(*Json::parse(json.dump(true)), json);
}

TEST(Json, WritesEveryTextSoThatItCanBeRead) {
  const auto written = [](std::string text) { return Json(std::move(text)).dump(); };
  EXPECT_EQ(written(""), R"("")");
  EXPECT_EQ(written("a b/c~"), R"("a b/c~")");
  EXPECT_EQ(written("\\\"\b\f\n\r\t"), R"("\\\"\b\f\n\r\t")");
  EXPECT_EQ(written(std::string("a\0b\x1f", 4)), R"("a\u0000b\u001f")");
  EXPECT_EQ(written("\x7f"), "\"\x7f\"");
  EXPECT_EQ(written("ok \xff ok"), "\"ok \xef\xbf\xbd ok\"") << "no UTF-8";
  EXPECT_EQ(Json::object().set("a\"b", INT64_MIN).dump(), R"({"a\"b":-9223372036854775808})");
  EXPECT_EQ(Json(1e300).dump() + Json(1.0).dump() + Json().dump(), "1e+3001.0null");
}

TEST(Json, IndentsForPeople) {
  Json json = Json::object().set("empty", Json::object()).set("none", Json::array());
  json.set("list", Json::array().add(1).add(Json::object().set("a", false)));
  EXPECT_EQ(json.dump(true),
            "{\n  \"empty\": {},\n  \"none\": [],\n  \"list\": [\n    1,\n    {\n"
            "      \"a\": false\n    }\n  ]\n}");
  EXPECT_EQ(Json::object().dump(true) + Json::array().dump(true), "{}[]");
}

TEST(Json, ReadingIsLenientAboutWhatIsNotThere) {
  const Json json = *Json::parse(R"({"a": {"b": 7}, "list": [1]})");
  EXPECT_EQ(json["a"]["b"].integer(), 7);
  EXPECT_EQ(json["a"]["c"]["d"].integer(5), 5);
  EXPECT_EQ(json["a"].text("fallback"), "fallback");
  EXPECT_TRUE(json["list"].members().empty());
  EXPECT_TRUE(json["a"].items().empty());
  EXPECT_FALSE(json.has("c"));
  EXPECT_DOUBLE_EQ(json["a"]["b"].number(), 7);
}

TEST(Json, RefusesWhatIsBroken) {
  for (const std::string bad :
       {"", "{", "[1,]", "{\"a\":1,\"a\":2}", "nul", "1 2", "\"\xff\"", "{1:2}", "[1e999]"}) {
    const auto read = Json::parse(bad);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().failure, Failure::bad_data);
  }
  EXPECT_NE(Json::parse("{\n  \"a\": x}").error().what.find("line 2, column 8"), std::string::npos)
      << Json::parse("{\n  \"a\": x}").error().what;
}

TEST(Json, DepthAndSizeAreBounded) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_TRUE(Json::parse(nested(64)).has_value());
  EXPECT_FALSE(Json::parse(nested(65)).has_value());
  EXPECT_FALSE(Json::parse(std::string(10'000'000, '[')).has_value());
  EXPECT_FALSE(Json::parse("\"0123456789\"", 11).has_value());
  EXPECT_TRUE(Json::parse("\"0123456789\"", 12).has_value());
}

TEST(Json, NumbersKeepTheirKind) {
  EXPECT_EQ(Json::parse("9223372036854775807")->integer(), INT64_MAX);
  EXPECT_TRUE(Json::parse("9223372036854775808")->is_number());
  EXPECT_FALSE(Json::parse("9223372036854775808")->is_integer());
  EXPECT_EQ(Json::parse("7.5")->integer(3), 3);
  EXPECT_EQ(Json(std::string("\xff")).dump(), "\"\xef\xbf\xbd\"");
}

TEST(Result, ErrorsTravel) {
  const Error error{Failure::held, "cannot claim orders: another holds it", "weir status", {}};
  const Error back = error_from(*Json::parse(to_json(error).dump()));
  EXPECT_EQ(back.failure, Failure::held);
  EXPECT_EQ(back.what, error.what);
  EXPECT_EQ(back.hint, error.hint);
  EXPECT_EQ(failure_named("a name of a later version"), Failure::bad_data);
}

TEST(Quantity, ReadsTimesOfDay) {
  for (const auto& [text, want] : std::initializer_list<std::pair<const char*, const char*>>{
           {"2026-12-24", "2026-12-24T00:00:00.000Z"},
           {"2026-12-24T08:30Z", "2026-12-24T08:30:00.000Z"},
           {" 2024-02-29T23:59:59Z ", "2024-02-29T23:59:59.000Z"},
           {"1970-01-01", "1970-01-01T00:00:00.000Z"},
           {"2261-12-31T23:59:59Z", "2261-12-31T23:59:59.000Z"}}) {
    const auto time = parse_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(show(*time), want);
  }
  for (const char* text :
       {"", "tomorrow", "2026-13-01", "2026-02-29", "2026-12-24T24:00Z", "2026-12-24T08:30",
        "2026-12-24T08:30+01:00", "2026-12-24 08:30Z", "12026-12-24", "2026-12-24T08:30:60Z",
        "1013-01-01", "1969-12-31", "2262-01-01", "9999-12-31T23:59Z"}) {
    const auto time = parse_time(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().failure, Failure::bad_config);
  }
}

TEST(Probe, CountsEachPassageUnderItsName) {
  EXPECT_FALSE(probes_passed().contains("base.test"));
  probe("base.test");
  probe("base.test");
  EXPECT_EQ(probes_passed().find("base.test")->second, 2u);
  EXPECT_FALSE(probes_passed().contains("base.other"));
}

}  // namespace
}  // namespace weir
