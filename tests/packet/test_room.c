// SPDX-License-Identifier: GPL-2.0
/* What a change needs that may be missing: room in the maps, and a grace period. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "flows.h"

/* A configuration of one-backend services (16384 slots each) and of pools (65536 slots) */
struct text {
	char *at;
	size_t used;
};

static struct text text_begin(const char *from)
{
	struct text t = { .at = malloc(1 << 16) };

	t.used = (size_t)sprintf(t.at, "%s", from);
	return t;
}

static void add_service(struct text *t, const char *name, unsigned int port, unsigned int host,
			unsigned int backends)
{
	t->used += (size_t)sprintf(t->at + t->used,
				   "  %s:\n    listen: [\"203.0.113.10:%u/tcp\"]\n"
				   "    backends:\n",
				   name, port);
	for (unsigned int i = 0; i < backends; i++)
		t->used += (size_t)sprintf(t->at + t->used, "      n%u: 10.%u.%u.%u\n", i, host,
					   i >> 8, i & 255);
}

/* Six small services of the eight there is room for; those below `changed` with another backend. */
static struct text six_services(unsigned int changed)
{
	struct text t = text_begin("services:\n");

	for (unsigned int i = 0; i < 6; i++) {
		char name[8];

		snprintf(name, sizeof(name), "s%u", i);
		add_service(&t, name, 1000 + i, i < changed ? 2 : 1, 1);
	}
	return t;
}

static int install(struct fixture *x, struct text t, char error[static DP_ERROR_MAX])
{
	struct diag d = { .file = "room.yaml" };
	struct dp_install_result result;
	struct config *c = NULL;
	int err;

	assert_int_equal(config_parse(&c, t.at, t.used, &d), 0);
	err = dp_install(x->dp, c, x->now_s, &result, error);
	config_free(c);
	diag_release(&d);
	free(t.at);
	return err;
}

static void a_map_that_is_too_small_refuses_and_changes_nothing(void **state)
{
	struct fixture *x = *state;
	struct diag d = { .file = "big.yaml" };
	struct config *big = NULL;
	char *text = malloc(1 << 16), error[DP_ERROR_MAX];
	struct dp_install_result result;
	uint32_t *owner = begin_flows(x, 0, 300);
	size_t at = (size_t)sprintf(text, WEB_HEAD "    backends:\n");

	for (unsigned int i = 0; i < 600; i++)
		at += (size_t)sprintf(text + at, "      n%u: 10.1.%u.%u\n", i, i >> 8, i & 255);
	assert_int_equal(config_parse(&big, text, at, &d), 0);
	assert_int_equal(dp_install(x->dp, big, x->now_s, &result, error), -ENOSPC);
	assert_non_null(strstr(error, "--backends"));
	assert_int_equal(flows_moved(x, owner, 0, 300), 0);
	assert_int_equal(dp_backend_index(x->dp, 0, &big->services[0].backends[0].addr, 0), 0);
	config_free(big);
	diag_release(&d);
	free(text);
	free(owner);
}

static void too_many_tables_at_once_says_that_fewer_would_fit(void **state)
{
	struct fixture *x = *state;
	char error[DP_ERROR_MAX] = "";

	assert_int_equal(install(x, six_services(0), error), 0);
	assert_int_equal(install(x, six_services(3), error), -ENOSPC);
	assert_non_null(strstr(error, "49152 slots are needed, 32768 of 131072 are free, "
				      "16384 in one piece: change fewer services at once, or start "
				      "evenkeeld with a larger --slots"));
	assert_int_equal(install(x, six_services(2), error), 0);
	assert_int_equal(install(x, six_services(3), error), 0);
}

static void tables_that_could_never_fit_together_need_more_slots(void **state)
{
	struct fixture *x = *state;
	char error[DP_ERROR_MAX] = "";
	struct text t = six_services(0);

	for (unsigned int i = 6; i < 9; i++) {
		char name[8];

		snprintf(name, sizeof(name), "s%u", i);
		add_service(&t, name, 1000 + i, 1, 1);
	}
	assert_int_equal(install(x, t, error), -ENOSPC);
	assert_non_null(strstr(error, "--slots"));
	assert_null(strstr(error, "fewer"));
}

static void small_tables_do_not_take_the_room_of_large_ones(void **state)
{
	struct fixture *x = *state;
	char error[DP_ERROR_MAX] = "";
	struct text t = text_begin(four);

	add_service(&t, "large", 1, 1, 210);
	assert_int_equal(install(x, t, error), 0);
	t = text_begin(four);
	add_service(&t, "large", 1, 1, 210);
	add_service(&t, "s0", 2, 2, 1);
	add_service(&t, "s1", 3, 3, 1);
	assert_int_equal(install(x, t, error), 0);
	t = text_begin(four); /* 65536 slots in the middle and the last 16384 become free */
	add_service(&t, "s0", 2, 2, 1);
	add_service(&t, "s1", 3, 3, 1);
	assert_int_equal(install(x, t, error), 0);
	t = text_begin(four);
	add_service(&t, "s2", 4, 4, 1);
	add_service(&t, "larger", 1, 5, 210);
	add_service(&t, "s0", 2, 2, 1);
	add_service(&t, "s1", 3, 3, 1);
	assert_int_equal(install(x, t, error), 0);
}

/* From here on neither membarrier nor a map of maps can be had. */
static bool forbid_grace_periods(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	struct rlimit none = {};

	return !setrlimit(RLIMIT_NOFILE, &none) && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* In a process of its own; returns 0, or which step went wrong. */
static int change_without_grace_periods(struct fixture *x, const struct config *to,
					const struct config *back)
{
	char error[DP_ERROR_MAX] = "";
	struct dp_install_result result;
	uint64_t *before;

	if (!forbid_grace_periods())
		return 1;
	if (!dp_install(x->dp, to, x->now_s, &result, error) || !strstr(error, "membarrier"))
		return 2;
	before = malloc(x->dp->sizes.slots * sizeof(*before));
	memcpy(before, x->dp->slots, x->dp->sizes.slots * sizeof(*before));
	if (!dp_install(x->dp, back, x->now_s, &result, error))
		return 3;
	return memcmp(before, x->dp->slots, x->dp->sizes.slots * sizeof(*before)) ? 4 : 0;
}

static void no_table_is_rewritten_while_its_readers_may_be_there(void **state)
{
	struct fixture *x = *state;
	struct diag d = { .file = "grace.yaml" };
	uint32_t *owner = begin_flows(x, 0, 300);
	struct config *to = NULL;
	int status;
	pid_t child;

	assert_int_equal(config_parse(&to, three, strlen(three), &d), 0);
	child = fork();
	if (!child)
		_exit(change_without_grace_periods(x, to, x->config));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	fixture_paths(x);
	assert_int_equal(flows_moved(x, owner, 0, 300), 0);
	config_free(to);
	diag_release(&d);
	free(owner);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, flows_setup, flows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_map_that_is_too_small_refuses_and_changes_nothing),
		CLAIM(too_many_tables_at_once_says_that_fewer_would_fit),
		CLAIM(tables_that_could_never_fit_together_need_more_slots),
		CLAIM(small_tables_do_not_take_the_room_of_large_ones),
		CLAIM(no_table_is_rewritten_while_its_readers_may_be_there),
	};

	return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
