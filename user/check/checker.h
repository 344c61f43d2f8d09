/* SPDX-License-Identifier: GPL-2.0 */
/* Private to check/: what the types of checks share. */
#ifndef EVENKEEL_CHECK_CHECKER_H
#define EVENKEEL_CHECK_CHECKER_H

#include <stddef.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "check/check.h"
#include "lib/addr.h"
#include "lib/timers.h"

/* Something to do when a descriptor is ready. */
struct watch {
	int fd; /* -1: not watched */
	void (*ready)(struct watch *w, uint32_t events);
};

/* Something to do when a time has come. Microseconds of checks_now_us(). */
struct deadline {
	struct timer timer;
	void (*over)(struct deadline *d);
};

struct http_pool;

struct checks {
	int epoll;
	struct timers timers;
	struct http_pool *http;
	LIST_HEAD(, command) commands; /* all that run, orphans too */
	size_t command_count;
};

/* A type of check. `stop` ends an attempt, whatever came of it. */
struct checker_type {
	void (*begin)(struct checker *k);
	void (*stop)(struct checker *k);
	const char *late; /* what is said when the time is over: "no answer" */
};
extern const struct checker_type checker_tcp, checker_udp, checker_http, checker_exec;

struct checker {
	struct checks *checks;
	const struct checker_type *type;
	const struct config_check *config;
	struct check_target target;
	check_done done;
	void *context;
	bool running;
	uint64_t begun_us;
	struct deadline deadline;
	union {
		struct watch socket;       /* tcp, udp */
		struct transfer *transfer; /* http, https */
		struct command *command;   /* exec */
	};
};

#define container(pointer, kind, member) ((kind *)((char *)(pointer)-offsetof(kind, member)))

/* Ends the attempt with a result. The reason is formatted; after success there is none. */
void checker_passed(struct checker *k);
void checker_answered(struct checker *k, const char *answer);
void checker_failed(struct checker *k, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void checker_missed(struct checker *k, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for an errno, in words: is it the backend's, or this host's? */
void checker_errno(struct checker *k, int error);

/* "10.0.1.1:80", "[fd00::1]:80" */
const char *target_text(const struct checker *k, char text[static ENDPOINT_TEXT_MAX]);
/* A non-blocking socket connected, or being connected, to the target; -errno. */
int target_connect(const struct checker *k, int type);

/* Stops a check that has a socket of its own. */
void socket_stop(struct checker *k);

/* Watches for EPOLL* events; anew with others. -errno or 0. */
int watch_begin(struct checks *c, struct watch *w, int fd, uint32_t events);
int watch_again(struct checks *c, struct watch *w, uint32_t events);
/* Ends watching; the descriptor is the caller's. */
void watch_end(struct checks *c, struct watch *w);

uint64_t checks_now_us(void);

int http_checker_open(struct checks *c);
void http_checker_close(struct checks *c);
/* After a round of events. */
void http_settle(struct checks *c);
void exec_close(struct checks *c);

#endif
