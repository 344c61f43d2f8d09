# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the stories of health share, behind tests/lib/story.sh.

export QUICK='interval: 400ms, timeout: 300ms, fall: 2, down_interval: 400ms'

# health TEXT [LINE]: the ten with this health, and perhaps more of the service, come into force.
health() {
	lab_config ipip 4 | sed "s|^    backends:|    health: $1\n${2:+    $2\n}&|" >"$LAB_DIR/evenkeel.yaml"
	anyway ek apply "$LAB_DIR/evenkeel.yaml"
}
# The same of the first N backends only: health_of N TEXT
health_of() { LAB_BACKENDS=$1 health "$2"; }
server_stop() { for n; do lab_kill "nginx-$n" KILL; done; }
server_start() {
	for n; do
		lab_spawn "nginx-$n" "b$n" nginx -p "$LAB_DIR/nginx" -e stderr -c "$LAB_DIR/nginx/web-$n.conf"
	done
}
backend() { status ".services[0].backends[] | select(.name == \"web-$1\") | $2" >/dev/null; }
is_up() { for n; do backend "$n" '.health.state == "up"' || return 1; done; }
is_down() { for n; do backend "$n" '.state == "down"' || return 1; done; }
says() { backend "$1" ".reason | test(\"$2\")"; }
mode() { status ".services[0].health.mode == \"$1\"" >/dev/null; }
all_up() { is_up 1 2 3 4 5 6 7 8 9 10 && mode healthy && ten_share; }
ten_share() { status '[members.expected_share | . > 0.09 and . < 0.11] | length == 10 and all' >/dev/null; }
# Who answers some of 150 connections, and nobody else any: answers N...
answers() {
	local names
	names=$(requests 4 150) || return 1
	sort <<<"$names" | uniq -c
	status '[members | {name, state, expected_share}]' | jq -c '.[]'
	diff <(sort -u <<<"$names") <(for n; do echo "web-$n"; done | sort)
}
survivors_share() { # COUNT: so many have equal shares, the rest nothing
	status "[members.expected_share | select(. > 0)]
		| length == $1 and all(. > 0.95 / $1 and . < 1.05 / $1)" >/dev/null
}
