#include "process/io/users.hpp"

#include "base/text.hpp"
#include "files/io/files.hpp"
#include "process/rights.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace lictor {
namespace {

// A uid or gid. The highest number means "leave as it is" to chown and setresuid and belongs to nobody.
std::optional<std::uint32_t> id_number(std::string_view text) {
  const auto number = whole_number<std::uint32_t>(text);
  return number != UINT32_MAX ? number : std::nullopt;
}

using Columns = std::vector<std::string_view>;

Columns split_fields(std::string_view line) {
  Columns fields;
  for (;;) {
    const auto colon = line.find(':');
    fields.push_back(line.substr(0, colon));
    if (colon == std::string_view::npos) return fields;
    line.remove_prefix(colon + 1);
  }
}

// The first line of a passwd or group file with enough fields, an id in the third, and either this name or, failing
// that, this id: a name that looks like a number is a name first, as for chown(1).
std::optional<Columns> find_line(std::string_view file, const std::string& name_or_id, size_t fields_needed) {
  std::optional<Columns> by_id;
  const auto id = id_number(name_or_id);
  while (!file.empty()) {
    const auto end = std::min(file.find('\n'), file.size());
    const std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    if (!id && line.substr(0, line.find(':')) != name_or_id) continue;
    const auto fields = split_fields(line);
    if (fields.size() < fields_needed || fields[0].empty() || !id_number(fields[2])) continue;
    if (fields[0] == name_or_id) return fields;
    if (!by_id && id && id_number(fields[2]) == id) by_id = fields;
  }
  return by_id;
}

Result<std::string> database(const std::string& path) {
  auto text = read_file(path);
  if (!text) return text.error();
  return *text ? std::move(**text) : std::string();
}

}  // namespace

Result<std::optional<User>> find_user(const std::string& name_or_uid, const std::string& passwd) {
  const auto file = database(passwd);
  if (!file) return file.error();
  if (const auto f = find_line(*file, name_or_uid, 6)) {
    const auto gid = id_number((*f)[3]);
    if (!gid) return std::optional<User>();
    const auto home = (*f)[5].empty() ? std::string_view("/") : (*f)[5];
    return std::optional(User{*id_number((*f)[2]), *gid, std::string((*f)[0]), std::string(home)});
  }
  const auto number = id_number(name_or_uid);
  return number ? std::optional(User{*number, *number, "", "/"}) : std::nullopt;
}

Result<std::optional<gid_t>> find_group(const std::string& name_or_gid, const std::string& group) {
  const auto file = database(group);
  if (!file) return file.error();
  if (const auto f = find_line(*file, name_or_gid, 3)) return std::optional<gid_t>(id_number((*f)[2]));
  return std::optional<gid_t>(id_number(name_or_gid));
}

Result<std::vector<gid_t>> groups_of(const std::string& user, const std::string& group) {
  const auto file = database(group);
  if (!file) return file.error();
  return groups_with_member(*file, user);
}

std::vector<gid_t> own_groups() {
  std::vector<gid_t> groups;
  // Another may be added between the two calls by nobody: a process sets its own.
  const int count = ::getgroups(0, nullptr);
  if (count <= 0) return groups;
  groups.resize(static_cast<std::size_t>(count));
  groups.resize(static_cast<std::size_t>(std::max(0, ::getgroups(count, groups.data()))));
  return groups;
}

}  // namespace lictor
