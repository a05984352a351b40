#include "commands.hpp"

#include "agent_api/io/http_client.hpp"
#include "base/json_parts.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "files/io/files.hpp"
#include "fleet/fleet_text.hpp"
#include "process/io/host.hpp"
#include "running.hpp"
#include "sources.hpp"
#include "terminal.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace lictor {
namespace {

using std::chrono::seconds;

// Of one check in the list.
constexpr std::size_t longest_check = 64 << 10;
// The answer of a large cluster is some megabytes. While it is watched, the servers are asked by questions that they answer when
// something may have changed, of which there may be much.
constexpr Duration table_deadline = seconds(30), watch_wait = seconds(60), watch_pause = seconds(2);
constexpr int default_port = 8500;

Result<std::string> peer_of(const std::string& address) {
  const auto wrong = [&address](const std::string& why, const char* hint) {
    return Problem{"--http-addr", address + ": " + why, hint, Exit::usage};
  };
  if (address.starts_with("unix://")) return {boost::system::in_place_value, address.substr(7)};
  if (address.starts_with("https://"))
    return wrong("lictor speaks no TLS", "ask on a node, through its own agent, or an agent's plain HTTP");
  std::string peer = address.starts_with("http://") ? address.substr(7) : address;
  while (peer.ends_with('/')) peer.pop_back();
  const bool bracket = peer.starts_with('[');
  const std::size_t colon = bracket ? peer.find("]:") : peer.find(':');
  const bool bare_ipv6 = !bracket && colon != peer.npos && peer.find(':', colon + 1) != peer.npos;
  std::string host = bare_ipv6 || colon == peer.npos ? peer : peer.substr(0, colon + (bracket ? 1 : 0));
  const std::string port = bare_ipv6 || colon == peer.npos ? "" : peer.substr(colon + (bracket ? 2 : 1));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  const auto ip = boost::asio::ip::make_address(host, error);
  const auto number = port.empty() ? std::optional(default_port) : whole_number<int>(port);
  if (error || !number || *number < 1 || *number > 65535)
    return wrong("is no address of an agent", "write it as 10.0.0.1:8500, [fd00::1]:8500 or unix:///PATH");
  return {boost::system::in_place_value, fmt::format(fmt::runtime(ip.is_v6() ? "[{}]:{}" : "{}:{}"), host, *number)};
}

// Whom to ask, and by which token; empty: none, and an agent goes by its own.
struct Source {
  std::string peer, token;
  bool own = false;  // the private socket of this node's agent
};

ResultAll<Source> source_of(const std::optional<std::string>& settings_file, const std::string& http_address) {
  const Environment environment = current_environment();
  const auto named = environment.find("CONSUL_HTTP_TOKEN");
  const std::string token = named == environment.end() ? "" : named->second;
  if (!http_address.empty()) {
    auto peer = peer_of(http_address);
    if (!peer) return Problems{peer.error()};
    return Source{std::move(*peer), token, false};
  }
  auto settings = settings_to_ask(settings_file, environment);
  if (!settings) return settings.error();
  const std::string& file = settings->agent.tokens.registration_file;
  return Source{agent_socket(*settings), token.empty() && !file.empty() ? std::string(trim(content_of(file))) : token,
                true};
}

// Asks, and says what was found.
class Inquiry {
 public:
  Inquiry(boost::asio::io_context& io, Source source, const FleetChoice& choice, std::string filter)
      : source_(std::move(source)),
        client_(io.get_executor(), source_.peer),
        choice_(choice),
        filter_(std::move(filter)) {}

  using Done = std::function<void(Result<std::shared_ptr<const Fleet>>)>;
  // From the second time on once something may have changed.
  void ask(Done done) {
    HttpRequest get = request("GET", "/v1/health/state/any");
    get.target += "?stale&filter=" + percent_encode(fleet_filter(filter_));
    get.deadline = table_deadline;
    if (index_ > 0) hold_until_newer(get, index_, watch_wait);
    struct Reading {
      std::shared_ptr<Fleet> fleet = std::make_shared<Fleet>();
      JsonValues list{[this](std::string_view, const Json& check) { fleet->take(check); }, longest_check};
    };
    const auto reading = std::make_shared<Reading>();
    get.take = [reading](std::string_view piece) { reading->list.feed(piece); };
    client_.ask(std::move(get), [this, reading, done = std::move(done)](const HttpResult& answer) mutable {
      if (auto failed = failure_of(answer, reading->list.list())) return done(std::move(*failed));
      // An index that went back is of servers that began anew.
      index_ = answer->index >= index_ ? answer->index : 0;
      ask_for_servers(std::move(reading->fleet), std::move(done));
    });
  }

 private:
  HttpRequest request(const char* method, const char* target) const {
    HttpRequest made{.method = method, .target = target, .body = {}, .headers = {}};
    if (!source_.token.empty()) made.headers["X-Consul-Token"] = source_.token;
    return made;
  }

