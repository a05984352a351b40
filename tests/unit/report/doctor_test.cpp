// What the doctor finds, and how it is told.
#include "report/doctor.hpp"

#include <algorithm>
#include <set>

#include "test.hpp"

using namespace lictor;
using std::chrono::seconds;

namespace {

const std::string own_id = "11111111-1111-4111-8111-111111111111";
const std::string other_id = "22222222-2222-4222-8222-222222222222";

Member member(const std::string& name, const std::string& address, MemberStatus status = MemberStatus::alive,
              const std::string& id = "") {
  return {.name = name,
          .id = id.empty() ? name : id,
          .address = address,
          .status = status,
          .version = "",
          .server = false,
          .port = 8301};
}

// A node of a cluster in which all is well.
DoctorFacts healthy() {
  DoctorFacts facts;
  facts.node = NodeKey{"n1", own_id, "10.0.0.5"};
  facts.identity.emplace();
  facts.identity->identity.id = own_id;
  facts.running_id = own_id;
  facts.serf_bound = true;
  facts.running_address = "10.0.0.5";
  facts.chosen = BindAddress{"10.0.0.5", "eth0", "eth0, by bind.interface eth*", std::nullopt};
  facts.chosen_afresh = *facts.chosen;
  facts.agent_runs = true;
  facts.limits = {.open_files = 1024, .open_files_hard = 4096, .memory = 256 << 20, .processes = 100};
  facts.binary_version = facts.running_version = "1.8.7";
  facts.stop_timeout = seconds(25);
  facts.grace = Grace{seconds(30), "LICTOR_GRACE"};
  facts.clock_ahead = seconds(-1);
  facts.members = {member("n1", "10.0.0.5", MemberStatus::alive, own_id), member("server", "10.0.0.1"),
                   member("n2", "10.0.0.6")};
  facts.catalog = {{"n1", own_id, "10.0.0.5"}, {"server", "server", "10.0.0.1"}, {"n2", "n2", "10.0.0.6"}};
  return facts;
}

// "check severity" of each finding.
std::vector<std::string> found(const DoctorReport& report) {
  std::vector<std::string> out;
  for (const Finding& f : report.findings) out.push_back(f.check + " " + to_string(f.severity));
  return out;
}

}  // namespace

TEST_CASE("diagnose: a healthy node has no findings, and every check was made") {
  const DoctorReport report = diagnose(healthy());
  CHECK(found(report).empty());
  CHECK(report.not_looked_at.empty());
  CHECK(report.looked_at.size() == 21);
}

