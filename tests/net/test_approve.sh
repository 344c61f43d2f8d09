#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A change waits until others have agreed: users that the kernel names, or signatures.
#
# In namespaces of its own: users of this story alone in /etc/passwd, and nobody behind them; else all of them
# would be whoever has started it by sudo.
if [ -z "${STORY_ALONE:-}" ]; then
	export STORY_ALONE=1
	exec unshare --pid --fork --kill-child=TERM --mount --propagation private --mount-proc "$0" "$@"
fi
mkdir -p /run/netns && mount -t tmpfs none /run/netns || exit 1
echo 4294967295 >/proc/self/loginuid 2>/dev/null # no login
. "$(dirname "$0")/../lib/story.sh"

UID_ADA=61001 UID_BOB=61002

# Dave may look, and is not in sre.
users() {
	local user
	cp /etc/passwd "$LAB_DIR/passwd"
	grep -v '^evenkeel:' /etc/group >"$LAB_DIR/group"
	for user in "ada:x:$UID_ADA" "bob:x:$UID_BOB" "carol:x:61003" "dave:x:61004"; do
		echo "$user:61000::/:/bin/sh"
	done >>"$LAB_DIR/passwd"
	printf '%s\n' "sre:x:61100:ada,bob,carol" "evenkeel:x:61101:dave" >>"$LAB_DIR/group"
	mount --bind "$LAB_DIR/passwd" /etc/passwd
	mount --bind "$LAB_DIR/group" /etc/group
	chmod 711 "$LAB_DIR"
	cp "$BUILD/evenkeel" "$LAB_DIR/evenkeel"
}
as() { # USER ARGUMENT...: asks as that user
	local user=$1
	shift
	lab_in balancer setpriv --reuid "$user" --regid 65534 --init-groups "$LAB_DIR/evenkeel" \
		--socket "$LAB_SOCKET" --pins "$LAB_PINS" "$@"
}
as_bob_from() { # UID ARGUMENT...: as bob, from that user's shell
	local uid=$1
	shift
	lab_in balancer "$LAB_ROOT/tests/lib/sudo.py" "$uid" setpriv --reuid bob \
		--regid 65534 --init-groups "$LAB_DIR/evenkeel" --socket "$LAB_SOCKET" \
		--pins "$LAB_PINS" "$@"
}
as_root_from() { # UID ARGUMENT...: asks as root, from that user's shell
	local uid=$1
	shift
	lab_in balancer "$LAB_ROOT/tests/lib/sudo.py" "$uid" "$BUILD/evenkeel" --socket "$LAB_SOCKET" \
		--pins "$LAB_PINS" "$@"
}

keys() {
	local name
	for name in bob carol ada eve; do
		ssh-keygen -q -t ed25519 -N '' -f "$LAB_DIR/$name"
	done
	for name in bob carol ada; do
		echo "$name@example.org namespaces=\"evenkeel\" $(cat "$LAB_DIR/$name.pub")"
	done >"$LAB_DIR/signers"
	echo "carol-2@example.org $(cat "$LAB_DIR/carol.pub")" >>"$LAB_DIR/signers"
	chmod 644 "$LAB_DIR/signers"
}
# signed NAME PROPOSAL: prints where the signature is
signed() {
	local file=$LAB_DIR/$2.$1
	ek proposals "$2" --json | jq -r .content >"$file"
	rm -f "$file.sig"
	ssh-keygen -q -Y sign -n "${3:-evenkeel}" -f "$LAB_DIR/$1" "$file" 2>/dev/null
	echo "$file.sig"
}

