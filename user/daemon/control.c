/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/doctor.h"
#include "daemon/log.h"
#include "daemon/request.h"
#include "daemon/socket.h"
#include "evenkeel/ctl.h"
#include "lib/cleanup.h"

/* A client that neither sends its line nor takes its answer within this is cut off. */
#define CLIENT_MS 5000
#define CLIENTS_MAX 64
#define CHILDREN_MAX 4
/* A status of so many takes 20 to 40 ms, and a process about 10. */
#define BACKENDS_HERE_MAX 1000

/* Only who may change things has anything long to say: others cannot make the daemon hold
 * CLIENTS_MAX configurations in memory. */
#define READER_REQUEST_MAX (64u << 10)

struct control {
	struct daemon *daemon;
	char *path;
	uv_poll_t listening;
	uv_signal_t child_ended;
	size_t handles; /* not yet closed, of the two above */
	int fd;
	size_t clients, children;
	pid_t child[CHILDREN_MAX];    /* of `children`; nobody else's are waited for */
	TAILQ_HEAD(, client) waiting; /* for the rest of their requests, oldest first */
};

struct client {
	struct control *control;
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	size_t handles; /* of pipe and timer, not yet closed */
	TAILQ_ENTRY(client) neighbours;
	bool is_waiting;
	struct journal_actor actor;
	bool may_change;
	bool answered;
	char *line;
	size_t length, capacity;
	char *answer;
};

/* ---- the life of a client -------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	if (--c->handles)
		return;
	c->control->clients--;
	free(c->line);
	free(c->answer);
	free(c);
}

static void client_waits_no_more(struct client *c)
{
	if (c->is_waiting)
		TAILQ_REMOVE(&c->control->waiting, c, neighbours);
	c->is_waiting = false;
}

static void client_close(struct client *c)
{
	client_waits_no_more(c);
	if (!uv_is_closing((uv_handle_t *)&c->pipe))
		uv_close((uv_handle_t *)&c->pipe, on_client_closed);
	if (!uv_is_closing((uv_handle_t *)&c->timer))
		uv_close((uv_handle_t *)&c->timer, on_client_closed);
}

static void on_timeout(uv_timer_t *timer)
{
	client_close(timer->data);
}

static void on_written(uv_write_t *write, int status)
{
	client_close(write->data);
}

static void client_answer(struct client *c, const struct reply *reply)
{
	uv_buf_t buffer;

	c->answered = true;
	uv_read_stop((uv_stream_t *)&c->pipe);
	c->answer = reply_text(reply);
	if (!c->answer) {
		client_close(c);
		return;
	}
	buffer = uv_buf_init(c->answer, (unsigned int)strlen(c->answer));
	c->write.data = c;
	/* The loop's clock stood while the answer was made, and with many backends that takes. */
	uv_update_time(&c->control->daemon->loop);
	if (uv_timer_start(&c->timer, on_timeout, CLIENT_MS, 0) ||
	    uv_write(&c->write, (uv_stream_t *)&c->pipe, &buffer, 1, on_written))
		client_close(c);
}

/* ---- slow requests: a child with a snapshot of everything ------------------------------------ */

static void write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* the client is gone, or too slow for SO_SNDTIMEO */
		text += n;
		left -= (size_t)n;
	}
}

/* In the child: keeps the client alone. The daemon's other descriptors are its locks, and links
 * that must die with it. */
_Noreturn static void child_run(struct client *c, struct call *call)
{
	struct timeval timeout = { .tv_sec = CLIENT_MS / 1000 };
	_cleanup_(free_ptr) char *text = NULL;
	uv_os_fd_t fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	alarm(DOCTOR_BUDGET_MS / 1000 + 2 * CLIENT_MS / 1000);
	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) || dup2(fd, STDIN_FILENO) < 0)
		_exit(1);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	/* The daemon lets go of this description once the child has it. */
	fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) & ~O_NONBLOCK);
	setsockopt(STDIN_FILENO, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	call->entry->handle(&call->request, &call->reply);
	text = reply_text(&call->reply);
	if (text)
		write_all(STDIN_FILENO, text);
	_exit(0);
}

