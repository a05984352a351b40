// What the library makes of texts is held by tests/oracle/hcl, on thousands of them; here are the rules that hcl.hpp states, what
// is read otherwise on purpose, and what only we have: places and words.
#include "hcl/hcl.hpp"

#include "test.hpp"

#include <chrono>

using namespace lictor;
using hcl::Document;
using hcl::Library;
using hcl::Parsed;
using hcl::Place;
using hcl::SyntaxError;

namespace {

std::string shown(const Parsed& parsed) {
  if (const auto* error = std::get_if<SyntaxError>(&parsed))
    return std::to_string(error->place.line) + ":" + std::to_string(error->place.column) + ": " + error->what;
  return std::get<Document>(parsed).root().json().dump();
}

std::string hcl_of(std::string_view text, Library library = Library::v1_0_1) {
  return shown(hcl::parse_hcl(text, library));
}
std::string json_of(std::string_view text) { return shown(hcl::parse_json(text)); }

Place place_in(std::string_view text, const std::vector<std::string_view>& path) {
  const Parsed parsed = hcl::parse_hcl(text);
  INFO(shown(parsed));
  REQUIRE(std::holds_alternative<Document>(parsed));
  return std::get<Document>(parsed).place_of(path);
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

struct Row {
  const char* text;
  const char* tree;
};

}  // namespace

TEST_CASE("HCL becomes the tree that the agent decodes") {
  const Row rows[] = {
      {"", "{}"},
      {"a = \"x\"\nb = 1 c = true", R"({"a":"x","b":1,"c":true})"},
      {"a = 0x1F b = 010 c = -5 d = 8.7e3 e = .5", R"({"a":31,"b":8,"c":-5,"d":8700.0,"e":0.5})"},
      // An object is a block wherever a key has it, and none in a list.
      {"a { b = 1 }", R"({"a":[{"b":1}]})"},
      {"a = { b = 1 }", R"({"a":[{"b":1}]})"},
      {"a = [{ b = { c = 1 } }]", R"({"a":[{"b":[{"c":1}]}]})"},
      {"a \"b\" \"c\" { d = 1 }", R"({"a":[{"b":[{"c":[{"d":1}]}]}]})"},
      // A key that stands again.
      {"a = \"x\" a = \"y\"", R"({"a":"y"})"},
      {"a = \"x\" a = 1", R"({"a":"1"})"},
      {"a = 1 a = \"2\"", R"({"a":2})"},
      {"a = [1] a = [2]", R"({"a":[1,2]})"},
      {"a { b = 1 } a { c = 2 }", R"({"a":[{"b":1},{"c":2}]})"},
      {"a = [1] a { b = 2 }", R"({"a":[1,{"b":2}]})"},
      {"a = 1 a = \"x\"", "1:11: a number that does not fit into 64 bits, or has digits it can't have"},
      {"a = [1] a = 2", "1:13: a key that stands twice, with values of types that can't be joined"},
      {"a { b = 1 } a = [2]", "1:18: a key that stands twice, with values of types that can't be joined"},
      {"a \"b\" {} a {}", "1:10: blocks of one key with and without a label"},
      {"a \"x\" {} A \"y\" {}", R"({"A":[{"x":[{}]},{"y":[{}]}],"a":[{"x":[{}]},{"y":[{}]}]})"},
      // Texts.
      {R"(a = "\t\x41\101\u00e9\\\"")", "{\"a\":\"\\tAAé\\\\\\\"\"}"},
      {"a = \"${f(\"\\n\n\")}\"", R"({"a":"${f(\"\\n\n\")}"})"},
      {"a = <<E\nx\n\ty\nE\n", R"({"a":"x\n\ty\n"})"},
      {"a = <<E\nx\n  E\n", R"({"a":"x\n  "})"},
      {"a = <<-E\n  x\n    y\n  E\n", R"({"a":"x\n  y\n"})"},
      {"a = <<-E\n x\n  E\n", R"({"a":" x\n"})"},
      {"a = 1\r\nb = <<E\r\nx\r\nE\r\n", R"({"a":1,"b":"x\n"})"},
      // Commas and comments.
      {"a = [1,,2,], b = 2,", R"({"a":[1,2],"b":2})"},
      {"# a\na = 1 // b\n/* c\n*/ b = 2 # d", R"({"a":1,"b":2})"},
      {"a =", "{}"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(hcl_of(row.text) == row.tree);
  }
}

TEST_CASE("a refused text has a place and a reason") {
  const Row rows[] = {
      {"a = 1\nb = ", "{\"a\":1}"},
      {"a = 1\nb", "2:2: = or { is missing behind a key"},
      {"a {\n  b = 1\n", "1:3: a { that nothing closes"},
      {"a { b }", "1:7: = or { is missing behind a key"},
      {"}", "1:1: a } that nothing opened"},
      {"a = 1;", "1:6: a letter that begins nothing"},
      {"a : 1", "1:3: a letter that begins nothing"},
      {"a = 'x'", "1:5: a letter that begins nothing"},
      {"a = b", "1:5: a value is expected behind =: a text in \", a number, true, false, [ or {"},
      {"a = [1 2]", "1:8: a comma or ] is expected behind a value in a list"},
      {"a b = 1", "1:5: = behind a label; a block with labels has no ="},
      {"é = \"é\" ;", "1:9: a letter that begins nothing"},
      {"a = \"x\n\"", "1:5: a text whose closing quote is missing"},
      {"a = \"\\q\"", "1:7: an escape behind a backslash that there is not, or that lacks digits"},
      {"a = 9223372036854775808", "1:5: a number that does not fit into 64 bits, or has digits it can't have"},
      {"a = 1e400", "1:5: a number that does not fit into 64 bits, or has digits it can't have"},
      {"\n/* c", "2:1: a comment that /* opens and nothing closes"},
      {"a = <<E\nx\nE", "1:5: a text that << opens and no line with the closing word ends"},
      {"a = <<-E\nx\nE\n", "1:5: a text that << opens and no line with the closing word ends"},
      {"\xef\xbb\xbf"
       "a = 1",
       "1:1: a letter that begins nothing"},
      {"a = \"\xff\"", "1:6: bytes that are no UTF-8"},
      // By the reader of JSON.
      {"{\"a\": tru}", "1:7: a word that is none of true, false and null"},
      {"{\"a\": 01}", "1:7: a number that begins with 0"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(hcl_of(row.text) == row.tree);
  }
}

TEST_CASE("the older library forgives what is cut short before two closing braces") {
  CHECK(hcl_of("a { b = 1 c = } }", Library::v1_0_0) == R"({"a":[{"b":1}]})");
  CHECK(hcl_of("a { b = [ } }", Library::v1_0_0) == R"({"a":[{}]})");
  CHECK(hcl_of("a { b = } }") == "1:9: a value is expected behind =: a text in \", a number, true, false, [ or {");
  CHECK(hcl_of("a { b = }", Library::v1_0_0) == "1:3: a { that nothing closes");
}

TEST_CASE("a text that begins with a brace is JSON, as HCL's library reads that") {
  const Row rows[] = {
      {"{\"a\": 1, \"b\": [\"x\"]}", R"({"a":1,"b":["x"]})"},
      {" \n{\"a\": {\"b\": {\"c\": 1}}}", R"({"a":[{"b":[{"c":1}]}]})"},
      {"{\"a\": {\"b\": {}, \"c\": {\"d\": 1}}}", R"({"a":[{"b":[{}]},{"c":[{"d":1}]}]})"},
      {"{\"a\": [{\"b\": 1}, {\"c\": 2}]}", R"({"a":[{"b":1},{"c":2}]})"},
      {"{\"a\": null}", R"({"a":""})"},
      {"{\"a\": [true, 1, false]}", R"({"a":[1]})"},
      {"{\"a\": 1} what follows", R"({"a":1})"},
      {"{\"a\": 1,", R"({"a":1})"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(hcl_of(row.text) == row.tree);
  }
}

TEST_CASE("a .json file is what encoding/json takes") {
  const Row rows[] = {
      {"null", "null"},
      {" {} \n", "{}"},
      {R"({"a": [1, true, null, "x", {"b": {}}]})", R"({"a":[1.0,true,null,"x",{"b":{}}]})"},
      {R"({"a": {"b": 1}, "a": {"c": 2}})", R"({"a":{"c":2.0}})"},
      {R"({"a": "\ud83d\ude00\ud83d"})", "{\"a\":\"\U0001f600\ufffd\"}"},
      {"{\"a\": \"\xff\xc3\"}", "{\"a\":\"\ufffd\ufffd\"}"},
      {"", "1:1: a value is expected: a text in \", a number, true, false, null, [ or {"},
      {"\xef\xbb\xbf{}", "1:1: a value is expected: a text in \", a number, true, false, null, [ or {"},
      {"[]", "1:1: no object"},
      {"{}{}", "1:3: something behind the end of the object"},
      {"{\"a\": 1,}", "1:9: a key in \" is expected here"},
      {"{\n  \"é\": 1 \"b\": 2}", "2:10: a comma or } is expected behind a value"},
      {"{\"a\": 01}", "1:8: a comma or } is expected behind a value"},
      {"{\"a\": 1e400}", "1:12: a number too large"},
      {"{\"a\": \"x\n\"}", "1:9: a line end or another control character in a text"},
      {"{\"a\": \"\\x41\"}", "1:9: an escape behind a backslash that there is not"},
      {"// c\n{}", "1:1: a value is expected: a text in \", a number, true, false, null, [ or {"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(json_of(row.text) == row.tree);
  }
}

TEST_CASE("each value has the place of its key") {
  const std::string_view text =
      "# first\nnode_name = \"n\"\nacl {\n  tokens {\n\té = 1\n    agent = \"t\"\n  }\n}\nnode_name = \"m\"\n"
      "service { id = 1 }\nservice { id = 2 }\nlist = [\n  { a = 1 },\n  { a = 2 },\n]\nservice_x \"y\" { z = 1 }\n";
  CHECK(place_in(text, {"node_name"}) == Place{9, 1});
  CHECK(place_in(text, {"acl"}) == Place{3, 1});
  CHECK(place_in(text, {"acl", "tokens", "agent"}) == Place{6, 5});
  CHECK(place_in(text, {"service", "id"}) == Place{11, 11});
  CHECK(place_in(text, {"list", "a"}) == Place{14, 5});
  CHECK(place_in(text, {"service_x", "y", "z"}) == Place{16, 17});
  CHECK(place_in(text, {"acl", "nothing"}) == Place{});
  CHECK(place_in(text, {"node_name", "x"}) == Place{});
  // Behind letters of several bytes.
  CHECK(place_in("/* €é */ a { \"é\" = \"€\", b = 1 }", {"a", "b"}) == Place{1, 25});
  CHECK(place_in("{\n \"a\": {\"b\": 1}}", {"a", "b"}) == Place{2, 8});
  // In a file of Windows, where a line end is one.
  CHECK(place_in("a = 1\r\nb = 2\r\n", {"b"}) == Place{2, 1});
}

TEST_CASE("what is too deep or stands for too much is refused at once") {
  using std::chrono::steady_clock;
  const auto begin = steady_clock::now();
  for (const std::size_t levels : {std::size_t{129}, std::size_t{10'000}, std::size_t{1'000'000}}) {
    CAPTURE(levels);
    CHECK_THAT(hcl_of(repeated("a {", levels)), Contains("more than 128 levels"));
    CHECK_THAT(hcl_of("a = " + repeated("[", levels)), Contains("more than 128 levels"));
    CHECK_THAT(hcl_of(repeated("{\"a\":", levels)), Contains("more than 128 levels"));
    CHECK_THAT(json_of(repeated("{\"a\":", levels)), Contains("more than 128 levels"));
    CHECK_THAT(json_of("{\"a\":" + repeated("[", levels)), Contains("more than 128 levels"));
  }
  CHECK_THAT(hcl_of("a " + repeated("\"b\" ", 10'000) + "{}"), Contains("more than 260 levels"));
  // Each spelling of a label gets the blocks of all.
  std::string spellings;
  for (unsigned i = 0; i < 4096; ++i) {
    for (unsigned bit = 0; bit < 12; ++bit) spellings += (i >> bit & 1U) != 0 ? 'a' : 'A';
    spellings += " \"b\" {}\n";
  }
  CHECK_THAT(hcl_of(spellings), Contains("labels that stand for too many values"));
  CHECK(steady_clock::now() - begin < std::chrono::seconds(10));
  CHECK(hcl_of(repeated("a {", 128) + repeated("}", 128)).size() == 128 * 8 + 2);
}

TEST_CASE("a large text takes time in proportion") {
  std::string text;
  for (int i = 0; text.size() < 2'000'000; ++i) text += "key" + std::to_string(i) + " \"label\" { a = \"x\" }\n";
  const std::string half = text.substr(0, text.find('\n', text.size() / 16) + 1);
  const auto taken = [](const std::string& from) {
    auto best = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 3; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      CHECK(std::holds_alternative<Document>(hcl::parse_hcl(from)));
      best = std::min(best, std::chrono::steady_clock::now() - begin);
    }
    return best;
  };
  CHECK(taken(text) < 100 * taken(half));
}