# file APPROVALS WEB-1'S-WEIGHT SHOP'S-WEIGHT [KEY]: as lab_config, with another service and a policy
file() {
	echo "policy: { approvals: $1, group: sre, signers: $LAB_DIR/signers${4:+, $4} }"
	cat <<-END
		guards: { growth: 1000, share: 1000, eligible: 0 }
		services:
		  web:
		    listen: ["$VIP4:80/tcp"]
		    health: none
		    backends:
		      web-1: { address: $(lab_backend_addr 1 4), weight: $2 }
		      web-2: { address: $(lab_backend_addr 2 4) }
		      web-3: { address: $(lab_backend_addr 3 4) }
		  shop:
		    listen: ["$VIP4:81/tcp"]
		    health: none
		    backends:
		      shop-1: { address: $(lab_backend_addr 1 4), weight: $3 }
		      shop-2: { address: $(lab_backend_addr 2 4) }
	END
}
# waits FILE [OPTION...]: it is proposed, and nothing else; prints the change's name
waits() {
	local before name
	before=$(ek status --json | jq .revision)
	name=$(ek apply "$@" --no-wait 2>/dev/null)
	[ $? = 4 ] && [ "$(ek status --json | jq .revision)" = "$before" ] && echo "$name"
}
propose() { # APPROVALS WEIGHT WEIGHT [KEY]: the change's name
	file "$@" >"$LAB_DIR/new.yaml"
	waits "$LAB_DIR/new.yaml"
}
exits() { # STATUS COMMAND...
	local wanted=$1 status
	shift
	"$@"
	status=$?
	[ "$status" = "$wanted" ]
}
state() { # PROPOSAL STATE [PATTERN]
	ek proposals "$1" --json | jq -e --arg s "$2" --arg p "${3:-.}" \
		'.state == $s and ((.detail // "x") | test($p))'
}
in_force() { ek show "$(ek status --json | jq .revision)" | grep -v '^#' | jq -e "$1"; }
weight() { in_force ".services.\"$1\".backends.\"$2\".weight == $3"; } # SERVICE BACKEND WEIGHT
says() { # PATTERN COMMAND...
	local pattern=$1
	shift
	"$@" | grep "$pattern"
}
event() { ek audit log --json | jq -e -s --arg k "$1" --arg t "$2" 'any(.kind == $k and (.text | test($t)))'; }

lab_open
lab_up --backends 3
users
keys
lab_daemon
file 0 100 100 | grep -v ^policy >"$LAB_DIR/first.yaml"
claim "without a policy nobody is asked" ek apply "$LAB_DIR/first.yaml"
file 1 100 100 | sed 's/sre/sres/' >"$LAB_DIR/bad.yaml"
claim "a group that there is not is refused" refused "no group sres" ek apply "$LAB_DIR/bad.yaml"
chmod 666 "$LAB_DIR/signers"
file 1 100 100 >"$LAB_DIR/new.yaml"
claim "signers that everybody can write are refused" refused "others than root" \
	ek apply "$LAB_DIR/new.yaml"
chmod 644 "$LAB_DIR/signers"
claim "a policy comes by the one in force, which asks nobody" ek apply "$LAB_DIR/new.yaml"
wait_for 5 as bob proposals

# ---- by users ----------------------------------------------------------------------------------

p=$(propose 1 150 100)
claim "a change waits, and nothing is changed" test "$p" = p1
claim "the same again is the same" test "$(waits "$LAB_DIR/new.yaml")" = p1
claim "it says who is asked" says "by a member of group sre, or signed by" ek apply "$LAB_DIR/new.yaml"
claim "and status that somebody is" says "wait for approvals: 1" ek status
claim "the shell knows its name" says '^p1$' ek completion-words approve
claim "root cannot approve" refused "uid 0 cannot approve" ek approve "$p"
claim "who is not in the group cannot" refused "not in group sre" as dave approve "$p"
claim "nothing has changed by then" weight web web-1 100
claim "another member of the group can" as bob approve "$p"
claim "and the change is in force" weight web web-1 150
claim "it waits no more" refused "does not wait any more: it went on" as carol approve "$p"
file 1 120 100 >"$LAB_DIR/ada.yaml"
as_root_from "$UID_ADA" apply "$LAB_DIR/ada.yaml" --no-wait >"$LAB_DIR/name" 2>/dev/null
p=$(cat "$LAB_DIR/name")
claim "who became root to propose it cannot approve it" refused "somebody else must agree" \
	as ada approve "$p"
claim "nor as somebody else" refused "somebody else must agree" as_bob_from "$UID_ADA" approve "$p"
claim "nor sign it" refused "somebody else must agree" ek approve "$p" \
	--signature "$(signed ada "$p")"
claim "a member of the group can reject it" as carol reject "$p" --reason "too little"
claim "it is over then" state "$p" rejected "too little"
q=$(propose 1 130 100)
claim "what somebody has changed in the file is another change" test "$q" != "$p"
claim "the one who proposed it withdraws it" ek reject "$q"

# ---- by signatures -----------------------------------------------------------------------------

p=$(propose 1 140 100)
q=$(propose 1 141 100)
echo "no signature" >"$LAB_DIR/garbage"
claim "what is no signature is refused" refused "nobody in the signers file" \
	ek approve "$p" --signature "$LAB_DIR/garbage"
claim "a signer who is not in the list is refused" refused "nobody in the signers file" \
	ek approve "$p" --signature "$(signed eve "$p")"
claim "a signature of another change is refused" refused "not one of this change" \
	ek approve "$p" --signature "$(signed bob "$q")"
claim "a signature for another purpose is refused" refused "not one of this change" \
	ek approve "$p" --signature "$(signed carol "$p" file)"
claim "one of this change counts, whoever brings it" ek approve "$p" --signature "$(signed bob "$p")"
claim "and the change is in force" weight web web-1 140
claim "the other one, of the same service, has lapsed" wait_for 5 state "$q" lapsed \
	"service web, which it touches, was changed"

