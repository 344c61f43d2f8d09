# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Claims in TAP, for every test that is a script.
#
#   claim NAME COMMAND...     one test: the command succeeds; its output is shown only if not
#   claims_end                the plan, and the exit status
CLAIMS=0 CLAIMS_FAILED=0

# Printed with a failed claim; a story says more here.
claim_context() { :; }

claim() {
	local name=$1 out
	shift
	CLAIMS=$((CLAIMS + 1))
	if out=$("$@" 2>&1); then
		echo "ok $CLAIMS - $name"
		return
	fi
	CLAIMS_FAILED=$((CLAIMS_FAILED + 1))
	echo "not ok $CLAIMS - $name"
	{
		printf '%s\n' "failed: $*" "$out"
		claim_context
	} | sed 's/^/#   /'
}

claims_end() {
	echo "1..$CLAIMS"
	[ "$CLAIMS_FAILED" = 0 ]
	exit
}
