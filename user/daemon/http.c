/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/log.h"
#include "daemon/metrics.h"
#include "lib/cleanup.h"

#define BACKLOG 16
/* Two Prometheus servers and some people; each may hold an exposition in memory. */
#define CONNECTIONS_MAX 16u
/* Of a request's head, and of what is kept for its connection. Bodies are not read at all. */
#define REQUEST_MAX ((size_t)16 << 10)
#define CONNECTION_S 10u
/* What was gathered is handed out for so long: many scrapers cost no more than one. */
#define GATHERED_MS 1000

struct http {
	struct daemon *daemon;
	int fd; /* -1: the server's */
	struct MHD_Daemon *server;
	uv_poll_t poll;
	uv_timer_t timer;
	size_t handles;               /* of the two above, not yet closed */
	struct MHD_Response *metrics; /* what was gathered last */
	uint64_t gathered_ms;
	int64_t gathered_revision; /* a change is seen at once */
};

/* ---- answers --------------------------------------------------------------------------------- */

static const char home_page[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><title>evenkeel</title></head><body>\n"
	"<h1>evenkeel " EK_VERSION "</h1>\n"
	"<p><a href=\"/metrics\">Metrics</a>, in Prometheus' text format.</p>\n"
	"</body></html>\n";
static const char not_found[] = "There is nothing here; /metrics has the metrics.\n";
static const char not_allowed[] = "Only GET and HEAD are answered.\n";
static const char no_memory[] = "Out of memory.\n";

static struct MHD_Response *text_response(const char *text, const char *type)
{
	/* The library does not write to it; its type is older than const. */
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);

	if (r)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return r;
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned int status, const char *text,
			      const char *type)
{
	struct MHD_Response *r = text_response(text, type);
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static void gathered_forget(struct http *h)
{
	if (h->metrics)
		MHD_destroy_response(h->metrics); /* those under way keep it */
	h->metrics = NULL;
}

static void gather(struct http *h)
{
	uint64_t now = uv_hrtime() / 1000000;
	int64_t revision = h->daemon->revision.number;
	size_t length;
	char *text;

	if (h->metrics && now - h->gathered_ms < GATHERED_MS && h->gathered_revision == revision)
		return;
	gathered_forget(h);
	text = metrics_text(h->daemon, &length);
	if (!text)
		return;
	h->metrics = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	if (!h->metrics) {
		free(text);
		return;
	}
	MHD_add_response_header(h->metrics, MHD_HTTP_HEADER_CONTENT_TYPE,
				"text/plain; version=0.0.4; charset=utf-8");
	h->gathered_ms = now;
	h->gathered_revision = revision;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *body_size, void **state)
{
	struct http *h = context;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer(c, MHD_HTTP_METHOD_NOT_ALLOWED, not_allowed, "text/plain");
	if (strcmp(url, "/") == 0)
		return answer(c, MHD_HTTP_OK, home_page, "text/html; charset=utf-8");
	if (strcmp(url, "/metrics") != 0)
		return answer(c, MHD_HTTP_NOT_FOUND, not_found, "text/plain");
	gather(h);
	if (!h->metrics)
		return answer(c, MHD_HTTP_SERVICE_UNAVAILABLE, no_memory, "text/plain");
	return MHD_queue_response(c, MHD_HTTP_OK, h->metrics);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

/* Lets the server do what there is to do, and asks when it wants to be called at the latest. */
static void serve(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(h->server);
	if (MHD_get_timeout(h->server, &ms) == MHD_YES)
		uv_timer_start(&h->timer, on_timer, ms, 0);
	else
		uv_timer_stop(&h->timer);
}

static void on_timer(uv_timer_t *timer)
{
	serve(timer->data);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	serve(poll->data);
}

static void on_closed(uv_handle_t *handle)
{
	struct http *h = handle->data;

	if (--h->handles == 0)
		free(h);
}

/* ---- opening --------------------------------------------------------------------------------- */

static socklen_t socket_address(struct sockaddr_storage *out, const struct endpoint *at)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (addr_is_ipv4(&at->addr)) {
		four->sin_family = AF_INET;
		four->sin_port = htons(at->port);
		memcpy(&four->sin_addr, at->addr.bytes + 12, sizeof(four->sin_addr));
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(at->port);
	memcpy(&six->sin6_addr, at->addr.bytes, sizeof(six->sin6_addr));
	return sizeof(*six);
}

/* An address that is not there yet, for the network comes up after us, is taken all the same. */
static int bind_to(int fd, const struct sockaddr_storage *addr, socklen_t length, const char *at)
{
	int on = 1;

	if (bind(fd, (const struct sockaddr *)addr, length) == 0)
		return 0;
	if (errno != EADDRNOTAVAIL || setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) < 0)
		return -errno;
	log_warning("--metrics %s: this host does not have that address; waiting for it", at);
	return bind(fd, (const struct sockaddr *)addr, length) ? -errno : 0;
}

static int listen_at(int *out, const struct options *o)
{
	struct sockaddr_storage addr;
	socklen_t length = socket_address(&addr, &o->metrics_at);
	_cleanup_(close_fd) int fd =
		socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, err;

	if (fd < 0)
		return log_err(-errno, "--metrics %s: %s", o->metrics, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	err = bind_to(fd, &addr, length, o->metrics);
	if (!err && listen(fd, BACKLOG) < 0)
		err = -errno;
	if (err == -EADDRINUSE)
		return log_err(
			err,
			"--metrics %s: port %u is in use (ss -ltnp sport = :%u says by whom);"
			" give another ADDRESS:PORT, or off. What is attached goes on "
			"forwarding",
			o->metrics, o->metrics_at.port, o->metrics_at.port);
	if (err)
		return log_err(err,
			       "--metrics %s: cannot listen there: %s; give another "
			       "ADDRESS:PORT, or off",
			       o->metrics, strerror(-err));
	*out = take_fd(&fd);
	return 0;
}

int http_open(struct http **out, struct daemon *d)
{
	struct http *h;
	int err;

	if (!d->options.metrics)
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h)
		return log_err(-ENOMEM, "out of memory");
	h->daemon = d;
	h->fd = -1;
	err = listen_at(&h->fd, &d->options);
	if (err)
		free(h);
	else
		*out = h;
	return err;
}

static int server_start(struct http *h, int *epoll)
{
	const union MHD_DaemonInfo *info = NULL;

	h->server =
		MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h,
				 MHD_OPTION_LISTEN_SOCKET, h->fd, MHD_OPTION_CONNECTION_LIMIT,
				 CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MAX,
				 MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_S, MHD_OPTION_END);
	if (!h->server)
		return -EIO;
	h->fd = -1;
	info = MHD_get_daemon_info(h->server, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EIO;
	*epoll = info->epoll_fd;
	return 0;
}

int http_start(struct http *h)
{
	uv_loop_t *loop;
	int epoll = -1, err;

	if (!h)
		return 0;
	loop = &h->daemon->loop;
	err = server_start(h, &epoll);
	if (err)
		return log_err(err, "--metrics %s: the HTTP server does not start",
			       h->daemon->options.metrics);
	h->poll.data = h->timer.data = h;
	uv_timer_init(loop, &h->timer); /* cannot fail */
	h->handles = 1;
	err = uv_poll_init(loop, &h->poll, epoll);
	if (!err)
		h->handles = 2;
	err = err ?: uv_poll_start(&h->poll, UV_READABLE, on_event);
	return err ? log_err(err, "--metrics: %s", uv_strerror(err)) : 0;
}

void http_close(struct http *h)
{
	size_t handles;

	if (!h)
		return;
	close_fd(&h->fd);
	handles = h->handles;
	if (handles == 2)
		uv_close((uv_handle_t *)&h->poll, on_closed);
	if (handles)
		uv_close((uv_handle_t *)&h->timer, on_closed);
	if (h->server)
		MHD_stop_daemon(h->server);
	gathered_forget(h);
	if (!handles)
		free(h);
}
