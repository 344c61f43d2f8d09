// SPDX-License-Identifier: GPL-2.0
/* What the data path can hold: the largest that is taken, and one more. */
#include "config_case.h"

#include "evenkeel/limits.h"

/* A text too long to be written here: print to `f`, then large_assert(). */
struct large {
	FILE *f;
	char *text;
	size_t size;
};

static void large_begin(struct large *l)
{
	*l = (struct large){};
	l->f = open_memstream(&l->text, &l->size);
	assert_non_null(l->f);
}

static void large_assert(struct large *l, const char *said)
{
	_cleanup_(diag_release) struct diag d = { .file = "f" };
	_cleanup_(config_release) struct config *c = NULL;
	_cleanup_(free_ptr) char *lines = NULL;

	fclose(l->f);
	config_parse(&c, l->text, l->size, &d);
	lines = diag_lines(&d);
	assert_string_equal(lines, said);
	assert_true(!c == (*said != '\0'));
	free(l->text);
}

static void services_of_one_listener(unsigned int count, const char *said)
{
	struct large l;

	large_begin(&l);
	fprintf(l.f, "services:\n");
	for (unsigned int i = 0; i < count; i++)
		fprintf(l.f, "  s%u: { listen: [203.0.113.1:%u/tcp], backends: { a: 10.0.0.1 } }\n",
			i, i + 1);
	large_assert(&l, said);
}

static void services_are_limited_to_those_of_the_data_path(void **state)
{
	services_of_one_listener(EK_SERVICES_MAX, "");
	services_of_one_listener(EK_SERVICES_MAX + 1, "f: error: 4097 services are more than the "
						      "data path holds: 4096\n");
}

static void service_of_listeners(unsigned int count, const char *said)
{
	struct large l;

	large_begin(&l);
	fprintf(l.f, "services:\n  web:\n    backends: { a: 10.0.0.1 }\n    listen:\n");
	for (unsigned int i = 0; i < count; i++)
		fprintf(l.f, "    - 203.0.113.1:%u/udp\n", i + 1);
	large_assert(&l, said);
}

static void listeners_are_limited_to_those_of_the_data_path(void **state)
{
	service_of_listeners(EK_LISTENERS_MAX, "");
	service_of_listeners(EK_LISTENERS_MAX + 1, "f: error: 8193 listeners are more than the "
						   "data path holds: 8192\n");
}

static void pool_of_backends(unsigned int count, const char *said)
{
	struct large l;

	large_begin(&l);
	fprintf(l.f, POOL);
	for (unsigned int i = 0; i < count; i++)
		fprintf(l.f, "      b%u: 10.%u.%u.%u\n", i, i >> 16, i >> 8 & 255, i & 255);
	large_assert(&l, said);
}

static void a_pool_is_limited_to_the_slots_of_a_table(void **state)
{
	pool_of_backends(EK_TABLE_SLOTS_MAX, "");
	pool_of_backends(EK_TABLE_SLOTS_MAX + 1, "f:2:3: error: service 'web': 65537 backends are "
						 "more than a table has slots: 65536\n");
}

static void list_of_interfaces(unsigned int count, const char *said)
{
	struct large l;

	large_begin(&l);
	fprintf(l.f, "services: {}\ninterfaces:\n");
	for (unsigned int i = 0; i < count; i++)
		fprintf(l.f, "- eth%u\n", i);
	large_assert(&l, said);
}

static void interfaces_are_limited_to_those_of_the_data_path(void **state)
{
	list_of_interfaces(EK_EGRESS_MAX, "");
	list_of_interfaces(EK_EGRESS_MAX + 1, "f:3:1: error: 1025 interfaces are more than 1024\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_are_limited_to_those_of_the_data_path),
		cmocka_unit_test(listeners_are_limited_to_those_of_the_data_path),
		cmocka_unit_test(a_pool_is_limited_to_the_slots_of_a_table),
		cmocka_unit_test(interfaces_are_limited_to_those_of_the_data_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
