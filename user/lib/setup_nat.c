// SPDX-License-Identifier: GPL-2.0
/* The commands for a backend behind nat: it does not have the service's address, and its answers
 * go by the balancer. */
#include <netinet/in.h>

#include "lib/setup.h"

/* The balancer's address on the way to the backend; NULL if it is not known. */
static const struct ek_addr *gateway_of(const struct setup_facts *f)
{
	for (size_t i = 0; i < f->source_count; i++)
		if (addr_is_ipv4(&f->sources[i].addr) == addr_is_ipv4(&f->addr))
			return &f->sources[i].addr;
	return NULL;
}

static void route_write(FILE *out, const struct setup_facts *f)
{
	const struct ek_addr *gateway = gateway_of(f);
	int family = addr_is_ipv4(&f->addr) ? 4 : 6;
	char addr[ADDR_TEXT_MAX];

	fputs("\n# The balancer is the gateway: what is answered by another way keeps this host's\n"
	      "# address, and no client knows that. Clients must not be on this host's own network.\n"
	      "# Should you be here through another gateway, give your network a route by it first.\n",
	      out);
	if (gateway)
		fprintf(out, "ip -%d route replace default via %s\n", family,
			addr_text(gateway, addr));
	else
		fprintf(out,
			"BALANCER= # its address toward this host, which evenkeeld does not know yet\n"
			"ip -%d route replace default via \"${BALANCER:?fill it in above}\"\n",
			family);
	if (family == 4)
		fputs("# Routers may be told a shorter way; this host must not be.\n"
		      "sysctl -qw net/ipv4/conf/all/accept_redirects=0 "
		      "\"net/ipv4/conf/$IF/accept_redirects=0\"\n",
		      out);
	else
		fputs("sysctl -qw \"net/ipv6/conf/$IF/accept_redirects=0\"\n", out);
}

static void addresses_write(FILE *out, const struct setup_facts *f)
{
	char addr[ADDR_TEXT_MAX];

	fputs("\n# Packets come to this host's own address: the service's is not to be here.\n",
	      out);
	for (size_t i = 0; i < f->listener_count; i++) {
		const struct ek_addr *a = &f->listeners[i].addr;
		int family = addr_is_ipv4(a) ? 4 : 6;

		if (i && addr_equal(a, &f->listeners[i - 1].addr))
			continue;
		fprintf(out, "ip -%d address delete %s/%d dev lo 2>/dev/null || true\n", family,
			addr_text(a, addr), family == 4 ? 32 : 128);
	}
}

static void firewall_write(FILE *out, const struct setup_facts *f)
{
	char addr[ADDR_TEXT_MAX];

	fputs("\n# Firewall, where there is one; \"inet filter input\" is Debian's chain. The sources\n"
	      "# are the clients' own.\n"
	      "if nft list chain inet filter input >/dev/null 2>&1; then\n",
	      out);
	for (size_t i = 0; i < f->listener_count; i++) {
		const struct endpoint *e = &f->listeners[i];

		fprintf(out,
			"\tnft 'insert rule inet filter input %s daddr %s %s dport %u accept'\n",
			addr_is_ipv4(&f->addr) ? "ip" : "ip6", addr_text(&f->addr, addr),
			e->proto == IPPROTO_UDP ? "udp" : "tcp", f->port ? f->port : e->port);
	}
	fputs("fi\n", out);
}

static void balancer_write(FILE *out, const struct setup_facts *f)
{
	fputs("\n# On the balancer, once, where IF is its interface toward this host:\n"
	      "#   evenkeel attach IF\n",
	      out);
	if (addr_is_ipv4(&f->addr))
		fputs("#   sysctl -w net.ipv4.ip_forward=1\n"
		      "#   sysctl -w net.ipv4.conf.all.send_redirects=0 "
		      "net.ipv4.conf.IF.send_redirects=0\n"
		      "#   sysctl -w net.ipv4.conf.all.rp_filter=2\n"
		      "# and, if the service's address is the balancer's own (ip address):\n"
		      "#   sysctl -w net.ipv4.conf.IF.accept_local=1\n",
		      out);
	else
		fputs("#   sysctl -w net.ipv6.conf.all.forwarding=1\n"
		      "# (with that, routes from router advertisements need accept_ra=2)\n",
		      out);
}

void setup_nat_write(FILE *out, const struct setup_facts *f)
{
	addresses_write(out, f);
	route_write(out, f);
	firewall_write(out, f);
	balancer_write(out, f);
}
