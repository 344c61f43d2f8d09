#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# evenkeel top, in a terminal of its own and as text.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
fake_start

# NAME INDEX STATE EXPECTED ACTUAL PACKETS FLOWS; bytes are 100 a packet
backend() {
	printf '{"name":"%s","index":%s,"state":"%s","expected_share":%s,"actual_share_packets":%s,"packets":%s,"bytes":%s00,"flows":%s}' \
		"$1" "$2" "$3" "$4" "$5" "$6" "$6" "$7"
}
web() { # PACKETS of each of the three
	printf '{"name":"web","unsettled":3,"backends":[%s,%s,%s]}' "$(backend web-1 1 up 0.25 0.2 "$1" 5)" \
		"$(backend web-2 2 down 0 null "$2" 5)" "$(backend web-10 3 up 0.75 0.8 "$3" 5)"
}
status_of() { # TROUBLE SERVICE...
	local IFS=,
	printf '{"version":1,"revision":7,"revision_time":1700000000,"trouble":%s,"services":[%s],"sent":0,"redirected":0,"passed":0,"dropped":{}}' \
		"$1" "${*:2}"
}
many() { # a service with 40 backends
	local i list=()
	for ((i = 100; i < 140; i++)); do list+=("$(backend "b-$i" $i up 0.025 0.025 $((i * 10)) 0)"); done
	local IFS=,
	printf '{"name":"many","unsettled":0,"backends":[%s]}' "${list[*]}"
}
# Each test starts anew: the fake daemon counts requests.
now() { fake_stop && fake_start && answer status "$@"; }
top() { # SIZE SCRIPT ARGUMENT...
	/usr/bin/python3 tests/lib/terminal.py "$1" "$2" -- "$EVENKEEL" top --socket "$SOCKET" "${@:3}"
}

# 1000 packets of web-1, 0 of web-2 and 9000 of web-10 within about a second.
moving=("$(done_with "$(status_of null "$(web 0 0 0)")")" "$(done_with "$(status_of null "$(web 1000 0 9000)")")")

now "${moving[@]}"
once() {
	exits 0 top --once && silent_on_stderr && says "revision 7 of 2023-11-14 22:13:20: 1 services, 3 backends, 1 not up" &&
		says "packets/s: 0 forwarded, 0 passed, 0 dropped; 3 slots unsettled" &&
		grep -qE '^BACKEND +STATE +EXPECT +ACTUAL +SKEW >PKT/S +BIT/S +FLOW/S *$' "$DIR/out" &&
		grep -qE '^web/web-1 +up +25\.0% +20\.0% +-5\.0 +[89][0-9]{2} +[678][0-9]{2}k +0 *$' "$DIR/out" &&
		grep -qE '^web/web-2 +down +0\.0% +- +- +0 +0 +0 *$' "$DIR/out"
}
claim one_screen_is_printed_for_a_pipe once
width_80() { [ "$(awk '{ print length }' "$DIR/out" | sort -u)" = 80 ]; }
claim of_80_columns width_80
sorted_by() { # COLUMN NAMES-IN-ORDER
	now "${moving[@]}"
	exits 0 top --once --sort "$1" && [ "$(sed -nE 's|^web/([^ ]*).*|\1|p' "$DIR/out" | paste -sd' ')" = "$2" ]
}
claim it_is_sorted_by_packets sorted_by packets "web-10 web-1 web-2"
claim it_is_sorted_by_name_with_numbers_as_such sorted_by backend "web-1 web-2 web-10"
claim it_is_sorted_by_state sorted_by state "web-2 web-1 web-10"
claim it_is_sorted_by_skew_either_way sorted_by skew "web-1 web-10 web-2"
claim equals_keep_the_order_of_names sorted_by flows "web-1 web-2 web-10"
no_column() { exits 2 top --once --sort pakets && complains "no such column; it is one of backend|state|"; }
claim a_column_that_is_none_is_a_mistake no_column
no_terminal() { exits 2 top </dev/null && complains "this is no terminal: use --once"; }
claim without_a_terminal_it_says_what_to_use no_terminal
no_json() { exits 2 top --json && complains "evenkeel status --json"; }
claim as_json_it_is_status no_json
now close
refused() { exits 1 top --once && complains "closed the connection"; }
claim a_daemon_that_does_not_answer_is_told refused
COLUMNS=120 now "${moving[@]}"
wide() { COLUMNS=120 exits 0 top --once && grep -qE '^web/web-10 .*\|#\.+ *$' "$DIR/out"; }
claim a_wide_one_has_bars_with_a_mark_at_the_expected_share wide

# ---- in a terminal -----------------------------------------------------------------------------------

now "${moving[@]}" "${moving[1]}"
claim it_draws_and_refreshes_and_q_ends_it top 80x24 '
	see ^revision 7 of 2023-11-14 22:13:20: 1 services, 3 backends
	see ^web/web-10 +up +75\.0% +80\.0% +\+5\.0 +- +- +-$
	see ^web/web-10 +up +75\.0% +80\.0% +\+5\.0 +[89][0-9]{3} +[67]\.[0-9]+M +0$
	see ^q\ quit
	key q
	ends 0'
going_on=()
for i in {0..30}; do going_on+=("$(done_with "$(status_of null "$(web "${i}000" 0 "$((9 * i))000")")")"); done
now "${going_on[@]}"
claim keys_choose_the_column top 80x24 '
	see >PKT/S
	order web-10 web-1
	key <
	see >SKEW
	order web-10 web-2
	key <<<<
	see >BACKEND
	order web-1 web-2
	order web-2 web-10
	key r
	order web-10 web-2
	key <
	see >FLOW/S
	key q
	ends 0'
now "$(done_with "$(status_of null "$(many)")")"
claim it_scrolls_and_stops_at_the_ends top 80x24 '
	see many/b-100
	key \x1b[B
	order b-101 b-119
	key \x1b[6~\x1b[6~\x1b[6~\x1b[6~
	see many/b-139
	order b-139 q
	key \x1b[5~\x1b[5~\x1b[5~\x1b[5~
	see many/b-100
	key q
	ends 0' --sort backend
now "$(done_with "$(status_of null "$(web 1 2 3)")")"
claim it_follows_the_size_of_its_window top 80x24 '
	see ^web/web-1
	size 120x30
	see \|#\.+$
	size 40x6
	see ^~b/web-1
	size 3x2
	size 80x24
	see ^web/web-1 .*5\.0
	key q
	ends 0'
now "$(done_with "$(status_of '"the journal cannot be read"' "$(web 1 2 3)")")" close
claim troubles_are_shown_and_outlived top 80x24 '
	see ^the journal cannot be read$
	see what is shown is old
	see ^web/web-1
	key q
	ends 0'
now "${moving[@]}"
claim an_interrupt_ends_it_well top 80x24 '
	see ^web/web-1
	key \x03
	ends 0'
unknown() { TERM=nonsense /usr/bin/python3 tests/lib/terminal.py 80x24 'see terminal
	ends 1' -- env TERM=nonsense "$EVENKEEL" top --socket "$SOCKET"; }
claim a_terminal_that_is_not_known_is_told unknown
claims_end
