// SPDX-License-Identifier: GPL-2.0
/* A probe's SYN goes the way of the data path, and its answer is recognised. */
#include "probe.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <pthread.h>
#include <sys/socket.h>

#include "lib/packet.h"

/* ---- ipip, against a backend that reads every byte ------------------------------------------ */

/* One frame is expected, checked and answered. */
struct backend {
	int fd;
	struct ek_addr outer_source, outer_dest; /* what the frame should say */
	const char *prefix; /* the source is of it, NULL: this host's address */
	uint8_t bits, host_bits;
	struct ek_addr service;
	uint16_t port;
	enum ek_forward forward;
	uint32_t gue;
	bool forge;      /* answer with another acknowledgement number first */
	bool reset;      /* answer with RST */
	const char *bad; /* what is wrong with the frame */
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t sum16(uint32_t sum, const uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i += 2)
		sum += get16(at + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* An IP header, of either family. */
struct header {
	size_t size;
	uint8_t proto;
	struct ek_addr source, dest;
	size_t total; /* as it says */
};

static bool read_header(struct header *out, const uint8_t *at)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (at[0] >> 4 == 4) {
		memcpy(out->source.bytes, mapped, 12);
		memcpy(out->dest.bytes, mapped, 12);
		memcpy(out->source.bytes + 12, at + 12, 4);
		memcpy(out->dest.bytes + 12, at + 16, 4);
		out->proto = at[9];
		out->size = 20;
		out->total = get16(at + 2);
		return at[0] == 0x45 && at[8] > 1 && sum16(0, at, 20) == 0xffff;
	}
	memcpy(out->source.bytes, at + 8, 16);
	memcpy(out->dest.bytes, at + 24, 16);
	out->proto = at[6];
	out->size = 40;
	out->total = 40u + get16(at + 4);
	return at[0] >> 4 == 6 && at[7] > 1;
}

static uint32_t pseudo_sum(const struct header *ip)
{
	size_t skip = ip->size == 20 ? 12 : 0;
	uint32_t sum = ip->proto + (uint32_t)(ip->total - ip->size);

	sum = sum16(sum, ip->source.bytes + skip, 16 - skip);
	return sum16(sum, ip->dest.bytes + skip, 16 - skip);
}

/* UDP behind the outer header, and the GUE header in it; their length goes to *inner. */
static const char *judge_gue(const struct backend *b, const struct header *outer,
			     const uint8_t *udp, size_t *inner)
{
	size_t size = outer->total - outer->size;
	bool checksum = outer->size == 40 && !(b->gue & EK_GUE_NO_CHECKSUM);
	bool variant0 = b->gue & EK_GUE_VARIANT_0;

	*inner = variant0 ? 12 : 8;
	if (outer->proto != IPPROTO_UDP || get16(udp) < 49152 || get16(udp + 2) != 6080 ||
	    get16(udp + 4) != size)
		return "UDP header";
	if (checksum != (get16(udp + 6) != 0) ||
	    (checksum && sum16(pseudo_sum(outer), udp, size) != 0xffff))
		return "UDP checksum";
	if (variant0 && (udp[8] || udp[9] != (udp[12] >> 4 == 4 ? 4 : 41) || get16(udp + 10)))
		return "GUE header";
	return NULL;
}

static const char *judge_tunnel(const struct backend *b, const struct header *outer,
				const uint8_t *behind, size_t *inner)
{
	if (b->forward == EK_FORWARD_GUE)
		return judge_gue(b, outer, behind, inner);
	*inner = 0;
	if (outer->proto != (behind[0] >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6))
		return "outer protocol";
	return NULL;
}

/* Of a prefix the host's bits vary, and the others do not. */
static bool source_is_right(struct backend *b, const struct ek_addr *source)
{
	size_t fixed = b->prefix ? 15 : 16;

	b->host_bits = source->bytes[15];
	return !memcmp(source, &b->outer_source, fixed);
}

/* Returns what is wrong, NULL if nothing; *inner is where the inner packet begins. */
static const char *judge_frame(struct backend *b, const uint8_t *frame, size_t size,
			       struct header *ip, size_t *inner)
{
	struct header outer;
	const uint8_t *tcp;
	const char *bad;

