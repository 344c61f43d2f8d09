#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Checks by command, http and https; and what follows from states alone: flows that are kept, and
# damping.
. "$(dirname "$0")/../lib/story.sh"
# shellcheck source=tests/lib/health.sh
. "$LAB_ROOT/tests/lib/health.sh"

story --backends 10
ek attach eth0 --yes >/dev/null 2>&1

# ---- exec, and what follows from states alone ----------------------------------------------------

mkdir "$LAB_DIR/sick"
cat >"$LAB_DIR/check" <<-END
	#!/bin/sh
	[ ! -e "$LAB_DIR/sick/\$EVENKEEL_BACKEND" ] && exit 0
	echo "\$EVENKEEL_BACKEND of \$EVENKEEL_SERVICE is sick"
	exit 2
END
chmod +x "$LAB_DIR/check"
EXEC="{ type: exec, command: [$LAB_DIR/check], $QUICK, rise: 1 }"
sick() { touch "$LAB_DIR/sick/web-$1"; }
well() { rm -f "$LAB_DIR/sick/web-$1"; }
claim "exec comes into force" health "$EXEC"
claim "all are up" wait_for 30 all_up

# One connection, two requests; between them its backend is declared dead and comes back.
lab_spawn held client bash -c "exec 9<>/dev/tcp/$VIP4/80
	ask() { printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' >&9 && sed -u '/^web-/q' <&9; }
	ask; until [ -e $LAB_DIR/go ]; do sleep 0.05; done; ask"
answered() { [ "$(grep -c '^web-' "$LAB_DIR/log/held")" = "$1" ]; }
claim "a connection is made" wait_for 15 answered 1
victim=$(sed -n 's/^web-//p' "$LAB_DIR/log/held")
sick "$victim"
claim "its backend is said to be down" wait_for 15 is_down "$victim"
claim "in the command's words" says "$victim" "exit status 2: web-$victim of web is sick"
claim "it has no new flows" wait_for 15 survivors_share 9
well "$victim"
claim "within the hold time it comes back" wait_for 15 all_up
touch "$LAB_DIR/go"
claim "the connection is still its" wait_for 15 answered 2
claim "and nobody else's" test "$(grep -c "^web-$victim\$" "$LAB_DIR/log/held")" = 2

flapper=$((victim % 10 + 1)) # not the one that was down already
flap() {
	sick "$flapper"
	wait_for 15 is_down "$flapper" || return 1
	well "$flapper"
}
claim "a backend falls" flap
claim "and is back" wait_for 15 is_up "$flapper"
claim "and falls again" flap
claim "and is back again" wait_for 15 is_up "$flapper"
claim "and falls once more" flap
held() { backend "$flapper" '.health.held and (.health.checks | all(.state == "up")) and (.reason | test("held down for"))'; }
claim "it is held down, though its checks succeed" wait_for 15 held
claim "it has no new flows" survivors_share 9
claim "and not for ever" wait_for 30 all_up

# ---- http, https --------------------------------------------------------------------------------

sed -i 's/return 200/return 500/' "$LAB_DIR/nginx/web-3.conf"
server_stop 3
server_start 3
claim "http comes into force" health "{ type: http, $QUICK }"
claim "who answers 500 is down" wait_for 15 is_down 3
claim "and this is said" says 3 "http: 10.0.1.13:80: answered 500 to /"
claim "nobody is sent there" answers 1 2 4 5 6 7 8 9 10
claim "500 can be what is expected" health "{ type: http, expect: [200, 500], $QUICK }"
claim "then it is up" wait_for 15 is_up 3

tls() { # a certificate for www.example.com on the fourth backend's port 8443
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=www.example.com \
		-addext subjectAltName=DNS:www.example.com -keyout "$LAB_DIR/key" -out "$LAB_DIR/cert" &&
		sed -i "s|listen 8080;|&\nlisten 8443 ssl; ssl_certificate $LAB_DIR/cert; ssl_certificate_key $LAB_DIR/key;|" \
			"$LAB_DIR/nginx/web-4.conf" && server_stop 4 && server_start 4 &&
		wait_for 15 lab_in b4 curl -sfk https://127.0.0.1:8443/
}
https() { LAB_BACKENDS=4 health "{ type: https, port: 8443, interval: 500ms, timeout: 400ms, fall: 1, $1 }"; }
claim "a server speaks TLS" tls
claim "https with its name and its certificate" https "sni: www.example.com, ca: $LAB_DIR/cert"
claim "it is up" wait_for 15 is_up 4
claim "by another name" https "sni: www.example.org, ca: $LAB_DIR/cert"
claim "it is down" wait_for 15 is_down 4
claim "with no trust in its certificate" https "sni: www.example.com"
claim "it is down for that" wait_for 15 says 4 "[Cc]ertificate"
claim "without verifying" https "verify: false"
claim "it is up again" wait_for 15 is_up 4

claims_end
