// What the agent makes of one of its configuration files: decoded to what its keys hold.
//
// The rules are those of Consul's agent/config (FileSource.Parse, builder.build, Merge), its lib/decode, and of mapstructure
// without weak types, the same from 1.8 to 1.21 of Consul:
// - A list of one element, and so a block of HCL, is that element wherever something else than a list is wanted: node_name = ["x"]
//   is a name. Of any other length it is refused there: a block that stands twice.
// - A list is wanted as a list: a bare text is none, and in JSON neither is an object. In HCL a block is a list of one.
// - Texts and flags have to be that; numbers may have a fraction, which whole ones lose (8700.9 is 8700). A natural number is not
//   negative.
// - Keys match whatever the case, the exact spelling first; a key that nothing has is refused (but acl_enforce_version_8, and
//   audit.sink.*.name). Some keys of checks have a second name. null is nothing.
// - service and check of a file are the last of its services and checks.
#pragma once

#include "agent_config/definitions.hpp"
#include "base/json.hpp"
#include "hcl/document.hpp"

#include <map>
#include <string>
#include <vector>

namespace lictor {

// What the agent would refuse the file for. `what` goes behind the key, in words that quote no value.
struct AgentFault {
  hcl::Place place;
  std::string key;  // acl.tokens.agent, services[1].port
  std::string what;
  // Of an unknown key: settings of nothing but that key and what it stands in, with true for its value. An agent that refuses
  // the key refuses them for it.
  Json alone = {};

  bool operator==(const AgentFault&) const = default;
};

// One file, decoded. Keys are spelt as the agent spells them. Empty objects stay, as nothing depends on them.
struct AgentView {
  Json tree = Json::object();
  // Where each text, flag, number, list, element of a list and object stands, by its path: acl.tokens.agent, services[1].port.
  std::map<std::string, hcl::Place> places;
  std::vector<AgentFault> faults;  // in the file's order; none of these values is in the tree
  // Keys that no agent from 1.8 to 1.21 of Consul has, and refuses; a later one may. They are in the tree as they are written.
  std::vector<AgentFault> unknown;
};

// Whose places are wanted: those of what is in a list take more time and memory than all the rest.
enum class Places { all, outside_lists };
// With Definitions::digests the tree is what let_definitions_go would leave of the whole one, but is never made whole; only
// Places::outside_lists go with that, and what is in a single service or check has none.
AgentView agent_view(const hcl::Document& document, Places places = Places::all,
                     Definitions definitions = Definitions::whole);

}  // namespace lictor
