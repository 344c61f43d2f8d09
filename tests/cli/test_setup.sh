#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# backend setup: from the daemon's facts to commands that a shell takes. What the commands say is
# tested in tests/unit/test_setup.c; here `ip` and the others are replaced, and only note it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
fake_start

facts() { # FORWARD
	done_with "{\"service\":\"web\",\"forward\":\"$1\",\"listeners\":[\"203.0.113.10:443/tcp\",\"[2001:db8::10]:443/tcp\"],\"overhead_ipv4\":20,\"overhead_ipv6\":40,\"backends\":[{\"name\":\"web-1\",\"address\":\"10.0.1.1\",\"mtu\":1500,\"overhead\":20},{\"name\":\"web-2\",\"address\":\"2001:db8:1::2\",\"mtu\":null,\"overhead\":40}],\"balancer_sources\":[\"10.0.0.2\"]}"
}
answer setup "$(facts ipip)"

all() { exits 0 backend setup web && asked setup '. == {service: "web"}' && says "# Backend web-1 (10.0.1.1)" && says "# Backend web-2 (2001:db8:1::2)"; }
claim setup_prints_all_backends all
one() { exits 0 backend setup web web-2 && says "# Backend web-2" && ! grep -q web-1 "$DIR/out"; }
claim setup_prints_one_backend one
none() { exits 1 backend setup web web-3 && complains "service web has no backend web-3; see evenkeel service show web" && [ ! -s "$DIR/out" ]; }
claim setup_of_an_unknown_backend_is_refused none
as_json() {
	exits 0 backend setup web web-1 --json && json '.forward == "ipip" and (.backends | length) == 1' &&
		jq -j '.backends[0].commands' "$DIR/out" >"$DIR/commands" && exits 0 backend setup web web-1 &&
		cmp "$DIR/commands" "$DIR/out"
}
claim setup_has_facts_and_commands_as_json as_json

# Programs that note how they are called, and answer as a backend's host would.
mkdir "$DIR/bin"
cat >"$DIR/bin/note" <<'SH'
#!/bin/sh
echo "$(basename "$0") $*" >>"$NOTES"
case "$(basename "$0") $*" in
"ip -o address show to 10.0.1.1") echo "2: eth0.7    inet 10.0.1.1/24 scope global eth0.7" ;;
"ip -o -4 route show default")
	echo 'default via 10.0.1.254 dev eth0.7 proto dhcp metric 100 advmss 1460 linkdown'
	echo 'default via 10.0.1.253 dev eth0.7 metric 200 advmss 1300'
	printf 'default proto static metric 300 \\\tnexthop via 10.0.1.2 dev eth0.7 weight 1 \\\tnexthop via 10.0.1.3 dev eth0.7 weight 1\n'
	;;
"ip -o -6 route show default") echo 'default via fe80::1 dev eth0.7 proto ra metric 1024 expires 1790sec pref medium' ;;
"evenkeel decap status eth0.7") exit 1 ;;
esac
SH
chmod +x "$DIR/bin/note"
for name in ip sysctl nft evenkeel; do ln -s note "$DIR/bin/$name"; done
run_as() { # SHELL: runs what was printed
	: >"$DIR/notes"
	exits 0 backend setup web web-1 && NOTES=$DIR/notes PATH=$DIR/bin:$PATH "$1" "$DIR/out" && cat "$DIR/notes"
}
noted() { grep -qxF -- "$1" "$DIR/notes" || { echo "was not run: $1"; false; }; }
runs() {
	run_as "$1" && noted "ip address replace 203.0.113.10/32 dev lo" && noted "evenkeel decap attach eth0.7" &&
		noted "sysctl -qw net/ipv4/conf/all/rp_filter=0 net/ipv4/conf/eth0.7/rp_filter=0" &&
		noted "nft insert rule inet filter input ip daddr 203.0.113.10 tcp dport 443 accept" &&
		noted "nft insert rule inet filter input ip saddr { 10.0.0.2 } ip protocol 41 accept"
}
claim the_commands_run_in_sh runs sh
claim the_commands_run_in_bash runs bash
routes() {
	run_as sh && noted "ip -4 route change default advmss 1440 via 10.0.1.254 dev eth0.7 proto dhcp metric 100" &&
		noted "ip -4 route change default advmss 1300 via 10.0.1.253 dev eth0.7 metric 200" &&
		noted "ip -4 route change default advmss 1440 proto static metric 300 nexthop via 10.0.1.2 dev eth0.7 weight 1 nexthop via 10.0.1.3 dev eth0.7 weight 1" &&
		noted "ip -6 route change default advmss 1420 via fe80::1 dev eth0.7 proto ra metric 1024 pref medium"
}
claim each_default_route_gets_the_segment_size_and_keeps_the_rest routes
elsewhere() { # on a host without the backend's address nothing is changed
	: >"$DIR/notes"
	exits 0 backend setup web web-2 && ! NOTES=$DIR/notes PATH=$DIR/bin:$PATH sh "$DIR/out" &&
		[ "$(cat "$DIR/notes")" = "ip -o address show to 2001:db8:1::2" ]
}
claim on_another_host_nothing_is_changed elsewhere

answer setup "$(facts l2)"
l2() { exits 0 backend setup web && run_as sh && says "forward: l2" && ! grep -qE 'decap|route' "$DIR/notes"; }
claim l2_needs_no_decapsulation l2
answer setup "$(facts teleport)"
unknown() { exits 1 backend setup web && complains 'forward mode "teleport" is unknown'; }
claim a_mode_of_another_version_is_refused unknown
answer setup "$(refused_with 1 'service wbe is not in the revision in force')"
refused() { exits 1 backend setup wbe && complains "service wbe is not in the revision" && [ ! -s "$DIR/out" ]; }
claim an_unknown_service_is_refused refused
claims_end
