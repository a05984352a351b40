// What a start waits for, up to wait.files: files that were named and are not there yet, or are still empty, and the mounts that
// wait.mounts names. Each is a Problem with Exit::retry; those of what is read are told by the readers (sources.hpp). What is there and
// wrong is no such thing: no wait would mend it.
#pragma once

#include "sources.hpp"

namespace lictor {

// Whether there are problems, and time may mend all of them.
bool may_come(const Problems& problems);

// Those that time will not mend come first.
Problems worst_first(Problems problems);

// As they count while a node serves: what was there and is gone is broken, like anything else that is wrong.
Problems as_broken(Problems problems);

// What lictor goes by while its own settings file is awaited: the environment over the defaults.
ResultAll<Settings> settings_without_file(const Environment& environment);

Problems missing_mounts(const Settings& settings);

// Certificates, keys and CAs of the agent's settings, as its user finds them.
Problems missing_certificates(const Sources& sources);

}  // namespace lictor
