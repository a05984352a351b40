// Of a node that the servers hold for failed though its agent answers: the likely cause.
#pragma once

#include "report/doctor.hpp"

#include <optional>

namespace lictor {

// Nothing where they don't, or it is not known. The causes, the first that holds:
//   the agent's gossip has shut itself down
//   another node holds the name
//   the address that the agent advertises is another host's, or none's: what translates addresses has to pass it on
//   nothing listens on it: the gossip is bound to another address
//   none of these: something between this host and the others drops packets
std::optional<Finding> held_for_failed(const DoctorFacts& facts);

}  // namespace lictor
