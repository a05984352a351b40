#include "agent_config/kept_files.hpp"

#include "agent_config/io/kept_files.hpp"
#include "files/io/files.hpp"

#include "temporary_folder.hpp"
#include "test.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace lictor;

namespace {

constexpr AgentVersion by_sha256{1, 14, 11}, by_md5{1, 8, 7};
const std::string sha_name(64, 'a');

// What an agent reads in the place of `content`, which is kept under the name of a newer one.
std::string read_by(const AgentVersion& version, const std::string& content) {
  const auto fitting = fit_for(version, {sha_name, content});
  return fitting ? nlohmann::json::parse(fitting->content).dump() : "as it stands";
}

}  // namespace

TEST_CASE("MD5 is that of RFC 1321, at the lengths where its padding changes too", "[kept_files]") {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "0cc175b9c0f1b6a831c399e269772661"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72"},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a"},
      {std::string(55, 'x'), "04364420e25c512fd958a70738aa8f72"},
      {std::string(56, 'x'), "668a72d5ba17f08e62dabcafad6db14b"},
      {std::string(64, 'x'), "c1bb4f81d892b2d57947682aeb252456"},
  };
  for (const auto& [text, digest] : rows) CHECK(md5(text) == digest);
}

TEST_CASE("an older agent reads no key in the strict parts that says nothing", "[kept_files]") {
  const std::vector<std::pair<std::string, std::string>> rows{
      {R"({"Service":{"ID":"web","Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"Tags":null,"Meta":{}}})",
       R"({"Service":{"Connect":{},"ID":"web","Meta":{},"Proxy":{},"Tags":null}})"},
      // What says something stays, and so does what may mean something by being 0 or false, and what is the user's own.
      {R"({"Service":{"ID":"web","Proxy":{"Mode":"direct","A":{"B":{"C":""}},"Config":{"x":""},"P":0,"Q":false}}})",
       R"({"Service":{"ID":"web","Proxy":{"Config":{"x":""},"Mode":"direct","P":0,"Q":false}}})"},
      {R"({"Service":{"ID":"p","Proxy":{"Upstreams":[{"DestinationName":"db","DestinationPeer":""}]}}})",
       R"({"Service":{"ID":"p","Proxy":{"Upstreams":[{"DestinationName":"db"}]}}})"},
      {R"({"Check":{"CheckID":"c","Output":""},"ChkType":{"HTTP":"http://x","H2PING":"","TCPUseTLS":false,"TTL":0,"Header":null}})",
       R"({"Check":{"CheckID":"c","Output":""},"ChkType":{"HTTP":"http://x"}})"},
      {R"({"Check":{"CheckID":"c"},"ChkType":{"TTL":15000000000}})", "as it stands"},
      {R"({"Check":{"CheckID":"_node_maintenance"},"ChkType":null})", "as it stands"},
      {R"({"Service":{"ID":"web","Port":80}})", "as it stands"},
      {R"({"CheckID":"c","Output":"","Status":"passing","Expires":1})", "as it stands"},
      // What is no such file is nobody's to change.
      {R"({"Service":{"Proxy":{"Mode":""}}})", "as it stands"},
      {R"({"Service":{"ID":7,"Proxy":{"Mode":""}}})", "as it stands"},
      {R"({"Service":[],"Check":"","CheckID":null,"ChkType":{"TTL":0}})", "as it stands"},
      {R"(["Service"])", "as it stands"},
      {R"({"Service":{"ID":"web","Proxy":{"Mode":"")", "as it stands"},
      {"", "as it stands"},
  };
  for (const auto& [content, wanted] : rows) {
    INFO(content);
    CHECK(read_by(by_sha256, content) == wanted);
  }
}

TEST_CASE("an agent that finds files by MD5 finds those of a newer one", "[kept_files]") {
  const std::string service = R"({"Service":{"ID":"web"}})", check = R"({"Check":{"CheckID":"c"}})",
                    state = R"({"CheckID":"c"})";
  for (const auto& [content, id] :
       std::vector<std::pair<std::string, std::string>>{{service, "web"}, {check, "c"}, {state, "c"}}) {
    CHECK(fit_for(by_md5, {sha_name, content}) == KeptFile{md5(id), content});
    CHECK_FALSE(fit_for(by_md5, {md5(id), content}));
    CHECK_FALSE(fit_for(by_sha256, {sha_name, content}));
  }
  for (const auto& [version, md5_named] : std::vector<std::pair<AgentVersion, bool>>{{{1, 9, 10}, true},
                                                                                     {{1, 9, 11}, false},
                                                                                     {{1, 10, 0}, true},
                                                                                     {{1, 10, 3}, true},
                                                                                     {{1, 10, 4}, false},
                                                                                     {{1, 11, 0}, false}})
    CHECK(fit_for(version, {sha_name, service}).has_value() == md5_named);
}

TEST_CASE("what a newer agent has kept is there for an older one, once, and nothing else is touched", "[kept_files]") {
  const TemporaryFolder folder;
  const std::string data = folder.path;
  std::filesystem::create_directories(data + "/checks/state");
  std::filesystem::create_directories(data + "/services");
  const auto put = [&](const std::string& name, const std::string& content) { std::ofstream(data + name) << content; };
  const std::string web = R"({"Service":{"ID":"web","Proxy":{"Mode":""}},"Token":"t"})",
                    odd = R"({"Service":{"Port":1}})";
  put("/services/" + sha_name, web);
  put("/services/" + md5("web"), R"({"Service":{"ID":"web","Port":1}})");  // left over from before the upgrade
  put("/services/odd", odd);
  put("/services/1-tmp", web);
  put("/checks/" + sha_name, R"({"Check":{"CheckID":"c"},"ChkType":{"TTL":5,"UDP":""}})");
  put("/checks/state/" + sha_name, R"({"CheckID":"c","Status":"passing"})");
  const auto there = [&] {
    std::set<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
      if (!entry.is_directory()) files.insert(entry.path().string().substr(data.size()));
    }
    return files;
  };
  for (int time = 0; time < 2; ++time) {
    REQUIRE(fit_kept_files(data, by_md5).has_value());
    CHECK(there() == std::set<std::string>{"/services/" + md5("web"), "/services/odd", "/services/1-tmp",
                                           "/checks/" + md5("c"), "/checks/state/" + md5("c")});
    CHECK(content_of(data + "/services/" + md5("web")) == R"({"Service":{"ID":"web","Proxy":{}},"Token":"t"})");
    CHECK(content_of(data + "/checks/" + md5("c")) == R"({"Check":{"CheckID":"c"},"ChkType":{"TTL":5}})");
    CHECK(content_of(data + "/services/odd") == odd);
    CHECK(content_of(data + "/services/1-tmp") == web);
  }
  CHECK(fit_kept_files(data + "/nowhere", by_md5).has_value());
}