# ---- two of them, over a crash -----------------------------------------------------------------

p=$(propose 2 140 100)
claim "a stricter policy waits by the one in force" as carol approve "$p"
p=$(propose 2 100 100)
claim "one of two is not enough" exits 4 as bob approve "$p"
claim "the same one twice is one" refused "approved change $p already" as bob approve "$p"
claim "nor by a signature" refused "approved change $p already" \
	ek approve "$p" --signature "$(signed bob "$p")"
q=$(propose 2 140 150)
claim "a signature is one" exits 4 ek approve "$q" --signature "$(signed carol "$q")"
claim "that of one key is one, whatever its names" refused "approved change $q already" \
	ek approve "$q" --signature "$(signed carol "$q")"
lab_kill evenkeeld KILL
lab_daemon
claim "what waits survives a crash, with its approvals" test \
	"$(ek proposals --json | jq -c '[.proposals[] | .missing]')" = '[1,1]'
wait_for 5 as bob proposals
claim "the second one is enough" as carol approve "$p"
claim "and the change is in force" weight web web-1 100
claim "one of another service goes on with that" as bob approve "$q"
claim "which stays" weight web web-1 100
claim "and has its own" weight shop shop-1 150

# ---- what lapses -------------------------------------------------------------------------------

p=$(propose 2 120 150)
as bob approve "$p" >/dev/null 2>&1
claim "a drain by hand waits for nobody" ek backend drain web web-3
claim "it makes another plan of a change that was agreed to" refused \
	"plan of a service that it touches is another one" as carol approve "$p"
claim "which has lapsed" state "$p" lapsed "web-"
ek backend undrain web web-3 >/dev/null 2>&1
p=$(propose 2 120 150)
lab_kill evenkeeld
"$PYTHON" - "$LAB_STATE/journal.db" <<-'END'
	import sqlite3, sys
	db = sqlite3.connect(sys.argv[1])
	db.execute("UPDATE proposal SET until_ms = 1 WHERE state = 0")
	db.commit()
END
lab_daemon
claim "a change that has waited for too long lapses" wait_for 5 state "$p" lapsed "too long"
wait_for 5 as bob proposals

file 2 100 150 | sed '/^  shop:/,$d' >"$LAB_DIR/less.yaml"
p=$(waits "$LAB_DIR/less.yaml" --remove shop)
as bob approve "$p" >/dev/null 2>&1
claim "what was said to be removed is, when all have agreed" as carol approve "$p"
claim "and is gone" in_force '.services.shop == null'

# ---- ways around -------------------------------------------------------------------------------

file 0 120 150 >"$LAB_DIR/new.yaml"
claim "a policy is not loosened along with a service" refused "policy: approvals is changed" \
	ek apply "$LAB_DIR/new.yaml"
claim "forced it waits like any other" test -n \
	"$(waits "$LAB_DIR/new.yaml" --force policy --reason story)"
claim "a rollback waits for nobody" ek rollback 1
claim "and does not bring a looser policy back" in_force '.policy.approvals == 2'
claim "a command waits like a file" exits 4 ek backend set web web-1 --weight 110
claim "beyond the guards a drain by hand is no way around" refused "needs approval, too" \
	ek backend drain web web-1 web-2 --force answering --reason story

# ---- what looking must not do ------------------------------------------------------------------

sed "s|health: none|health: { type: exec, command: [/usr/bin/touch, $LAB_DIR/ran] }|" "$LAB_DIR/first.yaml" \
	>"$LAB_DIR/exec.yaml"
chmod 644 "$LAB_DIR/exec.yaml"
plans_of_others_run_nothing() {
	as dave plan "$LAB_DIR/exec.yaml"
	not test -e "$LAB_DIR/ran"
}
plans_of_root_ask() {
	ek plan "$LAB_DIR/exec.yaml"
	test -e "$LAB_DIR/ran"
}
claim "a plan of somebody who may only look runs no command of his" plans_of_others_run_nothing
claim "which one of root does" plans_of_root_ask

# ---- what is remembered ------------------------------------------------------------------------

claim "who has proposed" event waits "change p1: .*weight 100 -> 150"
claim "who has approved" event approved "change p1: by bob \\(uid $UID_BOB\\)"
claim "who has signed" event approved "signed by bob@example.org, key SHA256:"
claim "who could not" event "not approved" "uid 0 cannot approve"
claim "what it became" event "went on" "change p1: as revision [0-9]+, approved by bob"
claim "what has lapsed" event lapsed "too long"
claim "who has rejected" event rejected "by carol: too little"
claim "and the log is whole" ek audit verify
claims_end
