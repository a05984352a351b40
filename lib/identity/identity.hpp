// Who the node is: the id that Consul keeps in data_dir/node-id, and lictor's own record of it.
//
// Order: an id in the agent's settings; the stored identity (lictor-identity.json); a valid node-id file; a
// fresh random UUID. Consul refuses to start on an empty, truncated or garbage node-id, so whatever is wrong
// there is mended from the order above before the agent starts, and nothing valid is ever overwritten by a worse one.
//
// A new name takes a new id, unless the settings give one, or the node has left under the old name. While the old name's member
// is remembered as alive or failed (72 h), every join of an agent with its id under another name is refused ("conflicting node
// ID"), and an agent that has not joined does not know the old member and can't prune it. Members that have left don't count.
#pragma once

#include "base/problem.hpp"
#include "identity/former_self.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

// The content of data_dir/lictor-identity.json.
struct Identity {
  std::string id;                       // lower-case UUID
  std::string name;                     // node name
  std::string address;                  // bind address when last written
  std::string machine;                  // hash of the machine id (never the id itself); empty where the host has none
  std::string when;                     // RFC 3339, UTC, of the last change
  std::vector<FormerSelf> former = {};  // oldest first, at most former_selves
  // Where the node was put, empty for the agent's default, and which of the places that need not be there gave settings
  // (agent_config/settings_places.hpp).
  std::string datacenter = {};
  std::vector<std::string> settings_in = {};

  bool operator==(const Identity&) const = default;
};

struct IdentityInput {
  std::optional<std::string> configured_id;  // node_id in the agent's settings
  std::optional<std::string>
      configured_name;  // node.name, $NODE_NAME or node_name in the agent's settings, strongest first
  std::optional<std::string> stored_text;   // lictor-identity.json as it stands; nothing: no such file
  std::optional<std::string> node_id_text;  // node-id as it stands; nothing: no such file
  std::string host_name;
  std::string address;
  std::string machine;        // hash, see Identity
  std::string fresh_id;       // a random UUID, used only if nothing better is there
  std::string now;            // RFC 3339
  std::string twin;           // the stored address, where a node of the stored name answers there; empty: none does
  bool keep_name = false;     // node.on_rename = keep
  bool refuse_clone = false;  // node.on_clone = refuse
  bool left = false;          // the node has left the cluster under its stored name, as a server has confirmed
  std::optional<std::string> datacenter = {};  // of the agent's settings; nothing: none of them says
  std::vector<std::string> settings_in = {};   // as in Identity
  std::vector<std::string> gone = {};          // those of the stored record that give nothing now
};

// Whether the record is another machine's, as far as both are known by their hashes.
bool of_another_machine(const Identity& stored, const std::string& machine);

struct IdentityVerdict {
  Identity identity;
  std::string id_origin;                   // "agent settings", "lictor-identity.json", "node-id", "new"
  std::string name_origin;                 // "node.name", "stored", "host name"
  std::string former_address;              // the stored address, where this same machine's node now has another
  std::optional<std::string> former_name;  // the stored name, where this same machine's node now has another
  std::optional<std::string> mended;       // one warning line: what was broken and from what it was mended
  bool fixed_id() const;                   // the agent's settings give the id
  bool cloned = false;  // the directory is another machine's, by its hash or its twin, and a new id was taken
  std::string twin;     // IdentityInput::twin
};

// Id: configured, fresh if the name is another than the stored one and the node has not left under that, stored, node-id,
// fresh. Name: configured; the stored one if keep_name, if the host has no name of its own, or if the host's is the same one,
// fully qualified or no longer so; the host's. Empty configured values count as absent. `when` moves only when something else of the record changes, so that
// a second start writes nothing; a new address alone is an update of the record. Where name or id is another than the stored one,
// the two that were stored are what this node has been.
//
// A stored record with another machine's hash (both hashes known) means a cloned directory: neither its id, nor the
// node-id beside it, nor its name is used, and its name is not a former name of this node: it is alive elsewhere. An id or a
// name in the settings holds all the same. Where the host has no hash, the stored one is kept.
//
// So does a twin: the stored address is not this host's, and a node of the stored name answers there. A machine that was copied
// has its hash and its host name, too. A node that has only got another address does not answer at its old one.
//
// What was said and is left to a default now is a problem where that would take the node elsewhere (Exit::config): into another
// datacenter; under the host's name, where a place of settings is gone.
//
// Total: every combination of present, absent, different and garbage has a verdict; refuse_clone with another
// machine's data directory is the only problem besides these, a configured id that is no UUID, a host name that is not
// UTF-8 (all Exit::config), and a host without a name where none is configured or stored (Exit::retry: it may get one).
Result<IdentityVerdict> settle_identity(const IdentityInput& input);

// Whether it is a host's own. Placeholders for a name that is yet to come are not: "", "localhost" in any domain, "(none)".
bool own_host_name(const std::string& name);

// Nothing if `text` is not a complete identity record (then it is garbage, and treated as absent).
std::optional<Identity> parse_identity(const std::string& text);
std::string format_identity(const Identity& identity);

// The lower-case UUID in `text` (surrounding white space allowed, as Consul allows it), or nothing.
std::optional<std::string> parse_uuid(const std::string& text);

// A version-4 UUID from 16 random bytes.
std::string make_uuid(const unsigned char (&random)[16]);

}  // namespace lictor
