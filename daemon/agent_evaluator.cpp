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
LaunchRequest asking(const Sources& sources, const Json& settings) {
  LaunchRequest request =
      as_agent_user(sources.facts, {sources.facts.binary, "validate", "-config-format=json", "/proc/self/fd/0"},
                    agent_environment(sources.settings, sources.facts));
  request.before = [question = json_text(settings)]() -> Result<void> {
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
    questions_.push_back({asking(sources, evaluation_question(text)),
                          [round, text](const Result<void>& ended, const std::string& output) {
                            round->answers[text] = evaluation_answer(ended, output);
                            if (--round->open == 0) round->done(std::move(round->answers));
                          }});
  }
  next();
}

void AgentEvaluator::look_at_keys(const Sources& sources, std::function<void(Problems)> done) {
  const std::vector<UnknownKey>& keys = sources.config.unknown;
  if (keys.empty()) return done({});
  questions_.push_back({asking(sources, keys_question(keys)),
                        [keys, done = std::move(done)](const Result<void>&, const std::string& output) {
                          done(refused_keys(keys, output));
                        }});
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
        answered(ended, output);
        next();
      });
}

namespace {

// What `ask` hands to the function that it is given.
template <class Answer, class Ask>
Answer answer_to(const Ask& ask) {
  Answer answer;
  boost::asio::io_context io(1);
  const auto reaper = Reaper::start(io.get_executor());
  if (!reaper) return answer;
  AgentEvaluator evaluator(io.get_executor(), **reaper);
  bool over = false;
  ask(evaluator, [&](Answer got) {
    answer = std::move(got);
    over = true;
    io.stop();
  });
  if (!over) io.run();
  return answer;
}

}  // namespace

AgentAnswers evaluated_by_agent(const Sources& sources, const std::vector<std::string>& templates) {
  if (templates.empty()) return {};
  return answer_to<AgentAnswers>(
      [&](AgentEvaluator& evaluator, auto done) { evaluator.evaluate(sources, templates, std::move(done)); });
}

Problems keys_refused_by_agent(const Sources& sources) {
  if (sources.config.unknown.empty()) return {};
  return answer_to<Problems>(
      [&](AgentEvaluator& evaluator, auto done) { evaluator.look_at_keys(sources, std::move(done)); });
}

}  // namespace lictor
