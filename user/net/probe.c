// SPDX-License-Identifier: GPL-2.0
/* Probes: one SYN on the way the data path takes, and the direct answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "net/clock.h"
#include "net/net.h"
#include "lib/packet.h"
#include "net/shot.h"

/* ---- where from ------------------------------------------------------------------------- */

static int begin_flow(struct packet_flow *out, uint64_t *hash, const struct endpoint *service,
		      const struct hop *hop)
{
	struct packet_flow flow = { .dest = service->addr, .dest_port = service->port };
	struct {
		uint64_t hash; /* as good as the data path's: nothing but the outer header has it */
		uint32_t isn;
		uint16_t port;
	} chance;
	int err = shot_source(&flow.source, &service->addr, hop);

	if (err)
		return err;
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return -errno;
	flow.isn = chance.isn;
	flow.source_port = 0xc000 | chance.port; /* a dynamic port (RFC 6335 section 6) */
	*hash = chance.hash;
	*out = flow;
	return 0;
}

/* ---- the sockets ------------------------------------------------------------------------ */

/* Passes TCP from the service's address only: everything else the host receives would fill the
 * socket. With SOCK_DGRAM a filter sees the packet from the IP header on. */
static int attach_filter(int fd, const struct ek_addr *service)
{
	bool ipv4 = addr_is_ipv4(service);
	uint32_t protocol_at =
		ipv4 ? offsetof(struct iphdr, protocol) : offsetof(struct ip6_hdr, ip6_nxt);
	uint32_t source_at =
		ipv4 ? offsetof(struct iphdr, saddr) : offsetof(struct ip6_hdr, ip6_src);
	unsigned int word = ipv4 ? 3 : 0, count = 0, last = ipv4 ? 5 : 11;
	struct sock_filter code[12];

	code[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, protocol_at);
	code[count] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0,
						   (uint8_t)(last - count - 1));
	count++;
	for (; word < 4; word++, source_at += 4) {
		code[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source_at);
		code[count] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   ntohl(service->be32[word]), 0,
							   (uint8_t)(last - count - 1));
		count++;
	}
	code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER,
		       &(struct sock_fprog){ .len = (unsigned short)count, .filter = code },
		       sizeof(struct sock_fprog)))
		return -errno;
	return 0;
}

/* Listens on every interface: the answer need not come back on the way out. */
static int open_receiver(int *out, const struct ek_addr *service)
{
	struct sockaddr_ll any = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(addr_is_ipv4(service) ? ETH_P_IP : ETH_P_IPV6),
	};
	_cleanup_(close_fd) int fd = -1;
	int err;

	/* Protocol 0 receives nothing until it is bound: the filter is in place before that. */
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = attach_filter(fd, service);
	if (err)
		return err;
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		return -errno;
	*out = take_fd(&fd);
	return 0;
}

static int send_syn(const struct packet_flow *flow, const struct shot *shot)
{
	_cleanup_(close_fd) int fd = shot_socket();

	return fd < 0 ? fd : shot_fire(fd, shot, packet_syn, flow);
}

/* ---- the answer ------------------------------------------------------------------------- */

/* Reads what waits; PACKET_OTHER if the answer is not among it. */
static enum packet_answer read_answer(int fd, const struct packet_flow *flow)
{
	enum packet_answer answer = PACKET_OTHER;
	uint8_t packet[128]; /* headers are enough */
	struct sockaddr_ll from = {};

	while (answer == PACKET_OTHER) {
		socklen_t length = sizeof(from);
		ssize_t got =
			recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &length);

		if (got < 0)
			return PACKET_OTHER;
		if (from.sll_pkttype != PACKET_OUTGOING)
			answer = packet_match(packet, (size_t)got, flow);
	}
	return answer;
}

static int wait_answer(enum probe_verdict *out, int fd, const struct packet_flow *flow,
		       int timeout_ms)
{
	int64_t end = (int64_t)clock_now_ms() + timeout_ms;

	for (;;) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		int64_t left = end - (int64_t)clock_now_ms();

		if (left < 0) {
			*out = PROBE_SILENT;
			return 0;
		}
		/* Rounded up, or the last millisecond would be spun away. */
		if (poll(&readable, 1, (int)left + 1) < 0 && errno != EINTR)
			return -errno;
		switch (read_answer(fd, flow)) {
		case PACKET_SYN_ACK:
			*out = PROBE_ANSWERED;
			return 0;
		case PACKET_RST:
			*out = PROBE_REFUSED;
			return 0;
		case PACKET_OTHER:
			break;
		}
	}
}

int net_probe(enum probe_verdict *out, const struct endpoint *service, const struct ek_path *path,
	      const struct hop *hop, int timeout_ms)
{
	_cleanup_(close_fd) int fd = -1;
	struct shot shot = { .path = *path, .ifindex = hop->ifindex };
	struct packet_flow flow;
	int err;

	if (service->proto != IPPROTO_TCP)
		return -EPROTONOSUPPORT;
	if (!shot_possible(path, hop)) {
		*out = PROBE_NO_HOP;
		return 0;
	}
	err = begin_flow(&flow, &shot.hash, service, hop);
	if (!err)
		err = open_receiver(&fd, &service->addr);
	if (!err)
		err = send_syn(&flow, &shot);
	if (err)
		return err;
	return wait_answer(out, fd, &flow, timeout_ms);
}
