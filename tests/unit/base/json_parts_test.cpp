#include "base/json_parts.hpp"

#include "base/json_text.hpp"

#include <initializer_list>
#include <string>
#include <vector>

#include "test.hpp"

using namespace lictor;

namespace {

struct Seen {
  std::string parts;  // "KEY=TEXT;", and "KEY>TEXT;" of the inner value
  bool whole;
  bool operator==(const Seen&) const = default;
};

// Fed in pieces of `size` bytes.
Seen skimmed(const std::string& text, std::size_t size, const std::string& inner = "in") {
  Seen seen{};
  JsonParts parts(inner, [&seen](const JsonParts::Part& part) {
    seen.parts.append(part.key).append(part.inner ? ">" : "=").append(part.text).append(";");
  });
  for (std::size_t at = 0; at < text.size(); at += size) parts.feed(std::string_view(text).substr(at, size));
  seen.whole = parts.whole();
  return seen;
}

}  // namespace

TEST_CASE("the parts of a text are the same wherever it is cut") {
  struct Row {
    const char* text;
    const char* parts;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"{}", ""},
           {" [ ] ", ""},
           {R"([1, "a,b]" ,{"in": {"x": 1}}, [2,[3]],null])", R"(=1;="a,b]";={"in": {"x": 1}};=[2,[3]];=null;)"},
           {R"({"a": 1,"b":{"c":[1,2]} , "d" : "\"}" })", R"(a=1;b={"c":[1,2]};d="\"}";)"},
           {R"({"a": {"in": {"x": 1}}, "in": {"x": {"y": 1}, "z": [2]}, "b": 2})",
            R"(a={"in": {"x": 1}};x>{"y": 1};z>[2];b=2;)"},
           {R"({"in": [{"a": 1}, {"b": 2}]})", R"(>{"a": 1};>{"b": 2};)"},
           {R"({"in": {}, "a": []})", "a=[];"},
           {R"({"in": null, "a": 1})", "in=null;a=1;"},
           {R"({"caf\u00e9 \"x\"": 1, "\\": 2})", "caf\xc3\xa9 \"x\"=1;\\=2;"},
           {"// [\n{\"a\": /* } \" ** */ 1, // {\n \"in\": [ /* 0, */ 7 /**/, 8]}\n//", "a=1;>7 /**/;>8;"},
       }) {
    CAPTURE(row.text);
    for (std::size_t size = 1; size <= std::string(row.text).size(); ++size) {
      CAPTURE(size);
      CHECK(skimmed(row.text, size) == Seen{row.parts, true});
    }
  }
}

TEST_CASE("without an inner value to look into each part is handed out whole") {
  CHECK(skimmed(R"({"": {"x": 1}, "a": 2})", 100, "") == Seen{R"(={"x": 1};a=2;)", true});
}

TEST_CASE("a text that is cut off, goes on, or has no parts is not whole") {
  const std::string good = R"({"a": {"b": [1]}, "in": [{}, 2]})";
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(skimmed(good.substr(0, size), 7).whole);
  for (const char* text :
       {"", "null", "1", "\"x\"", "{} {}", "[1] 2", "{\"a\" 1}", "{1: 2}", "[1 2", "]", "{\"a\": ]", "[,1]", "{\"a\":}",
        "{\"a\"}", "x[1]", "[1]/x", "{\"in\": {}, \"in\": {}}", "{\"\\q\": 1}"}) {
    CAPTURE(text);
    CHECK_FALSE(skimmed(text, 3).whole);
  }
  CHECK(skimmed("[" + std::string(json_depth - 1, '[') + std::string(json_depth - 1, ']') + "]", 1000).whole);
  CHECK_FALSE(skimmed("[" + std::string(json_depth, '[') + std::string(json_depth, ']') + "]", 1000).whole);
  CHECK_FALSE(skimmed("[\"" + std::string(5 << 20, 'x') + "\"]", 64 << 10).whole);
}

TEST_CASE(
    "values are handed out one by one, wherever the text is cut, and no more is kept of one than it may be long") {
  const auto read = [](const std::string& text, std::size_t size) {
    std::string seen;
    JsonValues values(
        [&seen](std::string_view key, const nlohmann::json& value) {
          seen.append(key).append("=").append(value.dump()).append(";");
        },
        10);
    for (std::size_t at = 0; at < text.size(); at += size) values.feed(std::string_view(text).substr(at, size));
    return seen + (values.list() ? "list" : "") + (values.object() ? "object" : "");
  };
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 2, 3, 7, 100}) {
    CAPTURE(size);
    CHECK(read(R"([{"a": 1}, [2], "x", null])", size) == R"(={"a":1};=[2];="x";=null;list)");
    CHECK(read(R"({"a": {"b": 1}, "c\u0026": 2})", size) == R"(a={"b":1};c&=2;object)");
    CHECK(read("[]", size) == "list");
    CHECK(read("{}", size) == "object");
    for (const char* text : {"", "null", "7", "\"x\"", "[1, tru]", "[{\"a\" 1}]", "{\"a\": 1", "[1] 2"}) {
      CAPTURE(text);
      const std::string seen = read(text, size);
      CHECK_FALSE((seen.ends_with("list") || seen.ends_with("object")));
    }
    CHECK(read("[1, \"12345678\"]", size) == "=1;=\"12345678\";list");
    CHECK(read("[1, \"123456789\"]", size) == "=1;");
  }
  std::string seen;
  JsonValues some([&seen](std::string_view key, const nlohmann::json&) { seen += key; }, 10,
                  [](std::string_view key) { return key != "b"; });
  some.feed(R"({"a": 1, "b": {"x": tru}, "c": 3})");
  CHECK(seen == "ac");
  CHECK(some.object());
}
