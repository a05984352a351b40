// A stand-in for Consul's binary that does next to nothing, so that a machine has room for hundreds: `agent` holds the gossip port and
// a connection to the program that answers for it (herd_farm.py, at farm.sock beside the binary), which it tells of its settings.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace {

std::string value_of(const std::string& text, const std::string& key) {
  const auto at = text.find('"' + key + '"');
  if (at == std::string::npos) return "";
  const auto begin = text.find('"', text.find(':', at)) + 1;
  return text.substr(begin, text.find('"', begin) - begin);
}

int agent(const std::string& settings) {
  std::stringstream text;
  text << std::ifstream(settings).rdbuf();
  sockaddr_in gossip{};
  gossip.sin_family = AF_INET;
  gossip.sin_port = htons(8301);
  inet_pton(AF_INET, value_of(text.str(), "bind_addr").c_str(), &gossip.sin_addr);
  const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (bind(udp, reinterpret_cast<const sockaddr*>(&gossip), sizeof gossip) != 0) return perror("gossip port"), 1;

  const std::string farm = std::filesystem::read_symlink("/proc/self/exe").replace_filename("farm.sock");
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  std::strncpy(place.sun_path, farm.c_str(), sizeof place.sun_path - 1);
  const int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(line, reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0) return perror("farm"), 1;
  const std::string hello = settings + "\n";
  if (write(line, hello.data(), hello.size()) < 0) return perror("farm"), 1;
  char end;
  return read(line, &end, 1) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  if (word == "version") std::puts("Consul v1.8.7\nRevision 000000000\nProtocol 2 spoken by default");
  if (word == "validate") std::puts("Configuration is valid!");
  if (word != "agent") return 0;
  const std::string flag = "-config-file=";
  std::string settings;
  for (int i = 2; i < argc; ++i) {
    if (const std::string one = argv[i]; one.starts_with(flag)) settings = one.substr(flag.size());
  }
  return agent(settings);
}
