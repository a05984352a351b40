// What an agent keeps of its services and checks in its data directory, and how an older Consul comes to read it.
//
// Each is a JSON file. An agent that is older than the one that wrote them reads "Proxy" of a service and "ChkType" of a check
// strictly: a key that it does not know, be it empty, has it skip the file with a line in its log, and what it has skipped it
// takes out of the catalog: 1.8.7 all services that 1.10 and later have written, and 1.14 all checks of 1.16 and later, whose
// services then stand in the catalog without a check. What is empty there means what it means where it is not there.
//
// Up to 1.8, 1.9.10 and 1.10.3 a file is found by the MD5 of the id, since then by its SHA-256. The older ones read files of
// any name, but take away only those of their own, so that a deregistered service comes back with the next upgrade; what a
// check has last said they look for by name alone. Upwards the agent itself sees to all that.
#pragma once

#include "agent_config/agent_version.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lictor {

struct KeptFile {
  std::string name;  // within its folder
  std::string content;
  bool operator==(const KeptFile&) const = default;
};

// The file as an agent of this version reads it; nothing where it does so as it stands, and where it is not such a file at all.
std::optional<KeptFile> fit_for(const AgentVersion& version, const KeptFile& file);

// RFC 1321, in lower-case hexadecimal: for the names of files, and for nothing that has to be safe.
std::string md5(std::string_view text);

}  // namespace lictor
