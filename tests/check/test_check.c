// SPDX-License-Identifier: GPL-2.0
/* Every type of check, against servers on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check/check.h"
#include "lib/cleanup.h"
#include "server.h"

#define TIMEOUT_MS 400
#define PATIENCE_MS 5000

static struct checks *checks;
static uint16_t http_port, http6_port, udp_port;

/* ---- what the tests share -------------------------------------------------------------------- */

static struct config_check check_of(enum config_check_type type)
{
	return (struct config_check){
		.type = type,
		.timeout_ms = TIMEOUT_MS,
		.path = "/200",
		.statuses = { { 200, 399 } },
		.status_count = 1,
		.verify = true,
	};
}

static void argument(struct config_check *k, const char *text)
{
	memcpy(k->command + k->command_size, text, strlen(text) + 1);
	k->command_size += strlen(text) + 1;
}

static struct config_check shell(const char *script)
{
	struct config_check k = check_of(CHECK_EXEC);

	argument(&k, "/bin/sh");
	argument(&k, "-c");
	argument(&k, script);
	return k;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void turn(void)
{
	struct pollfd ready = { .fd = checks_fd(checks), .events = POLLIN };
	int wait_ms = checks_wait_ms(checks);

	poll(&ready, 1, wait_ms < 0 || wait_ms > 100 ? 100 : wait_ms);
	checks_process(checks);
}

struct heard {
	int count;
	struct check_result result;
};

static void hear(void *context, const struct check_result *result)
{
	struct heard *h = context;

	h->count++;
	h->result = *result;
}

static struct check_target at(const char *address, uint16_t port)
{
	struct check_target t = { .service = "web", .backend = "web-1", .port = port };
	const char *why;

