#include "agent_evaluator.hpp"

#include "agent_start.hpp"
#include "base/json_text.hpp"
#include "files/io/files.hpp"

#include <boost/asio/io_context.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace lictor {
namespace {

// The question is its standard input: no file of it is left anywhere.
LaunchRequest evaluation(const Sources& sources, const std::string& text) {
  LaunchRequest request =
      as_agent_user(sources.facts, {sources.facts.binary, "validate", "-config-format=json", "/proc/self/fd/0"},
                    agent_environment(sources.settings, sources.facts));
  request.before = [question = json_text(evaluation_question(text))]() -> Result<void> {
    const Descriptor file(::memfd_create("settings", MFD_CLOEXEC));
    const auto size = static_cast<ssize_t>(question.size());
    if (file.get() >= 0 && ::write(file.get(), question.data(), question.size()) == size &&
        ::dup2(file.get(), STDIN_FILENO) == STDIN_FILENO)
      return {};
    return Problem{"memfd_create", error_text(errno), "see the limits of this host", Exit::retry};
  };
  return request;
}

}  // namespace

void AgentEvaluator::evaluate(const Sources& sources, const std::vector<std::string>& templates, Done done) {
  if (templates.empty()) return done({});
  struct Round {
    AgentAnswers answers;
    std::size_t open;
    Done done;
  };
  const auto round = std::make_shared<Round>(Round{{}, templates.size(), std::move(done)});
  for (const std::string& text : templates) {
    questions_.push_back({evaluation(sources, text), [round, text](EvaluatedTemplate answer) {
                            round->answers[text] = std::move(answer);
                            if (--round->open == 0) round->done(std::move(round->answers));
                          }});
  }
  next();
}

void AgentEvaluator::next() {
  if (asking_ || questions_.empty()) return;
  asking_ = true;
  Question question = std::move(questions_.front());
  questions_.pop_front();
  child_.run_for_output(
      std::move(question.request), std::chrono::seconds(10),
      [this, answered = std::move(question.answered)](const Result<void>& ended, const std::string& output) {
        asking_ = false;
        answered(evaluation_answer(ended, output));
        next();
      });
}

AgentAnswers evaluated_by_agent(const Sources& sources, const std::vector<std::string>& templates) {
  AgentAnswers answers;
  if (templates.empty()) return answers;
  boost::asio::io_context io(1);
  const auto reaper = Reaper::start(io.get_executor());
  if (!reaper) return answers;
  AgentEvaluator evaluator(io.get_executor(), **reaper);
  bool over = false;
  evaluator.evaluate(sources, templates, [&](AgentAnswers got) {
    answers = std::move(got);
    over = true;
    io.stop();
  });
  if (!over) io.run();
  return answers;
}

}  // namespace lictor
