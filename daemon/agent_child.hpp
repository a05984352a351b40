// The agent as a child of lictor's: its launch as another user, with consul.json in place and a version that is known where that
// matters, what it writes, its guard, and signals. Hooks too, and at the end whatever is left. Owns no policy: when one is
// started or ended is the life's to say.
#pragma once

#include "agent_config/io/agent_binary.hpp"
#include "child.hpp"
#include "parts.hpp"
#include "process/io/line_pipe.hpp"
#include "process/io/reaper.hpp"
#include "process/io/work.hpp"
#include "settings_files.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

namespace lictor {

class AgentChild : public AgentProcess {
 public:
  // What the agent says in its log.
  struct Says {
    std::function<void()> leaves;          // that it does
    std::function<void()> doubts_servers;  // that one of them may be gone, or that they have no leader
  };
  // The reaper, and the settings by which children are run, live longer than this.
  AgentChild(boost::asio::any_io_executor executor, Reaper& reaper, SettingsFiles& settings, Says says);

  void make_ready(std::function<void(const Result<void>&)> ready) override;
  Result<int> start(std::function<void(AgentEnded)> ended) override;
  void signal(int pid, int signal) override;
  bool gossips() const override;
  bool works(int pid) override { return work_.works(pid); }
  void remember_version(const std::string& version) override;
  void run_hook(HookKind kind, std::size_t index, std::function<void(const Result<void>&)> done) override;
  void end_hook() override { hook_.end(); }
  void await_children(std::function<void()> childless) override { reaper_.when_empty(std::move(childless)); }
  void signal_children(int signal, std::function<void(std::size_t count)> done) override {
    reaper_.signal_all(signal, std::move(done));
  }

 private:
  void take_version(const std::string& version, const std::optional<AgentRecord>& before);
  Result<NewChild> launch_agent();
  void guard(pid_t agent);

  boost::asio::any_io_executor executor_;
  Reaper& reaper_;
  SettingsFiles& settings_;
  Says says_;
  LinePipe output_;
  Child hook_, version_;
  WorkWatch work_;
  std::optional<BinaryFile> launched_;  // as it was at the last launch
  bool goes_back_ = false;              // the agent to be launched is older than the last one here
  pid_t guard_ = 0;                     // of the agent; 0: there is none
};

}  // namespace lictor
