# SPDX-License-Identifier: GPL-2.0
# Runs of incident.sh, one object each, as a table: median and worst of all seeds.
def pad($n): tostring | . + " " * ([0, $n - length] | max);
def lead($n): tostring | " " * ([0, $n - length] | max) + .;
def median: sort | .[length / 2 | floor];
def round1: . * 10 | round / 10 | tostring | if contains(".") then . else . + ".0" end;
def both(f; $unit): map(f) | "\(median | round1) / \(max | round1) \($unit)";
# From the first request that fails, by when it was scheduled, to the undo; without one there is none.
def undone: if .harm_ms == null then 0 else [0, .undone_ms - .harm_ms] | max / 1000 end;
def failed: 100 * .failed / ([1, .requests] | max);

"incident" + " " * 34 + ("arm" | pad(9)) + ("runs" | lead(5)) + ("failed requests" | lead(20))
	+ ("undone after harm" | lead(20)) + ("after the change" | lead(20)) + ("servers dead" | lead(14)),
(group_by([.incident, .arm])[] | .[0] as $first
	| ("\($first.incident) \($names[$first.incident])" | pad(42)) + ($first.arm | pad(9)) + (length | lead(5))
	+ (both(failed; "%") | lead(20))
	+ (if $first.arm == "forced" then both(undone; "s") else "-" end | lead(20))
	+ (if $first.arm == "forced" then both(.undone_ms / 1000; "s") else "-" end | lead(20))
	+ (map(.dead) | "\(median) / \(max)" | lead(14))),
"",
"median / worst of the runs. The originals of the five lasted 90 to 150 minutes; 80 to 90 % of users failed."
