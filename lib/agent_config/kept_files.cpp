#include "agent_config/kept_files.hpp"

#include "base/json_text.hpp"

#include <fmt/format.h>
#include "base/json.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>

namespace lictor {
namespace {

bool is_empty(const Json& value) {
  return value.is_null() || (value.is_structured() && value.empty()) || (value.is_string() && value == "");
}

// What is empty in a proxy, at any depth. Of numbers and truths there, some that are not there mean something else; and "Config"
// is the user's.
void drop_empty(Json& object) {
  for (auto it = object.begin(); it != object.end();) {
    if (it->is_object() && it.key() != "Config") drop_empty(*it);
    if (it->is_array()) {
      for (Json& one : *it) {
        if (one.is_object()) drop_empty(one);
      }
    }
    it = is_empty(*it) ? object.erase(it) : std::next(it);
  }
}

// Of a check's type every value is plain: 0 and false are what it has without them.
void drop_zero(Json& object) {
  for (auto it = object.begin(); it != object.end();)
    it = is_empty(*it) || *it == 0 || *it == false ? object.erase(it) : std::next(it);
}

Json* member(Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

// A service has its id in "Service", a check in "Check", and what a check has last said has it at the top.
std::string id_in(const Json& file) {
  for (const auto& [about, key] : {std::pair{"Service", "ID"}, std::pair{"Check", "CheckID"}}) {
    if (const auto found = file.find(about); found != file.end() && found->is_object())
      return found->value(key, Json()).is_string() ? found->at(key).get<std::string>() : "";
  }
  const auto id = file.find("CheckID");
  return id != file.end() && id->is_string() ? id->get<std::string>() : "";
}

bool named_by_md5(const AgentVersion& version) {
  return version < AgentVersion{1, 9, 11} || (AgentVersion{1, 10, 0} <= version && version < AgentVersion{1, 10, 4});
}

}  // namespace

std::optional<KeptFile> fit_for(const AgentVersion& version, const KeptFile& file) {
  Json content = foreign_json(file.content);
  if (!content.is_object()) return std::nullopt;
  const std::string id = id_in(content);
  if (id.empty()) return std::nullopt;
  const Json before = content;
  if (Json* service = member(content, "Service")) {
    for (const char* strict : {"Proxy", "Connect"}) {
      if (Json* part = member(*service, strict)) drop_empty(*part);
    }
  }
  if (Json* type = member(content, "ChkType")) drop_zero(*type);
  KeptFile fitting{named_by_md5(version) ? md5(id) : file.name, content == before ? file.content : json_text(content)};
  return fitting == file ? std::nullopt : std::optional(std::move(fitting));
}

std::string md5(std::string_view text) {
  constexpr std::array<int, 16> turns{7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
  std::string message(text);
  message += '\x80';
  message.resize((message.size() + 8 + 63) / 64 * 64 - 8);
  for (std::size_t i = 0; i < 8; ++i) message += static_cast<char>((std::uint64_t{text.size()} * 8) >> (8 * i) & 0xffU);

  std::array<std::uint32_t, 4> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (std::size_t block = 0; block < message.size(); block += 64) {
    const auto word = [&](std::size_t index) {
      std::uint32_t value = 0;
      for (std::size_t i = 4; i-- > 0;)
        value = value << 8U | static_cast<unsigned char>(message[block + 4 * index + i]);
      return value;
    };
    auto [a, b, c, d] = state;
    for (std::uint32_t i = 0; i < 64; ++i) {
      const std::uint32_t round = i / 16;
      const std::array<std::uint32_t, 4> mixed{(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)};
      const std::array<std::uint32_t, 4> index{i, (5 * i + 1) % 16, (3 * i + 5) % 16, 7 * i % 16};
      const auto sine = static_cast<std::uint32_t>(std::floor(std::ldexp(std::fabs(std::sin(i + 1.0)), 32)));
      const std::uint32_t sum = a + mixed.at(round) + sine + word(index.at(round));
      a = std::exchange(d, std::exchange(c, std::exchange(b, b + std::rotl(sum, turns.at(round * 4 + i % 4)))));
    }
    state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
  }
  std::string out;
  for (const std::uint32_t part : state) {
    for (unsigned i = 0; i < 4; ++i) out += fmt::format("{:02x}", part >> (8 * i) & 0xffU);
  }
  return out;
}

}  // namespace lictor
