// SPDX-License-Identifier: GPL-2.0
#include "lib/setup.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/path.h"

/* Clients are taken to be on Ethernet; whoever has a smaller MTU says so in its own SYN. */
#define ETHERNET_MTU 1500u
#define IPV4_AND_TCP 40u
#define IPV6_AND_TCP 60u

uint32_t setup_advmss(const struct setup_facts *f, bool ipv4)
{
	uint32_t overhead = path_overhead(f->forward, f->gue, &f->addr);
	uint32_t mtu = f->mtu ? f->mtu : ETHERNET_MTU;
	uint32_t headers = ipv4 ? IPV4_AND_TCP : IPV6_AND_TCP;

	if (!overhead || mtu >= ETHERNET_MTU + overhead)
		return 0;
	/* A way too narrow for any segment is for doctor to find. */
	return mtu > overhead + headers ? mtu - overhead - headers : 1;
}

static bool listens(const struct setup_facts *f, bool ipv4)
{
	for (size_t i = 0; i < f->listener_count; i++)
		if (addr_is_ipv4(&f->listeners[i].addr) == ipv4)
			return true;
	return false;
}

/* True if an earlier listener has the same address. */
static bool listener_seen(const struct setup_facts *f, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (addr_equal(&f->listeners[i].addr, &f->listeners[at].addr))
			return true;
	return false;
}

static void head_write(FILE *out, const struct setup_facts *f)
{
	char addr[ADDR_TEXT_MAX];

	addr_text(&f->addr, addr);
	fprintf(out, "# Backend %s (%s) of service %s, forward: %s. Run as root on that host.\n",
		f->backend, addr, f->service, config_forward_name(f->forward));
	fputs("# This lasts until the next boot: put it into the host's network configuration too.\n",
	      out);
	if (f->forward == EK_FORWARD_L2)
		fputs("# forward: l2 only exchanges MAC addresses: this host must be on the same\n"
		      "# Ethernet segment as the balancer, without a router between them.\n",
		      out);
	/* In a subshell: a shell that people paste this into goes on after a failed line. */
	fputs("(\n# The interface that the balancer's packets arrive on.\n", out);
	fprintf(out, "IF=$(ip -o address show to %s | awk '{ print $2; exit }')\n", addr);
	fprintf(out, ": \"${IF:?no interface has %s: is this host backend %s?}\"\n", addr,
		f->backend);
}

/* ARP first: once the address is there, the host would answer for it. */
static void sysctls_write(FILE *out, const struct setup_facts *f)
{
	if (!listens(f, true))
		return;
	fputs("\n# Do not answer or ask ARP with the service's address: it is the balancer's on the\n"
	      "# wire. (IPv6 needs no such setting: it answers only for an interface's own.)\n"
	      "sysctl -qw net/ipv4/conf/all/arp_ignore=1 \"net/ipv4/conf/$IF/arp_ignore=1\"\n"
	      "sysctl -qw net/ipv4/conf/all/arp_announce=2 \"net/ipv4/conf/$IF/arp_announce=2\"\n",
	      out);
	fputs("# Packets of clients come from the balancer: the way back may be another. The\n"
	      "# larger of the two values counts, so both must be 0.\n"
	      "sysctl -qw net/ipv4/conf/all/rp_filter=0 \"net/ipv4/conf/$IF/rp_filter=0\"\n",
	      out);
}

static void addresses_write(FILE *out, const struct setup_facts *f)
{
	char addr[ADDR_TEXT_MAX];

	fputs("\n# The service's addresses: packets for them are for this host.\n", out);
	for (size_t i = 0; i < f->listener_count; i++) {
		const struct ek_addr *a = &f->listeners[i].addr;

		if (listener_seen(f, i))
			continue;
		addr_text(a, addr);
		if (addr_is_ipv4(a))
			fprintf(out, "ip address replace %s/32 dev lo\n", addr);
		else
			fprintf(out, "ip -6 address replace %s/128 dev lo nodad\n", addr);
	}
}

