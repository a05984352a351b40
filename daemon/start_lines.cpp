#include "start_lines.hpp"

#include "report/io/log.hpp"

#include <utility>

namespace lictor {

void tell_of(const Ground& ground) {
  for (const std::string& notice : ground.plan.notices) log::info(notice);
  for (const std::string& warning : ground.warnings) log::warn(warning);
  const IdentityVerdict& identity = ground.identity;
  if (identity.mended) log::warn(*identity.mended);
  if (identity.cloned) {
    Fields fields{{"name", identity.identity.name}, {"id", identity.identity.id}};
    if (!identity.twin.empty()) fields.push_back({"other", identity.twin});
    log::warn(
        identity.twin.empty()
            ? "the data directory came from another machine: the node takes a new id (node.on_clone)"
            : "the data directory is a copy, and the node that it was copied from is alive at the stored address: this "
              "node takes a new id (node.on_clone)",
        std::move(fields));
  }
  if (identity.former_name) {
    log::info("the node has another name: the old one is cleared away once it is dead",
              {{"name", identity.identity.name}, {"before", *identity.former_name}, {"id", identity.identity.id}});
  }
  log::info("identity and address settled", {{"name", identity.identity.name},
                                             {"name_by", identity.name_origin},
                                             {"id", identity.identity.id},
                                             {"id_by", identity.id_origin},
                                             {"address", ground.facts.bind.address},
                                             {"address_by", ground.facts.bind.origin}});
}

}  // namespace lictor
