// SPDX-License-Identifier: GPL-2.0
#include "lib/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const char want_ipv4[] = "an IPv4 address is four decimal numbers from 0 to 255";
static const char want_port[] = "the port must be a decimal number from 1 to 65535";

static int refuse(const char **why, const char *reason)
{
	*why = reason;
	return -EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads a decimal number of at most `digits` digits and moves *text behind it. */
static int number_parse(unsigned int *out, const char **text, unsigned int digits)
{
	const char *s = *text;
	unsigned int value = 0, n = 0;

	for (; is_digit(s[n]); n++) {
		if (n == digits)
			return -EINVAL;
		value = value * 10 + (unsigned int)(s[n] - '0');
	}
	if (!n)
		return -EINVAL;
	*out = value;
	*text = s + n;
	return 0;
}

static int ipv4_parse(__u8 bytes[4], const char *text, const char **why)
{
	const char *s = text;
	unsigned int part;
	__u8 read[4];

	for (int i = 0; i < 4; i++) {
		if (i && *s++ != '.')
			return refuse(why, want_ipv4);
		if (s[0] == '0' && is_digit(s[1]))
			return refuse(why,
				      "a number with leading zeros is ambiguous: octal to some, "
				      "decimal to others");
		if (number_parse(&part, &s, 3) || part > 255)
			return refuse(why, want_ipv4);
		read[i] = (__u8)part;
	}
	if (*s)
		return refuse(why, want_ipv4);
	memcpy(bytes, read, sizeof(read));
	return 0;
}

static int ipv6_parse(struct ek_addr *out, const char *text, const char **why)
{
	const char *tail = strrchr(text, ':') + 1;
	struct ek_addr parsed;
	__u8 embedded[4];
	int err = strchr(tail, '.') ? ipv4_parse(embedded, tail, why) : 0;

	if (err)
		return err;
	if (inet_pton(AF_INET6, text, parsed.bytes) != 1)
		return refuse(why,
			      "not an IPv6 address: up to eight groups of hexadecimal digits, one "
			      "'::' at most");
	*out = parsed;
	return 0;
}

/* The usual ways to write more than an address. */
static const char *surplus(const char *text)
{
	if (!*text)
		return "it is empty";
	if (strpbrk(text, " \t\r\n"))
		return "there is white space in it";
	if (strchr(text, '/'))
		return "a prefix length does not belong here";
	if (strchr(text, '%'))
		return "a zone does not belong here";
	if (strpbrk(text, "[]"))
		return "brackets do not belong here";
	return NULL;
}

int addr_parse(struct ek_addr *out, const char *text, const char **why)
{
	const char *reason = surplus(text);
	struct ek_addr mapped = { .bytes = { [10] = 0xff, [11] = 0xff } };
	int err;

	if (reason)
		return refuse(why, reason);
	if (strchr(text, ':'))
		return ipv6_parse(out, text, why);
	if (text[strspn(text, "0123456789.")])
		return refuse(why,
			      "it is neither an IPv4 nor an IPv6 address; names are not resolved");
	err = ipv4_parse(&mapped.bytes[12], text, why);
	if (err)
		return err;
	*out = mapped;
	return 0;
}

/* The length behind the slash, decimal without leading zeros, at most `max`. */
static bool length_parse(uint32_t *out, const char *text, uint32_t max)
{
	uint32_t value = 0;
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 3 || text[digits] || (text[0] == '0' && digits > 1))
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint32_t)(text[i] - '0');
	*out = value;
	return value <= max;
}

static bool has_host_bits(const struct ek_addr *a, uint32_t bits)
{
	for (uint32_t i = bits; i < 128; i++)
		if (a->bytes[i / 8] & 0x80 >> i % 8)
			return true;
	return false;
}

int prefix_parse(struct ek_addr *out, uint32_t *bits, const char *text, const char **why)
{
	const char *slash = strchr(text, '/');
	char address[ADDR_TEXT_MAX];
	struct ek_addr a;
	uint32_t length, before;
	int err;

	if (!slash || slash - text >= (long)sizeof(address))
		return refuse(why, "a prefix is written address/length, such as 192.0.2.0/24");
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	err = addr_parse(&a, address, why);
	if (err)
		return err;
	before = addr_is_ipv4(&a) ? 96 : 0; /* an IPv4 address is the end of a mapped one */
	if (!length_parse(&length, slash + 1, 128 - before))
		return refuse(why, before ? "the prefix length must be 0 to 32"
					  : "the prefix length must be 0 to 128");
	if (has_host_bits(&a, before + length))
		return refuse(why, "the address has bits behind the prefix");
	*out = a;
	*bits = length;
	return 0;
}

const char *addr_text(const struct ek_addr *a, char buf[static ADDR_TEXT_MAX])
{
	if (addr_is_ipv4(a))
		inet_ntop(AF_INET, &a->bytes[12], buf, ADDR_TEXT_MAX);
	else
		inet_ntop(AF_INET6, a->bytes, buf, ADDR_TEXT_MAX);
	return buf;
}

bool addr_is_ipv4(const struct ek_addr *a)
{
	return !a->words[0] && !a->be16[4] && a->be16[5] == 0xffff;
}

