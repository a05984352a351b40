// The daemon: turns what happens into events, asks the life (life/life.hpp) what follows, and does it.
//
// Everything runs on one io_context in one thread. Nothing is decided here.
#pragma once

#include "agent_api/io/agent_api.hpp"
#include "child.hpp"
#include "control/io/control_server.hpp"
#include "files/io/file_watch.hpp"
#include "life/life.hpp"
#include "network/io/interfaces.hpp"
#include "preparation.hpp"
#include "process/io/line_pipe.hpp"
#include "process/io/reaper.hpp"
#include "report/io/service_manager.hpp"
#include "report/notice.hpp"
#include "report/timeline.hpp"
#include "status.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

class Attendant {
 public:
  // `named`: the settings file of -c, read again at a reload. `executed`: when the process began. REQUIRES: the caller has set
  // `settings` up the log.
  Attendant(boost::asio::io_context& io, Settings settings, std::optional<std::string> named, Environment environment,
            Time executed);

  // Has signals that order something wait until run() takes them. For the first moment of the process: one that reaches PID 1
  // without a handler is thrown away by the kernel, unless it is blocked (kernel/signal.c, sig_ignored).
  static void hold_signals();

  // Lives the whole life and returns how it ended. Called once.
  Quit run();

 private:
  template <class Deed>
  bool guarded(const Deed& deed);
  void fail(const std::string& why);
  void feed(Happening what);
  void take_effects(const Happening& what);
  void wait_for_signal();
  void arm_timer();
  void phase_changed();
  void tell_manager();
  void tell_manager(const std::string& message);
  void feed_watchdog();
  void watch_settings(const Settings& read);
  void watch_as_settled();
  void token_refused();
  void settings_changed(const std::vector<std::string>& paths);

  // One for each effect.
  void act(const Prepare&);
  void act(const Launch&);
  void act(const Probe&);
  void act(const SendServices&);
  void act(const LookUpCatalog&);
  void act(const SendAgain&);
  void act(const Flush&);
  void act(const AwaitChange&);
  void act(const TakeIdBack&);
  void act(const LookAround&);
  void act(const Clear&);
  void act(const Join&);
  void act(const Rejoin&);
  void act(const ReadAddress&);
  void act(const RunHook&);
  void act(const EndHook&);
  void act(const AskLeave&);
  void act(const RepeatLeave&);
  void act(const Deregister&);
  void act(const EndAgent&);
  void act(const AwaitChildren&);
  void act(const SignalChildren&);
  void act(const Reload&);
  void act(const Adopt&);
  void act(const GoBack&);
  void act(const Forget&);
  void act(const Report&);
  void act(const Say&);
  void act(const Quit&);

  void with_interfaces(std::function<void(const Interfaces&)> then);
  void prepare(const Interfaces& interfaces);
  void reload(bool settings_too, const Interfaces& interfaces);
  void read_settings_again();
  Result<void> same_from_start_to_end(const Settings& settings) const;
  const Settings& settings() const;
  void use_log_and_watch();
  void put_into_force(Ground ground);
  Result<void> take_hold(const std::string& data_dir);
  void settle_on(Ground ground);
  Result<void> open_control();
  void learn_version(std::function<void()> then);
  void take_version(const std::string& version, const std::optional<AgentRecord>& before);
  void remember_version(const std::string& version);
  void launch_agent(int launch);
  Result<NewChild> start_agent();
  void guard(pid_t agent);
  void validate(Ground next, PlanDifference difference, bool settings_too);
  std::string next_consul_json() const;
  void prepared(Ground next, const PlanDifference& difference, bool settings_too);
  void reload_failed(const Problems& problems, bool settings_too = true);
  bool ending() const { return life_.stop || life_.verdict; }
  void drop_reload();
  ControlReply reply_or_failure(const ControlRequest& request);
  ControlReply reply(const ControlRequest& request);
  Standpoint standpoint() const;
  std::vector<Course> courses() const;
  void leave_record() const;
  ControlReply order(SignalKind kind, bool wait);
  ControlReply maintain(const std::string& body);
  ControlReply reply_when_known(std::function<std::optional<Outcome>(const Happening&)> outcome);
  void answer_waiting(const Happening& happened);

  boost::asio::io_context& io_;
  std::optional<std::string> named_;
  Environment environment_;
  Settings first_;                  // until there is a ground
  std::optional<Sources> sources_;  // of `first_`, while an address is awaited
  Life life_;
  Timeline timeline_;
  Phase phase_ = Phase::prepare;  // as last seen by phase_changed
  std::deque<Happening> queue_;
  bool feeding_ = false;
  std::optional<Quit> end_;
  std::string failure_;  // of lictor's own, for which it stops
  int failures_ = 0;
  std::optional<ServiceManager> manager_;
  Notice told_;  // what the manager was told last

  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_, watchdog_;
  std::optional<Time> armed_;
  bool grown_ = false;  // memory has been taken that a node which serves can do without
  std::unique_ptr<Reaper> reaper_;
  std::unique_ptr<InterfaceWatch> watch_;
  std::unique_ptr<FileWatch> file_watch_;
  bool file_watch_refused_ = false;
  std::unique_ptr<ControlServer> control_socket_, control_http_;
  std::optional<Locks> locks_;
  std::optional<Ground> ground_;         // in force
  std::optional<Ground> next_, before_;  // prepared; kept. Only the life's effects put one of them into force
  std::unique_ptr<AgentApi> api_;
  std::optional<Child> hook_, validation_, version_;
  std::optional<BinaryFile> launched_;  // as it was at the last launch
  bool goes_back_ = false;              // the agent to be launched is older than the last one here
  LinePipe agent_output_;
  pid_t guard_ = 0;               // of the agent; 0: there is none
  std::string settings_problem_;  // why the last reload was refused
  Time settled_{};                // when the settings in force were taken
  // Clients that wait for the outcome of what they have ordered.
  struct Waiting {
    std::function<std::optional<Outcome>(const Happening&)> outcome;  // asked after each event and its effects
    std::function<void(ControlReply)> answer;
  };
  std::vector<Waiting> waiting_;
  std::weak_ptr<std::optional<Outcome>> maintaining_;  // there while an order about maintenance is under way
};

}  // namespace lictor