static void call_in_child(struct client *c, struct call *call)
{
	pid_t pid = -1;

	if (c->control->children >= CHILDREN_MAX) {
		reply_refuse(&call->reply, "%d requests of this kind are being answered; try again",
			     CHILDREN_MAX);
		client_answer(c, &call->reply);
		return;
	}
	pid = fork();
	if (pid == 0)
		child_run(c, call);
	if (pid < 0) {
		reply_refuse(&call->reply, "no process for it: %s", strerror(errno));
		client_answer(c, &call->reply);
		return;
	}
	c->control->child[c->control->children++] = pid;
	c->answered = true;
	client_close(c);
}

static void on_child_ended(uv_signal_t *handle, int number)
{
	struct control *control = handle->data;

	for (size_t i = 0; i < control->children;) {
		if (waitpid(control->child[i], NULL, WNOHANG) == 0)
			i++;
		else
			control->child[i] = control->child[--control->children];
	}
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool in_child(const struct daemon *d, const struct request_entry *entry)
{
	size_t backends = 0;

	for (size_t i = 0; entry->large && d->config && i < d->config->service_count; i++)
		backends += d->config->services[i].backend_count;
	return entry->slow || backends > BACKENDS_HERE_MAX;
}

static void client_call(struct client *c, size_t length)
{
	struct call call;

	client_waits_no_more(c);
	call_read(&call, c->control->daemon, c->line, length, &c->actor, c->may_change);
	if (call.entry && in_child(c->control->daemon, call.entry)) {
		call_in_child(c, &call);
	} else {
		if (call.entry)
			call.entry->handle(&call.request, &call.reply);
		client_answer(c, &call.reply);
	}
	call_release(&call);
}

static void client_refuse_length(struct client *c, size_t limit)
{
	struct reply reply = {};

	reply_usage(&reply, "the request is longer than %zu bytes", limit);
	client_answer(c, &reply);
	json_decref(reply.messages);
}

/* Room for what comes next: the line doubles, up to one byte more than the limit. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct client *c = handle->data;

	*buffer = uv_buf_init(NULL, 0);
	if (c->length == c->capacity) {
		size_t more = c->capacity ? 2 * c->capacity : 4096;
		char *grown = realloc(c->line, more);

		if (!grown)
			return;
		c->line = grown;
		c->capacity = more;
	}
	*buffer = uv_buf_init(c->line + c->length, (unsigned int)(c->capacity - c->length));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
	struct client *c = stream->data;
	size_t limit = c->may_change ? EK_CTL_REQUEST_MAX : READER_REQUEST_MAX;
	const char *end;

	if (size < 0) {
		client_close(c);
		return;
	}
	if (c->answered || !size)
		return;
	end = memchr(c->line + c->length, '\n', (size_t)size);
	c->length += (size_t)size;
	if (end && (size_t)(end - c->line) <= limit)
		client_call(c, (size_t)(end - c->line));
	else if (c->length > limit)
		client_refuse_length(c, limit);
}

/* ---- accepting ------------------------------------------------------------------------------- */

static int client_identify(struct client *c, int fd)
{
	struct ucred peer = {};
	socklen_t length = sizeof(peer);
	struct passwd entry, *found = NULL;
	char names[4096];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -errno;
	c->actor = (struct journal_actor){ .uid = peer.uid, .pid = peer.pid };
	if (getpwuid_r(peer.uid, &entry, names, sizeof(names), &found) == 0 && found)
		snprintf(c->actor.user, sizeof(c->actor.user), "%s", found->pw_name);
	else
		snprintf(c->actor.user, sizeof(c->actor.user), "%u", peer.uid);
	c->may_change = peer.uid == 0 || peer.uid == geteuid();
	return 0;
}

static int client_start(struct client *c, uv_loop_t *loop, int *fd)
{
	int err = uv_pipe_open(&c->pipe, *fd);

	if (err)
		return err;
	take_fd(fd); /* the pipe's now */
	return uv_timer_start(&c->timer, on_timeout, CLIENT_MS, 0)
		       ?: uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

static void client_accept(struct control *control, int accepted)
{
	_cleanup_(close_fd) int fd = accepted;
	uv_loop_t *loop = &control->daemon->loop;
	struct client *c;

	/* Who says nothing gives way to who may have something to say. */
	if (control->clients >= CLIENTS_MAX && !TAILQ_EMPTY(&control->waiting))
		client_close(TAILQ_FIRST(&control->waiting));
	else if (control->clients >= CLIENTS_MAX)
		return;
	c = calloc(1, sizeof(*c));
	if (!c || client_identify(c, fd) || uv_pipe_init(loop, &c->pipe, 0)) {
		free(c);
		return;
	}
	c->control = control;
	c->pipe.data = c->timer.data = c;
	uv_timer_init(loop, &c->timer); /* cannot fail */
	c->handles = 2;
	control->clients++;
	TAILQ_INSERT_TAIL(&control->waiting, c, neighbours);
	c->is_waiting = true;
	if (client_start(c, loop, &fd))
		client_close(c);
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
	struct control *control = handle->data;
	/* One for each turn of the loop: with no descriptor left, accepting on would spin. */
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		client_accept(control, fd);
	else if (errno == EMFILE || errno == ENFILE)
		log_warning("a client is not let in: %s", strerror(errno));
}

/* ---- opening --------------------------------------------------------------------------------- */

int control_open(struct control **out, struct daemon *d)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return log_err(-ENOMEM, "out of memory");
	TAILQ_INIT(&c->waiting);
	c->daemon = d;
	c->fd = -1;
	c->path = strdup(d->options.socket);
	err = c->path ? socket_listen(&c->fd, c->path) : -ENOMEM;
	if (err) {
		free(c->path);
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

int control_start(struct control *c)
{
	uv_loop_t *loop = &c->daemon->loop;
	int err = uv_poll_init(loop, &c->listening, c->fd);

	if (err)
		return log_err(err, "control socket: %s", uv_strerror(err));
	c->listening.data = c->child_ended.data = c;
	c->handles = 1;
	err = uv_signal_init(loop, &c->child_ended);
	if (!err)
		c->handles = 2;
	err = err ?: uv_signal_start(&c->child_ended, on_child_ended, SIGCHLD) ?:
	      uv_poll_start(&c->listening, UV_READABLE, on_connection);
	return err ? log_err(err, "control socket: %s", uv_strerror(err)) : 0;
}

static void control_free(struct control *c)
{
	close_fd(&c->fd);
	free(c->path);
	free(c);
}

/* Clients outlive nothing: they refer to the control, so it goes when all handles have. */
static void on_control_closed(uv_handle_t *handle)
{
	struct control *c = handle->data;

	if (--c->handles == 0)
		control_free(c);
}

static void close_client_handle(uv_handle_t *handle, void *context)
{
	if (!uv_is_closing(handle) && handle->type == UV_NAMED_PIPE)
		client_close(handle->data);
}

void control_close(struct control *c)
{
	if (!c)
		return;
	unlink(c->path);
	uv_walk(&c->daemon->loop, close_client_handle, NULL);
	if (c->handles == 0) {
		control_free(c);
		return;
	}
	uv_run(&c->daemon->loop, UV_RUN_NOWAIT); /* the clients' callbacks, while the control is */
	if (c->handles == 2)
		uv_close((uv_handle_t *)&c->child_ended, on_control_closed);
	uv_close((uv_handle_t *)&c->listening, on_control_closed);
}
