#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A lab of network namespaces: client > router > balancer > backends > router > client.
#
#   as a library   source scripts/lab.sh; lab_open; lab_up --backends 4; ...
#   as a command   scripts/lab.sh up [OPTIONS]   prints how to enter it
#                  scripts/lab.sh down FOLDER    takes it away
#
# Everything is inside namespaces of a unique prefix and below one temporary folder; lab_close
# runs on every way out and leaves nothing. The router is also the switch: a bridge `lan` joins
# balancer and backends, so that l2 and ipip both work, and answers go directly to the client.
#
#   client eth0 -- outer router lan ==+== eth0 balancer          (one interface: XDP_TX)
#                                  +== eth0 b1 .. bN
#   with --two-interfaces: router front -- eth0 balancer eth1 == lan   (redirect)
#   with --far: backends are behind a second bridge `far`, one routed hop from the balancer
#
# What veth needs: the router's end of a balancer's link has an XDP program (without one nothing
# sent by XDP_TX arrives) and `ethtool -K IF tx off` (XDP sees partial checksums otherwise).

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$LAB_ROOT/build}
case $BUILD in /*) ;; *) BUILD=$LAB_ROOT/$BUILD ;; esac

# Addresses (documentation and private ranges; they exist in the namespaces only).
export PYTHON=/usr/bin/python3 # Debian's, not a version manager's
VIP4=203.0.113.10 VIP6=2001:db8::10
CLIENT4=198.51.100.7 CLIENT6=2001:db8:1::7
BALANCER4=10.0.1.2 BALANCER6=fd00:1::2
LAB_DIR=''
LAB_NAMES=()

lab_die() {
	printf 'lab: %s\n' "$*" >&2
	exit 1
}

# The address of backend N: lab_backend_addr N 4|6
lab_backend_addr() {
	local net=$LAB_BACKEND_NET
	if [ "$2" = 4 ]; then echo "10.0.$net.$((10 + $1))"; else echo "fd00:$net::$((10 + $1))"; fi
}

lab_ns() { echo "$LAB_PREFIX-$1"; }

# Runs a command in a namespace. `ip netns exec` would hide the bpffs.
lab_in() {
	local ns=$1
	shift
	nsenter --net="/run/netns/$LAB_PREFIX-$ns" "$@"
}

# Starts a process in a namespace: its pid is kept under NAME, its output goes to log/NAME.
lab_spawn() {
	local name=$1 ns=$2
	shift 2
	nsenter --net="/run/netns/$LAB_PREFIX-$ns" "$@" </dev/null >>"$LAB_DIR/log/$name" 2>&1 &
	echo $! >"$LAB_DIR/pid/$name"
	disown # its end is for us to see, not for bash to announce
}

lab_pid() { cat "$LAB_DIR/pid/$1"; }

lab_alive() {
	local state
	[ -e "$LAB_DIR/pid/$1" ] || return 1
	state=$(sed 's/.*) //; s/ .*//' "/proc/$(lab_pid "$1")/stat" 2>/dev/null) || return 1
	[ -n "$state" ] && [ "$state" != Z ]
}

# Ends a process that lab_spawn started, and waits for it: lab_kill NAME [SIGNAL]
lab_kill() {
	local pid tries=60
	[ -e "$LAB_DIR/pid/$1" ] || return 0
	pid=$(lab_pid "$1")
	kill -"${2:-TERM}" "$pid" 2>/dev/null
	while lab_alive "$1" && [ $((tries -= 1)) -gt 0 ]; do sleep 0.05; done
	lab_alive "$1" && kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f "$LAB_DIR/pid/$1"
}

