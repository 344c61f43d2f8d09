// SPDX-License-Identifier: GPL-2.0
/* Very many TCP connections through the balancer, on which data moves all the time.
 *
 * crowd serve NAME PORT ADDRESS...         answers each line with "NAME line", until it is ended
 * crowd hold COUNT QUIET PORT ADDRESS...   COUNT connections, by turns to each address: ten times a
 *                                          second each sends a numbered line of up to a kilobyte and
 *                                          compares the answer. The last QUIET of them say nothing
 *                                          after their first exchange, until SIGUSR1. Prints "ready"
 *                                          when each has had an answer, "all spoke" when the quiet
 *                                          have again, and upon SIGTERM what became of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 100
/* Several retransmissions, which begin at 200 ms: who is silent for longer is taken to be
 * broken. */
#define SILENCE_MS 8000
#define LINE_MAX_BYTES 1200
#define NAME_MAX_BYTES 32
#define BUFFER (LINE_MAX_BYTES + NAME_MAX_BYTES + 64)
#define EVENTS 256

static volatile sig_atomic_t ended, speak;

static void on_signal(int signal)
{
	*(signal == SIGTERM ? &ended : &speak) = 1;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	int cause = errno;
	va_list args;

	va_start(args, format);
	fprintf(stderr, "crowd: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, ": %s\n", strerror(cause));
	va_end(args);
	exit(1);
}

static void *allocate(size_t count, size_t size)
{
	void *at = calloc(count, size);

	if (!at)
		die("memory");
	return at;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static socklen_t parse_address(struct sockaddr_storage *out, const char *text, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	in_port_t number = htons((uint16_t)strtoul(port, NULL, 10));

	memset(out, 0, sizeof(*out));
	errno = EINVAL;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = number;
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		die("%s", text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = number;
	return sizeof(*v6);
}

static void watch(int poll, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
		die("epoll");
}

static int make_poll(void)
{
	struct rlimit files = { 8192, 8192 };
	int poll = epoll_create1(EPOLL_CLOEXEC);

	if (poll < 0 || setrlimit(RLIMIT_NOFILE, &files))
		die("8192 descriptors");
	return poll;
}

/* ---- a server -------------------------------------------------------------------------------- */

struct peer {
	int fd;
	bool listens;
	size_t used;
	char buffer[BUFFER];
};

static void listen_at(int poll, const char *text, const char *port)
{
	struct sockaddr_storage address;
	socklen_t length = parse_address(&address, text, port);
	struct peer *p = allocate(1, sizeof(*p));
	int yes = 1;

	p->listens = true;
	p->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    bind(p->fd, (struct sockaddr *)&address, length) || listen(p->fd, 1024))
		die("%s port %s", text, port);
	watch(poll, p->fd, p);
}

static void welcome(int poll, const struct peer *listener)
{
	struct peer *p = allocate(1, sizeof(*p));
	int yes = 1;

	p->fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (p->fd < 0) {
		free(p);
		return;
	}
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	watch(poll, p->fd, p);
}

/* False: the connection is over. */
static bool answer(struct peer *p, const char *name)
{
	ssize_t got = recv(p->fd, p->buffer + p->used, sizeof(p->buffer) - p->used, 0);
	char text[BUFFER + NAME_MAX_BYTES + 2], *end;

	if (got <= 0)
		return false;
	p->used += (size_t)got;
	while ((end = memchr(p->buffer, '\n', p->used))) {
		size_t line = (size_t)(end - p->buffer) + 1;
		int length = snprintf(text, sizeof(text), "%s %.*s", name, (int)line, p->buffer);

		if (send(p->fd, text, (size_t)length, MSG_NOSIGNAL) != length)
			return false;
		p->used -= line;
		memmove(p->buffer, end + 1, p->used);
	}
	return p->used < sizeof(p->buffer);
}

__attribute__((noreturn)) static void serve(const char *name, const char *port, char **addresses)
{
	struct epoll_event events[EVENTS];
	int poll = make_poll();

	while (*addresses)
		listen_at(poll, *addresses++, port);
	for (;;) {
		int count = epoll_wait(poll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			struct peer *p = events[i].data.ptr;

			if (p->listens) {
				welcome(poll, p);
			} else if (!answer(p, name)) {
				close(p->fd);
				free(p);
			}
		}
	}
}

/* ---- the clients ----------------------------------------------------------------------------- */

struct flow {
	int fd;
	uint16_t port; /* its own */
	bool quiet;
	bool moved;
	bool waits;       /* for an answer */
	uint32_t answers; /* and the number of its next line */
	uint64_t sent_ms;
	char server[NAME_MAX_BYTES]; /* who answers */
	char trouble[80];            /* empty: it is well */
	size_t used;
	char buffer[BUFFER];
};

struct crowd {
	struct flow *flows;
	size_t count;
	int poll;
};

__attribute__((format(printf, 2, 3))) static void breaks(struct flow *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->trouble, sizeof(f->trouble), format, args);
	va_end(args);
	close(f->fd);
}

static size_t write_line(char line[static LINE_MAX_BYTES + 1], uint32_t number)
{
	return (size_t)snprintf(line, LINE_MAX_BYTES + 1, "%u %0*u\n", number,
				(int)(1 + number * 37 % 1024), number);
}

static void say(struct flow *f)
{
	char line[LINE_MAX_BYTES + 1];
	size_t length = write_line(line, f->answers);

	f->sent_ms = now_ms();
	f->waits = true;
	/* One line is under way at most: there is room for it. */
	if (send(f->fd, line, length, MSG_NOSIGNAL) != (ssize_t)length)
		breaks(f, "send: %s", strerror(errno));
}

/* "NAME line", whole. */
static void judge(struct flow *f)
{
	char line[LINE_MAX_BYTES + 1], *rest = strchr(f->buffer, ' ');

	write_line(line, f->answers);
	if (!rest || rest - f->buffer >= NAME_MAX_BYTES || strcmp(rest + 1, line)) {
		breaks(f, "\"%.30s...\" is not the answer to %u", f->buffer, f->answers);
		return;
	}
	*rest = 0;
	if (*f->server && strcmp(f->server, f->buffer)) {
		f->moved = true;
		breaks(f, "%.20s answers instead of %.20s", f->buffer, f->server);
		return;
	}
	memcpy(f->server, f->buffer, (size_t)(rest - f->buffer) + 1);
	f->waits = false;
	f->used = 0;
	f->answers++;
}

static void hear(struct flow *f)
{
	ssize_t got = recv(f->fd, f->buffer + f->used, sizeof(f->buffer) - 1 - f->used, 0);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		breaks(f, "%s", got ? strerror(errno) : "closed by the server");
		return;
	}
	f->used += (size_t)got;
	f->buffer[f->used] = 0;
	if (f->used == sizeof(f->buffer) - 1 || f->buffer[f->used - 1] == '\n')
		judge(f);
}

