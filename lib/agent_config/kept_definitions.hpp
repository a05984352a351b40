// How definitions are let go (definitions.hpp), also while a file is read, which then never has them whole in memory.
#pragma once

#include "agent_config/definitions.hpp"
#include "agent_config/digest.hpp"
#include "base/problem.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lictor {

// A list of definitions of which nothing is kept but this. Two of them that are added one after the other are as one.
class KeptDefinitions {
 public:
  void add(const Digest& definition, std::vector<std::string> secrets);
  // Whole, or what json() made.
  void add(const Json& definition);

  // An empty list, or a list of one {"count", "digest", "secrets"}, the last only if there are any.
  Json json() const;

 private:
  std::size_t count_ = 0;
  std::uint64_t digest_ = 0;
  std::vector<std::string> secrets_;
};

// As parse_for_agent (plan.hpp), and let go.
Result<AgentConfigFile> parse_without_definitions(const std::string& path, const std::string& text,
                                                  const std::string& format);

}  // namespace lictor
