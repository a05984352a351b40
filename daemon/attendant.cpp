#include "attendant.hpp"

#include "agent_api/io/agent_api.hpp"
#include "agent_api/io/services_file.hpp"
#include "agent_child.hpp"
#include "base/json_text.hpp"
#include "clock.hpp"
#include "host_platform.hpp"
#include "interpreter.hpp"
#include "manager_notices.hpp"
#include "node_teller.hpp"
#include "order_signals.hpp"
#include "orders.hpp"
#include "process/io/reaper.hpp"
#include "report/io/log.hpp"
#include "report/io/timeline_file.hpp"
#include "settings_files.hpp"
#include "status.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <utility>

namespace lictor {
namespace {

// One life is never jittered like another.
std::uint64_t jitter_seed() {
  return static_cast<std::uint64_t>(steady_now().time_since_epoch().count()) + static_cast<std::uint64_t>(getpid());
}

// The parts, and what one of them has to say to another.
class Attendant {
 public:
  Attendant(boost::asio::io_context& io, Reaper& reaper, const StartSettings& start, Environment environment,
            Time executed, SettingsKnown known)
      : reaper_(reaper),
        known_(std::move(known)),
        timeline_(executed),
        manager_(io.get_executor(), service_manager(environment, getpid()), [this] { return for_manager(); }),
        settings_(io.get_executor(), reaper, start, std::move(environment),
                  {.network = [this] { interpreter_.feed(HostChanged{}); },
                   .renamed = [this] { interpreter_.feed(HostRenamed{}); },
                   .settings = [this] { interpreter_.feed(Signal{SignalKind::reload}); },
                   .files = [this] { interpreter_.feed(SettingsChanged{}); },
                   .settled = [this] { use_record(); },
                   .held = [this] { return orders_.listen(settings_.settings()); },
                   .known = [this](bool elsewhere) { settings_known(elsewhere); }}),
        agent_(io.get_executor(), reaper, settings_,
               {.leaves = [this] { interpreter_.feed(LeaveAnnounced{}); },
                .doubts_servers = [this] { interpreter_.feed(ServersDoubted{}); }}),
        api_(io.get_executor(), agent_socket(start.settings), [this] { settings_.token_refused(); }),
        platform_(io.get_executor(), reaper, settings_.environment()),
        teller_(io.get_executor(), api_, [this] { return for_all(); }),
        interpreter_(io, new_life(rules_of(start.settings, {}), jitter_seed()), {api_, agent_, settings_, platform_},
                     {.stepped = [this](Time at) { stepped(at); },
                      .over = [this](const Happening& what) { orders_.answer_waiting(what); },
                      .report = [this] { log::info("status " + json_text(status_json(standpoint()))); },
                      .ended = [this] { ended(); }}),
        orders_(io.get_executor(), interpreter_, api_,
                {.standpoint = [this] { return standpoint(); }, .courses = [this] { return courses(); }}) {}

  Result<void> take_signals(boost::asio::io_context& io) {
    signal(SIGPIPE, SIG_IGN);
    auto taking = watch_signals(io.get_executor(), [this](SignalKind kind) { interpreter_.feed(Signal{kind}); });
    if (!taking) return taking.error();
    signals_ = std::move(*taking);
    return {};
  }

  Quit run() {
    manager_.feed_watchdog();
    return interpreter_.run();
  }

 private:
  void stepped(Time at) {
    timeline_.observe(interpreter_.life(), at);
    manager_.tell(at);
    teller_.follow(at);
  }

  ManagerNotices::Standpoint for_manager() const {
    return {interpreter_.life(), settings_.problem(), ready_rule(settings_.settings())};
  }

  NodeTeller::Standpoint for_all() const {
    const Ground* ground = settings_.ground();
    return {.life = interpreter_.life(),
            .services = ground ? &ground->services : nullptr,
            .settled = settings_.settled(),
            .agent_version = ground ? ground->facts.agent_version : std::nullopt,
            .beside = beside_life(ground, settings_.problem(), !settings_.unwatched().empty())};
  }

  void settings_known(bool elsewhere) {
    if (elsewhere) orders_.stop_listening();
    api_.use_socket(agent_socket(settings_.settings()));
    known_(settings_.settings());
  }

  // What earlier agents on the data directory were sent.
  void use_record() {
    api_.use_record(kept_services(settings_.in_force().facts.data_dir), [this](const ServiceRecord& record) {
      const PlanFacts& facts = settings_.in_force().facts;
      const FileAttributes attributes{
          .mode = 0600, .uid = facts.uid, .gid = facts.gid, .durable = false, .exact = false};
      if (auto kept = keep_services(record, facts.data_dir, attributes); !kept) log::warn(to_string(kept.error()));
    });
  }

  void ended() {
    leave_record();  // before anybody hears of the end, and asks
    orders_.end();
  }

  // A life that has not got as far as to the node's identity has no place to leave it.
  void leave_record() const {
    if (!settings_.ground()) return;
    const PlanFacts& facts = settings_.in_force().facts;
    const FileAttributes readable{.mode = 0644, .uid = facts.uid, .gid = facts.gid, .durable = false, .exact = false};
    if (auto left = leave_timeline(courses(), facts.data_dir, readable); !left) log::warn(to_string(left.error()));
  }

  Standpoint standpoint() const {
    return {.life = interpreter_.life(),
            .ground = settings_.ground(),
            .agent = api_.facts(),
            .settings_problem = settings_.problem(),
            .unwatched = settings_.unwatched(),
            .settled = settings_.settled(),
            .orphans = reaper_.orphans_reaped(),
            .now = steady_now()};
  }

  std::vector<Course> courses() const {
    return timeline_.courses(steady_now(), std::chrono::floor<Duration>(std::chrono::system_clock::now()));
  }

  Reaper& reaper_;
  SettingsKnown known_;
  Timeline timeline_;
  ManagerNotices manager_;
  SettingsFiles settings_;
  AgentChild agent_;
  AgentApi api_;
  HostPlatform platform_;
  NodeTeller teller_;
  Interpreter interpreter_;
  Orders orders_;
  std::unique_ptr<DescriptorWatch> signals_;
};

}  // namespace

Quit attend(boost::asio::io_context& io, const StartSettings& start, Environment environment, Time executed,
            SettingsKnown known) {
  auto reaper = Reaper::start(io.get_executor());
  if (!reaper) return {Exit::internal, to_string(reaper.error())};
  Attendant attendant(io, **reaper, start, std::move(environment), executed, std::move(known));
  if (auto taken = attendant.take_signals(io); !taken) return {Exit::internal, to_string(taken.error())};
  return attendant.run();
}

}  // namespace lictor
