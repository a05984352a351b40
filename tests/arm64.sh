#!/usr/bin/env bash
# tests/arm64.sh LICTOR: a node's life under an arm64 lictor, with this machine's own Consul. In a mount namespace of its own
# (`unshare --mount`), as root. The kernel is told of the emulator, and told to forget it at the end, unless it knows one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
lictor=$1
kernel=/proc/sys/fs/binfmt_misc
[[ -e $kernel/register ]] || mount -t binfmt_misc binfmt_misc "$kernel"
if ! "$lictor" version >/dev/null 2>&1; then
  # The flags: found now rather than where it runs (F), whatever file system that has.
  magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  echo ":lictor-arm64:M::$magic:$mask:$(command -v qemu-aarch64-static):F" >"$kernel/register"
  # shellcheck disable=SC2064
  trap "echo -1 >$kernel/lictor-arm64" EXIT
fi
"$lictor" version
# As PID 1, and as a plain process, which the emulator does not let adopt orphans (PR_SET_CHILD_SUBREAPER).
/usr/bin/python3 tests/e2e/run.py --lictor "$lictor" -j 2 pid1_whole_life pid1_orphans_reaped pid1_stragglers_ended \
  start_registered start_after_kill serve_reload identity_renamed_host leave_on_sigterm leave_restart_in_place