  // Who they are decides nothing but who is told of as without lictor.
  void ask_for_servers(std::shared_ptr<Fleet> fleet, Done done) {
    if (choice_.narrowed || choice_.all()) return done(std::move(fleet));
    HttpRequest get = request("GET", "/v1/catalog/service/consul");
    get.target += "?stale";
    client_.ask(std::move(get), [fleet = std::move(fleet), done = std::move(done)](const HttpResult& answer) {
      if (answer && answer->status == 200)
        each_element(answer->body, [&fleet](const Json& entry) { fleet->is_server(text_of(entry, "Node")); });
      done(fleet);
    });
  }

  std::optional<Problem> failure_of(const HttpResult& answer, bool whole) const {
    const auto failed = [](std::string why, std::string hint) {
      return Problem{"fleet", std::move(why), std::move(hint), Exit::incomplete};
    };
    if (!answer) {
      if (answer.error().failure == HttpFailure::large)
        return failed(answer.error().why, "choose fewer nodes with --filter");
      const bool hidden = source_.own && access(source_.peer.c_str(), W_OK) != 0 && errno == EACCES;
      return failed(answer.error().why, hidden ? "ask as root, or name an agent's address with --http-addr"
                                               : "does the agent run there? name another one with --http-addr");
    }
    const std::string said = fmt::format("{} {}", answer->status, trim(cut(answer->body, 300)));
    if (answer->status == 403) return failed(said, "give a token with node:read and service:read in CONSUL_HTTP_TOKEN");
    const bool expression = said.find("expression") != said.npos || said.find("filter") != said.npos;
    if (answer->status != 200 && !filter_.empty() && expression)
      return Problem{"--filter", said, R"(write it as Consul's filter expressions, such as: Node matches "^web")",
                     Exit::usage};
    if (answer->status != 200)
      return failed(said, "see the agent's log; `lictor status` says whether it knows a leader");
    if (!whole) return failed("the answer is no list of checks", "is that address an agent's?");
    return std::nullopt;
  }

  Source source_;
  HttpClient client_;
  FleetChoice choice_;
  std::string filter_;
  std::uint64_t index_ = 0;
};

std::string written(const Fleet& fleet, const FleetOptions& options, const FleetChoice& choice) {
  const auto now = std::chrono::system_clock::now();
  return options.json ? fleet_json(fleet, choice, now, options.watch)
                      : fleet_text(fleet, choice, now, page_style(STDOUT_FILENO));
}

// What is shown may not be all.
void tell_limits(const Fleet& fleet) {
  if (fleet.full())
    print_error_line(fmt::format("lictor: fleet: more than {} nodes: the others are left out", Fleet::most));
  if (fleet.nodes().empty())
    print_error_line("lictor: fleet: no node's checks are shown; with ACLs the token needs node:read and service:read");
}

class Watching {
 public:
  Watching(boost::asio::io_context& io, Inquiry& inquiry, const FleetOptions& options, const FleetChoice& choice)
      : io_(io), inquiry_(inquiry), options_(options), choice_(choice), pause_(io), signals_(io, SIGINT, SIGTERM) {
    signals_.async_wait([this](boost::system::error_code, int) { io_.stop(); });
  }

  Exit run() {
    if (!options_.json && isatty(STDOUT_FILENO) == 1) drawn_.emplace();
    look();
    io_.run();
    drawn_.reset();
    return Exit::ok;
  }

 private:
  void look() {
    inquiry_.ask([this](const Result<std::shared_ptr<const Fleet>>& found) {
      show(found);
      pause_.expires_after(watch_pause);
      pause_.async_wait([this](boost::system::error_code error) {
        if (!error) look();
      });
    });
  }

  void show(const Result<std::shared_ptr<const Fleet>>& found) {
    const std::string text = found ? written(**found, options_, choice_) : to_string(found.error()) + "\n";
    if (drawn_) return drawn_->show(text);
    if (text == shown_) return;
    if (found) {
      print((shown_.empty() || options_.json ? "" : "\n") + text);
    } else {
      print_error_line("lictor: " + to_string(found.error()));
    }
    shown_ = text;
  }

  boost::asio::io_context& io_;
  Inquiry& inquiry_;
  const FleetOptions& options_;
  const FleetChoice& choice_;
  boost::asio::steady_timer pause_;
  boost::asio::signal_set signals_;
  std::optional<WatchedPage> drawn_;
  std::string shown_;  // where it is not drawn
};

}  // namespace

Exit show_fleet(const std::optional<std::string>& settings_file, const FleetOptions& options) {
  auto source = source_of(settings_file, options.http_address);
  if (!source) return print_problems(source.error());
  const FleetChoice choice{.problem = options.problem, .version = options.version, .narrowed = !options.filter.empty()};
  boost::asio::io_context io(1);
  Inquiry inquiry(io, std::move(*source), choice, options.filter);
  if (options.watch) return Watching(io, inquiry, options, choice).run();
  Exit exit = Exit::ok;
  inquiry.ask([&](const Result<std::shared_ptr<const Fleet>>& found) {
    if (!found) {
      exit = print_problems({found.error()});
    } else {
      print(written(**found, options, choice));
      tell_limits(**found);
    }
    io.stop();
  });
  io.run();
  return exit;
}

}  // namespace lictor
