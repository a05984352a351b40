#!/bin/sh
# Debian 13 beside Debian 12: another compiler, Boost, fmt, spdlog and Catch2. `debian13.sh build` builds lictor and
# its tests in build/debian13, `debian13.sh unit` runs the unit tests. Takes root and the tree that roots.py makes; what is
# mounted into the tree is seen by nobody else and gone afterwards.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
if [ "${1:-}" != inside ]; then
  exec unshare --mount --propagation private --pid --fork --kill-child "$0" inside "$@"
fi
tree=$top/build/roots/debian13
mkdir -p "$top/build/debian13"
# Tests change how their root is mounted, so it has to be a mount.
mount --bind "$tree" "$tree"
mount --bind "$top" "$tree/srv"
mount -o remount,bind,ro "$tree/srv"
mount --bind "$top/build/debian13" "$tree/mnt"
mount --rbind /dev "$tree/dev"
mount -t proc proc "$tree/proc"
mount -t tmpfs tmpfs "$tree/tmp"

case $2 in
  build)
    chroot "$tree" cmake -S /srv -B /mnt -G Ninja --log-level=WARNING -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O0 \
      -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 -DLICTOR_WALK=OFF
    chroot "$tree" cmake --build /mnt
    ;;
  unit)
    # As the root of this namespace: in a chroot no test could make a user namespace.
    mkdir "$tree/tmp/old"
    cd "$tree"
    pivot_root . tmp/old
    umount -l /tmp/old
    exec /mnt/unit_tests
    ;;
  *)
    echo "debian13.sh: unknown word: $2; known are build and unit" >&2
    exit 64
    ;;
esac
