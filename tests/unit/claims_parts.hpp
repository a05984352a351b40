// What claims are made of: a node's keys, members and catalog entries.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "identity/claims.hpp"
#include "test.hpp"

namespace claims_parts {

using namespace lictor;

inline const std::string stored_id = "22222222-2222-4222-8222-222222222222";
inline const std::string file_id = "33333333-3333-4333-8333-333333333333";
inline const std::string stranger_id = "55555555-5555-4555-8555-555555555555";

inline const NodeKey n1{"n1", stored_id, "10.0.0.5"};
inline constexpr std::int64_t gossip_port = 8301;

inline Member member(std::string name, std::string address, MemberStatus status, std::string id = stranger_id,
                     std::int64_t port = gossip_port) {
  return {.name = std::move(name),
          .id = std::move(id),
          .address = std::move(address),
          .status = status,
          .version = {},
          .server = false,
          .port = port};
}

inline CatalogNode entry(std::string name, std::string address, std::string id = stranger_id, bool external = false) {
  return {.name = std::move(name),
          .id = std::move(id),
          .address = std::move(address),
          .external = external,
          .synthetic = false};
}

inline MemberSieve sieved(const NodeKey& own, const std::vector<Member>& members,
                          const std::vector<CatalogNode>& catalog) {
  MemberSieve sieve(own, catalog);
  for (const Member& one : members) sieve.take(one);
  return sieve;
}

}  // namespace claims_parts
