#include "agent_config/io/agent_binary.hpp"

#include "files/io/descriptor.hpp"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace lictor {
namespace {

constexpr std::size_t longest_record = 16 * 1024;
constexpr std::size_t longest_section = 64 * 1024;

// Empty where the file does not have as much.
std::string bytes_at(int fd, std::uint64_t offset, std::uint64_t size) {
  std::string bytes(std::min<std::uint64_t>(size, longest_section), '\0');
  const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  return got == static_cast<ssize_t>(bytes.size()) ? bytes : "";
}

template <class Value>
std::optional<Value> value_at(std::string_view bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Value)) return std::nullopt;
  Value value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The content of an ELF section of this machine's byte order.
template <class Header, class Section>
std::string section(int fd, std::string_view name) {
  const auto header = value_at<Header>(bytes_at(fd, 0, sizeof(Header)), 0);
  if (!header || header->e_shentsize != sizeof(Section)) return "";
  const std::string table = bytes_at(fd, header->e_shoff, std::uint64_t{header->e_shnum} * sizeof(Section));
  const auto at = [&table](std::size_t index) { return value_at<Section>(table, index * sizeof(Section)); };
  const auto names_section = at(header->e_shstrndx);
  if (!names_section) return "";
  const std::string names = bytes_at(fd, names_section->sh_offset, names_section->sh_size);
  for (std::size_t i = 0; i < header->e_shnum; ++i) {
    const auto one = at(i);
    if (!one || one->sh_name >= names.size() || names.c_str() + one->sh_name != name) continue;
    return bytes_at(fd, one->sh_offset, one->sh_size);
  }
  return "";
}

}  // namespace

std::string agent_record_path(const std::string& data_dir) { return data_dir + "/lictor-agent.json"; }

std::optional<BinaryFile> binary_file(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return std::nullopt;
  return BinaryFile{.path = path,
                    .inode = about.st_ino,
                    .size = static_cast<std::uint64_t>(about.st_size),
                    .modified = about.st_mtim.tv_sec * std::int64_t{1'000'000'000} + about.st_mtim.tv_nsec};
}

std::optional<AgentRecord> agent_record(const std::string& data_dir) {
  const auto text = read_file(agent_record_path(data_dir), longest_record);
  return text && *text ? parse_agent_record(**text) : std::nullopt;
}

std::optional<AgentVersion> known_agent_version(const std::string& data_dir, const std::string& path) {
  const auto record = agent_record(data_dir);
  return record && record->binary == binary_file(path) ? parse_agent_version(record->version) : std::nullopt;
}

Result<void> keep_agent_record(const std::string& data_dir, const AgentRecord& record, FileAttributes attributes) {
  attributes.durable = false;
  const auto kept = install_file(agent_record_path(data_dir), format_agent_record(record), attributes);
  if (!kept) return kept.error();
  return {};
}

std::optional<int> go_release_of(const std::string& path) {
  const auto file = open_to_read(path);
  if (!file) return std::nullopt;
  const std::string ident = bytes_at(file->get(), 0, EI_NIDENT);
  if (!ident.starts_with(ELFMAG)) return std::nullopt;
  constexpr std::string_view name = ".go.buildinfo";
  return go_release(ident[EI_CLASS] == ELFCLASS64 ? section<Elf64_Ehdr, Elf64_Shdr>(file->get(), name)
                                                  : section<Elf32_Ehdr, Elf32_Shdr>(file->get(), name));
}

}  // namespace lictor
