#include "running.hpp"

#include "awaited.hpp"
#include "base/json_text.hpp"
#include "process/io/host.hpp"

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

ResultAll<Settings> settings_to_ask(const std::optional<std::string>& settings_file) {
  const Environment environment = current_environment();
  auto settings = load_settings(settings_file, environment);
  if (settings || !may_come(settings.error())) return settings;
  auto without = settings_without_file(environment);
  return without && ask_lictor(*without, "/livez") ? without : settings;
}

std::string what_holds_up(const Json& status) {
  if (!status.is_object()) return "no status";
  return text_of(status, "phase") + ": " + text_of(status, "state");
}

}  // namespace lictor
