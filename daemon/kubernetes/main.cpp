// lictor-kubernetes: says why the pod that it runs in is stopped, as one line of JSON. lictor runs it at a stop, so that a node
// without Kubernetes carries nothing of it. lib/kubernetes/inquiry.hpp has what it goes by.
#include "kubernetes/io/api.hpp"

#include "base/text.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace lictor;

constexpr const char* usage =
    "Usage: lictor-kubernetes [--within MILLISECONDS]\n"
    "\n"
    "Asks the Kubernetes API why this pod is stopped: whether its node stays or goes.\n"
    "Prints one line of JSON, whatever the API does, and exits 0:\n"
    "\n"
    "  known     false: it could not find out, and \"evidence\" says why\n"
    "  leave     whether the node should leave the Consul cluster\n"
    "  evidence  by what it says so\n"
    "  grace     seconds that the platform gives, where that is known\n"
    "\n"
    "--within: the longest that it takes (300).\n";

constexpr unsigned longest = 60'000;

int wrong_use(const std::string& why, const std::string& to_do) {
  std::fputs(("lictor-kubernetes: usage: " + why + "; " + to_do + "\n").c_str(), stderr);
  return 64;
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

Environment environment_now() {
  Environment found;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text(*variable);
    if (const auto sign = text.find('='); sign != std::string_view::npos)
      found.emplace(text.substr(0, sign), text.substr(sign + 1));
  }
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  const auto began = std::chrono::steady_clock::now();
  prctl(PR_SET_DUMPABLE, 0);  // no core dump shows the token
  unsigned within = 300;
  for (int at = 1; at < argc; ++at) {
    std::string_view word = argv[at];
    if (word == "-h" || word == "--help") return print(usage), 0;
    if (word == "--version") return print("lictor-kubernetes " LICTOR_VERSION "\n"), 0;
    constexpr std::string_view option = "--within";
    if (word == option && at + 1 < argc) {
      word = argv[++at];
    } else if (word.starts_with("--within=")) {
      word.remove_prefix(option.size() + 1);
    } else if (word == option) {
      return wrong_use("--within names no time", "give milliseconds, as in --within 300");
    } else {
      return wrong_use("unknown argument \"" + harmless(word) + "\"", "see `lictor-kubernetes -h`");
    }
    const auto milliseconds = whole_number<unsigned>(word);
    if (!milliseconds || *milliseconds == 0 || *milliseconds > longest)
      return wrong_use("--within \"" + harmless(word) + "\" is no number of milliseconds from 1 to 60000",
                       "as in --within 300");
    within = *milliseconds;
  }
  print(kubernetes::verdict_line(kubernetes::ask(environment_now(), began + std::chrono::milliseconds(within))) + "\n");
  std::_Exit(0);  // a thread may still wait for DNS
}
