// The taking of settings: their files are watched, read, checked and prepared, beside those in force until the life has them
// adopted. Holds the locks of the run directory and the data directory, and listens to the kernel's news of the network.
#pragma once

#include "agent_evaluator.hpp"
#include "child.hpp"
#include "node_files.hpp"
#include "parts.hpp"
#include "process/io/reaper.hpp"
#include "watches.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// What a start begins with. `named`: the settings file of -c, read again at a reload.
struct StartSettings {
  Settings settings;
  std::optional<std::string> named;
  bool known = true;  // false: the settings file is awaited, and `settings` are those without it
};

// The beginning, and what becomes of a start that fails, is in settings_start.cpp.
class SettingsFiles : public ActiveSettings {
 public:
  // What comes of itself; called from the executor.
  struct News {
    std::function<void()> network;   // links, addresses or routes have changed
    std::function<void()> renamed;   // the host's name has, and the node's own does with it
    std::function<void()> settings;  // they want to be read again, for this node's sake
    std::function<void()> files;     // and because a file has changed that they depend on
    std::function<void()> settled;   // the first settings are in force
    std::function<Result<void>()>
        held;  // the directories are locked, also each time that is asked for; a problem fails Prepare
    // The settings file that was awaited is there, and lictor goes by settings() from now on. `elsewhere`: also with its own sockets.
    std::function<void(bool elsewhere)> known;
  };
  // The reaper lives longer than this.
  SettingsFiles(boost::asio::any_io_executor executor, Reaper& reaper, StartSettings start, Environment environment,
                News news);

  void read_interfaces(std::function<void(const Interfaces&)> done) override;
  std::optional<PrepareFailed> begin_preparing() override;
  void prepare(const Interfaces& interfaces, const std::string& settled, std::function<void(Happening)> done) override;
  const Ground& in_force() const override { return *ground_; }
  AddressRead read_address(const Interfaces& interfaces) override;
  Result<NodeKey> take_id(const std::string& id, const Interfaces& interfaces) override;
  void reload(const Reload& what, const Interfaces& interfaces, std::function<void(Reloaded)> done) override;
  Reloaded drop_reload() override;
  void find_fault(std::function<void(std::optional<Problem>)> done) override;
  Result<void> adopt(bool keep, bool reload) override;
  void go_back(const Problem& why) override;
  Result<void> write_again() override;
  void forget() override;

  // In force, or until there are such the ones to begin with.
  const Settings& settings() const { return ground_ ? ground_->settings : first_; }
  const Environment& environment() const { return environment_; }
  const Ground* ground() const { return ground_ ? &*ground_ : nullptr; }  // in force; null until prepare is over
  const std::string& problem() const { return problem_; }  // why the last reload was refused; empty: it was not
  Problems unwatched() const { return watches_.problems(); }
  Time settled() const { return settled_; }  // when the settings in force were taken

  // For a launch: consul.json in its place, with a recovery token of its own (install_consul_json).
  Result<void> install() { return install_consul_json(*ground_); }
  // Of the agent's binary, as far as it is known.
  void agent_version_is(const std::optional<AgentVersion>& version) { ground_->facts.agent_version = version; }

  // The servers have refused a token: a file may have changed unseen, on a network file system or with watch.settings off.
  void token_refused();

 private:
  static Rules rules_of(const Ground& ground);
  static std::string join_problems(const Problems& problems);
  std::optional<PrepareFailed> read_first();
  void read_settings_again();
  void become_known(Settings settings);
  void make_services(const std::shared_ptr<Look>& look, std::function<void(Look)> then);
  Happening not_prepared(const Problems& found);
  Happening prepared(Ground ground, const std::string& settled);
  PrepareFailed await(Problems files);
  PrepareFailed hopeless(const Problems& found) const;
  PrepareFailed not_held(const Problem& why);
  void tell_refused(const Problems& problems);
  void files_changed(const std::vector<std::string>& paths);
  void mounts_changed();
  void watch(const Settings& read);
  void watch_as_settled();
  void read_again();
  // read_sources, and watches what the agent's settings name.
  bool read_and_watch(const Settings& settings, Sources& sources, Problems& problems, Definitions definitions);
  Result<void> hold();
  Result<void> same_from_start_to_end(const Settings& next) const;
  void evaluate(const Sources& sources, const std::vector<std::string>& templates, std::function<void()> then);
  void look_at_keys(std::function<void()> then);
  struct ReadAnew {
    Sources sources;
    Problems problems;
  };
  ResultAll<ReadAnew> read_anew();
  void ask_whether_refused(std::function<void(std::optional<Problem>)> done);
  ResultAll<Ground> look_at(ReadAnew read, const Reload& what, const Interfaces& interfaces);
  void take(ResultAll<Ground> next, const Reload& what, const Interfaces& interfaces,
            std::function<void(Reloaded)> done);
  void host_may_be_renamed();
  void validate(Ground next, PlanDifference difference, bool settings_too, std::function<void(Reloaded)> done);
  Reloaded prepared(Ground next, const PlanDifference& difference, bool settings_too);
  Reloaded failed(const Problems& problems, bool settings_too);
  void refuse(const Problems& problems);
  void address_may_have_come(const Interfaces& interfaces);
  void read_for_the_address();
  std::string next_consul_json() const { return settings().run_dir + "/consul.next.json"; }
  void put_into_force(Ground ground);

  boost::asio::any_io_executor executor_;
  Reaper& reaper_;
  News news_;
  std::optional<std::string> named_;
  Environment environment_;
  Settings first_;                       // until there is a ground
  bool known_, begun_ = false;           // whether `first_` are the settings; whether a Prepare has begun
  bool awaiting_ = false;                // files that were not there yet when they were first looked for
  std::optional<Sources> sources_;       // of `first_`, while an address is awaited
  Problems wrong_;                       // with these
  std::optional<Ground> ground_;         // in force
  std::optional<Ground> next_, before_;  // prepared; kept
  bool asks_agent_ = false;              // what is prepared, to take it or to be another one
  std::string problem_;
  // What else is known of it: there was no address for the settings, which may come; the agent has refused them, and may have
  // taken a part.
  bool lacks_address_ = false, agent_refused_ = false;
  bool examining_ = false;
  Time settled_{};
  AgentEvaluator evaluator_;
  AgentAnswers by_agent_;                       // as it last said of each template
  std::vector<std::string> refused_templates_;  // those of the settings last read anew
  Locks locks_;
  Child validation_, examination_;  // of settings that are to be taken; of those in force
  Watches watches_;
  std::string host_name_;  // as last heard
};

}  // namespace lictor
