#include "sockaddr/template.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "sockaddr/functions.hpp"
#include "sockaddr/parser.hpp"

namespace lictor::sockaddr_parts {
namespace {

// Bounds for whatever text: elements gone through, and bytes written or held by one value.
constexpr std::size_t most_work = 2'000'000;
constexpr std::size_t most_text = 65536;

class Run {
 public:
  explicit Run(const TemplateHost& host) : host_(host) {}

  Evaluated<std::string> of(const std::vector<Statement>& statements) {
    auto all = all_addresses(host_);
    if (!all) return all.error();
    const Value dot = std::make_shared<const List>(std::move(*all));
    variables_.emplace_back("$", dot);
    statements_of(statements, dot);
    if (failure_) return *failure_;
    return std::move(out_);
  }

 private:
  void fail(Failure failure) {
    if (!failure_) failure_ = std::move(failure);
  }

  // False once there has been enough of it.
  bool spend(std::size_t work) {
    work_ += 1 + work;
    if (work_ > most_work) fail(not_evaluated("a template that takes too long"));
    return !failure_;
  }

  void write(const std::string& text) {
    if (out_.size() + text.size() > most_text)
      fail(not_evaluated("a template that writes too much"));
    else
      out_ += text;
  }

  void statements_of(const std::vector<Statement>& all, const Value& dot) {
    for (const Statement& each : all) {
      if (!spend(0)) return;
      statement(each, dot);
    }
  }

  void statement(const Statement& s, const Value& dot) {
    if (s.kind == Statement::Kind::text) return write(s.text);
    const std::size_t outer = variables_.size();
    const auto value = pipeline(s.pipeline, dot);
    if (!value) return;
    if (s.kind == Statement::Kind::action) {
      if (!s.pipeline.variables.empty()) return;
      const auto text = written(*value);
      if (text)
        write(*text);
      else
        fail(text.error());
      return;
    }
    if (s.kind == Statement::Kind::range)
      range(s, *value, dot);
    else if (truth(*value))
      statements_of(s.body, s.kind == Statement::Kind::with ? *value : dot);
    else
      statements_of(s.otherwise, dot);
    variables_.resize(outer, {"", Value(false)});
  }

  void range(const Statement& s, const Value& over, const Value& dot) {
    const auto* const list = std::get_if<SharedList>(&over);
    if (list == nullptr) return fail(not_evaluated("a range over what is no list"));
    if (!settled(**list)) return fail(not_evaluated("a range in an order that depends on how the agent was built"));
    if ((*list)->empty()) return statements_of(s.otherwise, dot);
    const std::size_t inner = variables_.size();
    const std::size_t declared = s.pipeline.variables.size();
    for (std::size_t i = 0; i < (*list)->size() && !failure_; ++i) {
      const Value element = (**list)[i];
      if (declared > 0) variables_[inner - 1].second = element;
      if (declared > 1) variables_[inner - 2].second = static_cast<long>(i);
      statements_of(s.body, element);
      variables_.resize(inner, {"", Value(false)});
    }
  }

  // Nothing: it has failed.
  std::optional<Value> pipeline(const Pipeline& p, const Value& dot) {
    std::optional<Value> value;
    for (const Command& each : p.commands) {
      value = command(each, dot, value);
      if (!value || !spend(0)) return std::nullopt;
      if (std::holds_alternative<std::string>(*value) && weight(*value) > most_text) {
        fail(not_evaluated("a template that writes too much"));
        return std::nullopt;
      }
    }
    for (const std::string& name : p.variables) set(name, *value, p.declares);
    return failure_ ? std::nullopt : value;
  }

  void set(const std::string& name, const Value& value, bool declares) {
    if (declares) return void(variables_.emplace_back(name, value));
    if (Value* const known = variable(name))
      *known = value;
    else
      fail(refused("the variable " + name + " is not there"));
  }

  // The innermost of that name.
  Value* variable(const std::string& name) {
    for (auto each = variables_.rbegin(); each != variables_.rend(); ++each) {
      if (each->first == name) return &each->second;
    }
    return nullptr;
  }

  std::optional<Value> command(const Command& c, const Value& dot, const std::optional<Value>& piped) {
    const Operand& first = c.front();
    const bool given = c.size() > 1 || piped;
    if (first.kind == Operand::Kind::word && first.fields.empty()) return call(c, dot, piped);
    if (!first.fields.empty() && first.fields.back() == "Attr") return attr_method(c, dot, piped);
    if (given) {
      fail(first.fields.empty() ? refused("values for what is no function")
                                : not_evaluated("values for ." + first.fields.back()));
      return std::nullopt;
    }
    return operand(first, dot);
  }

