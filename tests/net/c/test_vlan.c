// SPDX-License-Identifier: GPL-2.0
/* Next hops behind a vlan: frames leave by the interface below it, with a tag.
 *
 * The smallest kernels have no vlans. So what the kernel would say of one is sent to the sockets
 * that listen to it: of a macvlan, which has all else that matters, neighbours and routes. */
#include "story.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <net/if_arp.h>

#define MAC_BACKEND "02:00:00:00:00:99"
#define TAG_CUSTOMER 0x8100 /* 802.1Q */
#define TAG_SERVICE 0x88a8  /* 802.1ad */

/* ---- what the kernel says ------------------------------------------------------------------ */

struct vlan {
	const char *name, *lower; /* lower NULL: in another namespace */
	uint16_t type, id;
	bool down;
};

static void put_kind(struct nlmsghdr *message, const struct vlan *v)
{
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO), *data;
	struct ifla_vlan_flags flags = { .flags = 1, .mask = UINT32_MAX };

	mnl_attr_put_strz(message, IFLA_INFO_KIND, "vlan");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u16(message, IFLA_VLAN_PROTOCOL, htons(v->type));
	mnl_attr_put_u16(message, IFLA_VLAN_ID, v->id);
	mnl_attr_put(message, IFLA_VLAN_FLAGS, sizeof(flags), &flags);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
}

static void tell(struct story *s, uint16_t type, const struct vlan *v)
{
	char buffer[1024] = "";
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	struct mnl_socket *from = mnl_socket_open(NETLINK_ROUTE);
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	uint8_t mac[6];

	mac_of(mac, v->name);
	message->nlmsg_type = type;
	info->ifi_type = ARPHRD_ETHER;
	info->ifi_index = (int)if_nametoindex(v->name);
	info->ifi_flags = v->down ? 0 : IFF_UP | IFF_RUNNING;
	mnl_attr_put_strz(message, IFLA_IFNAME, v->name);
	mnl_attr_put(message, IFLA_ADDRESS, sizeof(mac), mac);
	mnl_attr_put_u32(message, IFLA_MTU, 1400);
	mnl_attr_put_u32(message, IFLA_LINK, if_nametoindex(v->lower ?: "ekn0"));
	if (!v->lower)
		mnl_attr_put_u32(message, IFLA_LINK_NETNSID, 0);
	put_kind(message, v);
	to.nl_pid = mnl_socket_get_portid(s->hops->events.socket);
	assert_non_null(from);
	assert_int_equal(sendto(mnl_socket_get_fd(from), message, message->nlmsg_len, 0,
				(const struct sockaddr *)&to, sizeof(to)),
			 message->nlmsg_len);
	mnl_socket_close(from);
	assert_int_equal(hops_process(s->hops), 0);
}

/* ekn0.7, a macvlan that will be said to be a vlan, with a backend behind it. */
static void begin_behind(struct story *s, const char *name, const char *lower)
{
	run("ip link add link %s name %s type macvlan mode bridge", lower, name);
	run("ip link set %s mtu 1400 addrgenmode none up; ip addr add 10.7.0.1/24 dev %s", name,
	    name);
	run("ip neigh replace 10.7.0.2 lladdr " MAC_BACKEND " dev %s nud permanent", name);
	begin(s, "10.7.0.2");
	wait_ready(s);
	catch_up(s, 50);
	assert_string_equal(s->last.no_redirect, "macvlan");
}

/* ---- the hop -------------------------------------------------------------------------------- */

static void expect_hop(const struct story *s, const struct vlan *v)
{
	static const uint8_t backend[6] = { 2, 0, 0, 0, 0, 0x99 };
	uint8_t mac[6];

	mac_of(mac, v->name);
	assert_int_equal(s->last.state, HOP_READY);
	assert_string_equal(s->last.interface, v->name);
	assert_int_equal(s->last.ifindex, if_nametoindex(v->name));
	assert_string_equal(s->last.egress_interface, v->lower);
	assert_int_equal(s->last.egress, if_nametoindex(v->lower));
	assert_int_equal(s->last.tag_type, v->type);
	assert_int_equal(s->last.tag, v->id);
	assert_int_equal(s->last.mtu, 1400);
	assert_string_equal(s->last.no_redirect, "");
	assert_memory_equal(s->last.source_mac, mac, 6);
	assert_memory_equal(s->last.dest_mac, backend, 6);
}

static void frames_to_a_vlan_leave_tagged_by_the_interface_below_it(void **state)
{
	static const uint16_t types[] = { TAG_CUSTOMER, TAG_SERVICE };
	struct story s;

	begin_behind(&s, "ekn0.7", "ekn0");
	for (size_t i = 0; i < 2; i++) {
		struct vlan v = { "ekn0.7", "ekn0", types[i], 7, false };

		tell(&s, RTM_NEWLINK, &v);
		expect_hop(&s, &v);
		v.id = 4094; /* deleted and made again, and only the last word of it was heard */
		tell(&s, RTM_NEWLINK, &v);
		expect_hop(&s, &v);
	}
	hops_close(s.hops);
}

