// Which Consul the agent's binary is, and what its version decides.
//
// To know it costs running the binary, `consul version`, 40 ms and more of a CPU: it is remembered in
// data_dir/lictor-agent.json, beside what tells that binary from another one.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lictor {

struct AgentVersion {
  int major = 0, minor = 0, patch = 0;
  auto operator<=>(const AgentVersion&) const = default;  // NOLINT(modernize-use-nullptr): its zeros are no pointers
};

// Of "1.8.7", and of what releases write behind the numbers: "1.21.4+ent", "1.22.0-dev". A number that is not there is 0.
std::optional<AgentVersion> parse_agent_version(std::string_view version);

// "1.8.7" from the first line of `consul version`, "Consul v1.8.7"; what follows the numbers ("+ent", "-beta1") stays.
std::optional<std::string> parse_consul_version(const std::string& output);

// Tells one binary from another without reading it.
struct BinaryFile {
  std::string path;  // absolute
  std::uint64_t inode = 0, size = 0;
  std::int64_t modified = 0;  // ns since 1970
  bool operator==(const BinaryFile&) const = default;
};

// data_dir/lictor-agent.json: the agent that was last launched here.
struct AgentRecord {
  BinaryFile binary;
  std::string version;  // as in parse_consul_version
  bool operator==(const AgentRecord&) const = default;
};
// Nothing if `text` is no complete record.
std::optional<AgentRecord> parse_agent_record(const std::string& text);
std::string format_agent_record(const AgentRecord& record);

// The key of acl.tokens for the recovery token. Of an agent whose version is not known it is the name that all take, later
// ones with warnings.
const char* recovery_token_key(const std::optional<AgentVersion>& version);

// N of the Go 1.N that built a program, by its ELF section ".go.buildinfo"; 17 stands for all before 1.18, which tell it
// elsewhere. Nothing where the section is not Go's.
std::optional<int> go_release(std::string_view build_info);

}  // namespace lictor
