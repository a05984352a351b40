#include "agent_api/io/sliced_json.hpp"

#include "base/json_parts.hpp"
#include "base/json_text.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace lictor {
namespace {

// Bytes: some 2 ms of a slow CPU.
constexpr std::size_t slice = 48 << 10;

struct Parsing : std::enable_shared_from_this<Parsing> {
  boost::asio::any_io_executor executor;
  std::weak_ptr<const void> as_long_as;
  std::string text;
  std::function<void(Json)> done;
  std::vector<std::pair<std::string, std::string_view>> parts{};
  std::size_t next = 0;
  Json object = Json::object();

  void go_on() {
    boost::asio::post(executor, [self = shared_from_this()] {
      if (!self->as_long_as.expired()) self->parse();
    });
  }

  void parse() {
    for (std::size_t bytes = 0; next < parts.size() && bytes < slice; ++next) {
      auto& [key, part] = parts[next];
      Json value = foreign_json(part);
      if (value.is_discarded()) return done(std::move(value));
      bytes += part.size();
      object[std::move(key)] = std::move(value);
    }
    if (next < parts.size()) return go_on();
    done(std::move(object));
  }
};

}  // namespace

void parse_sliced(const boost::asio::any_io_executor& executor, std::weak_ptr<const void> as_long_as, std::string text,
                  std::function<void(Json)> done) {
  if (text.size() <= slice) {
    Json value = foreign_json(text);
    return done(value.is_object() ? std::move(value) : Json(Json::value_t::discarded));
  }
  const auto parsing = std::make_shared<Parsing>();
  parsing->executor = executor;
  parsing->as_long_as = std::move(as_long_as);
  parsing->text = std::move(text);
  parsing->done = std::move(done);
  JsonParts skimming(
      "", [&parsing](const JsonParts::Part& part) { parsing->parts.emplace_back(std::string(part.key), part.text); });
  skimming.feed(parsing->text);
  if (!skimming.whole() || parsing->text.find_first_not_of(" \t\r\n") != parsing->text.find('{'))
    return parsing->done(Json(Json::value_t::discarded));
  parsing->go_on();
}

}  // namespace lictor
