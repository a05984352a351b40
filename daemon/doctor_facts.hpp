// What the doctor sees: the facts for diagnose().
#pragma once

#include "report/doctor.hpp"
#include "settings/settings.hpp"

namespace lictor {

struct DoctorView {
  DoctorFacts facts;
  bool could_look = true;  // false: a lictor or an agent that runs can't be asked
};

DoctorView look_as_doctor(const Settings& settings, const Environment& environment);

}  // namespace lictor