/* The kernel's own devices, for hosts that have them; as comments, since one way is enough.
 * For gue the kernel's fou takes UDP off, of both variants, and hands the rest to the device. */
static void tunnels_write(FILE *out, const struct setup_facts *f)
{
	bool outer_ipv4 = addr_is_ipv4(&f->addr);

	fputs("# Or by the kernel's tunnel devices, instead:\n", out);
	if (f->forward == EK_FORWARD_GUE)
		fprintf(out,
			"#   modprobe %s\n"
			"#   ip -%d fou add port %u gue\n",
			outer_ipv4 ? "fou" : "fou6", outer_ipv4 ? 4 : 6, EK_GUE_PORT);
	if (!outer_ipv4) {
		fputs("#   modprobe ip6_tunnel\n"
		      "#   ip link add name evenkeel6 type ip6tnl external\n"
		      "#   ip link set evenkeel6 up\n",
		      out);
		if (listens(f, true))
			fputs("#   sysctl -qw net/ipv4/conf/evenkeel6/rp_filter=0\n", out);
		return;
	}
	if (listens(f, true))
		fputs("#   modprobe ipip\n"
		      "#   ip link add name evenkeel4 type ipip external\n"
		      "#   ip link set evenkeel4 up\n"
		      "#   sysctl -qw net/ipv4/conf/evenkeel4/rp_filter=0\n",
		      out);
	if (listens(f, false))
		fputs("#   modprobe sit\n"
		      "#   ip link set sit0 up\n",
		      out);
}

static void decap_write(FILE *out, const struct setup_facts *f)
{
	fputs("\n# Unwrap the balancer's packets.\n"
	      "evenkeel decap status \"$IF\" >/dev/null 2>&1 || evenkeel decap attach \"$IF\"\n",
	      out);
	tunnels_write(out, f);
	if (listens(f, false)) {
		fputs("# Unwrapped IPv6 arrives on the same interface, and answers go straight to the\n"
		      "# clients: this host needs IPv6 there, and an IPv6 default route.\n",
		      out);
		if (addr_is_ipv4(&f->addr))
			fputs("sysctl -qw \"net/ipv6/conf/$IF/disable_ipv6=0\"\n", out);
	}
}

/* For each default route, a command that is the route as shown, with the segment size in it.
 * One that is smaller already stays: another service may need it. What `ip route show` prints
 * and `ip route change` does not take is left out. */
static void advmss_write(FILE *out, bool ipv4, uint32_t advmss)
{
	int family = ipv4 ? 4 : 6;

	fprintf(out, "ip -o -%d route show default | awk -v mss=%u '{\n", family, advmss);
	fputs("\tsize = mss; rest = \"\"\n"
	      "\tfor (i = 2; i <= NF; i++) {\n"
	      "\t\tif ($i == \"advmss\" && $(i + 1) < size) size = $(i + 1)\n"
	      "\t\tif ($i == \"advmss\" || $i == \"expires\") i++\n"
	      "\t\telse if ($i != \"linkdown\" && $i != \"\\\\\") rest = rest \" \" $i\n"
	      "\t}\n",
	      out);
	fprintf(out, "\tprint \"ip -%d route change \" $1 \" advmss \" size rest\n}' | sh\n",
		family);
}

static void size_write(FILE *out, const struct setup_facts *f)
{
	uint32_t overhead = path_overhead(f->forward, f->gue, &f->addr);
	uint32_t v4 = listens(f, true) ? setup_advmss(f, true) : 0;
	uint32_t v6 = listens(f, false) ? setup_advmss(f, false) : 0;

	if (!v4 && !v6) {
		fprintf(out,
			"\n# Size: the way takes packets of %u bytes, %u and the outer header of %u "
			"fit: nothing to do.\n",
			f->mtu, ETHERNET_MTU, overhead);
		return;
	}
	fprintf(out,
		"\n# Size: the outer header takes %u of %u bytes. Ask clients for segments that leave\n"
		"# room for it. Not needed if every link between balancer and this host takes packets\n"
		"# of %u bytes (ip link set mtu). UDP cannot be asked: what is too big is dropped.\n",
		overhead, f->mtu ? f->mtu : ETHERNET_MTU, ETHERNET_MTU + overhead);
	if (v4)
		advmss_write(out, true, v4);
	if (v6)
		advmss_write(out, false, v6);
	if (v6)
		fputs("# A route from router advertisements forgets this with the next one: there, set\n"
		      "# it in what manages the route, or clamp the segment size in the firewall.\n",
		      out);
}