# Waits until a command succeeds: wait_for SECONDS COMMAND...
wait_for() {
	local end
	end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# Makes the folder, the private bpffs, and arranges that everything goes away at the end.
lab_open() {
	[ "$(id -u)" = 0 ] || lab_die "namespaces and XDP need root: run it with sudo"
	local tool
	for tool in nsenter ip ethtool bpftool; do
		PATH=$PATH:/usr/sbin command -v $tool >/dev/null ||
			lab_die "$tool is missing: run scripts/bootstrap.sh test"
	done
	[ -e "$BUILD/tests/lib/pass.bpf.o" ] ||
		lab_die "$BUILD/tests/lib/pass.bpf.o is missing: run make lab-programs"
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/evenkeel-lab-XXXXXX") || exit 1
	LAB_PREFIX=ek-${LAB_DIR##*-} # no dots: libbpf mends pin paths
	trap lab_close EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir "$LAB_DIR"/{bpf,log,pid,www,nginx,state} || exit 1
	mount -t bpf bpf "$LAB_DIR/bpf" || lab_die "cannot mount a bpffs on $LAB_DIR/bpf"
	LAB_PINS=$LAB_DIR/bpf/evenkeel LAB_SOCKET=$LAB_DIR/control.sock LAB_STATE=$LAB_DIR/state
}

# Takes everything away: processes by their recorded pids and whatever runs in our own
# namespaces, the namespaces with their links, what is mounted (the bpffs with its pins), the folder.
lab_close() {
	local status=$?
	lab_clean
	exit "$status"
}
lab_clean() {
	local name file pid
	trap '' INT TERM HUP
	trap - EXIT
	[ -n "$LAB_DIR" ] && [ -d "$LAB_DIR" ] || return 0
	for file in "$LAB_DIR"/pid/*; do
		[ -e "$file" ] && kill -TERM "$(cat "$file")" 2>/dev/null
	done
	for file in "$LAB_DIR"/pid/*; do
		[ -e "$file" ] && lab_kill "${file##*/}"
	done
	for name in $(ip netns list | awk -v p="$LAB_PREFIX-" 'index($1, p) == 1 { print $1 }'); do
		for pid in $(ip netns pids "$name" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
		ip netns del "$name"
	done
	# By the folder's own name: what is mounted is listed without symbolic links.
	while read -r file; do
		umount "$file" 2>/dev/null || umount -l "$file" 2>/dev/null
	done < <(awk -v d="/${LAB_DIR##*/}/" 'index($2, d) { print $2 }' /proc/mounts | sort -r)
	if [ -n "${LAB_KEEP_LOGS:-}" ]; then
		mkdir -p "$LAB_KEEP_LOGS" && cp -r "$LAB_DIR/log" "$LAB_KEEP_LOGS/$LAB_PREFIX"
	fi
	rm -rf --one-file-system "$LAB_DIR"
	LAB_DIR=''
}

# A namespace with loopback, without duplicate address detection (addresses work at once).
lab_namespace() {
	ip netns add "$LAB_PREFIX-$1" || lab_die "cannot make namespace $LAB_PREFIX-$1"
	LAB_NAMES+=("$1")
	lab_sysctl "$1" ipv6.conf.all.accept_dad=0 ipv6.conf.default.accept_dad=0 \
		ipv6.conf.all.router_solicitations=0 ipv6.conf.default.router_solicitations=0 \
		ipv6.conf.default.addr_gen_mode=0 ipv4.conf.all.rp_filter=0 \
		ipv4.conf.default.rp_filter=0
	lab_in "$1" ip link set lo up
}

# lab_sysctl NS ipv4.ip_forward=1 ...
lab_sysctl() {
	local ns=$1 pair
	shift
	for pair; do
		key=${pair%%=*}
		printf 'echo %s >/proc/sys/net/%s\n' "${pair#*=}" "${key//.//}"
	done | lab_in "$ns" sh -e || lab_die "cannot set a sysctl in $ns: $*"
}

# A veth pair: lab_link NS1 IF1 NS2 IF2
lab_link() {
	ip link add name "$2" netns "$LAB_PREFIX-$1" type veth \
		peer name "$4" netns "$LAB_PREFIX-$3" || lab_die "cannot link $1 and $3"
	lab_in "$1" ip link set "$2" up && lab_in "$3" ip link set "$4" up
}

# Runs lines of `ip` commands in a namespace: lab_ip NS <<END
lab_ip() { lab_in "$1" ip -batch - || lab_die "cannot configure namespace $1"; }

# A link to the balancer: the router's interface and the balancer's. A story that has other
# interfaces than veth defines this anew.
lab_balancer_link() {
	lab_link router "$1" balancer "$2"
	lab_balancer_port "$1"
}
# The router's end of such a link.
lab_balancer_port() {
	lab_in router ethtool -K "$1" tx off >/dev/null 2>&1
	lab_in router ip link set dev "$1" xdpdrv obj "$BUILD/tests/lib/pass.bpf.o" sec xdp ||
		lab_die "cannot attach an XDP program to the router's $1"
}

# lab_up [--backends N] [--two-interfaces] [--far]
lab_up() {
	LAB_BACKENDS=4 LAB_BACKEND_NET=1
	local two='' i
	while [ $# -gt 0 ]; do
		case $1 in
		--backends) LAB_BACKENDS=$2 && shift ;;
		--two-interfaces) two=yes ;;
		--far) LAB_BACKEND_NET=3 ;;
		*) lab_die "unknown option $1; known: --backends N, --two-interfaces, --far" ;;
		esac
		shift
	done
	lab_namespace router
	lab_namespace client
	lab_namespace balancer
	lab_router "$two"
	lab_balancer "$two"
	for ((i = 1; i <= LAB_BACKENDS; i++)); do lab_backend "$i"; done
	wait_for 5 lab_routed || lab_die "the client does not reach the balancer"
}