	assert_int_equal(addr_parse(&t.addr, address, &why), 0);
	return t;
}

static struct check_result check(const struct config_check *config, const char *address,
				 uint16_t port)
{
	struct check_target target = at(address, port);
	int64_t end = now_ms() + PATIENCE_MS;
	struct heard heard = {};
	struct checker *k;

	assert_int_equal(checker_make(&k, checks, config, &target, hear, &heard), 0);
	checker_begin(k);
	while (!heard.count && now_ms() < end)
		turn();
	checker_free(k);
	assert_int_equal(heard.count, 1);
	return heard.result;
}

#define assert_passed(result_)                                                                     \
	do {                                                                                       \
		struct check_result r_ = result_;                                                  \
		if (r_.outcome != CHECK_PASSED)                                                    \
			fail_msg("%s", r_.reason);                                                 \
		assert_string_equal(r_.reason, "");                                                \
	} while (0)

#define assert_outcome(wanted, text, result_)                                                      \
	do {                                                                                       \
		struct check_result r_ = result_;                                                  \
		if (r_.outcome != (wanted) || !strstr(r_.reason, text))                            \
			fail_msg("outcome %d: %s", r_.outcome, r_.reason);                         \
	} while (0)
#define assert_failed(text, result) assert_outcome(CHECK_FAILED, text, result)
#define assert_missed(text, result) assert_outcome(CHECK_MISSED, text, result)

/* A port that nobody listens on. */
static uint16_t closed_port(int type)
{
	uint16_t port;

	close(loopback_socket(type, 0, &port));
	return port;
}

/* ---- tcp ------------------------------------------------------------------------------------- */

static void tcp_passes_where_somebody_listens(void **state)
{
	struct config_check tcp = check_of(CHECK_TCP);
	struct check_result result = check(&tcp, "127.0.0.1", http_port);

	assert_passed(result);
	assert_true(result.latency_us < PATIENCE_MS * 1000);
	assert_passed(check(&tcp, "::1", http6_port));
}

static void tcp_fails_at_once_where_nobody_listens(void **state)
{
	struct config_check tcp = check_of(CHECK_TCP);
	int64_t begun = now_ms();
	char text[64];
	uint16_t port = closed_port(SOCK_STREAM);

	snprintf(text, sizeof(text), "127.0.0.1:%u: Connection refused", port);
	assert_failed(text, check(&tcp, "127.0.0.1", port));
	assert_true(now_ms() - begun < TIMEOUT_MS);
}

static void no_descriptor_left_says_nothing_of_the_backend(void **state)
{
	struct config_check tcp = check_of(CHECK_TCP);
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_missed("Too many open files on this host", check(&tcp, "127.0.0.1", http_port));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ---- http ------------------------------------------------------------------------------------ */

static void http_is_judged_by_the_status(void **state)
{
	struct config_check http = check_of(CHECK_HTTP);

	assert_passed(check(&http, "127.0.0.1", http_port));
	assert_passed(check(&http, "::1", http6_port));
	memcpy(http.path, "/500", 5);
	assert_failed("answered 500 to /500", check(&http, "127.0.0.1", http_port));
	memcpy(http.path, "/302", 5); /* not followed */
	assert_passed(check(&http, "127.0.0.1", http_port));
	http.statuses[0].last = 299;
	assert_failed("answered 302 to /302", check(&http, "127.0.0.1", http_port));
}

static void http_names_the_host_it_was_told(void **state)
{
	struct config_check http = check_of(CHECK_HTTP);

	memcpy(http.path, "/name", 6);
	assert_failed("answered 400", check(&http, "127.0.0.1", http_port));
	memcpy(http.host, "www.example.com", 16);
	assert_passed(check(&http, "127.0.0.1", http_port));
}

static void http_that_does_not_answer_fails_in_time(void **state)
{
	struct config_check http = check_of(CHECK_HTTP);
	int64_t begun = now_ms();

	memcpy(http.path, "/hang", 6);
	assert_failed("no answer within 400 ms", check(&http, "127.0.0.1", http_port));
	assert_true(now_ms() - begun >= TIMEOUT_MS - 1);
	assert_true(now_ms() - begun < 3 * TIMEOUT_MS);
	assert_failed("Connection refused", check(&http, "127.0.0.1", closed_port(SOCK_STREAM)));
}

static void http_does_not_wait_for_the_end_of_an_endless_page(void **state)
{
	struct config_check http = check_of(CHECK_HTTP);

	memcpy(http.path, "/endless", 9);
	assert_passed(check(&http, "127.0.0.1", http_port));
}

static void the_environment_has_no_say(void **state)
{
	struct config_check http = check_of(CHECK_HTTP);
	char proxy[64];

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", closed_port(SOCK_STREAM));
	setenv("http_proxy", proxy, 1);
	setenv("ALL_PROXY", proxy, 1);
	assert_passed(check(&http, "127.0.0.1", http_port));
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void https_fails_where_http_is_spoken(void **state)
{
	struct config_check https = check_of(CHECK_HTTPS);

	assert_failed("127.0.0.1", check(&https, "127.0.0.1", http_port));
}

static void a_missing_ca_says_nothing_of_the_backend(void **state)
{
	struct config_check https = check_of(CHECK_HTTPS);

	memcpy(https.ca, "/nonexistent.pem", 17);
	assert_missed("127.0.0.1", check(&https, "127.0.0.1", http_port));
}

/* ---- udp ------------------------------------------------------------------------------------- */

static void udp_is_judged_by_the_answer(void **state)
{
	struct config_check udp = check_of(CHECK_UDP);

	memcpy(udp.send.data, "ping", udp.send.size = 4);
	assert_passed(check(&udp, "127.0.0.1", udp_port));
	memcpy(udp.expect.data, "po", udp.expect.size = 2);
	assert_passed(check(&udp, "127.0.0.1", udp_port));
	memcpy(udp.expect.data, "pongo", udp.expect.size = 5);
	assert_failed("answered with hex:706f6e67", check(&udp, "127.0.0.1", udp_port));
	memcpy(udp.send.data, "pang", 4);
	assert_failed("no answer within 400 ms", check(&udp, "127.0.0.1", udp_port));
	assert_failed("Connection refused", check(&udp, "127.0.0.1", closed_port(SOCK_DGRAM)));
}

/* ---- exec ------------------------------------------------------------------------------------ */

static void exec_is_judged_by_the_exit_status(void **state)
{
	struct config_check passes = shell("exit 0");
	struct config_check fails = shell("echo; echo disk is full; echo and more; exit 3");
	struct config_check dies = shell("kill -9 $$");

	assert_passed(check(&passes, "127.0.0.1", 1));
	assert_failed("/bin/sh: exit status 3: disk is full", check(&fails, "127.0.0.1", 1));
	assert_failed("ended by signal 9", check(&dies, "127.0.0.1", 1));
}

/* What it printed and that it ended are two events, which come in one turn if it was quick: the end
 * of a command takes the other along. */
static void a_command_may_print_and_end_before_anybody_looks(void **state)
{
	struct config_check k = shell("echo no; exit 1");
	struct check_target target = at("127.0.0.1", 1);
	struct heard heard = {};
	siginfo_t ended = {};
	struct checker *c;

	assert_int_equal(checker_make(&c, checks, &k, &target, hear, &heard), 0);
	for (int i = 1; i <= 5; i++) {
		checker_begin(c);
		/* Over, and nobody has looked at it. */
		assert_int_equal(waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT), 0);
		turn();
		turn();
		assert_int_equal(heard.count, i);
		assert_string_equal(heard.result.reason, "/bin/sh: exit status 1: no");
	}
	checker_free(c);
}

static void exec_is_told_whom_to_check_and_nothing_else(void **state)
{
	struct config_check k = shell("[ \"$EVENKEEL_SERVICE $EVENKEEL_BACKEND $EVENKEEL_ADDRESS "
				      "$EVENKEEL_PORT\" = 'web web-1 ::1 80' ] && [ -z "
				      "\"$SECRET\" ] && [ \"$(pwd)\" = / ] && ! [ -e "
				      "/proc/self/fd/4 ]");

	setenv("SECRET", "x", 1);
	assert_passed(check(&k, "::1", 80));
	unsetenv("SECRET");
}

static void a_command_that_cannot_be_run_says_nothing_of_the_backend(void **state)
{
	struct config_check k = check_of(CHECK_EXEC);

	argument(&k, "/nonexistent/check");
	assert_missed("/nonexistent/check cannot be run: No such file", check(&k, "127.0.0.1", 1));
}

static void endless_output_is_bounded_and_ends_with_the_time(void **state)
{
	struct config_check k = shell("while :; do echo y; done");

	assert_failed("the command did not end within 400 ms", check(&k, "127.0.0.1", 1));
}

static bool is_alive(pid_t pid)
{
	char path[64], text[256] = "";
	_cleanup_(close_file) FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	return f && fgets(text, sizeof(text), f) && !strstr(text, ") Z ");
}

/* The pid that the script wrote, and waits until that process is gone. */
static void assert_gone(const char *file)
{
	int64_t end = now_ms() + PATIENCE_MS;
	_cleanup_(close_file) FILE *f = fopen(file, "re");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	while (is_alive(pid) && now_ms() < end)
		turn();
	assert_false(is_alive(pid));
	unlink(file);
}

static void its_children_die_with_it(void **state)
{
	char file[] = "/tmp/evenkeel-check-XXXXXX", script[256];
	struct config_check k;

	close(mkstemp(file));
	snprintf(script, sizeof(script), "sleep 60 & echo $! >%s; wait", file);
	k = shell(script);
	assert_failed("did not end", check(&k, "127.0.0.1", 1));
	assert_gone(file);
	close(open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	snprintf(script, sizeof(script), "sleep 60 & echo $! >%s; exit 0", file);
	k = shell(script);
	assert_passed(check(&k, "127.0.0.1", 1));
	assert_gone(file);
}

/* ---- many ------------------------------------------------------------------------------------ */

#define MANY 200

static void many_at_once_each_get_their_own_result(void **state)
{
	struct config_check good = check_of(CHECK_HTTP), bad = good, tcp = check_of(CHECK_TCP);
	const struct config_check *configs[] = { &good, &bad, &tcp };
	static struct heard heard[MANY];
	static struct checker *k[MANY];
	int64_t end = now_ms() + PATIENCE_MS;
	int done = 0;

	memcpy(bad.path, "/503", 5);
	good.timeout_ms = bad.timeout_ms = tcp.timeout_ms = PATIENCE_MS;
	memset(heard, 0, sizeof(heard));
	for (int i = 0; i < MANY; i++) {
		struct check_target target = at("127.0.0.1", http_port);

		assert_int_equal(
			checker_make(&k[i], checks, configs[i % 3], &target, hear, &heard[i]), 0);
		checker_begin(k[i]);
	}
	while (done < MANY && now_ms() < end) {
		turn();
		done = 0;
		for (int i = 0; i < MANY; i++)
			done += heard[i].count;
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(heard[i].count, 1);
		assert_int_equal(heard[i].result.outcome, i % 3 == 1 ? CHECK_FAILED : CHECK_PASSED);
		checker_free(k[i]);
	}
}

static void what_is_freed_under_way_says_nothing_more(void **state)
{
	struct config_check configs[] = { check_of(CHECK_TCP), check_of(CHECK_HTTP),
					  check_of(CHECK_UDP), shell("sleep 60") };
	struct heard heard = {};
	int64_t end;

	memcpy(configs[1].path, "/hang", 6);
	memcpy(configs[2].send.data, "pang", configs[2].send.size = 4);
	for (size_t i = 0; i < 4; i++) {
		struct check_target target =
			at("127.0.0.1", configs[i].type == CHECK_UDP ? udp_port : http_port);
		struct checker *k;

		assert_int_equal(checker_make(&k, checks, &configs[i], &target, hear, &heard), 0);
		checker_begin(k);
		if (i)
			turn();
		checker_free(k);
	}
	for (end = now_ms() + 2 * TIMEOUT_MS; now_ms() < end;)
		turn();
	assert_int_equal(heard.count, 0);
}

static int begin(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	http_port = http_server(0);
	http6_port = http_server(1);
	udp_port = udp_server();
	return checks_open(&checks);
}

static int end(void **state)
{
	checks_close(checks);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_passes_where_somebody_listens),
		cmocka_unit_test(tcp_fails_at_once_where_nobody_listens),
		cmocka_unit_test(no_descriptor_left_says_nothing_of_the_backend),
		cmocka_unit_test(http_is_judged_by_the_status),
		cmocka_unit_test(http_names_the_host_it_was_told),
		cmocka_unit_test(http_that_does_not_answer_fails_in_time),
		cmocka_unit_test(http_does_not_wait_for_the_end_of_an_endless_page),
		cmocka_unit_test(the_environment_has_no_say),
		cmocka_unit_test(https_fails_where_http_is_spoken),
		cmocka_unit_test(a_missing_ca_says_nothing_of_the_backend),
		cmocka_unit_test(udp_is_judged_by_the_answer),
		cmocka_unit_test(exec_is_judged_by_the_exit_status),
		cmocka_unit_test(a_command_may_print_and_end_before_anybody_looks),
		cmocka_unit_test(exec_is_told_whom_to_check_and_nothing_else),
		cmocka_unit_test(a_command_that_cannot_be_run_says_nothing_of_the_backend),
		cmocka_unit_test(endless_output_is_bounded_and_ends_with_the_time),
		cmocka_unit_test(its_children_die_with_it),
		cmocka_unit_test(many_at_once_each_get_their_own_result),
		cmocka_unit_test(what_is_freed_under_way_says_nothing_more),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