TEST_CASE("diagnose: what is wrong is found, once, and says what mends it") {
  struct Row {
    const char* what;
    void (*change)(DoctorFacts&);
    std::vector<std::string> expected;
    std::vector<std::string> words;  // in the findings
  };
  const std::vector<Row> rows{
      {"the binary is missing",
       [](DoctorFacts& f) {
         f.problems = {Problem{"consul", "not found on PATH", "install it", Exit::not_found}};
       },
       {"settings error"},
       {"not found on PATH", "install it"}},
      {"node-id was mended",
       [](DoctorFacts& f) { f.identity->mended = "node-id was empty"; },
       {"identity warning"},
       {"node-id was empty"}},
      {"copied data directory",
       [](DoctorFacts& f) { f.identity->cloned = true; },
       {"identity warning"},
       {"another machine"}},
      {"renamed host", [](DoctorFacts& f) { f.identity->former_name = "n0"; }, {"identity warning"}, {"n0"}},
      {"data directory changed under the agent",
       [](DoctorFacts& f) { f.identity->identity.id = other_id; },
       {"identity error"},
       {own_id, other_id}},
      {"data directory emptied under the agent",
       [](DoctorFacts& f) {
         f.identity->identity.id = other_id;
         f.identity->id_origin = "new";
       },
       {"identity error"},
       {own_id, "no id any more"}},
      {"dead name at our address: one finding, not one for each way to see it",
       [](DoctorFacts& f) {
         f.node->former = {{"n0", ""}};
         f.members->push_back(member("n0", "10.0.0.5", MemberStatus::failed));
         f.catalog->push_back({"n0", "n0", "10.0.0.5"});
       },
       {"claims warning"},
       {"consul force-leave -prune n0", "node n0"}},
      {"entry at our address without a member",
       [](DoctorFacts& f) {
         f.node->former = {{"n0", ""}};
         f.catalog->push_back({"n0", "", "10.0.0.5"});
       },
       {"claims warning"},
       {"/v1/catalog/deregister", "{\"Node\": \"n0\"}"}},
      {"dead name at our address that this node has never had",
       [](DoctorFacts& f) { f.members->push_back(member("n0", "10.0.0.5", MemberStatus::failed)); },
       {"claims warning", "member-without-entry warning"},
       {"find out whose it is", "consul force-leave -prune n0"}},
      {"a node of consul-k8s at our address",
       [](DoctorFacts& f) {
         f.catalog->push_back({"pods", "", "10.0.0.5"});
         f.catalog->back().synthetic = true;
       },
       {"claims warning"},
       {"leave it", "consul-k8s"}},
      {"an agent beside ours",
       [](DoctorFacts& f) {
         f.members->push_back(member("beside", "10.0.0.5"));
         f.members->back().port = 8311;
         f.catalog->push_back({"beside", "beside", "10.0.0.5"});
       },
       {},
       {}},
      {"living name at our address",
       [](DoctorFacts& f) { f.members->push_back(member("n3", "10.0.0.5")); },
       {"claims error", "member-without-entry warning"},
       {"n3"}},
      {"our name elsewhere",
       [](DoctorFacts& f) {
         f.catalog->at(0) = {"n1", other_id, "10.0.0.9"};
       },
       {"claims error"},
       {"10.0.0.9", "node.name"}},
      {"our id elsewhere",
       [](DoctorFacts& f) {
         f.members->at(2).id = own_id;
         f.catalog->at(2).id = own_id;
       },
       {"claims error"},
       {"n2", "lictor-identity.json"}},
      {"serf has shut down",
       [](DoctorFacts& f) {
         f.serf_bound = false;
         f.serf_address = "10.0.0.5:8301";
       },
       {"serf error"},
       {"UDP 10.0.0.5:8301"}},
      {"another address would be chosen",
       [](DoctorFacts& f) { f.chosen->address = "10.0.0.7"; },
       {"address warning"},
       {"10.0.0.5", "10.0.0.7", "by bind.interface eth*", "SIGUSR2"}},
      {"another address would be chosen if the stored one were lost",
       [](DoctorFacts& f) {
         f.chosen_afresh = BindAddress{"10.1.0.5", "eth1", "eth1, by bind.interface eth* and the default route", {}};
       },
       {"address warning"},
       {"10.0.0.5", "10.1.0.5 (eth1, by bind.interface eth* and the default route)", "bind.interface", "bind.cidr",
        "10.0.0.5/32"}},
      {"none would be chosen if the stored one were lost",
       [](DoctorFacts& f) {
         f.chosen_afresh = Problem{"bind.interface", "eth* matches 2 usable addresses", "set bind.cidr", Exit::retry};
       },
       {"address warning"},
       {"10.0.0.5", "choose none: eth* matches 2 usable addresses", "10.0.0.5/32"}},
      {"data directory on tmpfs", [](DoctorFacts& f) { f.fleeting = "/data: tmpfs"; }, {"storage warning"}, {"tmpfs"}},
      {"data directory full",
       [](DoctorFacts& f) {
         f.data_dir = Problem{"/data", "no space", "free some", Exit::retry};
       },
       {"storage error"},
       {"/data: no space", "free some"}},
      {"a port is taken",
       [](DoctorFacts& f) {
         f.taken = {{{"ports.dns", Protocol::udp, "127.0.0.1", 8600}, "named (pid 7)"}};
       },
       {"ports error"},
       {"ports.dns: UDP 127.0.0.1:8600 is taken by named (pid 7)", "agent.config ports.dns"}},
      {"few files", [](DoctorFacts& f) { f.limits.open_files = 1023; }, {"limits warning"}, {"1023", "LimitNOFILE"}},
      {"too few files", [](DoctorFacts& f) { f.limits.open_files = 219; }, {"limits error"}, {"219"}},
      {"few files, which the agent raises itself",
       [](DoctorFacts& f) {
         f.limits.open_files = 128;
         f.limits.open_files_hard = 4096;
         f.go_release = 19;
       },
       {},
       {}},
      {"few files, and an agent that raises nothing",
       [](DoctorFacts& f) {
         f.limits.open_files = 128;
         f.limits.open_files_hard = 4096;
         f.go_release = 18;
       },
       {"limits error"},
       {"128"}},
      {"too few files whatever it raises",
       [](DoctorFacts& f) {
         f.limits.open_files = 128;
         f.limits.open_files_hard = 200;
         f.go_release = 24;
       },
       {"limits error"},
       {"200"}},
      {"just enough to start", [](DoctorFacts& f) { f.limits.open_files = 220; }, {"limits warning"}, {}},
      {"little memory", [](DoctorFacts& f) { f.limits.memory = (128 << 20) - 1; }, {"limits warning"}, {"127 MiB"}},
      {"enough memory", [](DoctorFacts& f) { f.limits.memory = 128 << 20; }, {}, {}},
      {"few processes", [](DoctorFacts& f) { f.limits.processes = 63; }, {"limits warning"}, {"63"}},
      {"no limits", [](DoctorFacts& f) { f.limits = {}; }, {}, {}},
      {"old Consul",
       [](DoctorFacts& f) { f.binary_version = f.running_version = "1.7.9"; },
       {"version warning"},
       {"1.7.9"}},
      {"1.10 is later than 1.8", [](DoctorFacts& f) { f.binary_version = f.running_version = "1.10.0+ent"; }, {}, {}},
      {"2.0 is later than 1.8", [](DoctorFacts& f) { f.binary_version = f.running_version = "2.0.0"; }, {}, {}},
      {"upgraded on disk", [](DoctorFacts& f) { f.binary_version = "1.9.1"; }, {"version warning"}, {"1.8.7", "1.9.1"}},
      {"the same numbers", [](DoctorFacts& f) { f.binary_version = "1.8.7+ent"; }, {}, {}},
      {"grace as long as stop.timeout",
       [](DoctorFacts& f) { f.grace->limit = seconds(25); },
       {"grace warning"},
       {"25s", "LICTOR_GRACE", "terminationGracePeriodSeconds"}},
      {"grace just longer", [](DoctorFacts& f) { f.grace->limit = seconds(26); }, {}, {}},
      {"grace that is no duration",
       [](DoctorFacts& f) {
         f.grace.reset();
         f.bad_grace = "soon";
       },
       {"grace warning"},
       {"soon"}},
      {"nobody would tell why it stops",
       [](DoctorFacts& f) { f.untold = "Kubernetes does not tell why: HTTP 403"; },
       {"stop-policy warning"},
       {"HTTP 403", "stop.policy is auto", "upgrade"}},
      {"clock behind", [](DoctorFacts& f) { f.clock_ahead = seconds(-11); }, {"clock warning"}, {"11s behind"}},
      {"clock ahead", [](DoctorFacts& f) { f.clock_ahead = seconds(3600); }, {"clock warning"}, {"1h ahead"}},
      {"clock near enough", [](DoctorFacts& f) { f.clock_ahead = seconds(10); }, {}, {}},
      {"two others at one address",
       [](DoctorFacts& f) {
         f.members->push_back(member("n3", "10.0.0.6", MemberStatus::failed));
         f.catalog->push_back({"n3", "n3", "10.0.0.6"});
       },
       {"duplicate-address error", "failed-member warning"},
       {"10.0.0.6 is the address of n2, n3"}},
      {"the other has left",
       [](DoctorFacts& f) { f.members->push_back(member("n3", "10.0.0.6", MemberStatus::left)); },
       {},
       {}},
      {"an external node at another's address",
       [](DoctorFacts& f) {
         f.catalog->push_back({"printer", "", "10.0.0.6", true});
       },
       {},
       {}},
      {"two others with one id",
       [](DoctorFacts& f) {
         f.members->push_back(member("n3", "10.0.0.7", MemberStatus::alive, "n2"));
         f.catalog->push_back({"n3", "", "10.0.0.7"});
       },
       {"duplicate-id error"},
       {"n2 is the id of n2, n3"}},
      {"failed",
       [](DoctorFacts& f) { f.members->at(2).status = MemberStatus::failed; },
       {"failed-member warning"},
       {"n2", "10.0.0.6", "force-leave -prune n2"}},
      {"entry without a member",
       [](DoctorFacts& f) {
         f.catalog->push_back({"n4", "", "10.0.0.8"});
       },
       {"entry-without-member warning"},
       {"n4", "no member"}},
      {"entry that a member left behind",
       [](DoctorFacts& f) { f.members->at(2).status = MemberStatus::left; },
       {"entry-without-member warning"},
       {"n2", "has left"}},
      {"entry that is spelled differently", [](DoctorFacts& f) { f.catalog->at(2).name = "N2"; }, {}, {}},
      {"member without an entry",
       [](DoctorFacts& f) { f.catalog->pop_back(); },
       {"member-without-entry warning"},
       {"n2"}},
      {"no server named", [](DoctorFacts& f) { f.nobody_to_join = true; }, {"servers warning"}, {"retry_join"}},
      {"on its way out",
       [](DoctorFacts& f) {
         f.catalog->pop_back();
         f.members->at(2).status = MemberStatus::leaving;
       },
       {},
       {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    DoctorFacts facts = healthy();
    row.change(facts);
    const DoctorReport report = diagnose(facts);
    CHECK(found(report) == row.expected);
    std::string all;
    for (const Finding& f : report.findings) {
      all += f.seen + "\n" + f.why + "\n" + f.mend + "\n";
      CHECK_FALSE(f.seen.empty());
      CHECK_FALSE(f.why.empty());
      CHECK_FALSE(f.mend.empty());
    }
    CAPTURE(all);
    for (const std::string& word : row.words) CHECK(contains(all, word));
    CHECK(report.looked_at.size() == 21);
  }
}

TEST_CASE("diagnose: under ACLs a missing entry may be one that can't be read") {
  DoctorFacts facts = healthy();
  facts.acls = true;
  CHECK(diagnose(facts).not_looked_at.empty());
  facts.catalog->pop_back();
  const DoctorReport report = diagnose(facts);
  CHECK(found(report).empty());
  REQUIRE(report.not_looked_at.size() == 1);
  CHECK(report.not_looked_at[0].check == "member-without-entry");
  CHECK(contains(report.not_looked_at[0].reason, "node_prefix"));
}

TEST_CASE("diagnose: each check is in exactly one list, whatever could not be seen") {
  const std::vector<std::string> all = diagnose(healthy()).looked_at;
  REQUIRE(std::set<std::string>(all.begin(), all.end()).size() == all.size());
  for (const std::string& name : all) {
    DoctorFacts facts = healthy();
    facts.unseen[name] = "nobody is there";
    const DoctorReport report = diagnose(facts);
    REQUIRE(report.not_looked_at.size() == 1);
    CHECK(report.not_looked_at[0] == NotLookedAt{name, "nobody is there"});
    CHECK(report.looked_at.size() == all.size() - 1);
    CHECK(std::count(report.looked_at.begin(), report.looked_at.end(), name) == 0);
  }
}

TEST_CASE("diagnose: where nothing is known nothing is found") { CHECK(found(diagnose({})).empty()); }

TEST_CASE("the report: JSON of one shape, text with and without colour") {
  DoctorReport report;
  CHECK(doctor_json(report) ==
        Json{{"findings", Json::array()}, {"not_looked_at", Json::array()}, {"looked_at", Json::array()}});
  report = {.findings = {{"ports", Severity::error, "taken", "no start", "end it"},
                         {"storage", Severity::warning, "tmpfs", "lost", ""}},
            .not_looked_at = {{"clock", "no agent"}, {"serf", "no agent"}, {"grace", "unknown"}},
            .looked_at = {"ports", "storage"}};
  CHECK(doctor_json(report) == Json::parse(R"({
    "findings": [
      {"check": "ports", "severity": "error", "seen": "taken", "why": "no start", "mend": "end it"},
      {"check": "storage", "severity": "warning", "seen": "tmpfs", "why": "lost", "mend": ""}],
    "not_looked_at": [{"check": "clock", "reason": "no agent"}, {"check": "serf", "reason": "no agent"},
                      {"check": "grace", "reason": "unknown"}],
    "looked_at": ["ports", "storage"]})"));
  const std::string plain = doctor_text(report);
  CHECK(plain ==
        "error    ports: taken\n"
        "  why    no start\n"
        "  mend   end it\n\n"
        "warning  storage: tmpfs\n"
        "  why    lost\n\n"
        "unseen   clock, serf\n"
        "  why    no agent\n\n"
        "unseen   grace\n"
        "  why    unknown\n\n"
        "2 findings (1 error, 1 warning); 2 of 5 checks made\n");
  CHECK(contains(doctor_text({.findings = {{"ports", Severity::error, "taken by another one of us", "no start", ""}},
                              .not_looked_at = {},
                              .looked_at = {}},
                             {.width = 30}),
                 "error    ports: taken by\n         another one of us\n  why    no start\n"));
  std::string coloured = doctor_text(report, {.width = 0, .colour = true});
  CHECK(contains(coloured, "\x1b[1;31merror\x1b[0m"));
  for (auto at = coloured.find('\x1b'); at != std::string::npos; at = coloured.find('\x1b'))
    coloured.erase(at, coloured.find('m', at) - at + 1);
  CHECK(coloured == plain);
  CHECK(doctor_text({.findings = {}, .not_looked_at = {}, .looked_at = {"ports"}}) ==
        "no findings; 1 of 1 check made\n");
}
