// SPDX-License-Identifier: GPL-2.0
/* A web server that an overload kills: it works at a fixed rate, and when half a second's work is
 * waiting it dies, and stays dead until somebody starts it again.
 *
 * fuse NAME RATE HEALTH PORT...   RATE requests a second are what it can do; 0: it never dies. Answers
 *                                 "NAME" at /, at /healthz and HEALTH, which cost nothing, and 404
 *                                 elsewhere. Of requests it reads when they were to come (X-At, ms). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64
#define REQUEST_MAX 1024

struct server {
	const char *name, *health;
	double rate;
	double waiting; /* requests that are not worked off */
	uint64_t seen_ms;
	uint64_t served;
};

/* A connection, or a listening socket. */
struct conn {
	int fd;
	bool listens;
	size_t used;
	char request[REQUEST_MAX];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* One more request to work off, by the time at which it was to come: that this machine stood still is
 * nobody's overload. */
static void burden(struct server *s, const char *request)
{
	const char *at = strstr(request, "\r\nX-At: ");
	uint64_t now = at ? strtoull(at + 8, NULL, 10) : 0;

	s->served++;
	if (s->rate <= 0)
		return;
	if (now > s->seen_ms) {
		s->waiting -= (double)(now - s->seen_ms) / 1e3 * s->rate;
		s->seen_ms = now;
	}
	s->waiting = (s->waiting > 0 ? s->waiting : 0) + 1;
	if (s->waiting <= s->rate / 2)
		return;
	fprintf(stderr, "%s: overloaded after %llu requests, dead\n", s->name,
		(unsigned long long)s->served);
	_exit(3);
}

static struct conn *conn_make(int poll, int fd, bool listens)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (!c)
		die("memory");
	c->fd = fd;
	c->listens = listens;
	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
	return c;
}

static void conn_close(struct conn *c)
{
	close(c->fd);
	free(c);
}

static void answer(struct server *s, struct conn *c)
{
	char path[128] = "", text[256];
	const char *status = "200 OK";
	int length;

	sscanf(c->request, "GET %127[^ ?]", path);
	if (!strcmp(path, "/"))
		burden(s, c->request);
	else if (strcmp(path, "/healthz") && strcmp(path, s->health))
		status = "404 Not Found";
	length = snprintf(text, sizeof(text),
			  "HTTP/1.0 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
			  status, strlen(s->name) + 1, s->name);
	if (send(c->fd, text, (size_t)length, MSG_NOSIGNAL) != length)
		fprintf(stderr, "%s: an answer is lost: %s\n", s->name, strerror(errno));
	conn_close(c);
}

static void hear(struct server *s, struct conn *c)
{
	ssize_t got =
		recv(c->fd, c->request + c->used, sizeof(c->request) - 1 - c->used, MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return;
	c->used += got > 0 ? (size_t)got : 0;
	if (got > 0 && strstr(c->request, "\r\n\r\n"))
		answer(s, c);
	else if (got <= 0 || c->used == sizeof(c->request) - 1)
		conn_close(c);
}

static void greet(int poll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		conn_make(poll, fd, false);
}

static void listen_at(int poll, const char *port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 4096))
		die(port);
	conn_make(poll, fd, true);
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	struct server s = {};
	int poll = epoll_create1(EPOLL_CLOEXEC);

	if (argc < 5) {
		fprintf(stderr, "usage: fuse NAME RATE HEALTH PORT...\n");
		return 2;
	}
	s.name = argv[1];
	s.rate = strtod(argv[2], NULL);
	s.health = argv[3];
	for (int i = 4; i < argc; i++)
		listen_at(poll, argv[i]);
	for (;;) {
		int got = epoll_wait(poll, events, EVENTS, -1);

		for (int i = 0; i < got; i++) {
			struct conn *c = events[i].data.ptr;

			if (c->listens)
				greet(poll, c->fd);
			else
				hear(&s, c);
		}
	}
}
