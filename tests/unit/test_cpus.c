// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/cpus.h"

static void a_list_ends_behind_its_highest_cpu(void **state)
{
	assert_int_equal(cpus_end("0\n"), 1);
	assert_int_equal(cpus_end("0-3\n"), 4);
	assert_int_equal(cpus_end("0-3"), 4);
	assert_int_equal(cpus_end("5-7,1\n"), 8);
}

static void gaps_count_as_what_is_indexed_past_them(void **state)
{
	assert_int_equal(cpus_end("0-3,8-11\n"), 12);
	assert_int_equal(cpus_end("0,2,4\n"), 5);
	assert_int_equal(cpus_end("64-127\n"), 128);
}

static void what_is_no_list_of_cpus_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   "\n",
					   "a",
					   "3-1",
					   "0-",
					   "-3",
					   "0,",
					   ",0",
					   "0 1",
					   "0-3x",
					   "0--3",
					   "0\n\n",
					   "+1",
					   " 1",
					   "70000",
					   "0-70000",
					   "99999999999999999999" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cpus_end(bad[i]), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_ends_behind_its_highest_cpu),
		cmocka_unit_test(gaps_count_as_what_is_indexed_past_them),
		cmocka_unit_test(what_is_no_list_of_cpus_is_refused),
	};

	return cmocka_run_group_tests_name("cpus", tests, NULL, NULL);
}
