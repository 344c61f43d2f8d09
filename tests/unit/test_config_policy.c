// SPDX-License-Identifier: GPL-2.0
/* The key policy. */
#include "config_case.h"

static void without_a_policy_a_change_waits_for_nobody(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(WEB_1);
	_cleanup_(free_ptr) char *text = config_text(c);

	assert_int_equal(c->policy.approvals, 0);
	assert_int_equal(c->policy.expires_s, 24 * 3600);
	assert_null(strstr(text, "policy"));
}

static void a_policy_is_read_and_survives_its_canonical_text(void **state)
{
	_cleanup_(config_release) struct config *c = must_parse(
		WEB_1 "policy: { approvals: 2, group: sre, signers: /etc/s, expires: 90m }\n");
	_cleanup_(free_ptr) char *text = config_text(c);
	_cleanup_(config_release) struct config *again = must_parse(text);
	_cleanup_(config_release) struct config *copy = config_copy(c);

	assert_int_equal(again->policy.approvals, 2);
	assert_string_equal(again->policy.group, "sre");
	assert_string_equal(again->policy.signers, "/etc/s");
	assert_int_equal(again->policy.expires_s, 5400);
	assert_string_equal(copy->policy.group, "sre");
}

static void what_nobody_could_approve_is_refused(void **state)
{
	static const struct config_case rows[] = {
		{ WEB_1 "policy: { approvals: 1 }\n",
		  "f:6:9: error: policy asks for approvals, and nobody could give one: name a "
		  "group, a file of signers, or both\n" },
		{ WEB_1 "policy: { approvals: 1, group: sre }\n", "" },
		{ WEB_1 "policy: { approvals: 1, signers: /etc/signers }\n", "" },
		{ WEB_1 "policy: { approvals: 0 }\n", "" },
		{ WEB_1 "policy: { approvals: 17, group: sre }\n",
		  "f:6:22: error: approvals 17 is above 16\n" },
		{ WEB_1 "policy: { approvals: 1, signers: signers }\n",
		  "f:6:34: error: signers 'signers' does not begin with /\n" },
		{ WEB_1 "policy: { approvals: 1, group: sre, expires: 59s }\n",
		  "f:6:46: error: expires 59s is below 60 s\n" },
		{ WEB_1 "policy: { approval: 1, group: sre }\n",
		  "f:6:11: error: unknown key 'approval' in policy; did you mean 'approvals'?\n" },
	};

	assert_cases(rows, ARRAY_SIZE(rows));
}

static void who_may_approve_is_not_changed_unseen(void **state)
{
	const struct config_policy asked = {
		.approvals = 2, .group = "sre", .signers = "/s", .expires_s = 60
	};
	struct config_policy other = asked, none = {};

	assert_null(config_policy_loosened(&asked, &other));
	assert_null(config_policy_loosened(&none, &asked));
	other.approvals = 3;
	assert_null(config_policy_loosened(&asked, &other));
	assert_string_equal(config_policy_loosened(&asked, &none), "approvals");
	other.group[0] = 'x';
	assert_string_equal(config_policy_loosened(&asked, &other), "group");
	other = asked;
	other.signers[0] = '\0';
	assert_string_equal(config_policy_loosened(&asked, &other), "signers");
	other = asked;
	other.expires_s = 59;
	assert_null(config_policy_loosened(&asked, &other));
	other.expires_s = 61;
	assert_string_equal(config_policy_loosened(&asked, &other), "expires");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_policy_a_change_waits_for_nobody),
		cmocka_unit_test(a_policy_is_read_and_survives_its_canonical_text),
		cmocka_unit_test(what_nobody_could_approve_is_refused),
		cmocka_unit_test(who_may_approve_is_not_changed_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
