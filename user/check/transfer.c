// SPDX-License-Identifier: GPL-2.0
/* libcurl's multi interface on the descriptor of all checks: no proxies, nothing of the environment,
 * no redirections; each transfer has a connection of its own. */
#include "check/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "check/checker.h"

/* A socket of curl's. */
struct http_socket {
	struct watch watch;
	struct http_pool *pool;
	LIST_ENTRY(http_socket) neighbours; /* once retired */
};

struct http_pool {
	struct checks *checks;
	CURLM *multi;
	struct deadline deadline; /* curl's own */
	LIST_HEAD(, transfer) idle;
	LIST_HEAD(, http_socket) retired; /* an event of this turn may still name them */
};

/* ---- one transfer ---------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	size_t length = size * count, room = sizeof(t->answer) - 1 - t->kept;

	memcpy(t->answer + t->kept, data, length < room ? length : room);
	t->kept += length < room ? length : room;
	t->body += length;
	return t->body > TRANSFER_BODY_MAX ? 0 : length;
}

/* As for tcp: no TIME_WAIT for each check. */
static int on_socket_made(void *context, curl_socket_t fd, curlsocktype purpose)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return CURL_SOCKOPT_OK;
}

static struct transfer *transfer_take(struct http_pool *pool)
{
	struct transfer *t = LIST_FIRST(&pool->idle);

	if (t) {
		LIST_REMOVE(t, neighbours);
		return t;
	}
	t = calloc(1, sizeof(*t));
	if (t)
		t->easy = curl_easy_init();
	if (t && !t->easy) {
		free(t);
		return NULL;
	}
	if (t)
		t->pool = pool;
	return t;
}

static bool set_common(struct transfer *t)
{
	return SET(t, CURLOPT_PRIVATE, t) || SET(t, CURLOPT_ERRORBUFFER, t->error) ||
	       SET(t, CURLOPT_NOSIGNAL, 1L) || SET(t, CURLOPT_PROXY, "") ||
	       SET(t, CURLOPT_PROTOCOLS_STR, "http,https") || SET(t, CURLOPT_FRESH_CONNECT, 1L) ||
	       SET(t, CURLOPT_FORBID_REUSE, 1L) ||
	       SET(t, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ||
	       SET(t, CURLOPT_USERAGENT, "evenkeel") || SET(t, CURLOPT_WRITEFUNCTION, on_body) ||
	       SET(t, CURLOPT_WRITEDATA, t) || SET(t, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
}

struct transfer *transfer_make(struct checks *c, transfer_done done, void *context)
{
	struct transfer *t = transfer_take(c->http);

	if (!t)
		return NULL;
	t->done = done;
	t->context = context;
	if (!set_common(t))
		return t;
	transfer_end(t);
	return NULL;
}

int transfer_begin(struct transfer *t)
{
	return curl_multi_add_handle(t->pool->multi, t->easy) ? -ENOMEM : 0;
}

void transfer_end(struct transfer *t)
{
	if (!t)
		return;
	curl_multi_remove_handle(t->pool->multi, t->easy);
	curl_easy_reset(t->easy);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->connect_to);
	t->headers = t->connect_to = NULL;
	t->done = NULL;
	t->body = t->kept = 0;
	t->error[0] = '\0';
	memset(t->answer, 0, sizeof(t->answer));
	LIST_INSERT_HEAD(&t->pool->idle, t, neighbours);
}

const char *transfer_said(const struct transfer *t, CURLcode code)
{
	return t->error[0] ? t->error : curl_easy_strerror(code);
}

static void take_results(struct http_pool *pool)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(pool->multi, &left))) {
		CURLcode code = message->data.result;
		struct transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		if (code == CURLE_WRITE_ERROR && t->body > TRANSFER_BODY_MAX)
			code = CURLE_OK;
		t->done(t, code);
	}
}

/* ---- curl's sockets and its clock ------------------------------------------------------------ */

static void on_ready(struct watch *w, uint32_t events)
{
	struct http_pool *pool = container(w, struct http_socket, watch)->pool;
	int what = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
		   (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		   (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
	int running;

	curl_multi_socket_action(pool->multi, w->fd, what, &running);
	take_results(pool);
}

static void on_deadline(struct deadline *d)
{
	struct http_pool *pool = container(d, struct http_pool, deadline);
	int running;

	curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_results(pool);
}

static int on_timer(CURLM *multi, long ms, void *context)
{
	struct http_pool *pool = context;
	struct timers *timers = &pool->checks->timers;

	if (ms < 0)
		timers_clear(timers, &pool->deadline.timer);
	else
		timers_set(timers, &pool->deadline.timer, checks_now_us() + (uint64_t)ms * 1000);
	return 0;
}

static void retire(struct http_pool *pool, struct http_socket *s)
{
	curl_multi_assign(pool->multi, s->watch.fd, NULL);
	watch_end(pool->checks, &s->watch);
	LIST_INSERT_HEAD(&pool->retired, s, neighbours);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket)
{
	struct http_pool *pool = context;
	struct http_socket *s = socket;
	uint32_t events =
		(what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

	if (what == CURL_POLL_REMOVE) {
		if (s)
			retire(pool, s);
		return 0;
	}
	if (s)
		return watch_again(pool->checks, &s->watch, events) ? -1 : 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	s->pool = pool;
	s->watch = (struct watch){ -1, on_ready };
	if (watch_begin(pool->checks, &s->watch, fd, events)) {
		free(s);
		return -1;
	}
	curl_multi_assign(pool->multi, fd, s);
	return 0;
}

void http_settle(struct checks *c)
{
	struct http_socket *s;

	while ((s = LIST_FIRST(&c->http->retired))) {
		LIST_REMOVE(s, neighbours);
		free(s);
	}
}

/* ---- opening --------------------------------------------------------------------------------- */

int http_checker_open(struct checks *c)
{
	struct http_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pool->checks = c;
	c->http = pool;
	LIST_INIT(&pool->idle);
	LIST_INIT(&pool->retired);
	pool->deadline.over = on_deadline;
	if (curl_global_init(CURL_GLOBAL_ALL))
		return -ENOMEM;
	pool->multi = curl_multi_init();
	if (!pool->multi || timers_join(&c->timers))
		return -ENOMEM;
	curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
	curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
	return 0;
}

void http_checker_close(struct checks *c)
{
	struct transfer *t;

	if (!c->http)
		return;
	while ((t = LIST_FIRST(&c->http->idle))) {
		LIST_REMOVE(t, neighbours);
		curl_easy_cleanup(t->easy);
		free(t);
	}
	curl_multi_cleanup(c->http->multi);
	http_settle(c);
	curl_global_cleanup();
	free(c->http);
}