static void a_way_without_a_vlan_has_no_tag(void **state)
{
	struct story s;

	begin(&s, "10.9.0.2");
	wait_ready(&s);
	assert_int_equal(s.last.tag_type, 0);
	assert_int_equal(s.last.egress, if_nametoindex("ekn0"));
	assert_string_equal(s.last.egress_interface, "ekn0");
	hops_close(s.hops);
}

static void a_vlan_that_goes_down_or_away_is_followed(void **state)
{
	struct vlan v = { "ekn0.7", "ekn0", TAG_CUSTOMER, 7, true };
	struct story s;

	begin_behind(&s, "ekn0.7", "ekn0");
	tell(&s, RTM_NEWLINK, &v);
	assert_int_equal(s.last.state, HOP_LINK_DOWN);
	v.down = false;
	tell(&s, RTM_NEWLINK, &v);
	wait_ready(&s);
	expect_hop(&s, &v);
	tell(&s, RTM_DELLINK, &v);
	assert_int_equal(s.last.state, HOP_LINK_DOWN);
	hops_close(s.hops);
}

/* A vlan with loose binding stays up. */
static void what_is_below_a_vlan_must_be_up(void **state)
{
	struct vlan v = { "ekn0.7", "ekn2", TAG_CUSTOMER, 7, false };
	const struct lab *lab = *state;
	struct story s;

	lab_pair(lab, "ekn2", "ekn3");
	begin_behind(&s, "ekn0.7", "ekn0");
	tell(&s, RTM_NEWLINK, &v);
	expect_hop(&s, &v);
	run("ip link set ekn2 down");
	wait_for(&s, s.last.state == HOP_LINK_DOWN);
	assert_string_equal(s.last.interface, "ekn0.7");
	run("ip link set ekn2 up");
	wait_ready(&s);
	expect_hop(&s, &v);
	hops_close(s.hops);
}

static void a_vlan_on_what_takes_no_frames_takes_none(void **state)
{
	struct vlan v = { "ekn0.7", NULL, TAG_CUSTOMER, 7, false };
	struct story s;

	run("ip link add ekb type bridge; ip link set ekb up");
	begin_behind(&s, "ekn0.7", "ekn0");
	tell(&s, RTM_NEWLINK, &v); /* in another namespace */
	assert_string_equal(s.last.no_redirect, "vlan");
	v.lower = "ekb";
	tell(&s, RTM_NEWLINK, &v);
	assert_string_equal(s.last.no_redirect, "vlan");
	assert_int_equal(s.last.egress, if_nametoindex("ekn0.7")); /* in generic mode it does */
	assert_string_equal(s.last.egress_interface, "ekn0.7");
	assert_int_equal(s.last.tag_type, 0);
	hops_close(s.hops);
}

static void a_vlan_on_a_vlan_would_need_two_tags(void **state)
{
	struct vlan upper = { "ekn0.7.8", "ekn0.7", TAG_CUSTOMER, 8, false };
	struct vlan below = { "ekn0.7", "ekn0", TAG_SERVICE, 7, false };
	struct story s;

	run("ip link add link ekn0 name ekn0.7 type macvlan mode bridge");
	run("ip link set ekn0.7 addrgenmode none up");
	begin_behind(&s, "ekn0.7.8", "ekn0");
	tell(&s, RTM_NEWLINK, &below);
	tell(&s, RTM_NEWLINK, &upper);
	assert_string_equal(s.last.no_redirect, "a vlan on a vlan");
	assert_string_equal(s.last.egress_interface, "ekn0.7.8");
	assert_int_equal(s.last.tag_type, 0);
	hops_close(s.hops);
}

/* ---- what is said of it that no kernel says -------------------------------------------------- */

/* A newer kernel's tag, or a message cut short: what is not understood is no vlan of ours. */
static void an_unknown_tag_is_none(void **state)
{
	struct vlan v = { "ekn0.7", "ekn0", 0x9100, 7, false };
	struct story s;

	begin_behind(&s, "ekn0.7", "ekn0");
	tell(&s, RTM_NEWLINK, &v);
	assert_string_equal(s.last.no_redirect, "vlan");
	assert_int_equal(s.last.tag_type, 0);
	hops_close(s.hops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(frames_to_a_vlan_leave_tagged_by_the_interface_below_it),
		story(a_way_without_a_vlan_has_no_tag),
		story(a_vlan_that_goes_down_or_away_is_followed),
		story(what_is_below_a_vlan_must_be_up),
		story(a_vlan_on_what_takes_no_frames_takes_none),
		story(a_vlan_on_a_vlan_would_need_two_tags),
		story(an_unknown_tag_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
