// What is made from the table of keys is what it says: file, schema, pages.
#include "settings/settings.hpp"

#include "base/text.hpp"
#include "settings_parts.hpp"
#include "test.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>

using namespace lictor;
using namespace settings_parts;
using namespace std::chrono_literals;

namespace {

std::string source_path(const std::string& name) { return std::string(LICTOR_SOURCE_DIR) + "/" + name; }

std::string content_of(const std::string& name) {
  std::ifstream in(source_path(name));
  INFO("reading " << name);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The pages that hold something made from the table of keys, between two marks.
struct Page {
  const char *path, *begin, *end;
  std::string made;

  std::pair<std::size_t, std::size_t> place(const std::string& text) const {
    const auto from = text.find(begin), to = text.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    return {from + std::string(begin).size(), to - from - std::string(begin).size()};
  }
};

std::vector<Page> made_pages() {
  return {{"docs/configuration.md", "<!-- settings table -->\n", "<!-- end of settings table -->\n", settings_table()},
          {"docs/lictor.json.5", ".\\\" settings table\n", ".\\\" end of settings table\n", settings_manual()}};
}

}  // namespace

TEST_CASE("config/lictor.json holds every key at its default, and changes nothing") {
  const std::string text = content_of("config/lictor.json");
  CHECK(text == default_settings_text());
  const Settings s = good(read(text));
  CHECK(shown(s) == shown(good(read_settings({}, {}))));

  std::string comments;
  for (const std::string& line : split_list(text, '\n')) {
    CHECK(line.size() <= 110);
    if (line.rfind("// ", 0) == 0) comments += line.substr(2);
    if (line.rfind("// ", 0) != 0) comments += " ";
  }
  const Json file = Json::parse(text, nullptr, true, true);
  for (const SettingKey& key : setting_keys()) {
    CAPTURE(key.path);
    std::string pointer = "/" + std::string(key.path);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    REQUIRE(file.contains(Json::json_pointer(pointer)));
    CHECK(file[Json::json_pointer(pointer)] == Json::parse(key.fallback));
    CHECK_THAT(comments, Contains(" " + std::string(key.meaning) + " "));
  }
}

TEST_CASE("config/lictor.schema.json holds every key with its type") {
  const std::string text = content_of("config/lictor.schema.json");
  CHECK(text == settings_schema().dump(2) + "\n");
  const Json schema = Json::parse(text);
  const std::map<SettingType, std::string> types{
      {SettingType::string, "string"},   {SettingType::boolean, "boolean"},   {SettingType::integer, "integer"},
      {SettingType::duration, "string"}, {SettingType::string_list, "array"}, {SettingType::string_map, "object"},
      {SettingType::object, "object"},   {SettingType::object_list, "array"}, {SettingType::hook_list, "array"}};
  CHECK(schema["additionalProperties"] == false);
  const std::function<std::size_t(const Json&)> keys_in = [&](const Json& group) {
    std::size_t found = 0;
    for (const auto& property : group.at("properties"))
      found += property.contains("properties") ? keys_in(property) : 1;
    return found;
  };
  CHECK(keys_in(schema) == setting_keys().size());
  for (const SettingKey& key : setting_keys()) {
    CAPTURE(key.path);
    Json at = schema;
    for (const std::string& name : split_list(key.path, '.')) {
      CHECK(at["additionalProperties"] == false);
      at = Json(at.at("properties").at(name));
    }
    const Json fallback = Json::parse(key.fallback);
    CHECK(at["type"] == (fallback.is_null() ? Json{types.at(key.type), "null"} : Json(types.at(key.type))));
    CHECK(at["default"] == fallback);
    CHECK(at["description"] == key.meaning);
    CHECK(at.value("enum", std::vector<std::string>{}) == key.values);
  }
}

TEST_CASE("the pages that list the keys list those of the table") {
  for (const SettingKey& key : setting_keys()) {
    CHECK_THAT(settings_table(), Contains("\n| `" + std::string(key.path) + "` | "));
    CHECK_THAT("\n" + settings_manual(), Contains("\n.It Cm " + std::string(key.path) + "\n"));
    for (const std::string& value : key.values) CHECK_THAT(key.meaning, Contains("`" + value + "`"));
  }
  for (const Page& page : made_pages()) {
    CAPTURE(page.path);
    const std::string text = content_of(page.path);
    const auto [from, length] = page.place(text);
    CHECK(text.substr(from, length) == page.made);
  }
}

TEST_CASE("write the files that are made from the table", "[.regenerate]") {
  std::ofstream(source_path("config/lictor.json")) << default_settings_text();
  std::ofstream(source_path("config/lictor.schema.json")) << settings_schema().dump(2) << "\n";
  for (const Page& page : made_pages()) {
    std::string text = content_of(page.path);
    const auto [from, length] = page.place(text);
    std::ofstream(source_path(page.path)) << text.replace(from, length, page.made);
  }
}
