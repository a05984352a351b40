#include "kubernetes/io/api.hpp"

#include "base/text.hpp"
#include "kubernetes/io/exchange.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace lictor::kubernetes {

namespace {

using std::chrono::steady_clock;

constexpr std::size_t file_limit = std::size_t{1} << 20;
// Before the deadline, for what comes after.
constexpr std::chrono::milliseconds margin{10};
constexpr std::chrono::milliseconds between_looks{40};

// What a file of the service account holds; the error: why it is of no use.
OrFault<std::string> read_account_file(const char* name) {
  const std::string path = std::string(account_folder) + "/" + name;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return Fault{"no " + path + ": " + std::strerror(errno)};
  std::string content;
  std::array<char, 4096> piece{};
  while (content.size() <= file_limit) {
    const auto size = ::read(file.get(), piece.data(), piece.size());
    if (size < 0) return Fault{path + ": " + std::strerror(errno)};
    if (size == 0) break;
    content.append(piece.data(), static_cast<std::size_t>(size));
  }
  if (content.size() > file_limit) return Fault{path + " is too large"};
  if (trim(content).empty()) return Fault{path + " is empty"};
  return OrFault<std::string>(boost::system::in_place_value, std::move(content));  // a text could be either
}

struct Account {
  std::string token, authorities;
};

OrFault<Account> read_account() {
  auto token = read_account_file("token");
  if (!token) return token.error();
  std::string word(trim(*token));
  if (word.find_first_of(std::string_view(" \t\r\n\0", 5)) != std::string::npos)
    return Fault{std::string(account_folder) + "/token is no token"};
  auto authorities = read_account_file("ca.crt");
  if (!authorities) return authorities.error();
  return Account{std::move(word), std::move(*authorities)};
}

struct Server {
  std::string host;
  std::uint16_t port;
};

std::string request_for(const Question& question, const std::string& name_space, const Server& server,
                        const std::string& token, bool last) {
  // Of two of them the metadata is enough, which spares the server and the wire the rest.
  const bool whole = question.kind == Kind::pod || question.kind == Kind::node;
  const bool colon = server.host.find(':') != std::string::npos;
  const std::string host = (colon ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
  return "GET " + path_of(question, name_space) + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + token +
         "\r\nAccept: " + (whole ? "" : "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,") +
         "application/json\r\nUser-Agent: lictor-kubernetes/" LICTOR_VERSION "\r\n" +
         (last ? "Connection: close\r\n" : "") + "\r\n";
}

// The conversation itself.
class Conversation {
 public:
  Conversation(Tls& tls, const Endpoint& to, const Server& server, const Pod& pod, std::string token)
      : tls_(tls), to_(to), server_(server), name_space_(pod.name_space), token_(std::move(token)), inquiry_(pod) {}

  Verdict hold(steady_clock::time_point deadline) {
    constexpr auto never = steady_clock::time_point::max();
    auto next_look = never, last_look = never;
    while (true) {
      // Two connections: more take more time for their handshakes than they spare.
      std::array<std::vector<Question>, 2> groups;
      for (Question& question : inquiry_.questions()) {
        const bool first = question.kind == Kind::pod || question.kind == Kind::daemonset;
        groups[first ? 0 : 1].push_back(std::move(question));
      }
      for (std::vector<Question>& group : groups) send(std::move(group));
      if (auto verdict = inquiry_.verdict()) return *verdict;
      const auto now = steady_clock::now();
      if (inquiry_.may_be_shutting_down() && under_way_.empty()) {
        if (last_look == never) last_look = now + look_again;
        if (now >= last_look) return inquiry_.at_last();
        if (next_look == never) next_look = now + between_looks;
      }
      if (now >= deadline) return inquiry_.at_last();
      if (now >= next_look) {
        next_look = never;
        inquiry_.ask_node_again();
        continue;
      }
      wait(std::min(deadline, next_look) - now);
    }
  }

 private:
  void send(std::vector<Question> questions) {
    if (questions.empty()) return;
    std::string requests;
    for (const Question& question : questions)
      requests += request_for(question, name_space_, server_, token_, &question == &questions.back());
    under_way_.push_back(std::make_unique<Exchange>(tls_, to_, std::move(questions), std::move(requests)));
  }

  // For what the sockets have, `longest` at most; and takes that.
  void wait(steady_clock::duration longest) {
    std::vector<pollfd> sockets;
    for (const auto& exchange : under_way_) sockets.push_back({exchange->descriptor(), exchange->events(), 0});
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
    if (::poll(sockets.data(), sockets.size(), static_cast<int>(milliseconds)) <= 0) return;
    for (std::size_t at = sockets.size(); at-- > 0;) {
      if (sockets[at].revents == 0) continue;
      for (const auto& [question, answer] : under_way_[at]->advance()) inquiry_.take(question, answer);
      if (!under_way_[at]->over()) continue;
      const std::vector<Question> left = under_way_[at]->left();
      under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(at));
      for (const Question& question : left) send({question});
    }
  }

  Tls& tls_;
  const Endpoint& to_;
  const Server& server_;
  std::string name_space_, token_;
  Inquiry inquiry_;
  std::vector<std::unique_ptr<Exchange>> under_way_;
};

}  // namespace

Verdict ask(const Environment& environment, steady_clock::time_point deadline) {
  const Server server{variable_in(environment, "KUBERNETES_SERVICE_HOST"),
                      whole_number<std::uint16_t>(variable_in(environment, "KUBERNETES_SERVICE_PORT")).value_or(443)};
  if (server.host.empty()) return unknown("no pod of Kubernetes: KUBERNETES_SERVICE_HOST is not set");
  Pod pod{variable_in(environment, "POD_NAME"), variable_in(environment, "POD_NAMESPACE"),
          variable_in(environment, "NODE_NAME")};
  if (pod.name.empty()) return unknown("POD_NAME is not set: the manifest does not have it from metadata.name");
  auto account = read_account();
  if (!account) return unknown(account.error().why);
  if (pod.name_space.empty()) {
    const auto told = read_account_file("namespace");
    if (!told) return unknown("neither POD_NAMESPACE nor a file says which namespace this is: " + told.error().why);
    pod.name_space = trim(*told);
  }
  const auto tls = Tls::make(account->authorities, server.host);
  if (!tls) return unknown(std::string(account_folder) + "/ca.crt: " + tls.error().why);
  const auto to = resolve(server.host, server.port, deadline - margin);
  if (!to) return unknown(to.error().why);
  return Conversation(**tls, *to, server, pod, std::move(account->token)).hold(deadline - margin);
}

}  // namespace lictor::kubernetes
