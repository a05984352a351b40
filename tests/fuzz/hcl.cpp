// Files of the agent's settings, in each format and as each library reads them, and what the agent makes of them.
#include "hcl/hcl.hpp"
#include "agent_config/agent_view.hpp"
#include "agent_config/definitions.hpp"

#include "fuzz.hpp"

#include <algorithm>

using namespace lictor::hcl;

namespace {

void check_value(Value value, Place end) {
  fuzz::expect(value.place().line >= 1 && value.place().column >= 1 && value.place().line <= end.line,
               "a value stands in the text");
  std::size_t count = 0;
  for (const Value element : value) {
    ++count;
    if (value.kind() == Kind::blocks) fuzz::expect(element.kind() == Kind::object, "blocks are objects");
    check_value(element, end);
  }
  fuzz::expect(count == value.size(), "a value has as many elements as it says");
}

void check(const Parsed& parsed, const std::string& text) {
  const Place end{static_cast<std::uint32_t>(1 + std::count(text.begin(), text.end(), '\n')), 0};
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    fuzz::expect(!error->what.empty(), "a refusal has a reason");
    fuzz::expect(error->place.line >= 1 && error->place.line <= end.line && error->place.column >= 1, "and a place");
    return;
  }
  const Value root = std::get<Document>(parsed).root();
  check_value(root, end);
  if (root.kind() != Kind::object) return;
  const lictor::Json json = root.json();
  fuzz::expect(json.size() == root.size(), "no key stands twice");
  for (const Value member : root) {
    fuzz::expect(std::get<Document>(parsed).place_of({member.key()}) == member.place(), "a key is found at its place");
  }
}

void check_view(const Parsed& parsed) {
  const auto* document = std::get_if<Document>(&parsed);
  if (!document) return;
  const lictor::AgentView all = lictor::agent_view(*document);
  lictor::AgentView view = lictor::agent_view(*document, lictor::Places::outside_lists);
  fuzz::expect(all.tree == view.tree && all.faults == view.faults && all.unknown == view.unknown,
               "which places are wanted changes nothing else");
  for (const auto& [path, place] : view.places) {
    const auto same = all.places.find(path);
    fuzz::expect(same != all.places.end() && same->second == place, "and none of them");
  }
  const lictor::AgentView kept =
      lictor::agent_view(*document, lictor::Places::outside_lists, lictor::Definitions::digests);
  lictor::let_definitions_go(view.tree);
  fuzz::expect(kept.tree == view.tree, "what is never made whole is kept as what is let go");
  fuzz::expect(kept.faults == view.faults && kept.unknown == view.unknown, "and looked at as closely");
  const lictor::Json once = view.tree;
  lictor::let_definitions_go(view.tree);
  fuzz::expect(view.tree == once, "what is let go once stays as it is");
}

}  // namespace

FUZZ_TARGET(hcl) {
  const std::string text = fuzz::text(data, size);
  const Parsed older = parse_hcl(text, Library::v1_0_0), newer = parse_hcl(text, Library::v1_0_1);
  check(older, text);
  check(newer, text);
  if (const auto* document = std::get_if<Document>(&newer)) {
    fuzz::expect(std::holds_alternative<Document>(older), "the older library takes what the newer one takes");
    fuzz::expect(document->root().json() == std::get<Document>(older).root().json(), "and reads it alike");
  }
  check_view(newer);
  const Parsed json = parse_json(text);
  check(json, text);
  check_view(json);
  return 0;
}
