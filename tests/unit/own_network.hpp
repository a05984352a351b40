// A network of the test's own.
#pragma once

#include "files/io/files.hpp"
#include "test.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

namespace own_network {

using namespace lictor;

// A network namespace of the test's own, until the end of the scope; the kernel takes it away with all that is in it.
class OwnNetwork {
 public:
  OwnNetwork() : home_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (home_ < 0 || ::unshare(CLONE_NEWNET) != 0) {
      FAIL("this test needs a network namespace of its own and has to run as root: " << error_text(errno));
    }
  }
  ~OwnNetwork() {
    // Going on in the wrong network would make nonsense of every later test.
    if (::setns(home_, CLONE_NEWNET) != 0) std::abort();
    ::close(home_);
  }
  OwnNetwork(const OwnNetwork&) = delete;
  OwnNetwork& operator=(const OwnNetwork&) = delete;

  // Runs `ip` once for each line.
  static void ip(const std::vector<std::string>& lines) {
    for (const auto& line : lines) {
      CAPTURE(line);
      REQUIRE(std::system(("ip " + line).c_str()) == 0);
    }
  }

 private:
  int home_;
};

inline const std::vector<std::string> pair_up = {"link add eth0 type veth peer name far0", "link set eth0 up",
                                                 "link set far0 up"};

}  // namespace own_network
