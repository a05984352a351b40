#include "base/shared_json.hpp"

#include "base/json_text.hpp"

namespace lictor {

SharedJson::Value::Value(const Json& value) : text(json_text(value)), id(text_of(value, "ID")) {}

Json SharedJson::operator*() const { return Json::parse(text(), nullptr, false); }

}  // namespace lictor
