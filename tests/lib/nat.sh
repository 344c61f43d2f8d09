# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What stories of nat share: backends that know nothing of the service's address.

# The lab's backends are set up for the other modes; nothing of that is to help here.
nat_hosts() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_in "b$i" "$BUILD/evenkeel" --pins "$LAB_DIR/bpf/b$i" decap detach eth0 || return 1
	done
	lab_sysctl balancer ipv4.ip_forward=1 ipv6.conf.all.forwarding=1 \
		ipv4.conf.all.send_redirects=0 ipv4.conf.eth0.send_redirects=0
}

# What `evenkeel backend setup` prints, run on each backend.
nat_backends() {
	local i family
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		for family in 4 6; do
			ek backend setup "web$family" "web-$i" | lab_in "b$i" bash -e || return 1
		done
	done
}

# Ports 80/tcp and 53/udp of the service are 8080 and 5353 of the backends.
nat_config() { # [WEIGHT...]
	local i family vip name
	echo "$LAB_STAGE"
	echo "services:"
	for family in 4 6; do
		for name in web:80/tcp:8080 dns:53/udp:5353; do
			vip=$(vip $family)
			[ $family = 6 ] && vip="[$vip]"
			printf '  %s%d:\n    listen: ["%s:%s"]\n' "${name%%:*}" $family "$vip" \
				"$(cut -d: -f2 <<<"$name")"
			printf '    forward: nat\n    backends:\n'
			for ((i = 1; i <= LAB_BACKENDS; i++)); do
				printf '      web-%d: { address: "%s", port: %d, weight: %d }\n' "$i" \
					"$(lab_backend_addr "$i" $family)" "${name##*:}" "${!i:-100}"
			done
		done
	done
}

nat_configure() {
	nat_config "$@" >"$LAB_DIR/nat.yaml"
	anyway ek apply "$LAB_DIR/nat.yaml" && wait_for 10 backends_ready
}

nat_udp_servers() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_spawn "udp-$i" "b$i" "$LAB_ROOT/tests/lib/udp.py" serve "web-$i" 5353 \
			"$(lab_backend_addr "$i" 4)" "$(lab_backend_addr "$i" 6)"
	done
	wait_for 15 nat_udp_up
}
nat_udp_up() {
	local i
	for ((i = 1; i <= LAB_BACKENDS; i++)); do
		lab_in "b$i" ss -Hlun "sport = 5353" | grep -qF "[$(lab_backend_addr "$i" 6)]:5353" ||
			return 1
	done
}
