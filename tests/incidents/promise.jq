# SPDX-License-Identifier: GPL-2.0
# True if every run kept what is promised of its arm (docs/incidents.md).
def failed: 100 * .failed / ([1, .requests] | max);
def undone: if .harm_ms == null then 0 else .undone_ms - .harm_ms end;
length > 0 and all(
	if .arm == "refused" then .status == 1 and .failed == 0
	elif .arm == "forced" then .status == 3 and undone < 10000 and failed < 2
	else failed > 50 end)
