// What an answer of the agent's says of what it was asked for.
#pragma once

#include "agent_api/io/http_client.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace lictor {

// Status 200. Else a problem of the subject `what`, with the status and the beginning of the body, or with why there is no answer.
inline Result<void> success_of(const HttpResult& answer, const std::string& what) {
  if (answer && answer->status == 200) return {};
  std::string why = answer ? fmt::format("{} {}", answer->status, trim(cut(answer->body, 200))) : answer.error().why;
  return Problem{what, std::move(why), "", Exit::retry};
}

}  // namespace lictor
