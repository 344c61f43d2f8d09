#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# One of the five incidents, to practise on: a lab with servers and clients, a shell in it, and somebody
# who makes a mistake and does not say which. docs/runbook.md is what to have at hand.
#
#   evenkeel drill [1|2|3|4|5]      which one: by chance, if it is not said
. "$(dirname "$0")/../lib/story.sh"
# shellcheck source=tests/incidents/cases.sh
. "$LAB_ROOT/tests/incidents/cases.sh"

number=${1:-$((RANDOM % 5 + 1))}
case $number in [1-5]) ;; *) echo "usage: evenkeel drill [1|2|3|4|5]" >&2 && exit 2 ;; esac
seed=$((RANDOM % 1000))
minutes=${DRILL_MINUTES:-60}

command_make() { # NAME: a command of the shell, its script on stdin
	{
		echo '#!/bin/bash'
		cat
	} >"$LAB_DIR/bin/$1"
	chmod 755 "$LAB_DIR/bin/$1"
}
commands() {
	local balancer="nsenter --net=/run/netns/$LAB_PREFIX-balancer"
	mkdir "$LAB_DIR/bin"
	command_make evenkeel <<-END
		exec $balancer "$BUILD/evenkeel" --socket "$LAB_SOCKET" --pins "$LAB_PINS" "\$@"
	END
	command_make clients <<-SCRIPT
		tail -n 1000 "$LAB_DIR/log/visitors" | cut -d, -f3 | sort | uniq -c | sort -rn
	SCRIPT
	command_make restart <<-END
		# restart N: the server web-N, if it is dead
		[ -e "$LAB_DIR/pid/fuse-\$1" ] || { echo "usage: restart N (of web-N)"; exit 2; }
		kill -0 "\$(cat "$LAB_DIR/pid/fuse-\$1")" 2>/dev/null && { echo "web-\$1 runs"; exit 1; }
		nsenter --net=/run/netns/$LAB_PREFIX-b\$1 \$(cat "$LAB_DIR/fuse-\$1") </dev/null >>"$LAB_DIR/log/fuse-\$1" 2>&1 &
		echo \$! >"$LAB_DIR/pid/fuse-\$1"
	END
}
begin() {
	sleep "$((${DRILL_AFTER:-10} + RANDOM % 20))"
	date +%s%3N >"$LAB_DIR/begun"
	# As in the originals: nobody waits, nobody watches.
	ek apply "$LAB_DIR/evenkeel.yaml" --at-once --watch 0 "${INCIDENT_FORCED[@]}"
}
told() {
	[ -e "$LAB_DIR/begun" ] || { echo "You left before it happened." && return; }
	echo "It was incident $number: ${INCIDENT_NAMES[$number]}."
	awk -F, -v from="$(cat "$LAB_DIR/begun")" -v now="$(date +%s%3N)" '
		$1 < from { next }
		{ all++ }
		$3 != "ok" { failed++; if (!first) first = $1; last = $1 }
		END {
			printf "%d of %d requests failed since (%.1f %%)", failed, all, all ? 100 * failed / all : 0
			if (!first) print "."
			else if (now - last > 10000) printf "; it lasted %.0f s.\n", (last - first) / 1000
			else printf "; it has lasted %.0f s, and is not over.\n", (now - first) / 1000
		}' "$LAB_DIR/log/visitors"
	echo "The originals lasted 90 to 150 minutes."
}

echo "A client, a router, a balancer and web servers are being made ..."
incident_lab "$number" "$seed"
incident_traffic "$number" "$seed" $((minutes * 60))
commands
cp "$LAB_DIR/evenkeel.yaml" "$LAB_DIR/before.yaml"
incident_mistake "$number" >"$LAB_DIR/evenkeel.yaml"
begin >"$LAB_DIR/log/begin" 2>&1 &
cat <<-END

	Clients send $(cut -d, -f3 "$LAB_DIR/log/visitors" | grep -c ok)+ requests; all is well. Within half a minute it will not be.
	You are at the balancer. What helps:
	  evenkeel status, top, doctor, history --events, explain, clients, rollback, backend, ...
	  clients      what became of the last 1000 requests
	  restart N    starts the server web-N again: what is overloaded dies, and stays dead
	  exit         ends the drill, and says what it was
END
cd "$LAB_DIR" || exit 1
if [ -t 0 ]; then
	PATH=$LAB_DIR/bin:$PATH PS1='drill# ' bash --norc --noprofile -i
else
	PATH=$LAB_DIR/bin:$PATH bash
fi
told
exit 0
