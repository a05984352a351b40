#include "identity/identity.hpp"

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "test.hpp"

using namespace lictor;

namespace {

const std::string configured_id = "11111111-1111-4111-8111-111111111111";
const std::string stored_id = "22222222-2222-4222-8222-222222222222";
const std::string file_id = "33333333-3333-4333-8333-333333333333";
const std::string fresh_id = "44444444-4444-4444-8444-444444444444";
const std::string machine = "00112233445566778899aabbccddeeff";
const std::string other_machine = "ffeeddccbbaa99887766554433221100";
const std::string before = "2024-01-01T00:00:00Z";
const std::string now = "2024-06-01T12:00:00Z";

Identity stored_identity() { return {stored_id, "n1", "10.0.0.5", machine, before}; }

// A second start on a host where nothing has changed.
IdentityInput unchanged() {
  IdentityInput in;
  in.stored_text = format_identity(stored_identity());
  in.node_id_text = stored_id;
  in.host_name = "n1";
  in.address = "10.0.0.5";
  in.machine = machine;
  in.fresh_id = fresh_id;
  in.now = now;
  return in;
}

}  // namespace

// Every combination of what may be found, against the rules of the header spelled out once more as questions.
TEST_CASE("settle_identity: every combination has the verdict that the rules give") {
  enum State { absent, same, different, garbage };
  int rows = 0;
  for (const State configured : {absent, same, different, garbage})
    for (const State stored : {absent, same, garbage})
      for (const State node_id : {absent, same, different, garbage})
        for (const State host_machine : {absent, same, different})
          for (const State stored_machine : {absent, same})
            for (const State name : {same, different})
              for (const State configured_name : {absent, same, different})
                for (const State address : {same, different})
                  for (const bool keep : {false, true})
                    for (const bool refuse : {false, true}) {
                      ++rows;
                      CAPTURE(configured, stored, node_id, host_machine, stored_machine, name, configured_name, address,
                              keep, refuse);
                      IdentityInput in = unchanged();
                      if (configured != absent) {
                        in.configured_id = configured == same        ? stored_id
                                           : configured == different ? configured_id
                                                                     : "not-an-id";
                      }
                      Identity record = stored_identity();
                      if (stored_machine == absent) record.machine = "";
                      in.stored_text.reset();
                      if (stored == same) in.stored_text = format_identity(record);
                      if (stored == garbage) in.stored_text = "{\"id\": \"" + stored_id;
                      in.node_id_text.reset();
                      if (node_id == same) in.node_id_text = stored_id;
                      if (node_id == different) in.node_id_text = file_id;
                      if (node_id == garbage) in.node_id_text = stored_id.substr(0, 20);
                      in.machine = host_machine == absent ? "" : host_machine == same ? machine : other_machine;
                      in.host_name = name == same ? "n1" : "n2";
                      if (configured_name != absent) in.configured_name = configured_name == same ? "n1" : "n3";
                      in.address = address == same ? "10.0.0.5" : "10.0.0.6";
                      in.keep_name = keep;
                      in.refuse_clone = refuse;

                      const bool has_record = stored == same;
                      const bool from_elsewhere = has_record && stored_machine == same && host_machine == different;
                      const auto verdict = settle_identity(in);
                      const bool refused = configured == garbage || (from_elsewhere && refuse);
                      REQUIRE(verdict.has_error() == refused);
                      if (refused) {
                        CHECK(verdict.error().exit == Exit::config);
                        CHECK_FALSE(verdict.error().hint.empty());
                        continue;
                      }

                      // The name: settings, record if it is to be kept, host.
                      std::string node = in.host_name;
                      if (keep && has_record && !from_elsewhere) node = "n1";
                      if (configured_name == same) node = "n1";
                      if (configured_name == different) node = "n3";
                      CHECK(verdict->identity.name == node);
                      CHECK(verdict->name_origin == (configured_name != absent               ? "node.name"
                                                     : keep && has_record && !from_elsewhere ? "stored"
                                                                                             : "host name"));
                      const bool renamed = has_record && !from_elsewhere && node != "n1";
                      CHECK(verdict->former_name.has_value() == renamed);
                      if (renamed) CHECK(verdict->former_name == "n1");

                      // The id: settings, new under a new name, record, node-id, new; of another machine's directory nothing.
                      std::string id = fresh_id;
                      if (!from_elsewhere && node_id == different) id = file_id;
                      if (!from_elsewhere && node_id == same) id = stored_id;
                      if (!from_elsewhere && has_record) id = stored_id;
                      if (renamed) id = fresh_id;
                      if (configured == same) id = stored_id;
                      if (configured == different) id = configured_id;
                      CHECK(verdict->identity.id == id);
                      CHECK(verdict->id_origin == (configured != absent            ? "agent settings"
                                                   : id == fresh_id                ? "new"
                                                   : has_record && !from_elsewhere ? "lictor-identity.json"
                                                                                   : "node-id"));
                      CHECK(verdict->cloned == (from_elsewhere && configured == absent));

                      // The record's date moves with what it says.
                      const bool machine_news = in.machine != record.machine && !in.machine.empty();
                      const bool up_to_date =
                          has_record && id == stored_id && node == "n1" && address == same && !machine_news;
                      CHECK(verdict->identity.when == (up_to_date ? before : now));
                      CHECK(verdict->identity.address == in.address);
                      CHECK(verdict->identity.machine ==
                            (in.machine.empty() && has_record ? record.machine : in.machine));

                      // Told: what was broken, and a node-id that contradicts the record.
                      const bool told =
                          !from_elsewhere && (stored == garbage || node_id == garbage ||
                                              (node_id == different && has_record && configured == absent && !renamed));
                      CHECK(verdict->mended.has_value() == told);
                    }
  CHECK(rows >= 100);
}

