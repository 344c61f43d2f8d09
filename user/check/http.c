// SPDX-License-Identifier: GPL-2.0
/* http, https: a GET is answered with an expected status. By libcurl's multi interface: literal
 * addresses, so no resolver; no proxies, nothing of the environment, no redirections. Each check is
 * a connection of its own: that one can be opened is part of the question. */
#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "check/checker.h"
#include "lib/cleanup.h"

/* A page that answers health has a line. Of a longer one the status is believed, not the end
 * awaited. */
#define BODY_MAX (64u << 10)

/* An easy handle at work, or waiting for work: making one costs more than a check. */
struct transfer {
	struct checker *checker;
	CURL *easy;
	struct curl_slist *headers, *connect_to; /* one line each */
	size_t body;
	char error[CURL_ERROR_SIZE];
	LIST_ENTRY(transfer) neighbours;
};

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

	t->body += size * count;
	return t->body > BODY_MAX ? 0 : size * count;
}

/* As for tcp: no TIME_WAIT for each check. */
static int on_socket_made(void *context, curl_socket_t fd, curlsocktype purpose)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return CURL_SOCKOPT_OK;
}

static void transfer_free(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	free(t);
}

static void transfer_reuse(struct http_pool *pool, struct transfer *t)
{
	curl_multi_remove_handle(pool->multi, t->easy);
	curl_easy_reset(t->easy);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->connect_to);
	t->headers = t->connect_to = NULL;
	t->checker = NULL;
	t->body = 0;
	t->error[0] = '\0';
	LIST_INSERT_HEAD(&pool->idle, t, neighbours);
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
	return t;
}

/* "10.0.1.1", "[fd00::1]": in a URL. */
static void literal(const struct checker *k, char *out, size_t size)
{
	char text[ADDR_TEXT_MAX];
	bool ipv4 = addr_is_ipv4(&k->target.addr);

	snprintf(out, size, ipv4 ? "%s" : "[%s]", addr_text(&k->target.addr, text));
}

/* The name in the URL, which is also the one in TLS: sni, else the host without a port, else the
 * address. Where it goes is said apart. */
static void url_host(const struct checker *k, char *out, size_t size)
{
	const struct config_check *c = k->config;
	const char *port = strrchr(c->host, ':');

	if (c->type == CHECK_HTTPS && c->sni[0])
		snprintf(out, size, "%s", c->sni);
	else if (c->host[0] && port && !strchr(port, ']'))
		snprintf(out, size, "%.*s", (int)(port - c->host), c->host);
	else if (c->host[0])
		snprintf(out, size, "%s", c->host);
	else
		literal(k, out, size);
}

static struct curl_slist *one_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static struct curl_slist *one_line(const char *format, ...)
{
	char line[2 * CHECK_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	return curl_slist_append(NULL, line);
}

#define SET(option, value) (curl_easy_setopt(t->easy, option, value) != CURLE_OK)

/* Where to, and in whose name. True: it could not be set. */
static bool set_target(struct transfer *t, const struct checker *k)
{
	char url[2 * CHECK_TEXT_MAX + 32], host[CHECK_TEXT_MAX + 1], address[ADDR_TEXT_MAX + 2];

	url_host(k, host, sizeof(host));
	literal(k, address, sizeof(address));
	snprintf(url, sizeof(url), "%s://%s:%u%s", config_check_name(k->config->type), host,
		 k->target.port, k->config->path);
	t->connect_to = one_line("::%s:%u", address, k->target.port);
	if (k->config->host[0])
		t->headers = one_line("Host: %s", k->config->host);
	return !t->connect_to || (k->config->host[0] && !t->headers) || SET(CURLOPT_URL, url) ||
	       SET(CURLOPT_CONNECT_TO, t->connect_to) || SET(CURLOPT_HTTPHEADER, t->headers);
}

static bool set_tls(struct transfer *t, const struct config_check *c)
{
	return SET(CURLOPT_SSL_VERIFYPEER, c->verify ? 1L : 0L) ||
	       SET(CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L) ||
	       SET(CURLOPT_SSL_SESSIONID_CACHE, 0L) ||
	       (c->ca[0] && (SET(CURLOPT_CAINFO, c->ca) || SET(CURLOPT_CAPATH, NULL)));
}

static bool set_options(struct transfer *t, struct checker *k)
{
	return SET(CURLOPT_PRIVATE, t) || SET(CURLOPT_ERRORBUFFER, t->error) ||
	       SET(CURLOPT_NOSIGNAL, 1L) || SET(CURLOPT_PROXY, "") ||
	       SET(CURLOPT_PROTOCOLS_STR, "http,https") || SET(CURLOPT_PATH_AS_IS, 1L) ||
	       SET(CURLOPT_FRESH_CONNECT, 1L) || SET(CURLOPT_FORBID_REUSE, 1L) ||
	       SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ||
	       SET(CURLOPT_USERAGENT, "evenkeel") || SET(CURLOPT_WRITEFUNCTION, on_body) ||
	       SET(CURLOPT_WRITEDATA, t) || SET(CURLOPT_SOCKOPTFUNCTION, on_socket_made) ||
	       set_target(t, k) || set_tls(t, k->config);
}

/* ---- results --------------------------------------------------------------------------------- */

static bool is_expected(const struct config_check *c, long status)
{
	for (size_t i = 0; i < c->status_count; i++)
		if (status >= c->statuses[i].first && status <= c->statuses[i].last)
			return true;
	return false;
}

static void judge_status(struct checker *k, long status)
{
	char to[ENDPOINT_TEXT_MAX];

	if (is_expected(k->config, status))
		checker_passed(k);
	else
		checker_failed(k, "%s: answered %ld to %.100s", target_text(k, to), status,
			       k->config->path);
}

static void judge(struct checker *k, const struct transfer *t, CURLcode code)
{
	const char *said = t->error[0] ? t->error : curl_easy_strerror(code);
	long status = 0, error = 0;
	char to[ENDPOINT_TEXT_MAX];

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && t->body > BODY_MAX))
		judge_status(k, status);
	else if (code == CURLE_OUT_OF_MEMORY || code == CURLE_SSL_CACERT_BADFILE)
		checker_missed(k, "%s: %.120s", target_text(k, to), said);
	else if (code == CURLE_COULDNT_CONNECT && error)
		checker_errno(k, (int)error);
	else
		checker_failed(k, "%s: %.120s", target_text(k, to), said);
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
		judge(t->checker, t, code);
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

/* ---- the type -------------------------------------------------------------------------------- */

static void http_begin(struct checker *k)
{
	struct http_pool *pool = k->checks->http;
	struct transfer *t = transfer_take(pool);

	k->transfer = t;
	if (!t) {
		checker_missed(k, "out of memory");
		return;
	}
	t->checker = k;
	if (set_options(t, k) || curl_multi_add_handle(pool->multi, t->easy))
		checker_missed(k, "libcurl cannot be set up for it");
}

static void http_stop(struct checker *k)
{
	if (k->transfer)
		transfer_reuse(k->checks->http, k->transfer);
	k->transfer = NULL;
}

const struct checker_type checker_http = { http_begin, http_stop, "no answer" };

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
		transfer_free(t);
	}
	curl_multi_cleanup(c->http->multi);
	http_settle(c);
	curl_global_cleanup();
	free(c->http);
}
