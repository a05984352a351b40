#include "running.hpp"

#include "awaited.hpp"
#include "base/json_text.hpp"
#include "process/io/host.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace lictor {

Result<HttpAnswer> ask_lictor(const Settings& settings, const std::string& path, Duration deadline) {
  auto answer = ask_once(settings.control.socket,
                         {.method = "GET", .target = path, .body = {}, .headers = {}, .deadline = deadline});
  if (!answer) {
    return Problem{settings.control.socket, answer.error().why, unanswered_hint(settings.control.socket),
                   Exit::incomplete};
  }
  return std::move(*answer);
}

ResultAll<Settings> settings_to_ask(const std::optional<std::string>& named, const Environment& environment) {
  auto settings = load_readable_settings(named, environment);
  if (settings || !may_come(settings.error())) return settings;
  auto without = settings_without_file(environment);
  return without && ask_lictor(*without, "/livez") ? without : settings;
}

std::string unanswered_hint(const std::string& socket) {
  struct stat about {};
  if (access(socket.c_str(), W_OK) != 0 && errno == EACCES && stat(socket.c_str(), &about) == 0)
    return fmt::format(
        "ask as root or as a member of the socket's group (gid {}), or of the one that control.group names",
        about.st_gid);
  return "is lictor running here, with the same control.socket?";
}

std::string what_holds_up(const Json& status) {
  if (!status.is_object()) return "no status";
  return text_of(status, "phase") + ": " + text_of(status, "state");
}

}  // namespace lictor
