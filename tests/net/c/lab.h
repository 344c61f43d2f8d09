/* SPDX-License-Identifier: GPL-2.0 */
/* A network of two: the namespace that the test runs in, and its peer. Both are anonymous and
 * end with the process, or with lab_down(): a test that fails leaves nothing behind. */
#ifndef EVENKEEL_TESTS_NET_LAB_H
#define EVENKEEL_TESTS_NET_LAB_H

/* cmocka wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/addr.h"

struct lab {
	int home, here, peer; /* namespaces */
};

static inline int lab_namespace(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY);

	assert_true(fd >= 0);
	return fd;
}

/* Runs a shell command in the test's namespace; it must succeed. */
__attribute__((format(printf, 1, 2))) static inline void run(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	if (system(command))
		fail_msg("failed: %s", command);
}

/* The following happens in the peer's namespace, until lab_return(). */
static inline void lab_visit(const struct lab *lab)
{
	assert_int_equal(setns(lab->peer, CLONE_NEWNET), 0);
}
static inline void lab_return(const struct lab *lab)
{
	assert_int_equal(setns(lab->here, CLONE_NEWNET), 0);
}

#define run_in_peer(lab, ...)                                                                      \
	do {                                                                                       \
		lab_visit(lab);                                                                    \
		run(__VA_ARGS__);                                                                  \
		lab_return(lab);                                                                   \
	} while (0)

/* A veth pair, `name` here and `far` in the peer, both up. */
static inline void lab_pair(const struct lab *lab, const char *name, const char *far)
{
	run("ip link add %s type veth peer name %s netns /proc/%d/fd/%d", name, far, getpid(),
	    lab->peer);
	run("ip link set %s up", name);
	run_in_peer(lab, "ip link set %s up", far);
}

/* cmocka setup: fresh namespaces, ekn0 (10.9.0.1/24, fd09::1/64) here and ekn1 (.2, ::2) there. */
static inline int lab_up(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab)
		return -1;
	lab->home = lab_namespace();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	lab->peer = lab_namespace();
	run("ip link set lo up");
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	lab->here = lab_namespace();
	run("ip link set lo up");
	lab_pair(lab, "ekn0", "ekn1");
	run("ip addr add 10.9.0.1/24 dev ekn0; ip addr add fd09::1/64 dev ekn0 nodad");
	run_in_peer(lab, "ip addr add 10.9.0.2/24 dev ekn1; ip addr add fd09::2/64 dev ekn1 nodad");
	*state = lab;
	return 0;
}

static inline int lab_down(void **state)
{
	struct lab *lab = *state;

	setns(lab->home, CLONE_NEWNET);
	close(lab->here);
	close(lab->peer);
	close(lab->home);
	free(lab);
	return 0;
}

/* The address in `text`, without the help of the code under test's layer. */
static inline struct ek_addr addr(const char *text)
{
	struct ek_addr a = {};
	const char *why = NULL;

	if (addr_parse(&a, text, &why))
		fail_msg("%s: %s", text, why);
	return a;
}

#endif
