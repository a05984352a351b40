#include "agent_config/io/agent_checks.hpp"

#include "temporary_folder.hpp"
#include "test.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

using namespace lictor;
namespace fs = std::filesystem;

TEST_CASE("some checks that an agent has kept are gone, but for those whose state it kept, and nothing else") {
  const TemporaryFolder folder;
  const std::string data = folder.path;
  fs::create_directories(data + "/checks/state");
  fs::create_directories(data + "/services");
  const auto put = [&](const std::string& name, const std::string& content) { std::ofstream(data + name) << content; };
  put("/checks/1f", R"({"Check": {"CheckID": "service:web", "Status": "passing"}, "Token": "t"})");
  put("/checks/2f", R"({"Check": {"CheckID": "service:web2"}})");
  put("/checks/3f", R"({"Check": {"CheckID": 7}})");
  put("/checks/4f.tmp", R"({"Check": {"Che)");
  put("/checks/5f", R"(["service:web"])");
  put("/checks/8f", R"({"Check": {"CheckID": "ttl", "Status": "passing"}})");
  put("/checks/state/8f", R"({"CheckID": "ttl", "Status": "critical", "Expires": 1})");
  put("/checks/state/2f", R"({"CheckID": "service:web2", "Status": "passing"})");
  put("/services/1f", R"({"Service": {"ID": "web"}, "CheckID": "service:web"})");
  put("/elsewhere", R"({"Check": {"CheckID": "service:web"}})");
  fs::create_symlink("../elsewhere", data + "/checks/6f");
  REQUIRE(::mkfifo((data + "/checks/7f").c_str(), 0600) == 0);

  const auto there = [&] {
    std::set<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(data)) {
      if (!entry.is_directory()) files.insert(entry.path().string().substr(data.size()));
    }
    return files;
  };
  auto expected = there();
  forget_kept_checks(data, {});
  forget_kept_checks(data, {"service:other", "7", ""});
  CHECK(there() == expected);
  forget_kept_checks(data, {"service:web", "service:other", "ttl"});
  // Of the link the link alone.
  for (const char* gone : {"/checks/1f", "/checks/6f"}) expected.erase(gone);
  CHECK(there() == expected);
}

TEST_CASE("where no agent has been there are no checks to forget") {
  const TemporaryFolder folder;
  forget_kept_checks(folder.path, {"service:web"});
  forget_kept_checks(folder.path + "/none", {"service:web"});
  CHECK(fs::is_empty(folder.path));
}
