// SPDX-License-Identifier: GPL-2.0
/* Netlink conversations and attributes. */
#include "net/rtnl.h"

#include <errno.h>
#include <string.h>

#include "lib/addr.h"

/* A dump is overtaken when a table changes while it is read. On a host whose tables never rest,
 * the last try is taken as it is: the changes are notified anyway. */
#define DUMP_TRIES 5

int nl_open(struct nl *out, int family)
{
	struct mnl_socket *socket = mnl_socket_open2(family, SOCK_CLOEXEC);

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID)) {
		int err = -errno;

		mnl_socket_close(socket);
		return err;
	}
	*out = (struct nl){ .socket = socket, .sequence = 1 };
	return 0;
}

void nl_close(struct nl *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

struct answer {
	uint32_t sequence;
	nl_each each;
	void *context;
	bool done, interrupted;
	int error;
};

static void take_message(struct answer *a, const struct nlmsghdr *message)
{
	const int *error = mnl_nlmsg_get_payload(message);
	int err;

	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	switch (message->nlmsg_type) {
	case NLMSG_ERROR: /* begins with the error, as NLMSG_DONE does; 0 is an acknowledgement */
	case NLMSG_DONE:
		a->done = true;
		if (mnl_nlmsg_get_payload_len(message) >= sizeof(*error) && *error < 0)
			a->error = *error;
		return;
	case NLMSG_NOOP:
		return;
	default:
		err = a->each ? a->each(message, a->context) : 0;
		if (err < 0 && !a->error)
			a->error = err;
	}
}

static int take_answer(struct nl *nl, struct answer *a)
{
	char buffer[NL_ANSWER_MAX] __attribute__((aligned(8)));

	while (!a->done) {
		const struct nlmsghdr *message = (const void *)buffer;
		ssize_t got = mnl_socket_recvfrom(nl->socket, buffer, sizeof(buffer));
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			/* Other numbers are the rest of a conversation that was given up. */
			if (message->nlmsg_seq == a->sequence)
				take_message(a, message);
	}
	return a->error;
}

int nl_talk(struct nl *nl, struct nlmsghdr *request, nl_each each, void *context)
{
	for (int tries = 1;; tries++) {
		struct answer a = { .each = each, .context = context };
		int err;

		a.sequence = request->nlmsg_seq = nl->sequence++;
		if (mnl_socket_sendto(nl->socket, request, request->nlmsg_len) < 0)
			return -errno;
		err = take_answer(nl, &a);
		if (err || !a.interrupted || tries == DUMP_TRIES)
			return err;
	}
}

struct nlmsghdr *nl_request(char buffer[static NL_REQUEST_MAX], uint16_t type, uint16_t flags,
			    size_t size)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	mnl_nlmsg_put_extra_header(message, size);
	return message;
}

void nl_parse(const struct nlmsghdr *message, size_t header, const struct nlattr **table,
	      unsigned int max)
{
	const struct nlattr *attribute;

	for (unsigned int i = 0; i <= max; i++)
		table[i] = NULL;
	mnl_attr_for_each(attribute, message, header) {
		if (mnl_attr_get_type(attribute) <= max)
			table[mnl_attr_get_type(attribute)] = attribute;
	}
}

void nl_parse_nested(const struct nlattr *nest, const struct nlattr **table, unsigned int max)
{
	const struct nlattr *attribute;

	for (unsigned int i = 0; i <= max; i++)
		table[i] = NULL;
	mnl_attr_for_each_nested(attribute, nest) {
		if (mnl_attr_get_type(attribute) <= max)
			table[mnl_attr_get_type(attribute)] = attribute;
	}
}

uint16_t nl_u16(const struct nlattr *attribute)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(uint16_t))
		return 0;
	return mnl_attr_get_u16(attribute);
}

uint32_t nl_u32(const struct nlattr *attribute)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(uint32_t))
		return 0;
	return mnl_attr_get_u32(attribute);
}

void nl_text(char *out, size_t size, const struct nlattr *attribute)
{
	size_t length;

	if (!attribute)
		return;
	length = strnlen(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
	if (length >= size)
		length = size - 1;
	memcpy(out, mnl_attr_get_payload(attribute), length);
	memset(out + length, 0, size - length);
}

int nl_family(const struct ek_addr *addr)
{
	return addr_is_ipv4(addr) ? AF_INET : AF_INET6;
}

struct ek_addr nl_addr(int family, const void *bytes)
{
	struct ek_addr addr = {};

	if (family == AF_INET) {
		addr.be16[5] = 0xffff;
		memcpy(addr.bytes + 12, bytes, 4);
	} else {
		memcpy(addr.bytes, bytes, 16);
	}
	return addr;
}

void nl_put_addr(struct nlmsghdr *message, uint16_t type, const struct ek_addr *addr)
{
	if (addr_is_ipv4(addr))
		mnl_attr_put(message, type, 4, addr->bytes + 12);
	else
		mnl_attr_put(message, type, 16, addr->bytes);
}

bool nl_get_addr(struct ek_addr *out, const struct nlattr *attribute, int family)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != (family == AF_INET ? 4 : 16))
		return false;
	*out = nl_addr(family, mnl_attr_get_payload(attribute));
	return true;
}