	if (!read_header(&outer, frame + 14))
		return "outer header";
	if (outer.total != size - 14)
		return "outer length";
	if (get16(frame + 12) != (outer.size == 20 ? ETHERTYPE_IP : ETHERTYPE_IPV6))
		return "Ethernet type";
	if (!source_is_right(b, &outer.source) || !addr_equal(&outer.dest, &b->outer_dest))
		return "outer addresses";
	bad = judge_tunnel(b, &outer, frame + 14 + outer.size, inner);
	if (bad)
		return bad;
	*inner += 14 + outer.size;
	if (!read_header(ip, frame + *inner))
		return "inner header";
	if (ip->total != size - *inner || ip->proto != IPPROTO_TCP)
		return "inner length or protocol";
	if (!addr_equal(&ip->dest, &b->service) || addr_equal(&ip->source, &b->service) ||
	    addr_is_ipv4(&ip->source) != addr_is_ipv4(&b->service))
		return "inner addresses";
	tcp = frame + *inner + ip->size;
	if (sum16(pseudo_sum(ip), tcp, ip->total - ip->size) != 0xffff)
		return "TCP checksum";
	if (get16(tcp + 2) != b->port || tcp[13] != 0x02)
		return "TCP port or flags";
	return NULL;
}

/* Turns the SYN round: what a backend that decapsulates would answer. Checksums are left wrong,
 * because the probe is no judge of them. */
static void answer(const struct backend *b, uint8_t *frame, const struct header *ip, size_t inner,
		   uint8_t flags, uint32_t offset)
{
	uint8_t reply[14 + 40 + 20] = {};
	uint8_t *tcp = reply + 14 + ip->size, *syn = frame + inner + ip->size;
	size_t skip = ip->size == 20 ? 12 : 0, at = ip->size == 20 ? 12 : 8;
	uint32_t ack;

	memcpy(reply, frame + 6, 6);
	memcpy(reply + 6, frame, 6);
	reply[12] = ip->size == 20 ? 0x08 : 0x86;
	reply[13] = ip->size == 20 ? 0x00 : 0xdd;
	memcpy(reply + 14, frame + inner, ip->size);
	memcpy(reply + 14 + at, ip->dest.bytes + skip, 16 - skip);
	memcpy(reply + 14 + at + 16 - skip, ip->source.bytes + skip, 16 - skip);
	memcpy(tcp, syn + 2, 2);
	memcpy(tcp + 2, syn, 2);
	memcpy(&ack, syn + 4, 4);
	ack = htonl(ntohl(ack) + offset);
	memcpy(tcp + 8, &ack, 4);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	(void)!write(b->fd, reply, 14 + ip->size + 20);
}

/* Besides the probe there is only neighbour discovery. */
static bool is_tunnelled(const uint8_t *frame)
{
	uint8_t proto = frame[get16(frame + 12) == ETHERTYPE_IP ? 23 : 20];

	return proto == IPPROTO_IPIP || proto == IPPROTO_IPV6 || proto == IPPROTO_UDP;
}

static void *run_backend(void *context)
{
	struct backend *b = context;
	uint64_t end_ms = clock_now_ms() + BOUND_MS;

	b->bad = "no frame";
	while (clock_now_ms() < end_ms) {
		struct pollfd readable = { .fd = b->fd, .events = POLLIN };
		uint8_t frame[256];
		struct header ip;
		size_t inner;
		ssize_t got;

		poll(&readable, 1, 50);
		got = recv(b->fd, frame, sizeof(frame), MSG_DONTWAIT);
		if (got < 14 + 40 || !is_tunnelled(frame))
			continue;
		b->bad = judge_frame(b, frame, (size_t)got, &ip, &inner);
		if (b->bad)
			return NULL;
		if (b->forge)
			answer(b, frame, &ip, inner, 0x12, 2);
		answer(b, frame, &ip, inner, b->reset ? 0x14 : 0x12, 1);
		return NULL;
	}
	return NULL;
}

static int listen_in_peer(const struct lab *lab)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd;

	lab_visit(lab);
	at.sll_ifindex = (int)if_nametoindex("ekn1");
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	lab_return(lab);
	return fd;
}

static enum probe_verdict probe_tunnel(const struct lab *lab, struct backend *b, const char *vip,
				       const char *backend)
{
	struct endpoint service = endpoint(vip, 443);
	enum probe_verdict verdict = PROBE_NO_HOP;
	struct ek_addr to = addr(backend);
	struct hop hop = ready_hop(&to);
	struct ek_path path = path_by(&hop, b->forward, b->gue, &to, b->prefix, b->bits);
	pthread_t thread;

	b->fd = listen_in_peer(lab);
	b->outer_source = b->prefix ? addr(b->prefix) : hop.source;
	b->outer_dest = to;
	b->service = service.addr;
	b->port = service.port;
	assert_int_equal(pthread_create(&thread, NULL, run_backend, b), 0);
	assert_int_equal(net_probe(&verdict, &service, &path, &hop, BOUND_MS), 0);
	pthread_join(thread, NULL);
	close(b->fd);
	if (b->bad)
		fail_msg("%s to %s: wrong %s", vip, backend, b->bad);
	return verdict;
}

static enum probe_verdict probe_ipip(const struct lab *lab, struct backend *b, const char *vip,
				     const char *backend)
{
	b->forward = EK_FORWARD_IPIP;
	return probe_tunnel(lab, b, vip, backend);
}

static void gue_goes_in_both_families_over_both_in_all_its_forms(void **state)
{
	static const char *const services[] = { "203.0.113.10", "2001:db8::10" };
	static const char *const backends[] = { "10.9.0.2", "fd09::2" };

	for (unsigned int i = 0; i < 4; i++) {
		for (uint32_t gue = 0; gue < 4; gue++) {
			struct backend b = { .forward = EK_FORWARD_GUE, .gue = gue };

			assert_int_equal(probe_tunnel(*state, &b, services[i & 1],
						      backends[i >> 1]),
					 PROBE_ANSWERED);
		}
	}
}