TEST_CASE("a second start is the same node, also after node-id was written in Consul's other spellings") {
  for (const std::string& text : {stored_id, stored_id + "\n", " " + stored_id + "\r\n"}) {
    CAPTURE(text);
    IdentityInput in = unchanged();
    in.node_id_text = text;
    const auto verdict = settle_identity(in);
    REQUIRE(verdict.has_value());
    CHECK_FALSE(verdict->mended);
    CHECK(verdict->identity == stored_identity());
  }
  IdentityInput in = unchanged();
  in.stored_text.reset();
  in.node_id_text = "ABCDEFAB-CDEF-4BCD-8FAB-CDEFABCDEFAB\n";
  const auto verdict = settle_identity(in);
  REQUIRE(verdict.has_value());
  CHECK(verdict->identity.id == "abcdefab-cdef-4bcd-8fab-cdefabcdefab");
}

TEST_CASE("an address change alone is an update of the record and of nothing else") {
  IdentityInput in = unchanged();
  in.address = "10.0.0.6";
  const auto verdict = settle_identity(in);
  REQUIRE(verdict.has_value());
  CHECK_FALSE(verdict->mended);
  CHECK_FALSE(verdict->former_name);
  CHECK(verdict->identity == Identity{stored_id, "n1", "10.0.0.6", machine, now, {}});
}