lab_routed() {
	lab_in client curl -s --connect-timeout 1 "http://$BALANCER4:9/" -o /dev/null
	[ $? = 7 ] # refused: it was reached
}

# The bridges' addresses are set: else they follow the ports', and change when one comes or goes.
lab_router() {
	lab_link router outer client eth0
	lab_sysctl router ipv4.ip_forward=1 ipv6.conf.all.forwarding=1 \
		ipv4.conf.all.send_redirects=0 ipv4.conf.default.send_redirects=0
	lab_ip router <<-END
		addr add 198.51.100.1/24 dev outer
		addr add 2001:db8:1::1/64 dev outer
		link add lan address 02:00:00:00:01:01 type bridge stp_state 0 mcast_snooping 0
		link set lan up
		addr add 10.0.1.1/24 dev lan
		addr add fd00:1::1/64 dev lan
		link add far address 02:00:00:00:03:01 type bridge stp_state 0 mcast_snooping 0
		link set far up
		addr add 10.0.3.1/24 dev far
		addr add fd00:3::1/64 dev far
	END
	lab_sysctl router ipv4.conf.lan.send_redirects=0
	lab_ip client <<-END
		addr add $CLIENT4/24 dev eth0
		addr add $CLIENT6/64 dev eth0
		route add default via 198.51.100.1
		route add default via 2001:db8:1::1
	END
	lab_balancer_link lb "$([ -z "$1" ] && echo eth0 || echo eth1)"
	lab_ip router <<<"link set lb master lan"
	if [ -n "$1" ]; then
		lab_balancer_link front eth0
		lab_ip router <<-END
			addr add 10.0.2.1/24 dev front
			addr add fd00:2::1/64 dev front
			route add $VIP4 via 10.0.2.2
			route add $VIP6 via fd00:2::2
		END
	else
		lab_ip router <<-END
			route add $VIP4 via $BALANCER4
			route add $VIP6 via $BALANCER6
		END
	fi
}

# The default route leaves through eth0, which makes it the interface that cuts operators off.
lab_balancer() {
	local lan=eth0 gateway4=10.0.1.1 gateway6=fd00:1::1
	if [ -n "$1" ]; then
		lan=eth1 gateway4=10.0.2.1 gateway6=fd00:2::1
		lab_ip balancer <<-END
			addr add 10.0.2.2/24 dev eth0
			addr add fd00:2::2/64 dev eth0
		END
	fi
	lab_ip balancer <<-END
		addr add $BALANCER4/24 dev $lan
		addr add $BALANCER6/64 dev $lan
		route add default via $gateway4
		route add default via $gateway6
	END
}

# A backend as `evenkeel backend setup` asks for it: the service's addresses on lo, not
# announced, and a maximum segment size that leaves room for the largest outer header.
lab_backend() {
	local net=$LAB_BACKEND_NET ns=b$1 bridge=lan
	[ "$net" = 3 ] && bridge=far
	lab_namespace "$ns"
	lab_link router "$ns" "$ns" eth0
	lab_ip router <<<"link set $ns master $bridge"
	lab_sysctl "$ns" ipv4.conf.all.arp_ignore=1 ipv4.conf.all.arp_announce=2 \
		ipv4.conf.eth0.arp_notify=1 ipv6.conf.eth0.ndisc_notify=1
	lab_ip "$ns" <<-END
		addr add $(lab_backend_addr "$1" 4)/24 dev eth0
		addr add $(lab_backend_addr "$1" 6)/64 dev eth0
		addr add $VIP4/32 dev lo
		addr add $VIP6/128 dev lo
		route add default via 10.0.$net.1 advmss 1388
		route add default via fd00:$net::1 advmss 1388
	END
}

# ---- what runs in it -------------------------------------------------------------------------

# A file of random bytes that every backend serves: lab_file NAME MIB; its hash is in NAME.sha256.
lab_file() {
	head -c "$2M" /dev/urandom | tee "$LAB_DIR/www/$1" | sha256sum | cut -d' ' -f1 \
		>"$LAB_DIR/www/$1.sha256"
}

# nginx on every backend; it names itself at /, serves files at /files/ and, slowly, at /slow/.
lab_nginx() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_nginx_config "web-$i" >"$LAB_DIR/nginx/web-$i.conf"
		lab_spawn "nginx-$i" "b$i" nginx -p "$LAB_DIR/nginx" -e stderr \
			-c "$LAB_DIR/nginx/web-$i.conf"
	done
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		wait_for 5 lab_in "b$i" curl -sf "http://$VIP4/" ||
			lab_die "nginx of web-$i does not start: $(tail -1 "$LAB_DIR/log/nginx-$i")"
	done
}

