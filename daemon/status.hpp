// What lictor shows of itself.
#pragma once

#include "agent_api/io/agent_api.hpp"
#include "ground.hpp"
#include "life/view.hpp"
#include "report/node_problems.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace lictor {

// All that there is to show, at one moment; owns nothing.
struct Standpoint {
  LifeView life;
  const Ground* ground;  // null until prepare is over
  AgentFacts agent;
  const std::string& settings_problem;  // why the last reload was refused
  Problems unwatched;                   // what can't be watched for changes
  Time settled;                         // when the settings in force were taken
  std::uint64_t orphans;                // reaped
  Time now;
};

// Of the settings in force, lictor's and the agent's, as they were given, without node.name and the values of secrets: nodes
// with the same files have the same.
std::string settings_hash(const Ground& ground);

// What a life does not tell of the node's problems. `ground`: as above.
BesideLife beside_life(const Ground* ground, const std::string& settings_problem, bool unwatched);

// What is wrong with the node now, by the names of docs/status.md; in the order of NodeProblem.
std::vector<std::string> problem_names(const Standpoint& at);

// The body of GET /status; docs/status.md says what each key means.
Json status_json(const Standpoint& at);

// The part of it that the settings and the host alone decide.
Json ground_json(const Ground& ground);

// The body of GET /metrics (MetricsText::content_type). Times since 1970 are the wall clock's of now minus what has passed
// since: a clock that jumps moves them all.
std::string metrics_text(const Standpoint& at);

}  // namespace lictor