TEST_CASE("what was mended is said in one line with its source") {
  struct Row {
    const char* node_id;
    const char* stored;  // nullptr: the good record
    std::vector<std::string> said;
  };
  const std::vector<Row> rows = {
      {"", nullptr, {"node-id was empty", stored_id, "lictor-identity.json"}},
      {"\n", nullptr, {"node-id was empty"}},
      {"junk", nullptr, {"node-id was no UUID", stored_id, "lictor-identity.json"}},
      {file_id.c_str(), nullptr, {"node-id said " + file_id, stored_id, "lictor-identity.json"}},
      {file_id.c_str(), "{", {"lictor-identity.json was unreadable", file_id, "from node-id"}},
      {"junk", "{", {"lictor-identity.json was unreadable", "node-id was no UUID", fresh_id, "new"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.node_id);
    IdentityInput in = unchanged();
    in.node_id_text = row.node_id;
    if (row.stored) in.stored_text = row.stored;
    const auto verdict = settle_identity(in);
    REQUIRE(verdict.has_value());
    REQUIRE(verdict->mended.has_value());
    CHECK(verdict->mended->find('\n') == std::string::npos);
    for (const auto& part : row.said) {
      CAPTURE(*verdict->mended, part);
      CHECK(verdict->mended->find(part) != std::string::npos);
    }
  }
}

TEST_CASE("empty settings count as absent") {
  IdentityInput in = unchanged();
  in.configured_id = "";
  in.configured_name = "";
  const auto verdict = settle_identity(in);
  REQUIRE(verdict.has_value());
  CHECK(verdict->identity == stored_identity());
  CHECK(verdict->name_origin == "host name");
}

TEST_CASE("what stands for a name that is yet to come names no node") {
  for (const char* placeholder :
       {"", "localhost", "localhost.localdomain", "localhost.example.com", "LOCALHOST", "(none)"}) {
    CAPTURE(placeholder);
    CHECK_FALSE(own_host_name(placeholder));
    IdentityInput in = unchanged();
    in.host_name = placeholder;
    const auto kept = settle_identity(in);
    REQUIRE(kept.has_value());
    CHECK(kept->identity == stored_identity());
    CHECK(kept->name_origin == "stored");
    CHECK_FALSE(kept->former_name);

    // Nothing stored, or only what another machine has left.
    IdentityInput other = in;
    other.machine = other_machine;
    in.stored_text.reset();
    for (const IdentityInput& none : {in, other}) {
      const auto waits = settle_identity(none);
      REQUIRE(waits.has_error());
      CHECK(waits.error().what == "node.name");
      CHECK(waits.error().exit == Exit::retry);
    }
    in.configured_name = "n7";
    CHECK(settle_identity(in)->identity.name == "n7");
  }
  for (const char* name : {"ubuntu", "debian", "localhost1", "my-localhost", "ip-10-0-0-5", "none"}) {
    CAPTURE(name);
    CHECK(own_host_name(name));
  }
}

TEST_CASE("a short name and its fully qualified form are one host") {
  struct Row {
    const char *stored, *host, *name;
  };
  for (const Row& row : {Row{"web1", "web1.example.com", "web1"}, Row{"web1.example.com", "web1", "web1.example.com"},
                         Row{"web1", "web1", "web1"}, Row{"web1", "web10.example.com", "web10.example.com"},
                         Row{"web1.example.com", "web1.example.org", "web1.example.org"},
                         Row{"web1.example.com", "web1.example", "web1.example"}}) {
    CAPTURE(row.stored, row.host);
    IdentityInput in = unchanged();
    Identity stored = stored_identity();
    stored.name = row.stored;
    in.stored_text = format_identity(stored);
    in.host_name = row.host;
    const auto verdict = settle_identity(in);
    REQUIRE(verdict.has_value());
    CHECK(verdict->identity.name == row.name);
    CHECK((verdict->identity.id == stored_id) == (verdict->identity.name == row.stored));
  }
}

TEST_CASE("a host name that no JSON can hold is refused, and does not matter where a name is set") {
  IdentityInput input;
  input.host_name = "caf\xe9";
  input.fresh_id = "6d5a6f80-1111-4222-8333-444455556666";
  REQUIRE(settle_identity(input).has_error());
  CHECK(settle_identity(input).error().what == "node.name");
  input.configured_name = "cafe";
  CHECK(settle_identity(input).has_value());
}

TEST_CASE("the identity record reads back, and anything less is garbage") {
  const Identity full = stored_identity();
  CHECK(parse_identity(format_identity(full)) == full);
  const Identity quoted{stored_id, "a \"b\" \\ \xc3\xa9", "fd00::5", "", before};
  CHECK(parse_identity(format_identity(quoted)) == quoted);
  const Identity bytes{stored_id, "n\xff", "10.0.0.5", "", before};
  REQUIRE(parse_identity(format_identity(bytes)));
  CHECK(parse_identity(format_identity(bytes))->id == stored_id);

  auto upper = nlohmann::json::parse(format_identity(full));
  upper["id"] = "ABCDEFAB-CDEF-4BCD-8FAB-CDEFABCDEFAB";
  upper["later"] = "a key of a later version";
  REQUIRE(parse_identity(upper.dump()));
  CHECK(parse_identity(upper.dump())->id == "abcdefab-cdef-4bcd-8fab-cdefabcdefab");

  std::vector<std::string> bad = {
      "", " ", "null", "[]", "\"x\"", "{}", "{", "\xff\xfe", std::string(4, '\0'), std::string(100000, '[')};
  const std::string text = format_identity(full);
  for (std::size_t n = 0; n + 2 < text.size(); ++n) bad.push_back(text.substr(0, n));
  for (const char* key : {"id", "name", "address", "machine", "when"}) {
    auto without = nlohmann::json::parse(text);
    without.erase(key);
    bad.push_back(without.dump());
    auto wrong = nlohmann::json::parse(text);
    wrong[key] = 5;
    bad.push_back(wrong.dump());
  }
  auto nameless = nlohmann::json::parse(text);
  nameless["name"] = "";
  bad.push_back(nameless.dump());
  for (const auto& b : bad) {
    CAPTURE(b.substr(0, 200));
    CHECK_FALSE(parse_identity(b));
  }
}

TEST_CASE("UUIDs as Consul takes them") {
  CHECK(parse_uuid(stored_id) == stored_id);
  CHECK(parse_uuid(" \t" + stored_id + " \r\n") == stored_id);
  CHECK(parse_uuid("ABCDEFAB-CDEF-4BCD-8FAB-CDEFABCDEFAB") == "abcdefab-cdef-4bcd-8fab-cdefabcdefab");
  for (const std::string& bad :
       {std::string(), std::string("x"), stored_id.substr(1), stored_id + "0", "{" + stored_id + "}",
        "g" + stored_id.substr(1), std::string("222222222222-2222-4222-8222-22222222"),
        std::string("22222222222242228222222222222222"), stored_id + "\n" + stored_id,
        stored_id.substr(0, 18) + std::string(18, '\0')}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_uuid(bad));
  }
}

