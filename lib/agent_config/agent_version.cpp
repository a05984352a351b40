#include "agent_config/agent_version.hpp"

#include "base/json.hpp"

#include <algorithm>
#include <charconv>

#include "base/json_text.hpp"
#include "base/text.hpp"

namespace lictor {
namespace {

template <class Number>
std::optional<Number> number_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? std::optional(found->get<Number>()) : std::nullopt;
}

}  // namespace

std::optional<AgentVersion> parse_agent_version(std::string_view version) {
  AgentVersion parsed;
  const char *at = version.data(), *const end = at + version.size();
  for (int* part : {&parsed.major, &parsed.minor, &parsed.patch}) {
    const auto [stop, error] = std::from_chars(at, end, *part);
    if (error != std::errc() || *part < 0) return std::nullopt;
    if (stop == end || *stop != '.') break;
    at = stop + 1;
  }
  return parsed;
}

std::optional<std::string> parse_consul_version(const std::string& output) {
  const std::string_view line = std::string_view(output).substr(0, output.find('\n'));
  const auto words = split_list(line, ' ');
  if (words.size() < 2 || words[0] != "Consul") return std::nullopt;
  const std::string version = words[1].substr(words[1].starts_with('v') ? 1 : 0);
  if (version.empty() || version[0] < '0' || version[0] > '9') return std::nullopt;
  return version;
}

std::optional<AgentRecord> parse_agent_record(const std::string& text) {
  const Json json = foreign_json(text);
  if (!json.is_object()) return std::nullopt;
  const auto inode = number_at<std::uint64_t>(json, "inode"), size = number_at<std::uint64_t>(json, "size");
  const auto modified = number_at<std::int64_t>(json, "modified");
  AgentRecord record{.binary = {.path = text_of(json, "binary")}, .version = text_of(json, "version")};
  if (!inode || !size || !modified || record.binary.path.empty() || !parse_agent_version(record.version))
    return std::nullopt;
  record.binary.inode = *inode;
  record.binary.size = *size;
  record.binary.modified = *modified;
  return record;
}

std::string format_agent_record(const AgentRecord& record) {
  const BinaryFile& binary = record.binary;
  const Json json = {{"binary", binary.path},
                     {"inode", binary.inode},
                     {"size", binary.size},
                     {"modified", binary.modified},
                     {"version", record.version}};
  return json_text(json, 2) + "\n";
}

const char* recovery_token_key(const std::optional<AgentVersion>& version) {
  return version && *version >= AgentVersion{1, 11, 0} ? "agent_recovery" : "agent_master";
}

// debug/buildinfo of Go: 14 bytes of magic, the size of a pointer, flags; from Go 1.18 on (flag 2) at byte 32 the version
// itself, its length before it as a varint.
std::optional<int> go_release(std::string_view build_info) {
  constexpr std::string_view magic = "\xff Go buildinf:", name = "go1.";
  constexpr std::size_t flags_at = 15, text_at = 32;
  if (!build_info.starts_with(magic) || build_info.size() <= text_at) return std::nullopt;
  if ((build_info[flags_at] & 2) == 0) return 17;
  const auto length = static_cast<unsigned char>(build_info[text_at]);
  const std::string_view text = build_info.substr(text_at + 1, length);
  if (length >= 0x80 || !text.starts_with(name)) return std::nullopt;
  int release = 0;
  const auto [stop, error] = std::from_chars(text.data() + name.size(), text.data() + text.size(), release);
  return error == std::errc() ? std::optional(release) : std::nullopt;
}

}  // namespace lictor
