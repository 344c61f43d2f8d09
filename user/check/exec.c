// SPDX-License-Identifier: GPL-2.0
/* exec: a command exits with status 0. It has a session and process group of its own, which is
 * killed as a whole when it ends or its time is over; its output is read, bounded, and its first
 * line is the reason. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "check/checker.h"
#include "lib/cleanup.h"

/* Those at a time, dying ones included. */
#define COMMANDS_MAX 256
#define ARGUMENTS_MAX 64
#define LINE_MAX_BYTES 120

struct command {
	struct checks *checks;
	struct checker *checker; /* NULL: given up, it only has to die */
	pid_t pid;
	int pidfd, output;
	struct watch ended, printed;
	char line[LINE_MAX_BYTES + 1];
	size_t used;
	bool line_ended;
	LIST_ENTRY(command) neighbours;
};

/* ---- its output ------------------------------------------------------------------------------ */

static void take_output(struct command *c, const char *data, size_t size)
{
	for (size_t i = 0; i < size && !c->line_ended; i++) {
		if (data[i] == '\n' || c->used == LINE_MAX_BYTES)
			c->line_ended = c->used > 0;
		else
			c->line[c->used++] = data[i] >= ' ' && data[i] <= '~' ? data[i] : '?';
	}
}

/* A pipe's worth at most in a turn; what comes after the first line is read and forgotten. */
static void read_output(struct command *c)
{
	char data[4096];
	ssize_t got = 1;

	for (int i = 0; i < 16 && got > 0; i++) {
		got = read(c->output, data, sizeof(data));
		if (got > 0)
			take_output(c, data, (size_t)got);
	}
	if (got == 0)
		watch_end(c->checks, &c->printed); /* closed: it would be readable for ever */
}

static void on_printed(struct watch *w, uint32_t events)
{
	read_output(container(w, struct command, printed));
}

/* ---- its end --------------------------------------------------------------------------------- */

static void command_free(struct command *c)
{
	watch_end(c->checks, &c->ended);
	watch_end(c->checks, &c->printed);
	close_fd(&c->pidfd);
	close_fd(&c->output);
	LIST_REMOVE(c, neighbours);
	c->checks->command_count--;
	free(c);
}

static void judge(struct checker *k, const struct command *c, const siginfo_t *end)
{
	const char *program = k->config->command;

	if (end->si_code != CLD_EXITED)
		checker_failed(k, "%.60s: ended by signal %d", program, end->si_status);
	else if (end->si_status)
		checker_failed(k, "%.60s: exit status %d%s%s", program, end->si_status,
			       c->used ? ": " : "", c->line);
	else
		checker_passed(k);
}

/* The leader is a zombie until it is waited for: its number is nobody else's yet, and the group's
 * is its number. */
static void on_ended(struct watch *w, uint32_t events)
{
	struct command *c = container(w, struct command, ended);
	struct checker *k = c->checker;
	siginfo_t end = {};

	read_output(c);
	kill(-c->pid, SIGKILL);
	waitid(P_PID, (id_t)c->pid, &end, WEXITED);
	if (k) {
		struct command ended = *c;

		k->command = NULL;
		command_free(c);
		judge(k, &ended, &end);
	} else {
		command_free(c);
	}
}

/* ---- its beginning --------------------------------------------------------------------------- */

#define ENVIRONMENT 6
#define VARIABLE_MAX (EK_NAME_MAX + 32)

