#include "running.hpp"

#include "base/json_text.hpp"

namespace lictor {

Result<HttpAnswer> ask_lictor(const Settings& settings, const std::string& path, Duration deadline) {
  auto answer = ask_once(settings.control.socket,
                         {.method = "GET", .target = path, .body = {}, .headers = {}, .deadline = deadline});
  if (!answer) {
    return Problem{settings.control.socket, answer.error().why, "is lictor running here, with the same control.socket?",
                   Exit::incomplete};
  }
  return std::move(*answer);
}

std::string what_holds_up(const Json& status) {
  if (!status.is_object()) return "no status";
  return text_of(status, "phase") + ": " + text_of(status, "state");
}

}  // namespace lictor