static void tick(struct flow *f, uint64_t now)
{
	if (f->trouble[0])
		return;
	if (f->waits && now - f->sent_ms > SILENCE_MS)
		breaks(f, "silence");
	else if (!f->waits && now - f->sent_ms >= PAUSE_MS &&
		 (!f->quiet || !f->answers || (speak && f->answers == 1)))
		say(f);
}

static void open_flow(struct crowd *c, struct flow *f, const char *text, const char *port)
{
	struct timeval patience = { .tv_sec = SILENCE_MS / 1000 };
	struct sockaddr_storage address;
	socklen_t length = parse_address(&address, text, port);
	int yes = 1;

	f->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0 || setsockopt(f->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) ||
	    connect(f->fd, (struct sockaddr *)&address, length) ||
	    fcntl(f->fd, F_SETFL, O_NONBLOCK))
		die("connection to %s port %s", text, port);
	length = sizeof(address);
	if (!getsockname(f->fd, (struct sockaddr *)&address, &length))
		f->port =
			ntohs(((struct sockaddr_in *)&address)->sin_port); /* IPv6's is there too */
	watch(c->poll, f->fd, f);
	say(f);
}

/* Everyone has had so many answers, or broke. */
static bool all_have(const struct crowd *c, uint32_t answers)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->flows[i].trouble[0] && c->flows[i].answers < answers)
			return false;
	return true;
}

/* Releases the crowd. */
static int report(struct crowd *c)
{
	size_t broken = 0, moved = 0;
	uint64_t exchanges = 0;
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < c->count; i++) {
		const struct flow *f = &c->flows[i];

		exchanges += f->answers;
		least = f->answers < least ? f->answers : least;
		moved += f->moved;
		broken += f->trouble[0] != 0;
		printf("server %s\n", f->server);
		if (f->trouble[0] && broken <= 20)
			printf("port %u, %s%s, after %u exchanges: %s\n", f->port,
			       f->quiet ? "quiet, " : "", f->server, f->answers, f->trouble);
	}
	printf("exchanges %llu least %u\nbroken %zu of %zu\nmoved %zu of %zu\n",
	       (unsigned long long)exchanges, least, broken, c->count, moved, c->count);
	free(c->flows);
	return broken ? 1 : 0;
}

static int hold(size_t count, size_t quiet, const char *port, char **addresses, size_t places)
{
	struct crowd c = { .count = count, .poll = make_poll() };
	struct sigaction action = { .sa_handler = on_signal };
	struct epoll_event events[EVENTS];
	bool ready = false, spoke = false;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	c.flows = allocate(count, sizeof(*c.flows));
	for (size_t i = 0; i < count; i++) {
		c.flows[i].quiet = i >= count - quiet;
		open_flow(&c, &c.flows[i], addresses[i % places], port);
	}
	while (!ended) {
		int got = epoll_wait(c.poll, events, EVENTS, PAUSE_MS / 5);
		uint64_t now = now_ms();

		for (int i = 0; i < got; i++)
			hear(events[i].data.ptr);
		for (size_t i = 0; i < count; i++)
			tick(&c.flows[i], now);
		if (!ready && all_have(&c, 1))
			ready = puts("ready") >= 0 && !fflush(stdout);
		if (speak && !spoke && all_have(&c, 2))
			spoke = puts("all spoke") >= 0 && !fflush(stdout);
	}
	return report(&c);
}

int main(int argc, char **argv)
{
	if (argc > 4 && !strcmp(argv[1], "serve") && strlen(argv[2]) < NAME_MAX_BYTES)
		serve(argv[2], argv[3], argv + 4);
	if (argc > 5 && !strcmp(argv[1], "hold"))
		return hold(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), argv[4],
			    argv + 5, (size_t)argc - 5);
	fprintf(stderr,
		"usage: crowd serve NAME PORT ADDRESS... | hold COUNT QUIET PORT ADDRESS...\n");
	return 2;
}
