/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/hook.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/log.h"

#define RUNNING_MAX 4
#define WAITING_MAX 256
#define RUN_MS 10000

struct run {
	struct hooks *hooks;
	char *text; /* owned */
	uv_process_t process;
	uv_pipe_t input;
	uv_timer_t timer;
	uv_write_t write;
	size_t handles; /* of the three, not yet closed */
	TAILQ_ENTRY(run) neighbours;
};
TAILQ_HEAD(runs, run);

struct hooks {
	uv_loop_t *loop;
	const char *program;
	struct runs waiting, running;
	size_t waiting_count, running_count;
	bool closing;
};

static void run_next(struct hooks *h);

static void hooks_free(struct hooks *h)
{
	if (h->closing && !h->running_count)
		free(h);
}

static void run_free(struct run *r)
{
	free(r->text);
	free(r);
}

static void on_closed(uv_handle_t *handle)
{
	struct run *r = handle->data;
	struct hooks *h = r->hooks;

	if (--r->handles)
		return;
	TAILQ_REMOVE(&h->running, r, neighbours);
	h->running_count--;
	run_free(r);
	run_next(h);
	hooks_free(h);
}

static void handle_close(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void run_end(struct run *r)
{
	handle_close((uv_handle_t *)&r->process);
	handle_close((uv_handle_t *)&r->input);
	handle_close((uv_handle_t *)&r->timer);
}

/* The whole group: what it has started must not outlive it. */
static void run_kill(struct run *r)
{
	if (r->process.pid > 0)
		kill(-r->process.pid, SIGKILL);
}

static void on_exit_of(uv_process_t *process, int64_t status, int number)
{
	struct run *r = process->data;

	if (status)
		log_warning("alert: %s ended with exit status %d", r->hooks->program, (int)status);
	else if (number)
		log_warning("alert: %s was ended by signal %d", r->hooks->program, number);
	run_kill(r);
	run_end(r);
}

static void on_time(uv_timer_t *timer)
{
	struct run *r = timer->data;

	log_warning("alert: %s has run for %d s and is ended", r->hooks->program, RUN_MS / 1000);
	run_kill(r);
}

/* It has all, or does not want it. */
static void on_written(uv_write_t *write, int status)
{
	struct run *r = write->data;

	handle_close((uv_handle_t *)&r->input);
}

static int run_start(struct run *r)
{
	struct hooks *h = r->hooks;
	char *arguments[] = { (char *)h->program, NULL };
	uv_stdio_container_t stdio[] = {
		{ .flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
		  .data.stream = (uv_stream_t *)&r->input },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
	};
	uv_process_options_t options = {
		.file = h->program,
		.args = arguments,
		.exit_cb = on_exit_of,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED,
		.stdio = stdio,
		.stdio_count = 3,
	};
	uv_buf_t buffer = uv_buf_init(r->text, (unsigned int)strlen(r->text));
	int err;

	r->process.data = r->input.data = r->timer.data = r->write.data = r;
	uv_pipe_init(h->loop, &r->input, 0);
	uv_timer_init(h->loop, &r->timer);
	r->handles = 3;
	err = uv_spawn(h->loop, &r->process, &options);
	if (err)
		return err;
	uv_timer_start(&r->timer, on_time, RUN_MS, 0);
	if (uv_write(&r->write, (uv_stream_t *)&r->input, &buffer, 1, on_written))
		handle_close((uv_handle_t *)&r->input);
	return 0;
}

static void run_next(struct hooks *h)
{
	struct run *r;
	int err;

	while (!h->closing && h->running_count < RUNNING_MAX &&
	       (r = TAILQ_FIRST(&h->waiting)) != NULL) {
		TAILQ_REMOVE(&h->waiting, r, neighbours);
		h->waiting_count--;
		TAILQ_INSERT_TAIL(&h->running, r, neighbours);
		h->running_count++;
		err = run_start(r);
		if (!err)
			continue;
		log_warning("alert: %s cannot be run: %s", h->program, uv_strerror(err));
		run_end(r);
	}
}

int hooks_open(struct hooks **out, uv_loop_t *loop, const char *program)
{
	struct hooks *h = calloc(1, sizeof(*h));

	if (!h)
		return log_err(-ENOMEM, "out of memory");
	h->loop = loop;
	h->program = program;
	TAILQ_INIT(&h->waiting);
	TAILQ_INIT(&h->running);
	*out = h;
	return 0;
}

void hooks_close(struct hooks *h)
{
	struct run *r;

	if (!h)
		return;
	h->closing = true;
	while ((r = TAILQ_FIRST(&h->waiting)) != NULL) {
		TAILQ_REMOVE(&h->waiting, r, neighbours);
		run_free(r);
	}
	TAILQ_FOREACH(r, &h->running, neighbours)
	{
		run_kill(r);
		run_end(r);
	}
	hooks_free(h);
}

void hook_run(struct hooks *h, char *text)
{
	struct run *r = h->waiting_count < WAITING_MAX ? calloc(1, sizeof(*r)) : NULL;

	if (!r) {
		log_warning("alert: %s is not run: %zu alerts are waiting for it", h->program,
			    h->waiting_count);
		free(text);
		return;
	}
	r->hooks = h;
	r->text = text;
	TAILQ_INSERT_TAIL(&h->waiting, r, neighbours);
	h->waiting_count++;
	run_next(h);
}
