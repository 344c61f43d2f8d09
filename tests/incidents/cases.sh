# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # whoever sources it uses what it defines
# The five incidents: their pools, their load and their mistakes. 0 is none: a change that is good.
# Sourced after tests/lib/story.sh.

INCIDENT_FORCED=(--force 'check,share,growth,load,eligible,answering,services,removed'
	--reason 'an incident is replayed')
INCIDENT_NAMES=('none: a fifth server' 'weight 1000 for 100' 'a health path that ejects all but one' 'listeners swapped'
	'hash: source behind one proxy' 'three of four addresses mistyped')

# Requests a second for each server; what it can do is 1.5 times that, so that load is two thirds of
# the pool's capacity.
INCIDENT_FAIR=${INCIDENT_FAIR:-50}
INCIDENT_BEARS=${INCIDENT_BEARS:-1.5}

# A pool: incident_pool NAME PORT EXTRA FIRST LAST; EXTRA are lines of the service.
incident_pool() {
	local i
	cat <<-END
		  $1:
		    listen: ["$VIP4:$2/tcp"]
		    health: { type: http, port: 80, path: ${path:-/healthz} }
	END
	[ -z "$3" ] || printf '%s\n' "$3"
	printf '    backends:\n'
	for ((i = $4; i <= $5; i++)); do
		printf '      web-%d: { address: %s, weight: 100 }\n' "$i" "$(lab_backend_addr "$i" 4)"
	done
}

# What is in force before.
incident_sane() { # NUMBER
	echo 'services:'
	case $1 in
	2) incident_pool shop 80 "$(printf '    panic: off\n    capacity: %d' $((INCIDENT_FAIR * 3 / 2)))" 1 4 ;;
	3)
		incident_pool shop 80 '' 1 6
		incident_pool blog 81 '' 7 8
		;;
	*) incident_pool shop 80 '' 1 4 ;;
	esac
}

# The same with the mistake in it.
incident_mistake() { # NUMBER
	local path=''
	case $1 in
	0) incident_sane 0 && echo "      web-5: { address: $(lab_backend_addr 5 4), weight: 100 }" ;;
	1) incident_sane 1 | sed '/web-1:/s/100/1000/' ;;
	2) path=/health incident_sane 2 | sed 's/capacity: .*/&00/' ;;
	3) incident_sane 3 | sed 's/:80.tcp/:8x\/tcp/; s/:81.tcp/:80\/tcp/; s/:8x/:81/' ;;
	4) incident_sane 4 | sed 's/^    backends:/    hash: source\n&/' ;;
	5) incident_sane 5 | sed 's/10\.0\.1\.1\([234]\)/10.0.1.2\1/' ;;
	esac
}

# Many clients, and for the fourth one proxy that most of them are behind.
incident_clients() { # NUMBER
	local i
	[ "$1" != 4 ] || echo "$CLIENT4=500"
	for ((i = 100; i < 180; i++)); do echo "198.51.100.$i"; done
}

incident_lab() { # NUMBER SEED
	local count=4 i rate health=/healthz
	rate=$(jq -n "$INCIDENT_FAIR * $INCIDENT_BEARS | floor")
	case $1 in 0) count=5 ;; 3) count=8 ;; esac
	lab_open
	lab_up --backends "$count"
	lab_decap
	for ((i = 1; i <= count; i++)); do
		# One has kept the path of the year before.
		[ "$1" = 2 ] && [ "$i" = 1 ] && health=/health
		incident_server "$i"
		health=/healthz
	done
	lab_daemon
	ek attach eth0 --yes >/dev/null 2>&1 || lab_die "attach fails"
	incident_sane "$1" >"$LAB_DIR/evenkeel.yaml"
	ek apply "$LAB_DIR/evenkeel.yaml" >/dev/null 2>&1 || lab_die "the sane configuration is refused"
	wait_for 10 incident_up || lab_die "the backends are not up: $(ek status)"
	for i in $(incident_clients 1); do echo "addr add $i/24 dev eth0"; done | lab_ip client
	lab_sysctl client "ipv4.ip_local_port_range=$((10000 + $2 % 100 * 100)) 60999" ipv4.tcp_tw_reuse=1
}
incident_server() { # NUMBER; how it is started stands in a file, for who starts it again
	echo "$BUILD/tests/lib/fuse web-$1 $rate $health 80 81" >"$LAB_DIR/fuse-$1"
	# shellcheck disable=SC2046 # words
	lab_spawn "fuse-$1" "b$1" $(cat "$LAB_DIR/fuse-$1")
}
incident_up() { status '[members | .state == "up" and .next_hop.state == "ready"] | all'; }

incident_traffic() { # NUMBER SEED SECONDS
	local targets=("$VIP4:80") servers=4
	[ "$1" = 3 ] && targets=("$VIP4:80=6" "$VIP4:81=2") servers=8
	# shellcheck disable=SC2046 # a list
	lab_spawn visitors client "$BUILD/tests/lib/visitors" "$2" $((servers * INCIDENT_FAIR)) "$3" \
		"${targets[@]}" -- $(incident_clients "$1")
	wait_for 5 grep -q ',ok,' "$LAB_DIR/log/visitors" || lab_die "no request is answered"
}
