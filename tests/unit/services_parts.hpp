// Services of a node of which a test says the definitions.
#pragma once

#include "agent_api/services.hpp"
#include "test.hpp"

#include <map>
#include <string>
#include <vector>

namespace services_parts {

using namespace lictor;

inline ServiceFacts facts() {
  ServiceFacts f;
  f.address = "10.0.0.5";
  f.node_name = "node-1";
  f.node_id = "11111111-2222-4333-8444-555555555555";
  f.http_port = 8700;
  f.http_address = "127.0.0.1:8700";
  f.environment = {{"ZONE", "b"}};
  return f;
}

// Bodies as they stand here.
inline Services shared(const std::vector<Json>& bodies) {
  Services services;
  for (const Json& body : bodies) services.emplace_back(body);
  return services;
}

inline Services desired(const Json& definitions, const ServiceFacts& f = facts()) {
  const auto services = desired_services(definitions, f);
  if (!services) {
    for (const Problem& p : services.error()) UNSCOPED_INFO(to_string(p));
  }
  REQUIRE(services.has_value());
  return *services;
}

inline SentServices all_sent(const Services& services) {
  SentServices sent;
  for (const SharedJson& service : services) sent.emplace(service->at("ID"), service);
  return sent;
}

}  // namespace services_parts