/* "ip saddr { a, b } ", or nothing if no source of the backend's family is known. */
static void sources_write(FILE *out, const struct setup_facts *f)
{
	bool ipv4 = addr_is_ipv4(&f->addr);
	const char *between = ipv4 ? "ip saddr { " : "ip6 saddr { ";
	bool any = false;
	char addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < f->source_count; i++) {
		const struct setup_source *s = &f->sources[i];

		if (addr_is_ipv4(&s->addr) != ipv4)
			continue;
		fprintf(out, "%s%s", between, addr_text(&s->addr, addr));
		if (s->bits)
			fprintf(out, "/%u", s->bits);
		between = ", ";
		any = true;
	}
	if (any)
		fputs(" } ", out);
}

static void tunnel_opening_write(FILE *out, const struct setup_facts *f, int protocol)
{
	/* nexthdr would miss an IPv6 header with extensions; l4proto finds the last. */
	fputs("\tnft 'insert rule inet filter input ", out);
	sources_write(out, f);
	fprintf(out, "%s %d accept'\n", addr_is_ipv4(&f->addr) ? "ip protocol" : "meta l4proto",
		protocol);
}

/* What the outer packets are, and the openings for them. */
static void tunnel_openings_write(FILE *out, const struct setup_facts *f)
{
	if (f->forward == EK_FORWARD_GUE) {
		fputs("\tnft 'insert rule inet filter input ", out);
		sources_write(out, f);
		fprintf(out, "udp dport %u accept'\n", EK_GUE_PORT);
		return;
	}
	if (listens(f, true))
		tunnel_opening_write(out, f, 4);
	if (listens(f, false))
		tunnel_opening_write(out, f, 41);
}

static void firewall_write(FILE *out, const struct setup_facts *f)
{
	char addr[ADDR_TEXT_MAX];

	fputs("\n# Firewall, where there is one; \"inet filter input\" is Debian's chain. ", out);
	if (f->forward == EK_FORWARD_IPIP)
		fputs("Protocol 4 and\n# 41 are the outer packets: the kernel's tunnel devices need "
		      "them, decap comes before.\n",
		      out);
	else if (f->forward == EK_FORWARD_GUE)
		fputs("UDP 6080 is the\n# outer packets: the kernel's devices need it, decap comes "
		      "before.\n",
		      out);
	else
		fputc('\n', out);
	fputs("if nft list chain inet filter input >/dev/null 2>&1; then\n", out);
	if (f->forward == EK_FORWARD_IPIP || f->forward == EK_FORWARD_GUE)
		tunnel_openings_write(out, f);
	for (size_t i = 0; i < f->listener_count; i++) {
		const struct endpoint *e = &f->listeners[i];

		fprintf(out,
			"\tnft 'insert rule inet filter input %s daddr %s %s dport %u accept'\n",
			addr_is_ipv4(&e->addr) ? "ip" : "ip6", addr_text(&e->addr, addr),
			e->proto == IPPROTO_UDP ? "udp" : "tcp", e->port);
	}
	fputs("fi\n", out);
}

char *setup_commands(const struct setup_facts *f)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	head_write(out, f);
	if (f->forward == EK_FORWARD_NAT) {
		setup_nat_write(out, f);
	} else {
		sysctls_write(out, f);
		addresses_write(out, f);
		if (f->forward != EK_FORWARD_L2) {
			decap_write(out, f);
			size_write(out, f);
		}
		firewall_write(out, f);
	}
	fputs(")\n", out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