TEST_CASE("make_uuid sets version 4 and RFC 4122's variant and keeps every other bit") {
  const unsigned char zeros[16] = {};
  CHECK(make_uuid(zeros) == "00000000-0000-4000-8000-000000000000");
  unsigned char ones[16];
  for (auto& b : ones) b = 0xff;
  CHECK(make_uuid(ones) == "ffffffff-ffff-4fff-bfff-ffffffffffff");
  unsigned char counting[16];
  for (unsigned char i = 0; i < 16; ++i) counting[i] = static_cast<unsigned char>(i * 0x11);
  CHECK(make_uuid(counting) == "00112233-4455-4677-8899-aabbccddeeff");
  CHECK(parse_uuid(make_uuid(counting)));
}

TEST_CASE("a twin at the stored address makes the directory a copy, whatever machine id and host name say") {
  IdentityInput in = unchanged();
  in.address = "10.0.0.9";
  SECTION("nobody answers at the old address: the node has moved") {
    const auto verdict = settle_identity(in);
    REQUIRE(verdict.has_value());
    CHECK(verdict->identity.id == stored_id);
    CHECK_FALSE(verdict->cloned);
    CHECK(verdict->former_address == "10.0.0.5");
  }
  in.twin = "10.0.0.5";
  SECTION("a node of the stored name does") {
    const auto verdict = settle_identity(in);
    REQUIRE(verdict.has_value());
    CHECK(verdict->identity.id == fresh_id);
    CHECK(verdict->identity.name == "n1");  // the host's
    CHECK(verdict->cloned);
    CHECK(verdict->twin == "10.0.0.5");
    CHECK(verdict->former_address.empty());
  }
  SECTION("and copies are refused") {
    in.refuse_clone = true;
    const auto verdict = settle_identity(in);
    REQUIRE_FALSE(verdict.has_value());
    CHECK(verdict.error().why.find("alive at 10.0.0.5") != std::string::npos);
  }
  SECTION("at this node's own address it is this node") {
    in.address = "10.0.0.5";
    const auto verdict = settle_identity(in);
    REQUIRE(verdict.has_value());
    CHECK(verdict->identity.id == stored_id);
  }
}

