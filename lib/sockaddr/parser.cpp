#include "sockaddr/parser.hpp"

#include <algorithm>
#include <optional>

#include "sockaddr/functions.hpp"
#include "sockaddr/lexer.hpp"

namespace lictor::sockaddr_parts {
namespace {

using Kind = Token::Kind;

constexpr int deepest_block = 40;  // ifs within ifs, parentheses within parentheses

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Evaluated<std::vector<Statement>> run() {
    auto out = statements(0);
    if (!failure_ && at_ < tokens_.size())
      fail(refused("{{ end }} or {{ else }} without {{ if }}, {{ with }} or {{ range }}"));
    if (failure_) return *failure_;
    return out;
  }

 private:
  void fail(Failure failure) {
    if (!failure_) failure_ = std::move(failure);
  }

  bool is(Kind kind, std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].kind == kind;
  }

  bool is_word(std::string_view word, std::size_t ahead = 0) const {
    return is(Kind::word, ahead) && tokens_[at_ + ahead].text == word;
  }

  void expect(Kind kind, const char* what) {
    if (is(kind))
      ++at_;
    else
      fail(refused(std::string(what) + " is missing"));
  }

  // Up to an {{ end }}, an {{ else }} or the end of the text.
  std::vector<Statement> statements(int depth) {
    std::vector<Statement> out;
    if (depth > deepest_block) fail(not_evaluated("a template that is nested too deeply"));
    while (!failure_ && at_ < tokens_.size()) {
      if (is(Kind::text)) {
        out.push_back({Statement::Kind::text, tokens_[at_++].text, {}, {}, {}});
        continue;
      }
      if (is_word("end", 1) || is_word("else", 1)) break;
      ++at_;  // {{
      out.push_back(action(depth));
    }
    return out;
  }

  Statement action(int depth) {
    for (const auto& [word, kind] : {std::pair("if", Statement::Kind::when), std::pair("with", Statement::Kind::with),
                                     std::pair("range", Statement::Kind::range)}) {
      if (!is_word(word)) continue;
      ++at_;
      return control(kind, depth);
    }
    for (const char* const word : {"define", "template", "block", "break", "continue"}) {
      if (is_word(word)) fail(not_evaluated(std::string("{{ ") + word + " }}"));
    }
    Statement out{Statement::Kind::action, "", pipeline(Kind::close, false, depth), {}, {}};
    return out;
  }

  Statement control(Statement::Kind kind, int depth) {
    const std::size_t outer = variables_.size();
    Statement out{kind, "", pipeline(Kind::close, kind == Statement::Kind::range, depth), {}, {}};
    out.body = statements(depth + 1);
    if (is_word("else", 1)) {
      at_ += 2;
      if (is_word("if") && kind == Statement::Kind::when) {
        ++at_;
        out.otherwise.push_back(control(kind, depth + 1));  // takes the {{ end }} with it
        variables_.resize(outer);
        return out;
      }
      if (is(Kind::word)) fail(not_evaluated("{{ else " + tokens_[at_].text + " }}"));
      expect(Kind::close, "}} after else");
      out.otherwise = statements(depth + 1);
    }
    if (!failure_ && !is_word("end", 1)) fail(refused("{{ end }} is missing"));
    at_ += 2;
    expect(Kind::close, "}} after end");
    variables_.resize(std::min(outer, variables_.size()));
    return out;
  }

  Pipeline pipeline(Kind end, bool range, int depth) {
    Pipeline out;
    if (depth > deepest_block) fail(not_evaluated("a template that is nested too deeply"));
    if (failure_) return out;
    declarations(out, range);
    do {
      out.commands.push_back(command(end, depth, out.commands.empty()));
    } while (!failure_ && is(Kind::pipe) && ++at_ > 0);
    if (!failure_) expect(end, end == Kind::close ? "}}" : ")");
    for (std::size_t i = 1; !failure_ && i < out.commands.size(); ++i) {
      const Operand& first = out.commands[i].front();
      const bool runs = first.kind == Operand::Kind::word || first.kind == Operand::Kind::field ||
                        first.kind == Operand::Kind::variable || first.kind == Operand::Kind::pipeline;
      if (!runs) fail(refused("a | before what takes nothing"));
    }
    return out;
  }

