#include "process/sandbox.hpp"

#include "test.hpp"

#include <linux/capability.h>

using namespace lictor;

namespace {

using Lines = std::map<std::string, std::string>;

// As systemd 252 shows a unit that restricts nothing.
constexpr const char* kOpen =
    "LoadState=loaded\nCapabilityBoundingSet=cap_chown cap_net_bind_service cap_setpcap\nAmbientCapabilities=\n"
    "NoNewPrivileges=no\nSupplementaryGroups=\nProtectHome=no\nPrivateTmp=no\nPrivateDevices=no\nProtectProc=default\n"
    "ProtectSystem=no\nRestrictRealtime=no\nRestrictNamespaces=no\nRestrictAddressFamilies=~\nLockPersonality=no\n"
    "SystemCallFilter=~\nMemoryDenyWriteExecute=no\nProtectKernelLogs=no\nReadWritePaths=\n";

}  // namespace

TEST_CASE("what systemd shows of a unit", "[sandbox]") {
  const Sandbox open = sandbox_of_unit(kOpen, "lictor.service");
  CHECK(open.origin == "lictor.service");
  CHECK(open.bounding == (capability(CAP_CHOWN) | capability(CAP_NET_BIND_SERVICE) | capability(CAP_SETPCAP)));
  CHECK(open.lines == Lines{});
  CHECK_FALSE(open.no_new_privs);
  CHECK_FALSE(open.groups);

  const Sandbox hard = sandbox_of_unit(
      "NoNewPrivileges=yes\nAmbientCapabilities=cap_net_bind_service\nProtectHome=yes\nProtectProc=invisible\n"
      "SupplementaryGroups=docker 44\nSystemCallFilter=read write\nRestrictAddressFamilies=AF_INET AF_UNIX\n"
      "RestrictNamespaces=yes\nUnknown=yes\nnonsense\n",
      "x.service");
  CHECK(hard.no_new_privs);
  CHECK(hard.ambient == capability(CAP_NET_BIND_SERVICE));
  CHECK(hard.named_groups == std::vector<std::string>{"docker", "44"});
  CHECK(hard.lines == Lines{{"ProtectHome", "yes"},
                            {"ProtectProc", "invisible"},
                            {"RestrictAddressFamilies", "AF_INET AF_UNIX"},
                            {"RestrictNamespaces", "yes"},
                            {"SystemCallFilter", "read write"}});
}

TEST_CASE("what the kernel shows of a process", "[sandbox]") {
  const std::string status =
      "Name:\tlictor\nGroups:\t4 27 \nCapPrm:\t00000000000000e3\nCapBnd:\t00000000000004e3\nCapAmb:\t0000000000000400\n"
      "NoNewPrivs:\t1\nSeccomp:\t2\n";
  const std::string mounts =
      "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
      "23 22 0:5 / /proc rw shared:5 - proc proc rw,hidepid=invisible\n"
      "24 22 0:6 /systemd/inaccessible/dir /home ro master:1 - tmpfs tmpfs rw,mode=755\n"
      "25 22 8:1 /tmp/systemd-private-abc-lictor.service-x/tmp /tmp rw - ext4 /dev/sda1 rw\n";
  const Sandbox process = sandbox_of_process(status, mounts, "process 7");
  CHECK(process.bounding == 0x4e3);
  CHECK(process.ambient == capability(CAP_NET_BIND_SERVICE));
  CHECK(process.no_new_privs);
  CHECK(process.groups == std::vector<unsigned>{4, 27});
  CHECK(process.lines == Lines{{"PrivateTmp", "yes"}, {"ProtectHome", "yes"}, {"ProtectProc", "invisible"}});

  // Of several mounts at one place the last one counts; a /home of a disk's own hides nothing.
  const Sandbox seen = sandbox_of_process("", mounts + "26 23 0:7 / /proc rw - proc proc rw\n", "p");
  CHECK_FALSE(seen.lines.contains("ProtectProc"));
  CHECK(sandbox_of_process("", "24 22 8:2 / /home rw - ext4 /dev/sdb1 rw\n", "p").lines == Lines{});
  CHECK(sandbox_of_process("", "", "p").bounding == ~Capabilities{0});
  CHECK(sandbox_of_process("garbage\nCapBnd:\txyz\n", "one two\n", "p").lines == Lines{});

  const Sandbox merged = both(process, sandbox_of_unit("MemoryDenyWriteExecute=yes\n", "lictor.service"));
  CHECK(merged.origin == "lictor.service");
  CHECK(merged.lines.contains("MemoryDenyWriteExecute"));
  CHECK(merged.lines.contains("ProtectProc"));
  CHECK(merged.groups == std::vector<unsigned>{4, 27});
}
