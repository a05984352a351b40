#include "help.hpp"

#include "base/problem.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>

namespace lictor {
namespace {

constexpr std::size_t page_width = 80, option_column = 24, command_column = 12, exit_column = 8;

std::string wrapped(const std::string& text, std::size_t width) { return join(wrap(text, width), "\n"); }

// `text` beside `name`, from the column on to the edge of the page.
std::string beside(const std::string& name, const std::string& text, std::size_t column) {
  std::ostringstream out;
  CLI::detail::format_help(out, name, wrapped(text, page_width - column), column);
  return out.str();
}

// CLI11 indents what it is given, and wraps nothing. The first line of a description is what is listed; the rest only the
// command's own help says.
class Format final : public CLI::Formatter {
 public:
  Format() { column_width(option_column); }
  std::string make_description(const CLI::App* app) const override {
    std::string out;
    std::istringstream paragraphs(app->get_description());
    for (std::string text; std::getline(paragraphs, text);) out += wrapped(text, page_width) + "\n";
    return out;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_option_text().empty() ? "" : " " + option->get_option_text();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(option->get_description(), page_width - option_column);
  }
  std::string make_subcommand(const CLI::App* command) const override {
    const std::string described = command->get_description();
    return beside(command->get_name(), described.substr(0, described.find('\n')), command_column);
  }
};

std::string exit_codes(std::map<int, std::string> exits) {
  exits.emplace(static_cast<int>(Exit::usage), "wrong use");
  std::string out = "Exit codes:\n";
  for (const auto& [code, meaning] : exits) out += beside(std::to_string(code), meaning, exit_column);
  return out;
}

}  // namespace

void use_help_format(CLI::App& app) {
  app.formatter(std::make_shared<Format>());
  app.set_help_flag("-h,--help", "show this help");
}

CLI::App& add_command(CLI::App& app, const CommandHelp& help) {
  CLI::App& command = *app.add_subcommand(help.name, std::string(help.what) + "\n" + help.more);
  // Only -h needs the page laid out; CLI11 puts the text on a line behind what the function makes.
  command.footer([exits = help.exits] { return exit_codes({exits.begin(), exits.end()}) + "\nExample:"; });
  command.footer(std::string("  ") + help.example);
  return command;
}

}  // namespace lictor