  // $x :=, $x =, and for ranges $i, $x :=.
  void declarations(Pipeline& out, bool range) {
    if (!is(Kind::variable)) return;
    const bool two = range && is(Kind::comma, 1) && is(Kind::variable, 2);
    const std::size_t sign = two ? 3 : 1;
    if (!is(Kind::declare, sign) && !is(Kind::assign, sign)) return;
    out.declares = is(Kind::declare, sign);
    if (range && !out.declares) fail(not_evaluated("a range over variables that are there already"));
    out.variables.push_back(tokens_[at_].text);
    if (two) out.variables.push_back(tokens_[at_ + 2].text);
    variables_.insert(variables_.end(), out.variables.begin(), out.variables.end());
    at_ += sign + 1;
  }

  Command command(Kind end, int depth, bool first) {
    Command out;
    while (!failure_ && !is(Kind::pipe) && !is(end)) {
      if (!out.empty() && at_ < tokens_.size() && !tokens_[at_].spaced)
        fail(refused("two words without a blank between them"));
      if (!failure_) out.push_back(operand(depth));
    }
    // Go passes over a last | without anything behind it, which is hardly what somebody meant.
    if (out.empty()) fail(first ? refused("nothing to evaluate") : not_evaluated("nothing after a |"));
    return out;
  }

  Operand operand(int depth) {
    const Token token = at_ < tokens_.size() ? tokens_[at_++] : Token{Kind::close, ""};
    Operand out{Operand::Kind::dot, token.text, {}, {}};
    switch (token.kind) {
      case Kind::word:
        out.kind = word(token.text);
        break;
      case Kind::variable:
        out.kind = variable(token.text);
        break;
      case Kind::string:
        out.kind = Operand::Kind::string;
        break;
      case Kind::number:
        out.kind = Operand::Kind::number;
        break;
      case Kind::dot:
        break;
      case Kind::field:
        out = {Operand::Kind::field, "", {token.text}, {}};
        break;
      case Kind::left:
        out.kind = Operand::Kind::pipeline;
        out.inside.push_back(pipeline(Kind::right, false, depth + 1));
        break;
      default:
        fail(refused("something else where a value should be"));
    }
    fields(out);
    return out;
  }

  void fields(Operand& out) {
    using enum Operand::Kind;
    while (is(Kind::field) && !tokens_[at_].spaced) {
      if (out.kind == string || out.kind == number || out.kind == boolean || out.kind == dot) {
        return fail(refused("a field of what has none"));
      }
      out.fields.push_back(tokens_[at_++].text);
    }
  }

  Operand::Kind word(const std::string& text) {
    if (text == "true" || text == "false") return Operand::Kind::boolean;
    for (const char* const word : {"nil", "if", "with", "range", "else", "end", "define", "template", "block"}) {
      if (text == word) fail(not_evaluated("\"" + text + "\" as a value"));
    }
    if (!known_function(text)) fail(not_evaluated("the function " + text));
    return Operand::Kind::word;
  }

  Operand::Kind variable(const std::string& name) {
    if (std::find(variables_.begin(), variables_.end(), name) == variables_.end()) {
      fail(refused("the variable " + name + " is not there"));
    }
    return Operand::Kind::variable;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::vector<std::string> variables_{"$"};  // that can be seen from here
  std::optional<Failure> failure_;
};

}  // namespace

Evaluated<std::vector<Statement>> parse_template(std::string_view text) {
  auto read = tokens(text);
  if (!read) return read.error();
  return Parser(std::move(*read)).run();
}

}  // namespace lictor::sockaddr_parts