static void ipip_goes_in_both_families_over_both(void **state)
{
	static const char *const services[] = { "203.0.113.10", "2001:db8::10" };
	static const char *const backends[] = { "10.9.0.2", "fd09::2" };

	for (int i = 0; i < 4; i++) {
		struct backend b = {};

		assert_int_equal(probe_ipip(*state, &b, services[i & 1], backends[i >> 1]),
				 PROBE_ANSWERED);
	}
}

static void the_outer_source_is_one_of_the_configured_prefix(void **state)
{
	static const char *const backends[] = { "10.9.0.2", "fd09::2" };
	static const char *const prefixes[] = { "192.0.2.0", "2001:db8:7::" };
	static const uint8_t lengths[] = { 24, 120 };

	for (int i = 0; i < 4; i++) {
		uint8_t seen = 0;

		for (int k = 0; k < 8; k++) {
			struct backend b = {
				.forward = i / 2 ? EK_FORWARD_GUE : EK_FORWARD_IPIP,
				.prefix = prefixes[i % 2],
				.bits = lengths[i % 2],
			};

			assert_int_equal(probe_tunnel(*state, &b, "203.0.113.10", backends[i % 2]),
					 PROBE_ANSWERED);
			seen |= b.host_bits;
		}
		assert_int_not_equal(seen, 0);
	}
}

static void a_reset_from_the_service_is_a_refusal(void **state)
{
	struct backend b = { .reset = true };

	assert_int_equal(probe_ipip(*state, &b, "203.0.113.10", "10.9.0.2"), PROBE_REFUSED);
	b = (struct backend){ .reset = true };
	assert_int_equal(probe_ipip(*state, &b, "2001:db8::10", "fd09::2"), PROBE_REFUSED);
}

static void an_answer_to_another_syn_is_not_taken(void **state)
{
	struct backend b = { .forge = true, .reset = true };

	/* The forged one says SYN+ACK and comes first. */
	assert_int_equal(probe_ipip(*state, &b, "203.0.113.10", "10.9.0.2"), PROBE_REFUSED);
}

static void the_inner_source_is_never_the_service(void **state)
{
	struct backend b = {};

	/* The service's address is the first of its interface. */
	run("ip addr flush dev ekn0 scope global");
	run("ip addr add 203.0.113.10/32 dev ekn0; ip addr add 10.9.0.1/24 dev ekn0");
	run("ip addr add 2001:db8::10/128 dev ekn0 nodad; ip addr add fd09::1/64 dev ekn0 nodad");
	assert_int_equal(probe_ipip(*state, &b, "203.0.113.10", "fd09::2"), PROBE_ANSWERED);
	b = (struct backend){};
	assert_int_equal(probe_ipip(*state, &b, "2001:db8::10", "10.9.0.2"), PROBE_ANSWERED);
}

/* ---- what cannot be sent -------------------------------------------------------------------- */

static void without_a_next_hop_nothing_is_sent(void **state)
{
	struct endpoint service = endpoint("203.0.113.10", 80);
	struct ek_addr to = addr("10.9.0.2");
	enum probe_verdict verdict = PROBE_SILENT;
	struct hop hop = ready_hop(&to), unready = hop;
	struct ek_path path = path_by(&hop, EK_FORWARD_IPIP, 0, &to, NULL, 0);

	unready.state = HOP_NO_NEIGHBOUR;
	assert_int_equal(net_probe(&verdict, &service, &path, &unready, 10), 0);
	assert_int_equal(verdict, PROBE_NO_HOP);
	verdict = PROBE_SILENT;
	path.flags = 0; /* the data path does not know it */
	assert_int_equal(net_probe(&verdict, &service, &path, &hop, 10), 0);
	assert_int_equal(verdict, PROBE_NO_HOP);
}

static void a_family_without_own_address_cannot_be_probed(void **state)
{
	struct endpoint service = endpoint("2001:db8::10", 80);
	struct ek_addr to = addr("10.9.0.2");
	enum probe_verdict verdict = PROBE_SILENT;
	struct hop hop = ready_hop(&to);
	struct ek_path path = path_by(&hop, EK_FORWARD_IPIP, 0, &to, NULL, 0);

	run("ip -6 addr flush dev ekn0 scope global");
	assert_int_equal(net_probe(&verdict, &service, &path, &hop, 10), -EADDRNOTAVAIL);
	service.proto = IPPROTO_UDP;
	assert_int_equal(net_probe(&verdict, &service, &path, &hop, 10), -EPROTONOSUPPORT);
	assert_int_equal(verdict, PROBE_SILENT);
}

#define story(name) cmocka_unit_test_setup_teardown(name, lab_up, lab_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(ipip_goes_in_both_families_over_both),
		story(gue_goes_in_both_families_over_both_in_all_its_forms),
		story(the_outer_source_is_one_of_the_configured_prefix),
		story(a_reset_from_the_service_is_a_refusal),
		story(an_answer_to_another_syn_is_not_taken),
		story(the_inner_source_is_never_the_service),
		story(without_a_next_hop_nothing_is_sent),
		story(a_family_without_own_address_cannot_be_probed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
