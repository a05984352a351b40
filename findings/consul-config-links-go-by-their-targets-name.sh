#!/usr/bin/env bash
# Consul 1.8.7: of a link in -config-dir the name of the file that it leads to decides whether it is read, not its own.
#
# Files of other names than *.json and *.hcl are passed over in a configuration directory. A link a.json to a file without such a
# name is passed over, too, without a word; a link readme.txt to a file that ends in .json is read. Secrets and settings
# that a tool keeps under names of its own (a store with digests, Nix, stow) and links into the directory are so not read.
# A ConfigMap's links keep their names all the way, and are.
# shellcheck source=/dev/null
. "$(dirname "$0")/setup.sh"
packages consul=1.8.7+dfsg1-2+b3

mkdir "$FINDING_FOLDER/conf" "$FINDING_FOLDER/store"
echo '{"node_name": "from-a-link", "data_dir": "/nowhere"}' >"$FINDING_FOLDER/store/5f1c2e"
cp "$FINDING_FOLDER/store/5f1c2e" "$FINDING_FOLDER/store/real.json"
echo '{"data_dir": "/nowhere"}' >"$FINDING_FOLDER/conf/base.json"

name_of_node() { # as an agent takes it: it says so before it fails on the data directory
  { timeout 20 consul agent -dev -config-dir="$FINDING_FOLDER/conf" & } | grep -m1 -oE "Node name: .*" || true
}
ln -s "$FINDING_FOLDER/store/5f1c2e" "$FINDING_FOLDER/conf/a.json"
found=$(name_of_node)
seen "a.json -> store/5f1c2e: $found"
[[ $found != *from-a-link* ]] || changed "a.json was read"
rm "$FINDING_FOLDER/conf/a.json"
ln -s "$FINDING_FOLDER/store/real.json" "$FINDING_FOLDER/conf/readme.txt"
found=$(name_of_node)
seen "readme.txt -> store/real.json: $found"
[[ $found == *from-a-link* ]] || changed "readme.txt was not read"
