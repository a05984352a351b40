#include "command_line.hpp"

#include "base/text.hpp"

#include <fmt/format.h>
#include <getopt.h>

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

constexpr std::size_t page_width = 80, option_column = 24, command_column = 12, exit_column = 8;
constexpr Option help_option{.name = "help", .letter = 'h', .what = "show this help"};

// ---- help

// `text` beside `name`, from the column on to the edge of the page.
std::string beside(const std::string& name, const std::string& text, std::size_t column) {
  const std::string indent(column, ' ');
  std::string out = fmt::format("  {:{}}", name, column - 2);
  if (name.size() + 2 >= column) out += "\n" + indent;
  return out + join(wrap(text, page_width - column), "\n" + indent) + "\n";
}

std::string paragraph(const char* text) { return *text == 0 ? "" : join(wrap(text, page_width), "\n") + "\n"; }

std::string options_text(const std::vector<Option>& general, const std::vector<Option>& own) {
  std::string out = "\nOptions:\n";
  const auto tell = [&out](const Option& option) {
    std::string names = fmt::format("--{}", option.name);
    if (option.letter != 0) names = fmt::format("-{},{}", option.letter, names);
    if (option.value != nullptr) names += fmt::format(" {}", option.value);
    out += beside(names, option.what, option_column);
  };
  tell(help_option);
  for (const Option& option : general) tell(option);
  for (const Option& option : own) tell(option);
  return out;
}

std::string help_of(const Program& program) {
  std::string out = paragraph(program.what) + fmt::format("Usage: {} [OPTIONS] SUBCOMMAND\n", program.name);
  out += options_text(program.options, {}) + "\nSubcommands:\n";
  for (const Command& command : program.commands) out += beside(command.name, command.what, command_column);
  return out + "\n" + paragraph(program.footer);
}

std::string help_of(const Program& program, const Command& command) {
  std::string out = paragraph(command.what) + paragraph(command.more);
  out += fmt::format("Usage: {} {} [OPTIONS]", program.name, command.name);
  if (const auto& operand = command.operand) {
    out += fmt::format(" {}\n\nPositionals:\n", operand->name);
    out += beside(fmt::format("{} {}", operand->name, operand->value), operand->what, option_column);
  } else {
    out += "\n";
  }
  out += options_text(program.options, command.options) + "\nExit codes:\n";
  std::map<int, const char*> exits(command.exits.begin(), command.exits.end());
  exits.emplace(static_cast<int>(Exit::usage), "wrong use");
  for (const auto& [code, meaning] : exits) out += beside(std::to_string(code), meaning, exit_column);
  return out + fmt::format("\nExample:\n  {}\n", command.example);
}

// What is wrong with a value that must be one of "{a,b}".
std::string no_choice(const char* choices, const std::string& value) {
  const std::string_view braced(choices);
  if (!braced.starts_with('{')) return "";
  const auto known = split_list(braced.substr(1, braced.size() - 2));
  if (std::find(known.begin(), known.end(), value) != known.end()) return "";
  return fmt::format("\"{}\" is none of {}", value, join(known, ", "));
}

}  // namespace

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto found = given_.find(name);
  return found == given_.end() ? std::nullopt : std::optional(found->second);
}

// Reads what stands before the command, and then what stands behind it, which takes the command's options too.
class CommandLineReader {
 public:
  CommandLineReader(const Program& program, std::span<char* const> words)
      : program_(program), words_(words.begin(), words.end()) {
    words_.push_back(nullptr);
  }

  std::variant<Invocation, Help, Problem> read() {
    int next = 0;
    if (auto problem = read_options(words_.data(), static_cast<int>(words_.size()) - 1, '+', next)) return *problem;
    char** const rest = words_.data() + next;
    const int count = static_cast<int>(words_.size()) - 1 - next;
    if (count == 0 && help_) return answer();
    if (count == 0) return wrong("no command is given");
    const auto command = std::find_if(program_.commands.begin(), program_.commands.end(),
                                      [&](const Command& known) { return std::string_view(known.name) == *rest; });
    if (command == program_.commands.end()) {
      std::vector<std::string> known;
      for (const Command& one : program_.commands) known.emplace_back(one.name);
      return wrong(fmt::format("unknown command \"{}\"", *rest), nearest(*rest, known));
    }
    command_ = &*command;
    if (auto problem = read_options(rest, count, '-', next)) return *problem;
    if (help_) return answer();
    if (std::string why = fault(); !why.empty()) return wrong(why);
    return Invocation{command_, std::move(arguments_)};
  }

 private:
  Help answer() const { return {command_ != nullptr ? help_of(program_, *command_) : help_of(program_)}; }

  Problem wrong(const std::string& why, const std::optional<std::string>& meant = {}) const {
    const std::string help = command_ != nullptr ? fmt::format("{} {}", program_.name, command_->name) : program_.name;
    return Problem{"usage", why, meant ? fmt::format("did you mean \"{}\"?", *meant) : fmt::format("see `{} -h`", help),
                   Exit::usage};
  }

