// SPDX-License-Identifier: GPL-2.0
/* Knocks: SYNs on the way that the data path takes, and their direct answers, which are told apart
 * by the port that each knock has for itself. This host's own TCP knows nothing of them; the RST
 * that it may answer with changes nothing, for the verdict is taken from the first answer. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "net/shot.h"

/* Dynamic ports (RFC 6335 section 6): as many knocks can be under way. */
#define PORT_FIRST 0xc000u
#define PORTS 0x4000u

/* Answers of one turn; what is left is there in the next. */
#define ANSWERS_MAX 512

/* Answers of thousands of backends may come together. */
#define RECEIVE_BYTES (4 << 20)

struct knock {
	struct knocks *knocks;
	knock_heard heard;
	void *context;
	bool waiting;
	bool answered; /* the last one was: its source was a good one */
	struct packet_flow flow;
	struct shot shot;
	unsigned int source_ifindex; /* that the source was chosen for; 0: none was */
};

struct knocks {
	int epoll, ipv4, ipv6, send;
	uint32_t next_port;
	struct knock *at[PORTS]; /* by port */
};

/* ---- receiving ---------------------------------------------------------------------------- */

/* Answers to a SYN, at ports of ours: everything else the host receives would fill the socket. With
 * SOCK_DGRAM a filter sees the packet from the IP header on. The last instructions take it, and
 * leave it. */
static struct sock_filter ipv4_filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct iphdr, protocol)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 8),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct iphdr, frag_off)),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, IP_OFFMASK, 6, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, PORT_FIRST, 0, 3),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x06, 0, 1), /* SYN, RST */
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};
static struct sock_filter ipv6_filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct ip6_hdr, ip6_nxt)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 5),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, sizeof(struct ip6_hdr) + 2),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, PORT_FIRST, 0, 3),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(struct ip6_hdr) + 13),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x06, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/* Listens on every interface: the answer need not come back on the way out. */
static int receiver_open(int *out, const struct knocks *k, uint16_t protocol,
			 struct sock_filter *code, unsigned short length)
{
	struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	struct sock_fprog filter = { .len = length, .filter = code };
	struct epoll_event event = { .events = EPOLLIN };
	int room = RECEIVE_BYTES;

	/* Protocol 0 receives nothing until it is bound: the filter is in place before that. */
	*out = event.data.fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*out < 0 || setsockopt(*out, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    bind(*out, (const struct sockaddr *)&any, sizeof(any)) ||
	    epoll_ctl(k->epoll, EPOLL_CTL_ADD, *out, &event))
		return -errno;
	setsockopt(*out, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)); /* or what it has */
	return 0;
}

static void answer_take(struct knocks *k, const uint8_t *packet, size_t size)
{
	uint16_t port = packet_dest_port(packet, size);
	struct knock *x = port >= PORT_FIRST ? k->at[port - PORT_FIRST] : NULL;
	enum packet_answer answer = x ? packet_match(packet, size, &x->flow) : PACKET_OTHER;

	if (answer == PACKET_OTHER)
		return;
	x->answered = true;
	if (answer == PACKET_SYN_ACK)
		shot_fire(k->send, &x->shot, packet_rst, &x->flow);
	knock_forget(x);
	x->heard(x->context, answer == PACKET_SYN_ACK ? PROBE_ANSWERED : PROBE_REFUSED);
}

static void answers_read(struct knocks *k, int fd)
{
	for (int i = 0; i < ANSWERS_MAX; i++) {
		uint8_t packet[128]; /* headers are enough */
		struct sockaddr_ll from = {};
		socklen_t length = sizeof(from);
		ssize_t got =
			recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &length);

		if (got < 0)
			return;
		if (from.sll_pkttype != PACKET_OUTGOING)
			answer_take(k, packet, (size_t)got);
	}
}

int knocks_fd(const struct knocks *k)
{
	return k->epoll;
}

void knocks_process(struct knocks *k)
{
	struct epoll_event events[2];
	int count = epoll_wait(k->epoll, events, 2, 0);

	for (int i = 0; i < count; i++)
		answers_read(k, events[i].data.fd);
}

/* ---- opening ------------------------------------------------------------------------------ */

#define LENGTH(filter) (sizeof(filter) / sizeof((filter)[0]))

int knocks_open(struct knocks **out)
{
	struct knocks *k = calloc(1, sizeof(*k));
	int err = 0;

	if (!k)
		return -ENOMEM;
	k->ipv4 = k->ipv6 = -1;
	k->send = shot_socket();
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll < 0)
		err = -errno;
	err = err ?: k->send < 0 ? k->send : 0;
	err = err ?: receiver_open(&k->ipv4, k, ETH_P_IP, ipv4_filter, LENGTH(ipv4_filter));
	err = err ?: receiver_open(&k->ipv6, k, ETH_P_IPV6, ipv6_filter, LENGTH(ipv6_filter));
	if (err) {
		knocks_close(k);
		return err;
	}
	*out = k;
	return 0;
}

void knocks_close(struct knocks *k)
{
	if (!k)
		return;
	close_fd(&k->ipv4);
	close_fd(&k->ipv6);
	close_fd(&k->send);
	close_fd(&k->epoll);
	free(k);
}

/* ---- one knock ---------------------------------------------------------------------------- */

int knock_make(struct knock **out, struct knocks *k, knock_heard heard, void *context)
{
	struct knock *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->knocks = k;
	x->heard = heard;
	x->context = context;
	*out = x;
	return 0;
}

void knock_forget(struct knock *k)
{
	if (k->waiting)
		k->knocks->at[k->flow.source_port - PORT_FIRST] = NULL;
	k->waiting = false;
}

void knock_free(struct knock *k)
{
	if (!k)
		return;
	knock_forget(k);
	free(k);
}

static int port_take(struct knock *x)
{
	struct knocks *k = x->knocks;

	for (uint32_t i = 0; i < PORTS; i++) {
		uint32_t port = k->next_port++ % PORTS;

		if (k->at[port])
			continue;
		k->at[port] = x;
		x->flow.source_port = (uint16_t)(PORT_FIRST + port);
		x->waiting = true;
		return 0;
	}
	return -EAGAIN;
}

/* Asking the kernel for its addresses takes long; what was answered to is good enough. */
static int source_take(struct knock *x, const struct endpoint *service, const struct hop *hop)
{
	if (x->answered && x->source_ifindex == hop->ifindex &&
	    addr_equal(&x->flow.dest, &service->addr))
		return 0;
	x->source_ifindex = hop->ifindex;
	return shot_source(&x->flow.source, &service->addr, hop);
}

int knock_send(struct knock *x, const struct endpoint *service, const struct ek_path *path,
	       const struct hop *hop)
{
	struct {
		uint64_t hash;
		uint32_t isn;
	} chance;
	int err;

	knock_forget(x);
	if (!shot_possible(path, hop))
		return -EHOSTUNREACH;
	err = source_take(x, service, hop);
	x->answered = false;
	if (err)
		return err;
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return -errno;
	x->shot = (struct shot){ *path, chance.hash, hop->ifindex };
	x->flow.isn = chance.isn;
	x->flow.dest = service->addr;
	x->flow.dest_port = service->port;
	err = port_take(x);
	err = err ?: shot_fire(x->knocks->send, &x->shot, packet_syn, &x->flow);
	if (err)
		knock_forget(x);
	return err;
}
