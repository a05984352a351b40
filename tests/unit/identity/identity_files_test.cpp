#include "identity/io/identity_files.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "file_faults.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

using namespace lictor;
using faults::Disk;
using faults::FailAt;

namespace {

const std::string old_id = "11111111-1111-4111-8111-111111111111";
const std::string new_id = "22222222-2222-4222-8222-222222222222";
const std::string third_id = "33333333-3333-4333-8333-333333333333";
const std::string taken_id = "44444444-4444-4444-8444-444444444444";
const std::string here = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const std::string elsewhere = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

using Content = std::optional<std::string>;

// What a data directory holds of the identity.
struct Contents {
  Content record, node_id;
  auto operator<=>(const Contents&) const = default;
};

struct Row {
  const char* change;
  Contents before;
  IdentityInput input;                  // of the start that is cut short, but for the files
  std::optional<std::string> taken_id;  // taken over from the catalog: not what the start itself would decide
};

IdentityInput input_of(const std::string& host, const std::string& address) {
  IdentityInput input;
  input.host_name = host;
  input.address = address;
  input.machine = here;
  input.fresh_id = new_id;
  input.now = "2024-05-01T10:00:00Z";
  return input;
}

std::string record_of(const std::string& machine) {
  return format_identity({old_id, "n1", "10.0.0.1", machine, "2024-01-01T00:00:00Z"});
}

std::vector<Row> rows() {
  const IdentityInput same = input_of("n1", "10.0.0.1");
  IdentityInput configured = same;
  configured.configured_id = new_id;
  IdentityInput nameless = input_of("", "10.0.0.2");
  return {
      {"nothing there yet", {{}, {}}, same, {}},
      {"the directory of another machine", {record_of(elsewhere), old_id}, same, {}},
      {"the id is taken back from the catalog", {record_of(here), old_id}, same, taken_id},
      {"an id in the settings", {record_of(here), old_id}, configured, {}},
      {"another name, nothing else", {record_of(here), old_id}, input_of("n2", "10.0.0.1"), {}},
      {"another address of a node whose name is only in the record", {record_of(here), old_id}, nameless, {}},
      {"node-id is garbage", {record_of(here), "no uuid"}, same, {}},
      {"node-id is garbage and there is no record", {{}, "no uuid"}, same, {}},
      {"the record is garbage", {"{\"id\": ", old_id}, same, {}},
      {"Consul's own node-id alone", {{}, old_id}, same, {}},
  };
}

Identity start(IdentityInput input, const Contents& found) {
  input.stored_text = found.record;
  input.node_id_text = found.node_id;
  auto verdict = settle_identity(input);
  REQUIRE(verdict.has_value());
  return verdict->identity;
}

// The identity that the sequence under test installs.
Identity change_of(const Row& row) {
  Identity identity = start(row.input, row.before);
  if (row.taken_id) identity.id = *row.taken_id;
  return identity;
}

IdentityInput next_start(const Row& row) {
  IdentityInput input = row.input;
  input.fresh_id = third_id;
  input.now = "2024-06-01T10:00:00Z";
  return input;
}

bool same_node(Identity a, const Identity& b) {
  a.when = b.when;
  return a == b;
}

// What a user relies on: each file is what it was or what it should be, and the next start makes of both the node that it
// would have made before the change, or the one after it.
void check_whole(const Row& row, const Identity& change, const Contents& found) {
  const Content record = format_identity(change);
  CAPTURE(found.record.value_or("(missing)"), found.node_id.value_or("(missing)"));
  CHECK((found.record == row.before.record || found.record == record));
  CHECK((found.node_id == row.before.node_id || found.node_id == change.id));
  const Identity next = start(next_start(row), found);
  const Identity before = start(next_start(row), row.before);
  CAPTURE(format_identity(next));
  CHECK((same_node(next, before) || same_node(next, change)));
}

void check_complete(const Row& row, const Identity& change, const Contents& found) {
  CHECK(found.record == format_identity(change));
  REQUIRE(found.node_id.has_value());
  CHECK(parse_uuid(*found.node_id) == change.id);
  CHECK(start(next_start(row), found) == change);
}

const FileAttributes attributes{.mode = 0600, .uid = ::geteuid(), .gid = ::getegid()};

struct Folder : TemporaryFolder {
  explicit Folder(const Contents& contents) {
    if (contents.record) std::ofstream(identity_path(path), std::ios::binary) << *contents.record;
    if (contents.node_id) std::ofstream(node_id_path(path), std::ios::binary) << *contents.node_id;
  }
  Contents contents() const {
    const auto record = read_file(identity_path(path));
    const auto node_id = read_file(node_id_path(path));
    REQUIRE(record.has_value());
    REQUIRE(node_id.has_value());
    return {*record, *node_id};
  }
};

// In memory only; nothing of this name exists.
const std::string disk_folder = "/lictor-identity-test-disk";

std::unique_ptr<Disk> disk_with(const Contents& contents, int power_lost_at) {
  auto disk = std::make_unique<Disk>(power_lost_at);
  if (contents.record) disk->add(identity_path(disk_folder), *contents.record);
  if (contents.node_id) disk->add(node_id_path(disk_folder), *contents.node_id);
  return disk;
}

std::set<Contents> after_power_loss(const Disk& disk) {
  const auto content = [](const std::string& text) { return text == "(missing)" ? Content() : Content(text); };
  std::set<Contents> all;
  for (const auto& record : disk.after_power_loss(identity_path(disk_folder))) {
    for (const auto& node_id : disk.after_power_loss(node_id_path(disk_folder)))
      all.insert({content(record), content(node_id)});
  }
  return all;
}

// The sequence once more, on a disk that still has what the crash left.
void check_second_run(const Row& row, const Identity& change, const Contents& found) {
  const auto disk = disk_with(found, 0);
  disk->add(identity_path(disk_folder) + ".tmp", "half");
  disk->add(node_id_path(disk_folder) + ".tmp", "");
  REQUIRE(install_identity(change, disk_folder, attributes, *disk).has_value());
  for (const Contents& contents : after_power_loss(*disk)) check_complete(row, change, contents);
}

}  // namespace