  // `order`: getopt's '+', up to the first operand, which is at `next` then, or '-', operands among the options.
  std::optional<Problem> read_options(char** words, int count, char order, int& next) {
    known_ = {&help_option};
    for (const Option& option : program_.options) known_.push_back(&option);
    if (command_ != nullptr) {
      for (const Option& option : command_->options) known_.push_back(&option);
    }
    std::string letters{order, ':'};
    std::vector<option> names;
    constexpr int first = 256;  // beyond all letters
    for (const Option* one : known_) {
      const bool takes = one->value != nullptr;
      if (one->letter != 0) letters += std::string(1, one->letter) + (takes ? ":" : "");
      names.push_back(
          {one->name, takes ? required_argument : no_argument, nullptr, first + static_cast<int>(names.size())});
    }
    names.push_back({});
    optind = 0;  // anew
    // The first word is the program's name, or the command's.
    for (int at = 1;; at = optind) {
      const char* const word = at < count ? words[at] : "";
      const int found = getopt_long(count, words, letters.c_str(), names.data(), nullptr);
      if (found == -1) break;
      if (found == 1) {
        if (auto problem = take_operand(optarg)) return problem;
        continue;
      }
      const bool bad = found == '?' || found == ':';
      const Option* one = option_of(bad ? optopt : found, first);
      // What getopt takes for short for one could be short for another by the next version.
      if (one == nullptr || (word[0] == '-' && word[1] == '-' && name_in(word) != fmt::format("--{}", one->name)))
        return unknown(word);
      if (found == '?') return wrong(fmt::format("--{} takes no value", one->name));
      if (found == ':') return wrong(fmt::format("--{} needs a value ({})", one->name, one->value));
      if (one == &help_option) {
        help_ = true;
      } else if (!arguments_.given_.insert_or_assign(one->name, one->value != nullptr ? optarg : "").second &&
                 one->value != nullptr) {
        return wrong(fmt::format("--{} is given twice", one->name));
      }
    }
    for (int i = optind; order == '-' && i < count; ++i) {  // behind "--"
      if (auto problem = take_operand(words[i])) return problem;
    }
    next = optind;
    return std::nullopt;
  }

  const Option* option_of(int value, int first) const {
    if (value >= first) return known_[static_cast<std::size_t>(value - first)];
    const auto found = std::find_if(known_.begin(), known_.end(),
                                    [value](const Option* one) { return value != 0 && one->letter == value; });
    return found == known_.end() ? nullptr : *found;
  }

  static std::string name_in(std::string_view word) { return std::string(word.substr(0, word.find('='))); }

  Problem unknown(std::string_view word) const {
    if (!word.starts_with("--")) return wrong(fmt::format("unknown option \"-{}\"", static_cast<char>(optopt)));
    const std::string name = name_in(word);
    std::vector<std::string> all;
    for (const Option* one : known_) all.push_back(fmt::format("--{}", one->name));
    return wrong(fmt::format("unknown option \"{}\"", name), nearest(name, all));
  }

  std::optional<Problem> take_operand(const char* word) {
    const auto& operand = command_->operand;
    if (operand && arguments_.given_.try_emplace(operand->name, word).second) return std::nullopt;
    return wrong(fmt::format("unexpected argument \"{}\"", word));
  }

  // Of known words, what they are.
  std::string fault() const {
    for (const Option* one : known_) {
      const auto given = arguments_.value(one->name);
      if (!given && one->required) return fmt::format("--{} is required", one->name);
      if (!given) continue;
      if (one->excludes != nullptr && arguments_.has(one->excludes))
        return fmt::format("--{} and --{} exclude each other", one->name, one->excludes);
      std::string why = one->value != nullptr ? no_choice(one->value, *given) : "";
      if (why.empty() && one->fault != nullptr) why = one->fault(*given);
      if (!why.empty()) return fmt::format("--{}: {}", one->name, why);
    }
    if (const auto& operand = command_->operand) {
      const auto given = arguments_.value(operand->name);
      if (!given) return fmt::format("{} is required: {}", operand->name, operand->value);
      if (const std::string why = no_choice(operand->value, *given); !why.empty())
        return fmt::format("{}: {}", operand->name, why);
    }
    return command_->fault ? command_->fault(arguments_) : "";
  }

  const Program& program_;
  std::vector<char*> words_;  // getopt_long may reorder them
  const Command* command_ = nullptr;
  std::vector<const Option*> known_;
  Arguments arguments_;
  bool help_ = false;
};

std::variant<Invocation, Help, Problem> read_command_line(const Program& program, std::span<char* const> words) {
  return CommandLineReader(program, words).read();
}

}  // namespace lictor
