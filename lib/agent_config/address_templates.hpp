// The agent's settings in which a go-sockaddr template may stand for an address ("{{ GetPrivateIP }}"): the agent evaluates
// it at its start, lictor before that, by the same rules (sockaddr/template.hpp) or else by the agent's own program
// (agent_evaluation.hpp), so that both go by the same addresses.
#pragma once

#include "agent_config/agent_evaluation.hpp"
#include "agent_config/agent_settings.hpp"
#include "base/json.hpp"
#include "base/problem.hpp"
#include "sockaddr/template.hpp"

#include <map>
#include <string>
#include <vector>

namespace lictor {

// Whether any of these settings holds a template.
bool has_address_templates(const Json& config);

// What templates are evaluated by.
struct TemplateEvaluator {
  TemplateHost host;
  const AgentAnswers& by_agent;  // where lictor itself does not
};

// What templates of single settings (not of lists of whom to join) gave, by their text.
using TemplateValues = std::map<std::string, std::string>;

// What an agent runs with is kept while the host has all of it, whatever the templates would give by then: the agent, too,
// evaluates them at its start alone.
struct TemplatesInUse {
  const TemplateValues& values;
  bool though_gone = false;  // and also when the host has it no more
};

// The templates of single settings that the agent's own program is to be asked about.
std::vector<std::string> templates_for_agent(const Json& config, const TemplateHost& host,
                                             const TemplatesInUse& in_use = {TemplateValues()});

struct TemplatesEvaluated {
  TemplateValues values = {};
  std::vector<std::string> notices = {};  // a line for people about each template that lictor did not evaluate
};

// Puts the address that a template gives in the place of bind_addr, which must be one. None on this host, or not yet: a
// problem with Exit::retry, as for any address that is waited for. What the agent would refuse on any host: Exit::config.
Result<TemplatesEvaluated> evaluate_bind_addr(Json& config, const TemplateEvaluator& by);

// The same for advertise_addr and serf_lan (one address), client_addr, addresses.*, retry_join and start_join (any number).
// advertise_addr and client_addr without an address are problems: the agent would pass over the one in silence, and run
// without any listener by the other. Of those whom to join, what lictor does not evaluate stays as it is.
Result<TemplatesEvaluated> evaluate_other_addresses(Json& config, const TemplateEvaluator& by,
                                                    const TemplatesInUse& in_use = {TemplateValues()});
// In each of the places where the agent reads something; a problem only for what it goes by.
Result<TemplatesEvaluated> evaluate_other_addresses(AgentConfig& config, const TemplateEvaluator& by,
                                                    const TemplatesInUse& in_use = {TemplateValues()});

}  // namespace lictor
