#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What was done is remembered: by whom, from where, what; tampering is found; nothing is acknowledged
# that is not on disk. The way back, stale files, drains by hand.
. "$(dirname "$0")/../lib/story.sh"

JOURNAL() { python3 -c 'import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
for s in sys.argv[2:]: print(*(c.execute(s).fetchall() or [""]))' "$LAB_STATE/journal.db" "$@"; }

# The configuration with another weight of web-1.
weight() { sed "s/\(web-1: .*weight: \)[0-9]*/\1$1/" "$LAB_DIR/evenkeel.yaml" >"$LAB_DIR/w$1.yaml"; }
applied() { weight "$1" && anyway ek apply "$LAB_DIR/w$1.yaml"; }
revision() { status .revision; }
says() { # PATTERN COMMAND...: it succeeds and says so
	local out
	out=$("${@:2}" 2>&1) || { echo "$out" && return 1; }
	echo "$out"
	grep -qE -- "$1" <<<"$out"
}
state_of() { ek status --json | jq -r ".services[0].backends[] | select(.name == \"$1\") | .state"; }

story --backends 3
ek attach eth0 --yes >/dev/null 2>&1
claim "the configuration comes into force" configure ipip 4

# ---- who, from where, what -----------------------------------------------------------------------
from_afar() { SSH_CONNECTION="198.51.100.77 40000 10.0.0.1 22" applied 50; }
claim "a change from an SSH session" from_afar
claim "the log says what it changes, by whom and from where" says \
	'root from 198\.51\.100\.77.*: proposed revision 2 \(apply .*backend web-1: weight 100 -> 50' \
	ek audit log
claim "and that it came into force" says 'in force revision 2' ek audit log
claim "show prints a file that says the same" says 'proposed .* by root from 198.51.100.77' ek show 2
same_again() { ek show 2 | ek apply - | grep 'nothing to change: revision 2'; }
claim "which can be applied" same_again
claim "diff names what differs" says 'service web: backend web-1: weight 50 -> 100' ek diff 2 1
applied 60 >/dev/null
claim "blame names the revision that brought a backend as it is" says 'revision 3,.*apply' ek blame web web-1
claim "and of another the one that brought that" says 'revision 1,' ek blame web web-2
claim "blame of nobody is refused" refused 'no backend web/web-9' ek blame web web-9

# ---- the chain -----------------------------------------------------------------------------------
head=$(ek audit verify --json | jq -r '"\(.head.id):\(.head.hash)"')
claim "the log is whole" says 'whole: [0-9]+ events' ek audit verify
ek audit log --json >"$LAB_DIR/log.json"
claim "an exported log is whole too, without the daemon" \
	says 'whole' "$BUILD/evenkeel" audit verify "$LAB_DIR/log.json"
sed -i '3s/"uid": *[0-9]*/"uid":4242/' "$LAB_DIR/log.json"
claim "and not any more when it was edited" refused 'event 3 was changed' \
	ek audit verify "$LAB_DIR/log.json"
JOURNAL "UPDATE event SET user = 'nobody' WHERE id = 2" >/dev/null
claim "an event that was changed in the database is named" refused 'event 2 was changed' ek audit verify
JOURNAL "UPDATE event SET user = 'evenkeeld' WHERE id = 2" "UPDATE event SET user = (SELECT user FROM event WHERE id = 1) WHERE id = 2" >/dev/null
last=$(ek audit log --json | tail -n 1 | jq .id)
JOURNAL "DELETE FROM event WHERE id > $((last - 2))" >/dev/null
claim "events that were cut off are named" refused "events? $((last - 1))( to $last)? w.* cut off" ek audit verify
claim "by a head that was kept elsewhere too" refused 'cut off' ek audit verify --head "$head"

# ---- the way back --------------------------------------------------------------------------------
claim "rollback brings the good revision before back, as a new one" says 'revision 4 is in force' anyway ek rollback
claim "its content is the old one" says 'weight 50 -> 60' ek diff 4 3
claim "rollback to a number" says 'revision 5 is in force' anyway ek rollback 1
claim "with its content" test -z "$(ek diff 5 1)"
claim "a revision that is not there is refused" refused 'no revision 99' anyway ek rollback 99
weight 70
claim "a file made of the revision in force is taken" anyway ek apply --base 5 "$LAB_DIR/w70.yaml"
sed 's/\(web-2: .*weight: \)[0-9]*/\130/' "$LAB_DIR/w50.yaml" >"$LAB_DIR/stale.yaml"
claim "a stale one is refused" refused 'made of revision 5, and root has changed that' \
	anyway ek apply --base 5 "$LAB_DIR/stale.yaml"
claim "with what differs in both" refused 'backend web-1: weight: in force 100 -> 70, in the file 100 -> 50' \
	anyway ek apply --base 5 "$LAB_DIR/stale.yaml"
claim "and in the file alone" refused 'in the file, and not in force' \
	anyway ek apply --base 5 "$LAB_DIR/stale.yaml"

# ---- drains by hand ------------------------------------------------------------------------------
before=$(revision)
drained_is() { state_of web-3 | grep -q '^drain'; }
claim "a drain by hand" ek backend drain web web-3
claim "makes no revision" test "$(revision)" = "$before"
claim "it is drained" drained_is
claim "status says by whom" says 'drained by root since .*, by hand' ek status
anyway ek apply "$LAB_DIR/w50.yaml" >/dev/null 2>&1
claim "it survives an apply" drained_is
lab_kill evenkeeld KILL
# shellcheck disable=SC2119 # no options
lab_daemon
claim "and a restart after SIGKILL" drained_is
claim "a change that would leave nobody is refused" refused 'drained by hand' anyway ek apply - <<-END
	services:
	  web: { listen: ["$VIP4:80/tcp"], backends: { web-3: "$(lab_backend_addr 3 4)" } }
END
sed '/web-3:/d' "$LAB_DIR/evenkeel.yaml" >"$LAB_DIR/without.yaml"
anyway ek apply "$LAB_DIR/without.yaml" >/dev/null 2>&1
anyway ek apply "$LAB_DIR/w50.yaml" >/dev/null 2>&1
claim "it ends with its backend" test "$(state_of web-3)" = up
claim "which the log says" says 'undrain.*web/web-3.*gone' ek audit log
ek backend drain web web-3 >/dev/null
claim "undrain ends it" ek backend undrain web web-3
claim "and it has its share again" status '.services[0].backends[] | select(.name == "web-3") | .slots > 0'

# ---- a disk that is full, or read-only -----------------------------------------------------------
lab_kill evenkeeld
mkdir "$LAB_DIR/small"
mount -t tmpfs -o size=512k tmpfs "$LAB_DIR/small"
cp -a "$LAB_STATE/." "$LAB_DIR/small/"
LAB_STATE=$LAB_DIR/small
# shellcheck disable=SC2119 # no options
lab_daemon
before=$(revision)
dd if=/dev/zero of="$LAB_DIR/small/filler" bs=4k >/dev/null 2>&1
weight 80
claim "with the disk full a change is refused" refused 'nothing changed.*(full|space)' anyway ek apply "$LAB_DIR/w80.yaml"
claim "a drain too" refused 'nothing changed' ek backend drain web web-3
claim "a rollback too" refused 'nothing changed' anyway ek rollback
claim "the revision stays" test "$(revision)" = "$before"
claim "traffic goes on" all_answer 4
rm "$LAB_DIR/small/filler"
claim "with room again it is taken" anyway ek apply "$LAB_DIR/w80.yaml"
lab_kill evenkeeld
mount -o remount,ro "$LAB_DIR/small"
read_only() {
	lab_in balancer timeout 10 "$BUILD/evenkeeld" --state "$LAB_STATE" --socket "$LAB_SOCKET" --pins "$LAB_PINS"
}
claim "on a read-only disk the daemon says so and ends" refused "$LAB_DIR/small.*read-only" read_only
claim "traffic goes on without it" all_answer 6
mount -o remount,rw "$LAB_DIR/small"
# shellcheck disable=SC2119 # no options
lab_daemon
claim "and with it, when it can be written again" ek status
claims_end
