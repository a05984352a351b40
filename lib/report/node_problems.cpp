#include "report/node_problems.hpp"

#include <algorithm>
#include <iterator>

namespace lictor {
namespace {

bool has(NodeProblem problem, const LifeView& life, const BesideLife& beside, Time now) {
  switch (problem) {
    case NodeProblem::waiting:
      return !life.awaited().empty();
    case NodeProblem::no_leader:
      return life.answered() && !life.leader();
    case NodeProblem::registration_failed:
      return !life.failure().empty();
    case NodeProblem::hooks_unfinished:
      return life.phase() == Phase::registering && life.hooks_due() && !life.services_due();
    case NodeProblem::services_refused:
      return !life.faults().empty();
    case NodeProblem::services_left_over:
      return life.left_over().lasts(now);
    case NodeProblem::held_for_failed:
      return life.held_for_failed();
    case NodeProblem::conflict:
      return !life.claims().empty() || life.contested();
    case NodeProblem::address_missing:
      return life.address_missing().has_value();
    case NodeProblem::address_unseen:
      return life.address_unseen().has_value();
    case NodeProblem::settings_refused:
      return beside.settings_refused;
    case NodeProblem::settings_unwatched:
      return beside.settings_unwatched;
    case NodeProblem::connections_closed:
      return life.closes();
    case NodeProblem::keyring_differs:
      return beside.keyring_differs;
  }
  return false;
}

}  // namespace

const char* to_string(NodeProblem problem) {
  switch (problem) {
    case NodeProblem::waiting:
      return "waiting";
    case NodeProblem::no_leader:
      return "no_leader";
    case NodeProblem::registration_failed:
      return "registration_failed";
    case NodeProblem::hooks_unfinished:
      return "hooks_unfinished";
    case NodeProblem::services_refused:
      return "services_refused";
    case NodeProblem::services_left_over:
      return "services_left_over";
    case NodeProblem::held_for_failed:
      return "held_for_failed";
    case NodeProblem::conflict:
      return "conflict";
    case NodeProblem::address_missing:
      return "address_missing";
    case NodeProblem::address_unseen:
      return "address_unseen";
    case NodeProblem::settings_refused:
      return "settings_refused";
    case NodeProblem::settings_unwatched:
      return "settings_unwatched";
    case NodeProblem::connections_closed:
      return "connections_closed";
    case NodeProblem::keyring_differs:
      return "keyring_differs";
  }
  return "";
}

std::vector<NodeProblem> problems_of(const LifeView& life, const BesideLife& beside, Time now) {
  std::vector<NodeProblem> found;
  std::copy_if(node_problems.begin(), node_problems.end(), std::back_inserter(found),
               [&](NodeProblem problem) { return has(problem, life, beside, now); });
  return found;
}

}  // namespace lictor
