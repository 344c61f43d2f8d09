// SPDX-License-Identifier: GPL-2.0
/* Independent clients: requests begin at a fixed rate, whatever became of those before (open loop),
 * each on a connection of its own. Every one that was scheduled is one line of the result.
 *
 * visitors SEED RATE SECONDS TARGET[=PARTS]... -- SOURCE[=PARTS]...
 *
 * TARGET is ADDRESS:PORT, SOURCE an address of this host, both IPv4; each request has one of each, by
 * chance, so many parts of all. A line: when it was scheduled (ms of the epoch), how long it took (ms),
 * "ok" or why not, who answered, the target's port. What has no answer after 2 s has failed. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define PLACES_MAX 256
#define PATIENCE_MS 2000
#define ANSWER_MAX 512

struct place {
	struct sockaddr_in address;
	double up_to; /* of all places' parts, summed up */
};

struct places {
	struct place place[PLACES_MAX];
	size_t count;
};

struct visit {
	struct visit *next; /* the one begun after it */
	uint64_t at_ms;
	int fd; /* -1: it is over */
	bool asked;
	in_port_t port;
	size_t used;
	char answer[ANSWER_MAX];
};

struct crowd {
	int poll;
	struct visit *oldest, *newest;
	unsigned short dice[3];
	struct places targets, sources;
};

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
	ended = signal;
}

static void die(const char *what)
{
	fprintf(stderr, "visitors: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ADDRESS[:PORT][=PARTS] */
static void place_add(struct places *p, const char *text)
{
	struct place *place = &p->place[p->count];
	unsigned int port = 0;
	char address[64], rest[64] = "";
	double parts = 1;

	errno = EINVAL;
	if (p->count == PLACES_MAX || sscanf(text, "%63[0-9.]%63s", address, rest) < 1 ||
	    inet_pton(AF_INET, address, &place->address.sin_addr) != 1)
		die(text);
	if (sscanf(rest, ":%u=%lf", &port, &parts) < 1)
		sscanf(rest, "=%lf", &parts);
	place->address.sin_family = AF_INET;
	place->address.sin_port = htons((uint16_t)port);
	place->up_to = parts + (p->count ? place[-1].up_to : 0);
	p->count++;
}

static const struct sockaddr_in *choose(struct crowd *c, const struct places *p)
{
	double at = erand48(c->dice) * p->place[p->count - 1].up_to;
	size_t i = 0;

	while (i + 1 < p->count && p->place[i].up_to <= at)
		i++;
	return &p->place[i].address;
}

static void over(struct visit *v, const char *how)
{
	char who[64] = "-";
	const char *body = strstr(v->answer, "\r\n\r\n");

	if (body)
		sscanf(body, " %63s", who);
	printf("%llu,%llu,%s,%s,%u\n", (unsigned long long)v->at_ms,
	       (unsigned long long)(now_ms() - v->at_ms), how, who, ntohs(v->port));
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
}

static const char *reason(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return "refused";
	case ECONNRESET:
		return "reset";
	case EHOSTUNREACH:
		return "unreachable";
	default:
		return "error";
	}
}

static void begin(struct crowd *c, uint64_t at_ms)
{
	const struct sockaddr_in *to = choose(c, &c->targets), *from = choose(c, &c->sources);
	struct visit *v = calloc(1, sizeof(*v));
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = v };
	int late = 1;

	if (!v)
		die("memory");
	*(c->newest ? &c->newest->next : &c->oldest) = v;
	c->newest = v;
	v->at_ms = at_ms;
	v->port = to->sin_port;
	v->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (v->fd < 0 ||
	    setsockopt(v->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late)) ||
	    bind(v->fd, (const struct sockaddr *)from, sizeof(*from)) ||
	    epoll_ctl(c->poll, EPOLL_CTL_ADD, v->fd, &event))
		die("socket");
	if (connect(v->fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS)
		over(v, reason(errno));
}

static void hear(struct visit *v)
{
	char request[96];
	int err = 0;
	socklen_t size = sizeof(err);
	ssize_t got;

	if (getsockopt(v->fd, SOL_SOCKET, SO_ERROR, &err, &size) || err) {
		over(v, reason(err));
		return;
	}
	if (!v->asked) {
		int length =
			snprintf(request, sizeof(request), "GET / HTTP/1.0\r\nX-At: %llu\r\n\r\n",
				 (unsigned long long)v->at_ms);

		v->asked = send(v->fd, request, (size_t)length, MSG_NOSIGNAL) == length;
	}
	while ((got = recv(v->fd, v->answer + v->used, sizeof(v->answer) - 1 - v->used, 0)) > 0)
		v->used += (size_t)got;
	if (got < 0 && (errno == EAGAIN || errno == ENOTCONN))
		return;
	if (got < 0)
		over(v, reason(errno));
	else
		over(v, strncmp(v->answer, "HTTP/1.0 200", 12) ? "cut" : "ok");
}

/* Who waited too long, and who is forgotten: from the oldest on. */
static void tidy(struct crowd *c, bool last)
{
	uint64_t now = now_ms();

	while (c->oldest) {
		struct visit *v = c->oldest;

		if (v->fd >= 0 && !last && now - v->at_ms < PATIENCE_MS)
			return;
		if (v->fd >= 0)
			over(v, "timeout");
		c->oldest = v->next;
		if (!c->oldest)
			c->newest = NULL;
		free(v);
	}
}

static void run(struct crowd *c, double rate, double seconds)
{
	uint64_t from = now_ms(), until = from + (uint64_t)(seconds * 1000);
	struct epoll_event events[EVENTS];
	double next = (double)from;

	while (!ended || c->oldest) {
		uint64_t now = now_ms();
		int got;

		if (ended || now >= until)
			next = 1e300;
		while (next <= (double)now) {
			begin(c, (uint64_t)next);
			next += (0.5 + erand48(c->dice)) * 1000 / rate;
		}
		if (next == 1e300 && !c->oldest)
			break;
		got = epoll_wait(c->poll, events, EVENTS,
				 next > (double)now + 10 ? 10 : (int)(next - (double)now) + 1);
		for (int i = 0; i < got; i++)
			if (((struct visit *)events[i].data.ptr)->fd >= 0)
				hear(events[i].data.ptr);
		tidy(c, false);
		fflush(stdout);
	}
	tidy(c, true);
}

int main(int argc, char **argv)
{
	struct crowd c = { .poll = epoll_create1(EPOLL_CLOEXEC) };
	struct places *to = &c.targets;
	struct sigaction action = { .sa_handler = on_signal };

	for (int i = 4; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			to = &c.sources;
		else
			place_add(to, argv[i]);
	}
	if (!c.targets.count || !c.sources.count) {
		fprintf(stderr, "usage: visitors SEED RATE SECONDS TARGET[=PARTS]... -- "
				"SOURCE[=PARTS]...\n");
		return 2;
	}
	c.dice[0] = 0x330e;
	c.dice[1] = (unsigned short)strtoul(argv[1], NULL, 10);
	sigaction(SIGTERM, &action, NULL);
	run(&c, strtod(argv[2], NULL), strtod(argv[3], NULL));
	return 0;
}
