#include "agent_config/agent_version.hpp"
#include "agent_config/io/agent_binary.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "temporary_folder.hpp"
#include "test.hpp"

using namespace lictor;

namespace {

void write(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

}  // namespace

TEST_CASE("parse_consul_version: the first line of `consul version`") {
  CHECK(parse_consul_version("Consul v1.8.7\nProtocol 2 spoken by default") == "1.8.7");
  CHECK(parse_consul_version("Consul v1.15.2+ent") == "1.15.2+ent");
  CHECK(parse_consul_version("Consul v1.22.0-dev\nRevision 1234567\n") == "1.22.0-dev");
  for (const char* bad : {"", "Consul", "consul: not found", "Consul version", "Vault v1.2.3"})
    CHECK_FALSE(parse_consul_version(bad).has_value());
}

TEST_CASE("parse_agent_version: numbers, compared as numbers") {
  CHECK(parse_agent_version("1.8.7") == AgentVersion{1, 8, 7});
  CHECK(parse_agent_version("1.21.4+ent") == AgentVersion{1, 21, 4});
  CHECK(parse_agent_version("1.22.0-dev") == AgentVersion{1, 22, 0});
  CHECK(parse_agent_version("2.1") == AgentVersion{2, 1, 0});
  CHECK(parse_agent_version("1.9.1") < parse_agent_version("1.10.0"));
  CHECK(parse_agent_version("1.22.7") < parse_agent_version("2.0.0"));
  for (const char* bad : {"", "v1.8.7", "one", "-1.2.3", "99999999999.1.1", "1..2", "1.x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_agent_version(bad));
  }
}

TEST_CASE("recovery_token_key: the name that the version knows; of an unknown version the one that all take") {
  CHECK(recovery_token_key(AgentVersion{1, 8, 7}) == std::string("agent_master"));
  CHECK(recovery_token_key(AgentVersion{1, 10, 12}) == std::string("agent_master"));
  CHECK(recovery_token_key(AgentVersion{1, 11, 0}) == std::string("agent_recovery"));
  CHECK(recovery_token_key(AgentVersion{2, 0, 0}) == std::string("agent_recovery"));
  CHECK(recovery_token_key(std::nullopt) == std::string("agent_master"));
}

TEST_CASE("agent record: what was written is read, and garbage is nothing") {
  const AgentRecord record{{"/usr/bin/consul", 17, 67974520, 1626566400123456789}, "1.21.4+ent"};
  CHECK(parse_agent_record(format_agent_record(record)) == record);
  for (const char* bad : {"", "null", "[]", "{}", R"({"binary": "/c", "inode": 1, "size": 2, "modified": 3})",
                          R"({"binary": "/c", "inode": 1, "size": 2, "modified": 3, "version": "new"})",
                          R"({"binary": "/c", "inode": "1", "size": 2, "modified": 3, "version": "1.8.7"})",
                          R"({"binary": 1, "inode": 1, "size": 2, "modified": 3, "version": "1.8.7"})"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_agent_record(bad));
  }
}

TEST_CASE("known_agent_version: of the very file of the record, not of one that came in its place") {
  const TemporaryFolder folder;
  const std::string binary = folder / "consul";
  write(binary, "#!/bin/sh\n");
  CHECK_FALSE(known_agent_version(folder.path, binary));
  REQUIRE(keep_agent_record(folder.path, {*binary_file(binary), "1.21.4"}, {.mode = 0644}).has_value());
  CHECK(known_agent_version(folder.path, binary) == AgentVersion{1, 21, 4});
  CHECK_FALSE(known_agent_version(folder.path, folder / "other"));

  SECTION("another file of the same name") {
    write(folder / "new", "#!/bin/sh\n");
    std::filesystem::rename(folder / "new", binary);
    CHECK_FALSE(known_agent_version(folder.path, binary));
  }
  SECTION("written over, of the same length") {
    const timespec times[2] = {{0, UTIME_OMIT}, {1, 0}};
    REQUIRE(utimensat(AT_FDCWD, binary.c_str(), times, 0) == 0);
    CHECK_FALSE(known_agent_version(folder.path, binary));
  }
}

TEST_CASE("go_release: the version in the build information, in either form") {
  const std::string magic = "\xff Go buildinf:";
  const auto inlined = [&](const std::string& version) {
    return magic + std::string("\x08\x02", 2) + std::string(16, '\0') + static_cast<char>(version.size()) + version;
  };
  CHECK(go_release(inlined("go1.18")) == 18);
  CHECK(go_release(inlined("go1.24.5 X:nocoverageredesign")) == 24);
  CHECK(go_release(magic + std::string("\x08\x00", 2) + std::string(32, '\0')) == 17);
  for (const std::string& bad : {std::string(), magic, std::string(64, '\0'), inlined("devel +abc"), inlined("go2"),
                                 magic + std::string("\x08\x02", 2) + std::string(16, '\0') + "\xff",
                                 inlined("go1.18" + std::string(0x80, ' '))})
    CHECK_FALSE(go_release(bad));
}

TEST_CASE("go_release_of: programs that are not Go's, and what is no program") {
  const TemporaryFolder folder;
  CHECK_FALSE(go_release_of("/proc/self/exe"));
  CHECK_FALSE(go_release_of(folder / "missing"));
  for (const std::string& content : {std::string(),
                                     std::string("\x7f"
                                                 "ELF"),
                                     std::string("\x7f"
                                                 "ELF\x02\x01\x01") +
                                         std::string(57, '\xff')}) {
    write(folder / "odd", content);
    CHECK_FALSE(go_release_of(folder / "odd"));
  }
}
