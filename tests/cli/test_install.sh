#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# make install puts everything below DESTDIR, and uninstall takes all of it away.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
BUILD=${BUILD:-build}
there() { [ -s "$dir/usr/$1" ] || { find "$dir" -type f; false; }; }

claim "install succeeds" make --no-print-directory install BUILD="$BUILD" DESTDIR="$dir" PREFIX=/usr
for file in sbin/evenkeel sbin/evenkeeld lib/systemd/system/evenkeeld.service \
	share/man/man5/evenkeel.yaml.5 share/man/man8/evenkeel.8 share/man/man8/evenkeeld.8 \
	share/bash-completion/completions/evenkeel share/doc/evenkeel/README.md \
	share/doc/evenkeel/architecture.md share/doc/evenkeel/examples/minimal.yaml \
	share/doc/evenkeel/examples/prometheus/evenkeel.rules.yml \
	share/doc/evenkeel/examples/grafana/evenkeel.json lib/evenkeel/tests/incidents/drill.sh \
	lib/evenkeel/build/tests/lib/fuse lib/evenkeel/build/evenkeeld; do
	claim "$file is installed" there $file
done
claim "the installed command runs" "$dir/usr/sbin/evenkeel" --help
drill() { # it is found, and says how it is used
	"$dir/usr/sbin/evenkeel" drill 9 2>&1 | tee /dev/stderr | grep -q 'usage: evenkeel drill'
}
claim "the installed drill is found" drill
unit=$dir/usr/lib/systemd/system/evenkeeld.service
unit_paths() { grep -q '^ExecStart=/usr/sbin/evenkeeld' "$unit" && ! grep -q /usr/local "$unit"; }
claim "the unit names the programs where they are" unit_paths
inside() { [ -z "$(find "$dir" -mindepth 1 -maxdepth 1 ! -name usr)" ]; }
claim "nothing is put outside PREFIX" inside
claim "uninstall succeeds" make --no-print-directory uninstall DESTDIR="$dir" PREFIX=/usr
empty() { [ -z "$(find "$dir" -type f | tee /dev/stderr)" ]; }
claim "and leaves no file" empty
claims_end
