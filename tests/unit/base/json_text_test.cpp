#include "base/json_text.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "test.hpp"

using namespace lictor;
using nlohmann::json;

namespace {

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

}  // namespace

TEST_CASE("what is nested too deep, or has too many values, is no JSON of others") {
  CHECK(foreign_json(nested(json_depth)).is_array());
  CHECK(foreign_json(nested(json_depth + 1)).is_discarded());
  CHECK(foreign_json(std::string(4'000'000, '[')).is_discarded());
  CHECK(foreign_json("[\"\\\"" + std::string(json_depth, '[') + "\"]").is_array());
  std::string side_by_side = "[[]";
  for (std::size_t i = 0; i < json_depth; ++i) side_by_side += ",[]";
  CHECK(foreign_json(side_by_side + "]").size() == json_depth + 1);
  CHECK(foreign_json(R"(["[[[[", "\"[[", "\\", {"[": "{"}])").size() == 4);
  std::string many = "[0";
  for (std::size_t i = 0; i < json_values; ++i) many += ",0";
  CHECK(foreign_json(many + "]").is_discarded());
  CHECK(foreign_json(R"({"a": [1, "x", true]})") == json{{"a", {1, "x", true}}});
  for (const char* text : {"", "x", "{", "1e999", "\"\xff\"", "// x\n1"}) CHECK(foreign_json(text).is_discarded());
}

TEST_CASE("each_element: one at a time, with limits for each") {
  std::vector<json> seen;
  const auto take = [&seen](const json& element) { seen.push_back(element); };
  CHECK(each_element(R"([{"a": [1, {"b": 2}]}, [3], 4, "x"])", take));
  CHECK(seen == std::vector<json>{{{"a", {1, {{"b", 2}}}}}, json::array({3}), 4, "x"});
  seen.clear();
  CHECK(each_element("[]", take));
  CHECK(seen.empty());
  for (const char* text : {"", "{}", "null", "[1,", "[1] x"}) CHECK_FALSE(each_element(text, take));
  CHECK_FALSE(each_element("[{\"a\":" + nested(json_depth) + "}]", take));
  CHECK_FALSE(each_element("[{\"a\":" + std::string(4'000'000, '['), take));
  std::string many = "[[]";
  for (std::size_t i = 0; i < json_values; ++i) many += ",[]";
  std::size_t count = 0;
  CHECK(each_element(many + "]", [&count](const json&) { ++count; }));
  CHECK(count == json_values + 1);
  CHECK_FALSE(each_element("[" + many + "]]", take));
}

TEST_CASE("settings that are nested too deep are refused, brackets in texts and comments not counted") {
  const auto refused = parse_json("file", "{\"a\": " + nested(json_depth) + "}");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().why == "nested deeper than 128 levels, or of more than 1000000 values");
  const std::string comment = "/* " + std::string(1000, '[') + " */ // " + std::string(1000, '{') + "\n";
  CHECK(parse_json("file", comment + "{\"a\": \"" + std::string(1000, '[') + "\"} " + comment).has_value());
}

TEST_CASE("any text goes into JSON") {
  CHECK(json_text("a\xffz\xe2\x82") == "\"a\uFFFDz\uFFFD\"");
  CHECK(json_text({{"a", "\u20ac\n"}}) == "{\"a\":\"\u20ac\\n\"}");
  CHECK(json_text({{"a", 1}}, 2) == "{\n  \"a\": 1\n}");
}

TEST_CASE("what is of another type than it should be is not there") {
  const json object = {{"text", "x"}, {"number", 7}, {"flag", true}, {"object", {{"a", 1}}}};
  CHECK(text_of(object, "text") == "x");
  CHECK(integer_of(object, "number") == 7);
  CHECK(flag_of(object, "flag"));
  CHECK(object_of(object, "object").size() == 1);
  for (const json& other : {json(), json("x"), json(7), json::array({1}), object}) {
    for (const char* key : {"none", "object"}) {
      CHECK(text_of(other, key).empty());
      CHECK(integer_of(other, key) == 0);
      CHECK_FALSE(flag_of(other, key));
    }
    CHECK(object_of(other, "text").empty());
  }
}

TEST_CASE("a key that is given twice is found, colons in texts and comments not counted") {
  for (const char* text :
       {R"({"a": 1, "a": 2})", R"({"a": {"b": [{"c": 1, "c": 1}]}})", "{\"a\": \":\", /* : */ \"a\": 1 // :\n}",
        "{/* x *//* y */\"a\": 1, \"a\": 2,\n \"b\": 1}"}) {
    CAPTURE(text);
    const auto refused = parse_json("file", text);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().why == "given twice");
  }
  CHECK(parse_json("file", "{\"a:\": \":\", /* : *//* : */ \"b\": {\"a:\": [\":\", {}]} // :\n}").has_value());
}