TEST_CASE("what the node has been is kept, the last eight, and comes back from the record") {
  IdentityInput in;
  in.machine = machine;
  in.address = "10.0.0.5";
  in.now = now;
  std::vector<FormerSelf> expected;
  for (int i = 0; i < 11; ++i) {
    in.host_name = "h" + std::to_string(i);
    in.fresh_id = "77777777-7777-4777-8777-7777777777" + std::to_string(10 + i);
    const auto verdict = settle_identity(in);
    REQUIRE(verdict.has_value());
    if (expected.size() > former_selves) expected.erase(expected.begin());
    CHECK((verdict->identity.former == expected));
    expected.push_back({verdict->identity.name, verdict->identity.id});
    in.stored_text = format_identity(verdict->identity);
    CHECK((parse_identity(*in.stored_text) == verdict->identity));
  }
  // A start under the same name adds nothing, one under a former name does.
  CHECK(settle_identity(in)->identity.former.size() == former_selves);
  in.host_name = "h9";
  CHECK((settle_identity(in)->identity.former.back() == expected.back()));
  // The record of another machine is none of this node's past.
  in.machine = "ffeeddccbbaa99887766554433221100";
  CHECK(settle_identity(in)->identity.former.empty());
}

TEST_CASE("what is no former self in a record is passed over") {
  const std::string id = "22222222-2222-4222-8222-222222222222";
  const auto with = [&id](const std::string& former) {
    return parse_identity(R"({"id": ")" + id +
                          R"(", "name": "n", "address": "", "machine": "", "when": "", "former": )" + former + "}");
  };
  const auto read =
      with(R"([1, {}, {"name": ""}, {"name": "a", "id": "no UUID"}, {"name": "b", "id": ")" + id + R"("}])");
  REQUIRE(read.has_value());
  CHECK((read->former == std::vector<FormerSelf>{{"a", ""}, {"b", id}}));
  for (const char* none : {"7", "null", "{}", "\"text\"", "[]"}) CHECK(with(none)->former.empty());
}

TEST_CASE("what was said and is left to a default now takes no node elsewhere") {
  IdentityInput in = unchanged();
  Identity record = stored_identity();
  record.datacenter = "prod";
  record.settings_in = {"/etc/lictor/lictor.json"};
  in.stored_text = format_identity(record);
  REQUIRE(parse_identity(*in.stored_text) == record);

  SECTION("the datacenter") {
    const auto refused = settle_identity(in);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().exit == Exit::config);
    CHECK(refused.error().what == "datacenter");
    CHECK(refused.error().why == "was prod, and nothing says so any more; by default it would be dc1");
    in.gone = record.settings_in;
    CHECK(settle_identity(in).error().hint ==
          "put back what is gone (/etc/lictor/lictor.json), or set datacenter to what is meant");
  }
  SECTION("one that is named, the default too, counts, in any case") {
    for (const char* datacenter : {"dc1", "dc2", "PROD"}) {
      in.datacenter = datacenter;
      const auto settled = settle_identity(in);
      REQUIRE(settled.has_value());
      CHECK(settled->identity.datacenter == (datacenter == std::string("dc1") ? "" : lower(datacenter)));
      CHECK((settled->identity.when == before) == false);  // settings_in is another, too
    }
  }
  SECTION("the name, where settings are gone") {
    in.datacenter = "prod";
    in.host_name = "n2";
    CHECK(settle_identity(in)->identity.name == "n2");
    in.gone = record.settings_in;
    const auto refused = settle_identity(in);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().what == "node.name");
    in.configured_name = "n3";
    CHECK(settle_identity(in)->identity.name == "n3");
    in.configured_name.reset();
    in.keep_name = true;
    CHECK(settle_identity(in)->identity.name == "n1");
  }
  SECTION("what another machine left behind says nothing") {
    in.machine = other_machine;
    in.gone = record.settings_in;
    in.host_name = "n2";
    CHECK(settle_identity(in).has_value());
  }
}