static void environment(const struct checker *k, char text[ENVIRONMENT - 1][VARIABLE_MAX],
			char *out[ENVIRONMENT])
{
	char addr[ADDR_TEXT_MAX];

	snprintf(text[0], VARIABLE_MAX, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	snprintf(text[1], VARIABLE_MAX, "EVENKEEL_SERVICE=%s", k->target.service);
	snprintf(text[2], VARIABLE_MAX, "EVENKEEL_BACKEND=%s", k->target.backend);
	snprintf(text[3], VARIABLE_MAX, "EVENKEEL_ADDRESS=%s", addr_text(&k->target.addr, addr));
	snprintf(text[4], VARIABLE_MAX, "EVENKEEL_PORT=%u", k->target.port);
	for (int i = 0; i < ENVIRONMENT - 1; i++)
		out[i] = text[i];
	out[ENVIRONMENT - 1] = NULL;
}

static void arguments(const struct config_check *c, char *out[ARGUMENTS_MAX + 1])
{
	size_t count = 0;

	for (size_t at = 0; at < c->command_size && count < ARGUMENTS_MAX;) {
		out[count++] = (char *)c->command + at;
		at += strlen(c->command + at) + 1;
	}
	out[count] = NULL;
}

static void actions_release(posix_spawn_file_actions_t *a)
{
	posix_spawn_file_actions_destroy(a);
}

static void attributes_release(posix_spawnattr_t *a)
{
	posix_spawnattr_destroy(a);
}

/* Nothing of ours is inherited: descriptors, blocked signals, the terminal. */
static int spawn(pid_t *pid, const struct checker *k, int output)
{
	_cleanup_(actions_release) posix_spawn_file_actions_t actions;
	_cleanup_(attributes_release) posix_spawnattr_t attributes;
	char *argv[ARGUMENTS_MAX + 1], *envp[ENVIRONMENT];
	char text[ENVIRONMENT - 1][VARIABLE_MAX];
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	arguments(k->config, argv);
	environment(k, text, envp);
	if (posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) ||
	    posix_spawn_file_actions_adddup2(&actions, output, 1) ||
	    posix_spawn_file_actions_adddup2(&actions, output, 2) ||
	    posix_spawn_file_actions_addclosefrom_np(&actions, 3) ||
	    posix_spawn_file_actions_addchdir_np(&actions, "/"))
		return ENOMEM;
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	return posix_spawn(pid, k->config->command, &actions, &attributes, argv, envp);
}

/* It runs already: whatever fails now, it must be waited for. */
static int follow(struct command *c)
{
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0)
		return -errno;
	return watch_begin(c->checks, &c->ended, c->pidfd, EPOLLIN)
		       ?: watch_begin(c->checks, &c->printed, c->output, EPOLLIN);
}

static int command_begin(struct command *c, const struct checker *k)
{
	_cleanup_(close_fd) int write_end = -1;
	int pipe_ends[2], err;

	if (pipe2(pipe_ends, O_CLOEXEC))
		return -errno;
	c->output = pipe_ends[0];
	write_end = pipe_ends[1];
	fcntl(c->output, F_SETFL, O_NONBLOCK);
	err = -spawn(&c->pid, k, write_end);
	if (err)
		return err;
	err = follow(c);
	if (err) {
		kill(-c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	return err;
}

static void exec_begin(struct checker *k)
{
	struct checks *checks = k->checks;
	struct command *c;
	int err;

	k->command = NULL;
	if (checks->command_count >= COMMANDS_MAX) {
		checker_missed(k, "%.60s: %d commands are running already", k->config->command,
			       COMMANDS_MAX);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		checker_missed(k, "out of memory");
		return;
	}
	*c = (struct command){ .checks = checks, .checker = k, .pidfd = -1, .output = -1 };
	c->ended = (struct watch){ -1, on_ended };
	c->printed = (struct watch){ -1, on_printed };
	LIST_INSERT_HEAD(&checks->commands, c, neighbours);
	checks->command_count++;
	err = command_begin(c, k);
	if (err) {
		command_free(c);
		checker_missed(k, "%.60s cannot be run: %s", k->config->command, strerror(-err));
		return;
	}
	k->command = c;
}

/* Killed, it is waited for when it has died, which this does not wait for. */
static void exec_stop(struct checker *k)
{
	if (!k->command)
		return;
	kill(-k->command->pid, SIGKILL);
	k->command->checker = NULL;
	k->command = NULL;
}

const struct checker_type checker_exec = { exec_begin, exec_stop, "the command did not end" };

void exec_close(struct checks *c)
{
	struct command *x;

	while ((x = LIST_FIRST(&c->commands))) {
		kill(-x->pid, SIGKILL);
		waitpid(x->pid, NULL, 0);
		command_free(x);
	}
}
