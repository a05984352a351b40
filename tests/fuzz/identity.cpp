// node-id, lictor-identity.json, the host's name, and node_id and node.name as they are configured.
#include "identity/identity.hpp"

#include "fuzz.hpp"

#include <nlohmann/json.hpp>

using namespace lictor;

namespace {

using Json = nlohmann::json;

// Host names are bytes. Files of JSON hold UTF-8.
bool writable(const std::string& name) {
  return !name.empty() && Json::parse(Json(name).dump(-1, ' ', false, Json::error_handler_t::replace)) == name;
}

void check(const IdentityInput& input) {
  const auto verdict = settle_identity(input);
  if (!verdict) {
    fuzz::expect(!verdict.error().why.empty() && !verdict.error().hint.empty(), "a problem says why and what to do");
    return;
  }
  const Identity& identity = verdict->identity;
  fuzz::expect(parse_uuid(identity.id) == identity.id, "the id is one that Consul takes");
  fuzz::expect(!verdict->cloned || identity.id == input.fresh_id, "a clone gets a new id");
  if (!writable(identity.name)) return;

  const std::string written = format_identity(identity);
  fuzz::expect(parse_identity(written) == identity, "a record is read as it was written");
  IdentityInput next = input;
  next.stored_text = written;
  next.node_id_text = identity.id + "\n";
  next.fresh_id = "ffffffff-ffff-4fff-8fff-ffffffffffff";
  next.now = "2026-02-02T00:00:00Z";
  const auto again = settle_identity(next);
  fuzz::expect(again && again->identity == identity, "the next start is the same node");
  fuzz::expect(!again->mended && !again->former_name && again->former_address.empty() && !again->cloned,
               "the next start sees no change");
}

}  // namespace

FUZZ_TARGET(identity) {
  const auto parts = fuzz::parts(fuzz::text(data, size));
  IdentityInput input;
  input.node_id_text = fuzz::part(parts, 0);
  input.stored_text = fuzz::part(parts, 1);
  input.host_name = fuzz::part(parts, 2).value_or("host");
  input.configured_id = fuzz::part(parts, 3);
  input.configured_name = fuzz::part(parts, 4);
  input.address = "10.0.0.5";
  input.fresh_id = "99999999-2222-4333-8444-555555555555";
  input.now = "2026-01-01T00:00:00Z";
  for (const char* machine : {"", "0123456789abcdef0123456789abcdef"}) {
    for (const bool keep_name : {false, true}) {
      for (const bool refuse_clone : {false, true}) {
        input.machine = machine;
        input.keep_name = keep_name;
        input.refuse_clone = refuse_clone;
        check(input);
      }
    }
  }
  return 0;
}
