#include "doctor.hpp"

#include "base/json_text.hpp"
#include "commands.hpp"
#include "doctor_facts.hpp"
#include "process/io/host.hpp"
#include "running.hpp"
#include "sources.hpp"
#include "terminal.hpp"

#include <unistd.h>

namespace lictor {

Exit doctor(const std::optional<std::string>& settings_file, bool json) {
  const Environment environment = current_environment();
  const auto settings = settings_to_ask(settings_file, environment);
  if (!settings) {
    print_problems(settings.error());
    return Exit::retry;
  }
  const DoctorView view = look_as_doctor(*settings, environment);
  const DoctorReport report = diagnose(view.facts);
  print(json ? json_page(doctor_json(report)) : doctor_text(report, page_style(STDOUT_FILENO)));
  if (!view.could_look) return Exit::retry;
  return report.findings.empty() ? Exit::ok : Exit::incomplete;
}

}  // namespace lictor
