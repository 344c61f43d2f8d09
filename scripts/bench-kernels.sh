#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Instructions per frame on a Debian kernel, emulated and counted: evenkeel beside what the
# kernel has. docs/performance.md explains.
#
#   scripts/bench-kernels.sh FOLDER COMPILER SERIES [--json]      `make bench-kernels` calls this
#
# Fails if evenkeel's increment over bare XDP_TX is more than an eighth of IPVS's.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=scripts/guest.sh
. scripts/guest.sh
usage='usage: bench-kernels.sh FOLDER COMPILER SERIES [--json]'
folder=$(realpath -m "${1:?$usage}") || exit 1
programs=$folder/programs/${2:?$usage}
series=${3:?$usage}
format=${4:-}
trap guest_clean EXIT
trap 'exit 130' INT TERM HUP
GUEST_WRAPPER=()

fill_root() {
	guest_root &&
		guest_add /usr/bin jq ipvsadm &&
		guest_add /evenkeel/build "$programs"/{evenkeel,evenkeeld} &&
		guest_add /evenkeel/build/tests/kernels "$programs/tests/kernels/frames" &&
		cp "$programs/tests/kernels/frames.bpf.o" "$guest_tree/evenkeel/build/tests/kernels/" &&
		cp tests/kernels/instructions.sh "$guest_tree/evenkeel/task"
}

# Rows as the guest writes them, to a table or JSON. The first is what making a frame and bringing
# it to the other end costs; the second adds what sending it back costs, and increments are over it.
# Fails unless all comparisons hold.
report() {
	awk -F'\t' -v json="$format" '
		function over(row, floor) { return each[row] - each[floor] }
		function compare(ours, theirs,   ratio) {
			ratio = over(ours, name[1]) / over(theirs, name[1])
			compared = compared sprintf(json ? "%s\n    \"%s / %s\": %.4f" : "%s\n%s / %s: %.3f",
				json && compared ? "," : "", ours, theirs, ratio)
			return ratio <= 1 / 8
		}
		NF == 4 { name[n++] = $1; each[$1] = $2; spread[$1] = $4 - $3 }
		END {
			if (n != 10) exit 1
			line = "%s\n%-32s %12.1f %10.1f %10.1f %8.1f"
			if (json) line = "%s\n    \"%s\": { \"instructions\": %.1f, \"over_drop\": %.1f, \"over_tx\": %.1f, \"spread\": %.1f }"
			if (json) printf "{\n  \"rows\": {"
			else printf "%-32s %12s %10s %10s %8s", "", "instructions", "over drop", "over TX", "spread"
			for (i = 0; i < n; i++)
				printf line, json && i ? "," : "", name[i], each[name[i]],
					over(name[i], name[0]), over(name[i], name[1]), spread[name[i]]
			holds = compare("evenkeel l2", "IPVS direct routing")
			holds = compare("evenkeel ipip", "IPVS tunnel") && holds
			holds = compare("evenkeel l2", "IPVS direct routing, to a dummy") && holds
			holds = compare("evenkeel ipip", "IPVS tunnel, to a dummy") && holds
			if (json) printf "\n  },\n  \"ratios\": {%s\n  }\n}\n", compared
			else printf "\n%s\n", compared
			exit !holds
		}' "$1"
}

if [ -n "$format" ] && [ "$format" != --json ]; then
	echo "$usage" >&2
	exit 2
fi
{
	guest_open "$folder" && guest_kernel "$series" && fill_root &&
		guest_boot -accel tcg,thread=single -smp 1 -icount shift=0,sleep=off
} >&2 || exit 1
grep -v $'\t' "$guest_work/results" >&2
if ! report "$guest_work/results"; then
	say "rows are missing, or evenkeel's increment is more than an eighth of IPVS's" >&2
	exit 1
fi
