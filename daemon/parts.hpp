// The parts of the daemon that the interpreter of effects (interpreter.hpp) joins, beside the agent's API
// (agent_api/io/agent_calls.hpp): each has the calls that it needs. None of them decides; tests have stand-ins.
#pragma once

#include "ground.hpp"
#include "life/life.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace lictor {

// The agent as a child, and what else runs as one: hooks, and what those have left behind. agent_child.hpp has the real one.
class AgentProcess {
 public:
  virtual ~AgentProcess() = default;

  // Finds out what has to be known before a launch. `ready` is called once: inside this call, or from the executor some time
  // within 2 s. A problem: another agent answers on this one's socket.
  virtual void make_ready(std::function<void(const Result<void>&)> ready) = 0;

  // Starts the agent of the settings in force: its pid. `ended` is called once from the executor, after its last line has been
  // written to the log. A problem where there is no child. REQUIRES: no agent runs.
  virtual Result<int> start(std::function<void(AgentEnded)> ended) = 0;

  // KILL takes the script checks with it; any other signal is for the agent alone, which ends them itself.
  virtual void signal(int pid, int signal) = 0;

  // Whether somebody listens on the agent's serf port. What can't be told counts as yes. Looking may keep an agent from binding
  // it that is about to.
  virtual bool gossips() const = 0;

  // Whether the agent has worked lately: has had a CPU, or moved bytes to or from storage. It is looked at each time.
  virtual bool works(int pid) = 0;

  // The version that the agent says it is of, for the next launch; nothing where it says none.
  virtual void remember_version(const std::string& version) = 0;

  // `done` is called once, unless end_hook() comes first: inside this call where there is no child. REQUIRES: none runs.
  virtual void run_hook(HookKind kind, std::size_t index, std::function<void(const Result<void>&)> done) = 0;
  virtual void end_hook() = 0;

  // `childless` is called once, from the executor: this process has no child any more.
  virtual void await_children(std::function<void()> childless) = 0;
  // To every descendant there is. `done` is called once, from the executor, with how many were signalled.
  virtual void signal_children(int signal, std::function<void(std::size_t count)> done) = 0;
};

// Whoever has started lictor, and may tell why it is to stop. host_platform.hpp has the real one.
class StopWitness {
 public:
  virtual ~StopWitness() = default;

  // `done` is called once: inside this call where there is nobody to ask, else from the executor, within that time. `grace_only`:
  // nothing but the grace is wanted. REQUIRES: asked once.
  virtual void ask_why(Duration within, bool grace_only, std::function<void(StopReason)> done) = 0;
};

// The settings in force, and beside them what is prepared to follow them and what is kept to go back to. Answers are the events
// of the life. settings_files.hpp has the real one.
class ActiveSettings {
 public:
  virtual ~ActiveSettings() = default;

  // Asks the kernel, without waiting for it; `done` is called once, from the executor.
  virtual void read_interfaces(std::function<void(const Interfaces&)> done) = 0;

  // The beginning of a Prepare; each but the first reads the settings once more. Nothing, or why it failed: for one, files that
  // were named are not there yet.
  virtual std::optional<PrepareFailed> begin_preparing() = 0;
  // The rest, on these interfaces: Prepared, and there are settings in force from now on, or PrepareFailed. `settled`: the
  // address that is taken although a better one may yet come.
  virtual void prepare(const Interfaces& interfaces, const std::string& settled,
                       std::function<void(Happening)> done) = 0;

  // REQUIRES, from here on: there are settings in force.
  virtual const Ground& in_force() const = 0;

  virtual AddressRead read_address(const Interfaces& interfaces) = 0;

  // Prepares the settings in force with another id of the node: the node as it will be.
  virtual Result<NodeKey> take_id(const std::string& id, const Interfaces& interfaces) = 0;

  // Reads what it says of settings and host, and prepares what differs. `done` is called once: inside this call, or
  // when the agent's own validation is over.
  virtual void reload(const Reload& what, const Interfaces& interfaces, std::function<void(Reloaded)> done) = 0;
  // In the place of the above: nothing is read, because a stop came first.
  virtual Reloaded drop_reload() = 0;

  // Why no agent would start with the settings in force, as far as that shows without starting one; nothing where it does not.
  // Exit::config: for what the settings say, whatever becomes of the host. `done` is called once: inside this call, or when the
  // agent's own validation is over.
  virtual void find_fault(std::function<void(std::optional<Problem>)> done) = 0;

  // What is prepared comes into force. `keep`: what was in force is kept. `reload`: consul.json is put into its place for the
  // agent that runs; where that fails, the problem. REQUIRES: something is prepared.
  virtual Result<void> adopt(bool keep, bool reload) = 0;
  // What was kept is in force again, for this reason. REQUIRES: something is kept.
  virtual void go_back(const Problem& why) = 0;
  // Writes the consul.json in force once more, for the agent that runs.
  virtual Result<void> write_again() = 0;
  // What is prepared and what is kept go.
  virtual void forget() = 0;
};

}  // namespace lictor
