// Unix sockets for targets that drive a real server or client, on one io_context and without ever blocking.
#pragma once

#include "../unit/temporary_folder.hpp"
#include "files/io/descriptor.hpp"
#include "fuzz.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace fuzz {

using lictor::Descriptor;

// A folder for a socket, until the program ends. Its name tells no two runs apart, for nothing of it reaches a target.
struct Folder : TemporaryFolder {
  std::string socket() const { return path + "/s"; }
};

inline sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

inline Descriptor unix_socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

inline Descriptor connect_to(const std::string& path) {
  Descriptor peer = unix_socket();
  const sockaddr_un address = address_of(path);
  expect(::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "the server listens");
  return peer;
}

inline Descriptor listen_at(const std::string& path) {
  Descriptor listener = unix_socket();
  const sockaddr_un address = address_of(path);
  expect(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
             ::listen(listener.get(), 16) == 0,
         "there is a socket to listen at");
  return listener;
}

}  // namespace fuzz
