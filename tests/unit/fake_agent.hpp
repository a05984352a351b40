// An agent whose answers a test chooses.
#pragma once

#include "control/io/control_server.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lictor {

// An agent that answers what it is told to: "GET /path" -> reply. Lictor's own server is the listener.
struct FakeAgent {
  FakeAgent() {
    auto listening =
        ControlServer::listen_unix(io.get_executor(), socket, 0600, std::nullopt, [this](const ControlRequest& r) {
          asked.push_back(r.method + " " + r.path + (r.query.empty() ? "" : "?" + r.query));
          bodies.push_back(r.body);
          const auto reply = replies.find(r.method + " " + r.path);
          return reply == replies.end() ? ControlReply{404, "no such path"} : reply->second;
        });
    REQUIRE(listening.has_value());
    server = std::move(*listening);
  }

  // Runs the loop until the answer is there, at most 20 s.
  template <class T, class Call>
  T answer_to(const Call& call) {
    std::optional<T> seen;
    call([&seen](T value) { seen = std::move(value); });
    io.restart();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!seen && std::chrono::steady_clock::now() < end) io.run_one_for(std::chrono::milliseconds(100));
    REQUIRE(seen.has_value());
    return *seen;
  }

  boost::asio::io_context io{1};
  TemporaryFolder folder;
  std::string socket = folder / "http.sock";
  std::unique_ptr<ControlServer> server;
  std::map<std::string, ControlReply> replies;
  std::vector<std::string> asked, bodies;
};

}  // namespace lictor
