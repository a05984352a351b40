// The values of a template and the functions over them: go-sockaddr's own, and those of text/template.
#pragma once

#include "sockaddr/address_list.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lictor::sockaddr_parts {

// Lists are shared: no function changes one.
using SharedList = std::shared_ptr<const List>;
using Value = std::variant<bool, long, std::string, InterfaceIp, SharedList>;

// What a function is given. A number that stands in the template as such may serve as an unsigned one.
struct Argument {
  Value value;
  bool literal = false;
  bool plus = false;  // written with a +, which Go takes for a signed number
};

bool known_function(std::string_view name);

// and, or: arguments that come after the one that decides are not even evaluated.
bool decides_early(std::string_view name);

Evaluated<Value> call_function(const std::string& name, const std::vector<Argument>& arguments,
                               const TemplateHost& host);

// As text/template's if and with take it.
bool truth(const Value& value);

// As an action writes it, which lists and addresses with all of their interface are too large for.
Evaluated<std::string> written(const Value& value);

// How many elements it holds: what going through it costs.
std::size_t weight(const Value& value);

}  // namespace lictor::sockaddr_parts
