// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/alert.h"

/* What was told, as text: "+web/web-1@10 " when raised, "-..." when over. */
struct story {
	struct alerts alerts;
	uint32_t now;
	char told[4096];
};

static void tell(void *context, const struct alert *x)
{
	struct story *s = context;
	size_t used = strlen(s->told);

	snprintf(s->told + used, sizeof(s->told) - used, "%c%s/%s@%u ", x->told ? '+' : '-',
		 x->service, x->backend, s->now);
}

static const struct alert_fact no_hop = { .kind = "no_next_hop",
					  .level = ALERT_CRITICAL,
					  .service = "web",
					  .backend = "web-1",
					  .text = "no route",
					  .for_s = 10 };

/* So many seconds in which the facts are so. */
static void pass(struct story *s, uint32_t seconds, const struct alert_fact *facts, size_t count)
{
	while (seconds--) {
		for (size_t i = 0; i < count; i++)
			alerts_note(&s->alerts, &facts[i], s->now);
		alerts_tell(&s->alerts, s->now, tell, s);
		s->now++;
	}
}

static void what_lasts_is_told_once(void **state)
{
	static struct story s;

	pass(&s, 10, &no_hop, 1);
	assert_string_equal(s.told, "");
	pass(&s, 5000, &no_hop, 1);
	assert_string_equal(s.told, "+web/web-1@10 ");
}

static void what_is_over_is_told_once_and_forgotten(void **state)
{
	static struct story s;

	pass(&s, 20, &no_hop, 1);
	pass(&s, 500, NULL, 0);
	assert_string_equal(s.told, "+web/web-1@10 -web/web-1@29 ");
	assert_int_equal(s.alerts.count, 0);
}

static void what_is_over_before_its_time_is_never_told(void **state)
{
	static struct story s;

	for (int i = 0; i < 50; i++) {
		pass(&s, 9, &no_hop, 1);
		pass(&s, 1, NULL, 0);
	}
	assert_string_equal(s.told, "");
}

static void what_comes_and_goes_is_told_once(void **state)
{
	static struct story s;

	pass(&s, 20, &no_hop, 1);
	for (int i = 0; i < 50; i++) {
		pass(&s, ALERT_CLEAR_S - 1, NULL, 0);
		pass(&s, 1, &no_hop, 1);
	}
	assert_string_equal(s.told, "+web/web-1@10 ");
}

static void what_comes_back_after_it_was_over_is_told_again(void **state)
{
	static struct story s;

	pass(&s, 11, &no_hop, 1);
	pass(&s, 89, NULL, 0);
	pass(&s, 11, &no_hop, 1);
	assert_string_equal(s.told, "+web/web-1@10 -web/web-1@20 +web/web-1@110 ");
}

static void each_backend_service_and_kind_is_an_alert_of_its_own(void **state)
{
	static struct story s;
	struct alert_fact facts[4] = { no_hop, no_hop, no_hop, no_hop };

	facts[1].backend = "web-2";
	facts[2].service = "dns";
	facts[3].kind = "other";
	facts[3].for_s = 0;
	pass(&s, 12, facts, 4);
	assert_string_equal(s.told, "+web/web-1@0 +web/web-1@10 +web/web-2@10 +dns/web-1@10 ");
	pass(&s, 100, facts + 1, 2);
	assert_int_equal(s.alerts.count, 2);
}

static void the_newest_text_is_kept(void **state)
{
	static struct story s;
	struct alert_fact fact = no_hop;

	pass(&s, 11, &fact, 1);
	fact.text = "link down";
	pass(&s, 1, &fact, 1);
	assert_string_equal(s.alerts.list[0].text, "link down");
	assert_int_equal(s.alerts.list[0].since_s, 0);
}

static void there_are_never_more_than_there_is_room_for(void **state)
{
	static struct story s;
	struct alert_fact fact = no_hop;
	char name[16];

	for (unsigned int i = 0; i < 3 * ALERTS_MAX; i++) {
		snprintf(name, sizeof(name), "b-%u", i);
		fact.backend = name;
		assert_int_equal(alerts_note(&s.alerts, &fact, 0), i < ALERTS_MAX);
	}
	assert_int_equal(s.alerts.count, ALERTS_MAX);
	s.now = 1;
	pass(&s, 1, NULL, 0);
	assert_int_equal(s.alerts.count, 0);
}

static void names_and_texts_of_any_length_are_taken(void **state)
{
	static struct story s;
	static char longer[1000];
	struct alert_fact fact = no_hop;

	memset(longer, 'x', sizeof(longer) - 1);
	fact.text = longer;
	pass(&s, 11, &fact, 1);
	assert_int_equal(strlen(s.alerts.list[0].text), ALERT_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lasts_is_told_once),
		cmocka_unit_test(what_is_over_is_told_once_and_forgotten),
		cmocka_unit_test(what_is_over_before_its_time_is_never_told),
		cmocka_unit_test(what_comes_and_goes_is_told_once),
		cmocka_unit_test(what_comes_back_after_it_was_over_is_told_again),
		cmocka_unit_test(each_backend_service_and_kind_is_an_alert_of_its_own),
		cmocka_unit_test(the_newest_text_is_kept),
		cmocka_unit_test(there_are_never_more_than_there_is_room_for),
		cmocka_unit_test(names_and_texts_of_any_length_are_taken),
	};

	return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
