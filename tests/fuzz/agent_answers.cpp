// What an agent answers, each request the next part, then from the first one again. A part that begins with "HTTP/" is the
// whole answer and the end of its connection; any other one is the body of a good answer.
#include "agent_api/io/agent_api.hpp"
#include "base/json_parts.hpp"
#include "fleet/fleet_text.hpp"
#include "wire.hpp"

#include <boost/asio/io_context.hpp>

#include <list>

using namespace lictor;

namespace {

const NodeKey own{"fuzz-node", "11111111-2222-4333-8444-555555555555", "10.9.0.1"};

const Services& desired() {
  static const Services services{SharedJson(
      Json::parse(R"({"ID": "web", "Name": "web", "Port": 80, "Tags": ["a"], "Meta": {"managed-by": "lictor"},
        "TaggedAddresses": {"lan": {"Address": "10.9.0.1", "Port": 80}}, "Weights": {"Passing": 1, "Warning": 1},
        "Check": {"TCP": "127.0.0.1:80", "Interval": "30s", "Status": "passing"},
        "Connect": {"SidecarService": {}}})"))};
  return services;
}

// An agent that says whatever it is told to.
class Agent {
 public:
  explicit Agent(const std::string& path) : listener_(fuzz::listen_at(path)) {}

  void begin(std::vector<std::string> answers) {
    connections_.clear();
    answers_ = std::move(answers);
    next_ = 0;
  }

  void poll() {
    Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (peer.get() >= 0) connections_.push_back(std::move(peer));
    connections_.remove_if([this](const Descriptor& connection) { return !serve(connection.get()); });
  }

 private:
  // False: the connection is at its end.
  bool serve(int fd) {
    char request[8192];  // the client sends each in one piece
    const ssize_t got = ::recv(fd, request, sizeof request, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    const std::string& part = answers_[next_++ % answers_.size()];
    const bool whole = part.compare(0, 5, "HTTP/") == 0;
    const std::string answer =
        whole ? part : "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(part.size()) + "\r\n\r\n" + part;
    const ssize_t sent = ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    return !whole && sent == static_cast<ssize_t>(answer.size());
  }

  Descriptor listener_;
  std::list<Descriptor> connections_;
  std::vector<std::string> answers_;
  std::size_t next_ = 0;
};

struct World {
  fuzz::Folder folder;
  boost::asio::io_context context{1};
  Agent agent{folder.socket()};
  AgentApi api{context.get_executor(), folder.socket()};

  // `ask` is given what the answer calls.
  template <class Ask>
  void until_answered(const Ask& ask) {
    int answers = 0;
    ask(answers);
    int rounds = 0;
    while (answers == 0) {
      fuzz::expect(++rounds < 10000, "every call is answered");
      context.poll();
      context.restart();
      agent.poll();
    }
    fuzz::expect(answers == 1, "every call is answered once");
  }
};

void check_claims(const AgentApi::Surroundings& seen) {
  for (const Claim& claim : find_claims(own, seen.members, seen.catalog)) {
    fuzz::expect(!claim.name.empty() && !describe(claim, own).empty(), "a claim has a name");
    fuzz::expect(!claim.dead() || claim.address == own.address, "only what stands at our address is cleared away");
  }
}

// What another node's check says, and a list of checks.
void look_at_fleet(const std::string& text) {
  const NodeWords words = parse_node_check(text);
  fuzz::expect(parse_node_check(node_check_output(words)).restarts == words.restarts,
               "what was read is written and read back");
  Fleet fleet;
  JsonValues list([&fleet](std::string_view, const Json& check) { fleet.take(check); }, 64 << 10);
  list.feed(text);
  fuzz::expect(Json::parse(fleet_json(fleet, {}, {}, true)).at("listed").size() <= fleet.nodes().size(),
               "no node is listed twice");
}

}  // namespace

FUZZ_TARGET(agent_answers) {
  static World world;
  world.agent.begin(fuzz::parts(fuzz::text(data, size)));
  world.api.reset("token");
  using std::chrono::seconds;
  world.until_answered([&](int& n) { world.api.probe(seconds(60), true, [&n](ProbeAnswer) { ++n; }); });
  // The second time what has been sent is compared with what the agent has.
  for (int i = 0; i < 2; ++i) {
    world.until_answered([&](int& n) {
      world.api.send_services("n1", desired(), Sending::difference, [&n](const AgentApi::Sent&) { ++n; });
    });
  }
  for (const bool entry_alone : {false, true}) {
    world.until_answered([&](int& n) {
      world.api.look_up_catalog(own.name, own.id, desired(), entry_alone, [&n](const AgentApi::Look& look) {
        ++n;
        fuzz::expect(look.answer != CatalogAnswer::taken || look.holder.id != own.id, "what is ours is not taken");
      });
    });
  }
  for (const auto& [seen, altered] : {std::pair(true, false), {false, false}, {true, true}}) {
    world.until_answered([&, seen = seen, altered = altered](int& n) {
      world.api.send_again(own, desired(), seen, altered, [&n](const AgentApi::Sent&) { ++n; });
    });
  }
  world.until_answered([&](int& n) {
    world.api.look_around(own, [&n](const Result<AgentApi::Surroundings>& seen) {
      ++n;
      if (seen) check_claims(*seen);
    });
  });
  for (int i = 0; i < 2; ++i) {
    for (const NodePart part : {NodePart::checks, NodePart::services}) {
      world.until_answered([&](int& n) {
        world.api.await_news(own, part, true, std::chrono::minutes(5), [&n](const AgentApi::News&) { ++n; });
      });
    }
  }
  world.until_answered([&](int& n) { world.api.write_node_check(own, [&n](bool) { ++n; }); });
  look_at_fleet(fuzz::text(data, size));
  return 0;
}
