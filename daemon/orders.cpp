#include "orders.hpp"

#include "base/json_text.hpp"
#include "order_signals.hpp"
#include "report/io/log.hpp"
#include "report/metrics_text.hpp"
#include "sources.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <unistd.h>

#include <array>
#include <exception>
#include <string_view>
#include <utility>

namespace lictor {

Orders::Orders(boost::asio::any_io_executor executor, Interpreter& interpreter, AgentCalls& api, Views views)
    : executor_(executor), interpreter_(interpreter), api_(api), views_(std::move(views)) {}

Result<void> Orders::listen(const Settings& settings) {
  if (socket_) return {};
  const auto handler = [this](const ControlRequest& request) { return reply_to(request); };
  auto group = order_group(settings);
  if (!group) return group.error();
  group_ = std::move(*group);
  const auto gid = group_ ? std::optional(group_->gid) : std::nullopt;
  auto socket = ControlServer::listen_unix(executor_, settings.control.socket, 0660, gid, handler);
  if (!socket) return socket.error();
  socket_ = std::move(*socket);
  if (settings.control.http.empty()) return {};
  auto http = ControlServer::listen_tcp(executor_, settings.control.http, handler);
  if (!http) return http.error();
  http_ = std::move(*http);
  return {};
}

void Orders::stop_listening() {
  socket_.reset();
  http_.reset();
}

void Orders::end() {
  answer_waiting(Tick{});
  stop_listening();
}

// Outcomes, as the JSON {"exit", "text"}: what a command is to end with and to say.
void Orders::answer_waiting(const Happening& happened) {
  std::vector<Waiting> still;
  std::vector<std::pair<std::function<void(ControlReply)>, Outcome>> known;
  for (Waiting& waiting : waiting_) {
    std::optional<Outcome> outcome = waiting.outcome(happened);
    if (!outcome && interpreter_.end())
      outcome = {Exit::incomplete, "lictor has ended meanwhile: " + interpreter_.end()->reason};
    outcome ? void(known.emplace_back(std::move(waiting.answer), std::move(*outcome)))
            : still.push_back(std::move(waiting));
  }
  waiting_ = std::move(still);
  // An answer may bring the next order at once.
  for (const auto& [answer, outcome] : known) {
    const Json told = {{"exit", static_cast<int>(outcome.exit)}, {"text", outcome.text}};
    answer({200, json_text(told) + "\n", "application/json"});
  }
}

ControlReply Orders::order(SignalKind kind, bool wait) {
  // Not from inside the server's own turn: a stop destroys the server.
  interpreter_.feed_later(Signal{kind});
  if (!wait) return {202, "accepted\n"};
  const bool ending = interpreter_.ending();
  if (kind == SignalKind::reload && (ending || interpreter_.life().phase() == Phase::prepare))
    return {409, ending ? "lictor is stopping\n" : "lictor is still preparing: the settings are read again for that\n"};
  if (kind == SignalKind::restart && ending) return {409, "lictor is stopping\n"};
  if (kind == SignalKind::reload) return reply_when_known(settings_taken());
  if (kind == SignalKind::restart) return reply_when_known(ready_again());
  return reply_when_known([this](const Happening&) -> std::optional<Outcome> {
    const auto& end = interpreter_.end();
    return end ? std::optional(Outcome{end->exit, end->reason}) : std::nullopt;
  });
}

Orders::OutcomeOf Orders::settings_taken() {
  return [this, text = std::string(),
          to_come = std::optional<int>()](const Happening& happened) mutable -> std::optional<Outcome> {
    if (const auto* reloaded = std::get_if<Reloaded>(&happened)) text = reloaded->text;
    const LifeView life = interpreter_.life();
    // What an agent has to take is taken when one has answered with it.
    if (text.empty() || life.reloading() || life.held() || life.on_trial() || interpreter_.ending())
      return std::nullopt;
    if (const std::string& problem = views_.standpoint().settings_problem; !problem.empty())
      return Outcome{Exit::config, problem};
    // And services when it has been sent them.
    const auto* sent = std::get_if<ServicesSent>(&happened);
    if (!to_come)
      to_come = life.services_to_come();
    else if (sent && --*to_come == 0 && !sent->complete())
      return sent->faults.empty() ? Outcome{Exit::incomplete, sent->failure}
                                  : Outcome{Exit::config, describe(sent->faults)};
    if (life.leader() && (*to_come > 0 || life.services_unsettled())) return std::nullopt;
    // What the agent takes the servers may refuse.
    const std::vector<ServiceFault> faults = life.faults();
    return faults.empty() ? Outcome{Exit::ok, text} : Outcome{Exit::config, describe(faults)};
  };
}

Orders::OutcomeOf Orders::ready_again() {
  return [this, launches = interpreter_.life().launches()](const Happening&) -> std::optional<Outcome> {
    const LifeView life = interpreter_.life();
    if (!life.ready() || life.launches() <= launches) return std::nullopt;
    return Outcome{Exit::ok, fmt::format("the node is ready again, its agent has pid {}", life.agent()->pid)};
  };
}

ControlReply Orders::reply_when_known(OutcomeOf outcome) {
  ControlReply reply;
  reply.later = [this, outcome = std::move(outcome)](std::function<void(ControlReply)> answer) {
    waiting_.push_back({outcome, std::move(answer)});
  };
  return reply;
}

ControlReply Orders::maintain(const std::string& body) {
  const auto order = parse_maintenance_order(body);
  if (!order) return {400, to_string(order.error()) + "\n"};
  const LifeView life = interpreter_.life();
  if (interpreter_.ending()) return {409, "lictor is stopping\n"};
  if (!maintaining_.expired()) return {409, "another order about maintenance is under way\n"};
  if (!life.agent() || life.agent()->ending || !life.answered())
    return {503, "no agent answers that could be told; order it again when one does\n"};
  auto outcome = std::make_shared<std::optional<Outcome>>();
  maintaining_ = outcome;
  api_.maintain(life.own().name, *order, servers_limit,
                [this, outcome, order = *order](const Result<ServersSay>& said) {
                  *outcome = said ? maintenance_outcome(order, api_.facts().maintenance, *said)
                                  : Outcome{Exit::incomplete, "maint: " + to_string(said.error())};
                  log::write((*outcome)->exit == Exit::ok ? Level::info : Level::warn, (*outcome)->text);
                  answer_waiting(Tick{});
                });
  return reply_when_known([this, outcome, launches = life.launches()](const Happening&) -> std::optional<Outcome> {
    const LifeView now = interpreter_.life();
    if (*outcome || (now.agent() && now.launches() == launches)) return *outcome;
    return Outcome{Exit::incomplete, "maint: the agent has ended meanwhile; order it again when there is another one"};
  });
}

ControlReply Orders::reply_to(const ControlRequest& request) {
  try {
    return signals_unheard() ? reply_in_turn(request) : reply(request);
  } catch (const std::exception& error) {
    log::error("a failure of lictor's own, in an answer", {{"path", request.path}, {"reason", error.what()}});
    return {500, std::string("lictor: internal: ") + error.what() + "; please report this\n"};
  }
}

// A signal that was sent before the request is heard before it, though the kernel may tell of both at once.
ControlReply Orders::reply_in_turn(const ControlRequest& request) {
  ControlReply reply;
  reply.later = [this, request](std::function<void(ControlReply)> answer) {
    boost::asio::post(executor_, [this, request, answer = std::move(answer)] {
      ControlReply known = reply_to(request);
      known.later ? known.later(answer) : answer(std::move(known));
    });
  };
  return reply;
}

namespace {

ControlReply unknown(const ControlRequest& request) {
  return {404,
          "lictor: " + request.path +
              ": not known; GET /livez /readyz /status /timeline /metrics, over the control socket also POST /reload "
              "/restart /leave /maint\n"};
}

}  // namespace

ControlReply Orders::reply(const ControlRequest& request) {
  const auto word = [](bool yes, const char* good, const char* bad) {
    return ControlReply{yes ? 200 : 503, std::string(yes ? good : bad) + "\n", "text/plain; charset=utf-8"};
  };
  if (request.method == "GET" || request.method == "HEAD") {
    if (request.path == "/livez") return word(interpreter_.life().live(), "live", "ending");
    if (request.path == "/readyz") return word(interpreter_.life().ready(), "ready", "not ready");
    if (request.path == "/status") return {200, json_text(status_json(views_.standpoint())) + "\n", "application/json"};
    if (request.path == "/timeline") return {200, timeline_json(views_.courses()), "application/json"};
    if (request.path == "/metrics") return {200, metrics_text(views_.standpoint()), MetricsText::content_type};
  }
  return request.method == "POST" && request.local ? reply_to_order(request) : unknown(request);
}

ControlReply Orders::reply_to_order(const ControlRequest& request) {
  if (request.peer && !may_order(*request.peer, geteuid(), group_)) {
    log::warn("an order was refused", {{"path", request.path}, {"uid", std::to_string(request.peer->uid)}});
    return {403, order_refused(*request.peer, group_) + "\n"};
  }
  if (request.path == "/maint") return maintain(request.body);
  constexpr std::array<std::pair<std::string_view, SignalKind>, 3> kinds{
      {{"/reload", SignalKind::reload}, {"/restart", SignalKind::restart}, {"/leave", SignalKind::leave}}};
  for (const auto& [path, kind] : kinds) {
    if (request.path == path) return order(kind, request.query == "wait");
  }
  return unknown(request);
}

}  // namespace lictor