bool addr_equal(const struct ek_addr *a, const struct ek_addr *b)
{
	return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

static const char *ipv4_unusable(const __u8 bytes[4])
{
	static const __u8 broadcast[4] = { 255, 255, 255, 255 };

	if (!memcmp(bytes, broadcast, sizeof(broadcast)))
		return "is the broadcast address";
	if (bytes[0] == 0)
		return "is in 0.0.0.0/8, which names no host";
	if (bytes[0] == 127)
		return "is a loopback address";
	if (bytes[0] >= 240)
		return "is in the reserved range 240.0.0.0/4";
	if (bytes[0] >= 224)
		return "is a multicast address";
	return NULL;
}

const char *addr_unusable(const struct ek_addr *a)
{
	if (addr_is_ipv4(a))
		return ipv4_unusable(&a->bytes[12]);
	if (a->bytes[0] == 0xff)
		return "is a multicast address";
	if (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80)
		return "is an IPv6 link-local address";
	if (a->words[0] || a->be32[2])
		return NULL;
	if (!a->be32[3])
		return "is the unspecified address";
	if (a->be32[3] == htonl(1))
		return "is a loopback address";
	return "is in ::/96, the abolished IPv4-compatible range";
}

/* Splits "address:port..." or "[address]:port..." into the address, copied to `addr`, and what
 * follows the colon. */
static const char *endpoint_split(char addr[static ADDR_TEXT_MAX], const char *text,
				  const char **why)
{
	bool bracket = *text == '[';
	const char *start = text + bracket;
	const char *end = strchr(start, bracket ? ']' : ':');
	const char *colon = end ? end + bracket : NULL;

	if (!colon || *colon != ':') {
		*why = bracket ? "after '[' an IPv6 address, ']', ':' and the port are expected"
			       : "the port is missing: address:port/protocol is expected";
		return NULL;
	}
	if (!bracket && strchr(colon + 1, ':')) {
		*why = "an IPv6 address needs brackets: \"[2001:db8::10]:443/tcp\"";
		return NULL;
	}
	if (end - start >= ADDR_TEXT_MAX) {
		*why = "the address is too long";
		return NULL;
	}
	memcpy(addr, start, (size_t)(end - start));
	addr[end - start] = '\0';
	if (bracket && !strchr(addr, ':')) {
		*why = "brackets are for IPv6 addresses only";
		return NULL;
	}
	return colon + 1;
}

static int protocol_parse(uint8_t *out, const char *text, bool optional, const char **why)
{
	if (!*text && !optional)
		return refuse(why, "the protocol is missing: end it with /tcp or /udp");
	if (!*text)
		*out = 0;
	else if (!strcmp(text, "/tcp"))
		*out = IPPROTO_TCP;
	else if (!strcmp(text, "/udp"))
		*out = IPPROTO_UDP;
	else
		return refuse(why, *text == '/' ? "the protocol must be tcp or udp" : want_port);
	return 0;
}

int endpoint_parse(struct endpoint *out, const char *text, bool proto_optional, const char **why)
{
	char addr[ADDR_TEXT_MAX];
	const char *rest = endpoint_split(addr, text, why);
	struct endpoint parsed = {};
	unsigned int port;

	if (!rest || addr_parse(&parsed.addr, addr, why))
		return -EINVAL;
	if (rest[0] == '0' && is_digit(rest[1]))
		return refuse(why, "a port with leading zeros is ambiguous");
	if (number_parse(&port, &rest, 5) || port < 1 || port > 65535)
		return refuse(why, want_port);
	parsed.port = (uint16_t)port;
	if (protocol_parse(&parsed.proto, rest, proto_optional, why))
		return -EINVAL;
	*out = parsed;
	return 0;
}

const char *endpoint_text(const struct endpoint *e, char buf[static ENDPOINT_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];
	const char *proto = e->proto == IPPROTO_TCP   ? "/tcp"
			    : e->proto == IPPROTO_UDP ? "/udp"
						      : "";

	snprintf(buf, ENDPOINT_TEXT_MAX, addr_is_ipv4(&e->addr) ? "%s:%u%s" : "[%s]:%u%s",
		 addr_text(&e->addr, addr), e->port, proto);
	return buf;
}

/* Copies text[0..length) without the white space around it. */
static int trim(char out[static ENDPOINT_TEXT_MAX], const char *text, size_t length)
{
	static const char white[] = " \t";

	while (length && strchr(white, *text)) {
		text++;
		length--;
	}
	while (length && strchr(white, text[length - 1]))
		length--;
	if (length >= ENDPOINT_TEXT_MAX)
		return -EINVAL;
	memcpy(out, text, length);
	out[length] = '\0';
	return 0;
}

int flow_spec_parse(struct flow_spec *out, const char *text, const char **why)
{
	char source[ENDPOINT_TEXT_MAX], dest[ENDPOINT_TEXT_MAX];
	const char *arrow = strchr(text, '>');
	struct flow_spec parsed;

	if (!arrow)
		return refuse(why, "a flow is \"source:port > destination:port/protocol\"");
	if (trim(source, text, (size_t)(arrow - text)) || trim(dest, arrow + 1, strlen(arrow + 1)))
		return refuse(why, "it is too long for a flow");
	if (endpoint_parse(&parsed.source, source, true, why) ||
	    endpoint_parse(&parsed.dest, dest, false, why))
		return -EINVAL;
	if (parsed.source.proto)
		return refuse(why, "the protocol belongs to the destination only");
	if (addr_is_ipv4(&parsed.source.addr) != addr_is_ipv4(&parsed.dest.addr))
		return refuse(why, "source and destination are of different families");
	*out = parsed;
	return 0;
}