TEST_CASE(
    "install_identity: whichever call fails, the old node or the new one is there, and a second run completes it") {
  for (const Row& row : rows()) {
    const Identity change = change_of(row);
    for (int n = 1;; ++n) {
      REQUIRE(n < 500);
      const Folder folder(row.before);
      FailAt calls(n);
      const auto installed = install_identity(change, folder.path, attributes, calls);
      CAPTURE(row.change, n, calls.failed());
      CHECK(installed.has_value() == !calls.reached());
      check_whole(row, change, folder.contents());
      if (!calls.reached()) {
        check_complete(row, change, folder.contents());
        break;
      }
      REQUIRE(install_identity(change, folder.path, attributes).has_value());
      check_complete(row, change, folder.contents());
    }
  }
}

TEST_CASE(
    "install_identity: whenever power is lost, the old node or the new one is there, and a second run completes it") {
  for (const Row& row : rows()) {
    const Identity change = change_of(row);
    for (int n = 1;; ++n) {
      REQUIRE(n < 500);
      CAPTURE(row.change, n);
      const auto disk = disk_with(row.before, n);
      bool lost = false;
      bool installed = false;
      try {
        installed = install_identity(change, disk_folder, attributes, *disk).has_value();
      } catch (const Disk::PowerLoss&) {
        lost = true;
      }
      CHECK(installed == !lost);
      for (const Contents& found : after_power_loss(*disk)) {
        if (!lost) check_complete(row, change, found);
        check_whole(row, change, found);
        check_second_run(row, change, found);
      }
      if (!lost) break;
    }
  }
}

TEST_CASE("install_identity writes nothing that is there already") {
  const Row row{"", {{}, {}}, input_of("n1", "10.0.0.1"), {}};
  const Identity change = change_of(row);
  const Folder folder(row.before);
  REQUIRE(install_identity(change, folder.path, attributes).has_value());
  FailAt none(1);
  REQUIRE(install_identity(change, folder.path, attributes, none).has_value());
  REQUIRE(install_identity(start(next_start(row), folder.contents()), folder.path, attributes, none).has_value());
  // As Consul writes it.
  std::ofstream(node_id_path(folder.path), std::ios::binary) << change.id << "\n";
  REQUIRE(install_identity(change, folder.path, attributes, none).has_value());
  CHECK_FALSE(none.reached());
}
