#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What 2000 health checks a second cost of one CPU: evenkeeld's own time, beside that of one which
# checks nothing. checks.sh BUILD, in a network and a mount namespace of its own.
#
# Servers are nginx on addresses of this host: the kernel's work for both ends of each connection is
# in it, which is more than a balancer pays whose servers are elsewhere.
set -u
BACKENDS=2000 SECONDS_EACH=10
build=$(cd "${1:?usage: checks.sh BUILD}" && pwd) || exit 1
PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || { echo "bench: checks are not measured: nginx is missing" >&2 && exit 1; }
dir=$(mktemp -d) || exit 1
servers='' daemon=''
clean() {
	[ -n "$daemon" ] && kill "$daemon" 2>/dev/null
	[ -n "$servers" ] && kill "$servers" 2>/dev/null
	wait
	umount "$dir/bpf" 2>/dev/null
	rm -rf --one-file-system "$dir"
}
trap clean EXIT
trap 'exit 1' INT TERM
mkdir "$dir/bpf" && mount -t bpf bpf "$dir/bpf" || exit 1
ip link set lo up
ip route add local 10.1.0.0/16 dev lo

cat >"$dir/nginx.conf" <<END
daemon off;
master_process off;
user root;
pid nginx.pid;
error_log stderr;
events { worker_connections 8192; }
http {
	access_log off;
	client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
	server { listen 80 backlog=4096; location / { return 200 "ok\n"; } }
}
END
nginx -p "$dir" -e stderr -c nginx.conf 2>"$dir/nginx.log" &
servers=$!

ek() { "$build/evenkeel" --socket "$dir/socket" --pins "$dir/bpf/ek" "$@"; }
config() { # HEALTH
	printf 'services:\n  web:\n    listen: ["203.0.113.10:80/tcp"]\n    health: %s\n    backends:\n' "$1"
	local i
	for ((i = 0; i < BACKENDS; i++)); do
		echo "      web-$i: 10.1.$((i / 250)).$((i % 250 + 1))"
	done
}
ticks() {
	local fields
	read -r -a fields < <(sed 's/.*) //' "/proc/$daemon/stat")
	echo $((fields[11] + fields[12]))
}
# Tenths of a percent of one CPU: cost HEALTH
cost() {
	local before
	config "$1" >"$dir/config.yaml"
	ek --timeout 60 apply "$dir/config.yaml" >/dev/null 2>&1
	sleep 3 # first checks, which come all at once
	before=$(ticks)
	sleep "$SECONDS_EACH"
	echo $((($(ticks) - before) * 1000 / SECONDS_EACH / $(getconf CLK_TCK)))
}
"$build/evenkeeld" --state "$dir/state" --socket "$dir/socket" --pins "$dir/bpf/ek" --metrics off \
	2>"$dir/log" &
daemon=$!
for ((i = 0; i < 100; i++)); do
	ek version >/dev/null 2>&1 && break
	sleep 0.1
done
row() { # NAME HEALTH AIM
	local tenths up
	tenths=$(($(cost "$2") - idle))
	up=$(ek status --json | grep -o '"up": *[0-9]*' | head -1 | grep -o '[0-9]*$')
	printf '%-44s %3d.%d %%  %s\n' "$1" $((tenths / 10)) $((tenths % 10)) "$3"
	[ "${up:-0}" = "$BACKENDS" ] || echo "  of $BACKENDS backends ${up:-none} were up: the figure means less"
}
idle=$(cost none)
echo "Health checks, of one CPU, beside none ($((idle / 10)).$((idle % 10)) %):"
row "2000 tcp checks a second" "{ type: tcp, interval: 1s, timeout: 900ms }" "aim: 20 %"
row "2000 http checks a second" "{ type: http, interval: 1s, timeout: 900ms }" ""