lab_nginx_config() {
	cat <<-END
		daemon off;
		master_process off;
		user root;
		pid $1.pid;
		error_log stderr;
		events { worker_connections 4096; }
		http {
			access_log off;
			sendfile on;
			keepalive_requests 1000000;
			client_max_body_size 200m;
			client_body_temp_path $1-body;
			proxy_temp_path $1-proxy;
			fastcgi_temp_path $1-fastcgi;
			uwsgi_temp_path $1-uwsgi;
			scgi_temp_path $1-scgi;
			server {
				listen 80;
				listen [::]:80 ipv6only=on;
				listen 8080;
				listen [::]:8080 ipv6only=on;
				add_header X-Backend $1 always;
				location = / { return 200 "$1\n"; }
				location /files/ { alias $LAB_DIR/www/; }
				location /slow/ { alias $LAB_DIR/www/; limit_rate ${LAB_SLOW_RATE:-4m}; }
			}
		}
	END
}

# The decapsulation program on every backend.
lab_decap() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_in "b$i" "$BUILD/evenkeel" --pins "$LAB_DIR/bpf/b$i" decap attach eth0 \
			>>"$LAB_DIR/log/decap" 2>&1 ||
			lab_die "decap attach fails on b$i: $(tail -1 "$LAB_DIR/log/decap")"
	done
}

# How changes come into force there: at once and unwatched, unless it is staging that a story is about.
LAB_STAGE='stage: { steps: [100], watch: 0 }'

# A configuration on stdout: lab_config l2|ipip 4|6 [WEIGHT...]; 4|6 is the backends' family.
lab_config() {
	local i forward=$1 family=$2
	shift 2
	cat <<-END
		$LAB_STAGE
		services:
		  web:
		    listen: ["$VIP4:80/tcp", "[$VIP6]:80/tcp", "$VIP4:53/udp", "[$VIP6]:53/udp"]
		    forward: $forward
		    backends:
	END
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		printf '      web-%d: { address: "%s", weight: %d }\n' "$i" \
			"$(lab_backend_addr "$i" "$family")" "${!i:-100}"
	done
}

ek() {
	nsenter --net="/run/netns/$LAB_PREFIX-balancer" "$BUILD/evenkeel" --socket "$LAB_SOCKET" \
		--pins "$LAB_PINS" "$@"
}

# lab_daemon [OPTION...]: starts evenkeeld and waits until it answers.
lab_daemon() {
	lab_spawn evenkeeld balancer "$BUILD/evenkeeld" --state "$LAB_STATE" --socket "$LAB_SOCKET" \
		--pins "$LAB_PINS" "$@"
	wait_for 10 ek status ||
		lab_die "evenkeeld does not answer: $(tail -3 "$LAB_DIR/log/evenkeeld")"
}

# ---- as a command ----------------------------------------------------------------------------

lab_keep() {
	declare -p LAB_DIR LAB_PREFIX LAB_NAMES LAB_BACKENDS LAB_BACKEND_NET LAB_PINS LAB_SOCKET \
		LAB_STATE >"$LAB_DIR/lab.env"
	trap - EXIT
	cat <<-END
		The lab is in $LAB_DIR (client, router, balancer, b1 to b$LAB_BACKENDS).
		  enter      nsenter --net=/run/netns/$LAB_PREFIX-balancer
		  daemon     nsenter --net=/run/netns/$LAB_PREFIX-balancer $BUILD/evenkeeld \\
		               --state $LAB_STATE --socket $LAB_SOCKET --pins $LAB_PINS
		  configure  $LAB_DIR/evenkeel.yaml
		  request    nsenter --net=/run/netns/$LAB_PREFIX-client curl http://$VIP4/
		  remove     $0 down $LAB_DIR
	END
}

lab_main() {
	case ${1:-} in
	up)
		shift
		lab_open
		lab_up "$@"
		lab_nginx
		[ -x "$BUILD/evenkeel" ] && lab_decap
		lab_config ipip 4 >"$LAB_DIR/evenkeel.yaml"
		lab_keep
		;;
	down)
		case ${2:-} in
		*/evenkeel-lab-*) ;;
		*) lab_die "which lab? lab.sh down FOLDER, as \`lab.sh up\` printed it" ;;
		esac
		[ -r "$2/lab.env" ] || lab_die "$2 is no lab that \`lab.sh up\` made (no lab.env in it)"
		# shellcheck source=/dev/null
		. "$2/lab.env"
		lab_close
		;;
	*)
		echo "usage: lab.sh up [--backends N] [--two-interfaces] [--far] | down FOLDER" >&2
		exit 2
		;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then lab_main "$@"; fi
