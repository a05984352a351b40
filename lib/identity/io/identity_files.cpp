#include "identity/io/identity_files.hpp"

namespace lictor {

std::string identity_path(const std::string& data_dir) { return data_dir + "/lictor-identity.json"; }

std::string node_id_path(const std::string& data_dir) { return data_dir + "/node-id"; }

Result<void> install_identity(const Identity& identity, const std::string& data_dir, const FileAttributes& attributes,
                              FileCalls& calls) {
  // The record first: it is the stronger of the two, so node-id is mended from it should this end in between.
  const auto record = install_file(identity_path(data_dir), format_identity(identity), attributes, calls);
  if (!record) return record.error();
  if (parse_uuid(content_of(node_id_path(data_dir))) == identity.id) return {};
  return write_atomically(node_id_path(data_dir), identity.id, attributes, calls);
}

}  // namespace lictor