  std::optional<Value> call(const Command& c, const Value& dot, const std::optional<Value>& piped) {
    const std::string& name = c.front().text;
    if (decides_early(name)) return first_that_decides(c, dot, piped);
    std::vector<Argument> arguments;
    std::size_t work = 0;
    for (std::size_t i = 1; i < c.size(); ++i) {
      auto value = operand(c[i], dot);
      if (!value) return std::nullopt;
      work += weight(*value);
      const bool literal = c[i].kind == Operand::Kind::number;
      arguments.push_back({std::move(*value), literal, literal && c[i].text[0] == '+'});
    }
    if (piped) work += weight(*piped);
    if (piped) arguments.push_back({*piped});
    if (c.front().text.starts_with("Get")) work += addresses_of_host();
    // Sorting and matching go over each element some ten times.
    if (!spend(10 * work)) return std::nullopt;
    return checked(call_function(name, arguments, host_));
  }

  std::optional<Value> checked(Evaluated<Value> result) {
    if (result) return std::move(*result);
    fail(result.error());
    return std::nullopt;
  }

  std::size_t addresses_of_host() const {
    std::size_t count = 0;
    for (const Interface& each : host_.interfaces) count += each.addresses.size();
    return count;
  }

  std::optional<Value> first_that_decides(const Command& c, const Value& dot, const std::optional<Value>& piped) {
    std::optional<Value> value;
    if (c.size() == 1 && !piped) fail(refused(c.front().text + " of nothing"));
    for (std::size_t i = 1; i < c.size() && !failure_; ++i) {
      value = operand(c[i], dot);
      if (value && truth(*value) == (c.front().text == "or")) return value;
    }
    return piped && !failure_ ? piped : value;
  }

  // A value alone, or what stands among the arguments of a function.
  std::optional<Value> operand(const Operand& o, const Value& dot) {
    auto value = plain(o, dot);
    for (std::size_t i = 0; value && i < o.fields.size(); ++i) value = field(*value, o.fields[i]);
    return value;
  }

  std::optional<Value> plain(const Operand& o, const Value& dot) {
    switch (o.kind) {
      case Operand::Kind::word:
        return call({Operand{o.kind, o.text, {}, {}}}, dot, std::nullopt);
      case Operand::Kind::variable:
        if (const Value* const known = variable(o.text)) return *known;
        fail(refused("the variable " + o.text + " is not there"));
        return std::nullopt;
      case Operand::Kind::string:
        return o.text;
      case Operand::Kind::number:
        return whole_number<long>(std::string_view(o.text).substr(o.text[0] == '+' ? 1 : 0)).value_or(0);
      case Operand::Kind::boolean:
        return o.text == "true";
      case Operand::Kind::pipeline:
        return pipeline(o.inside.front(), dot);
      case Operand::Kind::dot:
      case Operand::Kind::field:
        return dot;
    }
    return std::nullopt;
  }

  std::optional<Value> field(const Value& of, const std::string& name) {
    const auto* const one = std::get_if<InterfaceIp>(&of);
    if (one != nullptr && name == "Name") return one->interface->name;
    if (one != nullptr && name == "Index") return static_cast<long>(one->interface->index);
    if (one != nullptr && name == "MTU") return static_cast<long>(one->interface->mtu);
    fail(not_evaluated("the field ." + name));
    return std::nullopt;
  }

  // {{ .Attr "address" }}: the one method of an address that is of use here. Its name is taken as it is.
  std::optional<Value> attr_method(const Command& c, const Value& dot, const std::optional<Value>& piped) {
    if (piped || c.size() != 2 || c[1].kind != Operand::Kind::string) {
      fail(not_evaluated(".Attr with other than a text"));
      return std::nullopt;
    }
    Operand of = c.front();
    of.fields.pop_back();
    const auto value = operand(of, dot);
    if (!value) return std::nullopt;
    const auto* const one = std::get_if<InterfaceIp>(&*value);
    const auto found = one != nullptr ? attribute(c[1].text, *one) : not_evaluated(".Attr of other than an address");
    if (found) return *found;
    fail(found.error());
    return std::nullopt;
  }

  const TemplateHost& host_;
  std::vector<std::pair<std::string, Value>> variables_;
  std::string out_;
  std::size_t work_ = 0;
  std::optional<Failure> failure_;
};

}  // namespace
}  // namespace lictor::sockaddr_parts

namespace lictor {

EvaluatedTemplate evaluate_template(std::string_view text, const TemplateHost& host) {
  const auto parsed = sockaddr_parts::parse_template(text);
  using Out = sockaddr_parts::Evaluated<std::string>;
  const auto out = parsed ? sockaddr_parts::Run(host).of(*parsed) : Out(parsed.error());
  if (out) return *out;
  if (out.error().refused) return TemplateRefused{out.error().why, !parsed};
  return TemplateNotEvaluated{out.error().why};
}

}  // namespace lictor
