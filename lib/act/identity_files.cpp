#include "act/identity_files.hpp"

namespace lictor {

std::string identity_path(const std::string& data_dir) { return data_dir + "/lictor-identity.json"; }

std::string node_id_path(const std::string& data_dir) { return data_dir + "/node-id"; }

Result<void> install_identity(const IdentityVerdict& verdict, const std::string& data_dir,
                              const FileAttributes& attributes, FileCalls& calls) {
  // The record first: it is the stronger of the two, so node-id is mended from it should this end in between.
  if (verdict.write_stored) {
    const auto r = install_file(identity_path(data_dir), format_identity(verdict.identity), attributes, calls);
    if (!r) return r.error();
  }
  if (verdict.write_node_id) {
    const auto r = install_file(node_id_path(data_dir), verdict.identity.id, attributes, calls);
    if (!r) return r.error();
  }
  return {};
}

}  // namespace lictor
