// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "lib/preflight.h"

#define REMEDY_MAX 160
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what is known of drivers ---------------------------------------------------------------- */

/* The largest MTU with single-buffer XDP on 4 KiB pages, from the kernel's sources, and whether
 * attaching the first program stops and restarts the device. What the sum is made of:
 *   Ethernet 14, a VLAN tag 4, FCS 4, XDP_PACKET_HEADROOM 256, skb_shared_info 320 */
static const struct driver {
	const char *name;
	uint32_t mtu;
	bool flaps;
} drivers[] = {
	/* bnxt.h BNXT_MAX_PAGE_MODE_MTU (5.19 on): 4096 - 18 - 256 - 320; bnxt_xdp_set()
	 * closes and opens the NIC */
	{ "bnxt_en", 3502, true },
	/* ena_xdp.h ENA_XDP_MAX_MTU: 4096 - 14 - 4 - 4 - 256 - 320; ena_xdp_set() takes the
	 * device down and up */
	{ "ena", 3498, true },
	/* i40e_main.c: 3072 less I40E_PACKET_HDR_PAD (14 + 4 + 2 * 4); i40e_xdp_setup() resets */
	{ "i40e", 3046, true },
	/* ice_main.c: 3072 less ICE_ETH_PKT_HDR_PAD (26); ice_xdp_setup_prog() calls ice_down() */
	{ "ice", 3046, true },
	/* igb_main.c: igb_rx_bufsz() 3072 less IGB_ETH_PKT_HDR_PAD (26); igb_xdp_setup() closes
	 * and opens */
	{ "igb", 3046, true },
	/* ixgbe_main.c: 3072 less IXGBE_PKT_HDR_PAD (26); ixgbe_xdp_setup() sets up all queues
	 * anew, which resets the link */
	{ "ixgbe", 3046, true },
	/* en/xdp.c mlx5e_xdp_max_mtu(): 4096 - 320 - 256 - 22 (14 + 4 + 4); mlx5e_xdp_set()
	 * reopens the channels */
	{ "mlx5_core", 3498, true },
	/* veth.c veth_xdp_set(): 4096 - 256 - 320 - 14; measured */
	{ "veth", 3506, false },
	/* virtio_net.c virtnet_xdp_set(): 4096 - 576 - 14; only its queues pause */
	{ "virtio_net", 3506, false },
};

static const struct driver *driver_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (strcmp(drivers[i].name, name) == 0)
			return &drivers[i];
	return NULL;
}

uint32_t preflight_driver_mtu(const char *driver)
{
	const struct driver *d = driver_find(driver);

	return d ? d->mtu : 0;
}

bool preflight_driver_flaps(const char *driver)
{
	const struct driver *d = driver_find(driver);

	return d && d->flaps;
}

/* Kinds of interface without ndo_bpf in the kernel's sources: generic mode only. */
static bool kind_lacks_driver_mode(const char *kind)
{
	static const char *const kinds[] = { "bridge",  "dummy",   "geneve", "ifb", "ipvlan",
					     "macvlan", "macvtap", "team",   "vrf", "vxlan" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

/* ---- the checks ------------------------------------------------------------------------------ */

static void check_link(struct findings *f, const struct link_facts *l)
{
	char remedy[REMEDY_MAX];

	if (l->ethernet)
		finding_add(f, FINDING_OK, "ethernet", l->name, "", "an Ethernet interface");
	else
		finding_add(f, FINDING_ERROR, "ethernet", l->name, "",
			    "not an Ethernet interface: there are no MAC addresses to forward by");
	(void)snprintf(remedy, sizeof(remedy), "ip link set dev %s up", l->name);
	if (l->up)
		finding_add(f, FINDING_OK, "up", l->name, "", "is up");
	else
		finding_add(f, FINDING_WARNING, "up", l->name, remedy,
			    "is down: nothing arrives through it");
}

static void check_program(struct findings *f, const struct link_facts *l)
{
	char remedy[REMEDY_MAX];

	(void)snprintf(remedy, sizeof(remedy), "ip link show dev %s", l->name);
	if (!l->xdp_program)
		finding_add(f, FINDING_OK, "program", l->name, "", "no other XDP program");
	else if (l->xdp_is_ours)
		finding_add(f, FINDING_OK, "program", l->name, "", "the XDP program is evenkeel's");
	else
		finding_add(
			f, FINDING_ERROR, "program", l->name, remedy,
			"XDP program %u of somebody else is attached and is never replaced: see "
			"whose it is, and detach it with its own tool",
			l->xdp_program);
}

static void check_vlan(struct findings *f, const struct link_facts *l)
{
	char remedy[REMEDY_MAX];

	(void)snprintf(remedy, sizeof(remedy), "evenkeel attach %s", l->lower);
	finding_add(f, FINDING_ERROR, "kind", l->name, l->lower[0] ? remedy : "",
		    "a VLAN interface has no driver mode: attach to the interface below it%s%s, "
		    "VLAN tags are understood there",
		    l->lower[0] ? ", " : "", l->lower);
}

static void check_bond(struct findings *f, const struct link_facts *l)
{
	char remedy[REMEDY_MAX];

	/* bond_main.c bond_xdp_check(): 5.15 on */
	(void)snprintf(remedy, sizeof(remedy), "cat /sys/class/net/%s/bonding/mode", l->name);
	finding_add(f, FINDING_WARNING, "kind", l->name, remedy,
		    "a bond has driver mode only in balance-rr, active-backup, balance-xor and "
		    "802.3ad, and if all its ports have: else attach to each port%s%s%s",
		    l->lower[0] ? " (" : "", l->lower, l->lower[0] ? ", ...)" : "");
}

static void check_kind(struct findings *f, const struct link_facts *l, bool generic)
{
	char remedy[REMEDY_MAX];

	(void)snprintf(remedy, sizeof(remedy), "evenkeel attach --generic %s", l->name);
	if (generic)
		finding_add(f, FINDING_OK, "kind", l->name, "", "generic mode works on any kind");
	else if (!strcmp(l->kind, "vlan"))
		check_vlan(f, l);
	else if (!strcmp(l->kind, "bond"))
		check_bond(f, l);
	else if (kind_lacks_driver_mode(l->kind))
		finding_add(f, FINDING_ERROR, "kind", l->name, remedy,
			    "a %s interface has no driver mode: attach to the hardware's interface "
			    "below it, or, several times slower, in generic mode",
			    l->kind);
	else
		finding_add(f, FINDING_OK, "kind", l->name, "", "not a VLAN interface or bond");
}

static void check_vlan_offload(struct findings *f, const struct link_facts *l)
{
	char remedy[REMEDY_MAX];

	(void)snprintf(remedy, sizeof(remedy), "ethtool -K %s rxvlan off", l->name);
	if (l->rx_vlan_offload)
		finding_add(
			f, FINDING_WARNING, "vlan_offload", l->name, remedy,
			"strips VLAN tags before XDP sees them: packets of all VLANs look alike, "
			"and what is sent back has no tag");
	else
		finding_add(f, FINDING_OK, "vlan_offload", l->name, "", "VLAN tags are left on");
}

/* Merged packets do not fit one buffer. Generic mode needs no remedy: dev_xdp_install() turns
 * both off itself (dev_disable_lro(), dev_disable_gro_hw()). */
static void check_merging(struct findings *f, const struct link_facts *l, bool generic)
{
	char remedy[REMEDY_MAX];

	(void)snprintf(remedy, sizeof(remedy), "ethtool -K %s lro off", l->name);
	if (l->lro && !generic)
		finding_add(f, FINDING_ERROR, "lro", l->name, remedy,
			    "LRO merges packets before XDP sees them: drivers refuse the program");
	else
		finding_add(f, FINDING_OK, "lro", l->name, "",
			    l->lro ? "LRO is on, attaching turns it off" : "LRO is off");
	/* Some drivers turn it off when a program comes (bnxt_en), others refuse (virtio_net,
	 * where the host does not let go of it). */
	(void)snprintf(remedy, sizeof(remedy), "ethtool -K %s rx-gro-hw off", l->name);
	if (l->hw_gro && !generic)
		finding_add(f, FINDING_WARNING, "hw_gro", l->name, remedy,
			    "hardware GRO merges packets before XDP sees them: the driver turns it "
			    "off or refuses the program");
	else
		finding_add(f, FINDING_OK, "hw_gro", l->name, "",
			    l->hw_gro ? "hardware GRO is on, attaching turns it off"
				      : "hardware GRO is off");
}

static void check_mtu(struct findings *f, const struct link_facts *l, bool generic)
{
	uint32_t max = preflight_driver_mtu(l->driver);
	char remedy[REMEDY_MAX];

	(void)snprintf(remedy, sizeof(remedy), "ip link set dev %s mtu %u", l->name, max);
	if (generic)
		finding_add(f, FINDING_OK, "mtu", l->name, "", "generic mode takes any MTU");
	else if (l->jumbo)
		finding_add(
			f, FINDING_OK, "mtu", l->name, "",
			"MTU %u; frames of more than one buffer are taken (--jumbo), unless the "
			"kernel refuses the driver",
			l->mtu);
	else if (max && l->mtu > max)
		finding_add(
			f, FINDING_ERROR, "mtu", l->name, remedy,
			"MTU %u is more than %s takes with XDP: at most %u, or what fits several "
			"buffers (evenkeeld --jumbo)",
			l->mtu, l->driver, max);
	else if (max)
		finding_add(f, FINDING_OK, "mtu", l->name, "", "MTU %u; %s takes up to %u", l->mtu,
			    l->driver, max);
	else
		finding_add(
			f, l->mtu > 1500 ? FINDING_WARNING : FINDING_OK, "mtu", l->name, "",
			"MTU %u; what driver %s takes with XDP is not known: the kernel refuses "
			"what is too much",
			l->mtu, l->driver[0] ? l->driver : "(unknown)");
}

/* ena_xdp_legal_queue_count(): each channel needs another one for what XDP sends. */
static bool check_spare_queues(struct findings *f, const struct link_facts *l, bool generic)
{
	char remedy[REMEDY_MAX];

	if (generic || strcmp(l->driver, "ena") != 0 || l->rx_queues <= l->max_queues / 2)
		return true;
	(void)snprintf(remedy, sizeof(remedy), "ethtool -L %s combined %u", l->name,
		       l->max_queues / 2);
	finding_add(f, FINDING_ERROR, "queues", l->name, remedy,
		    "%u of %u channels are in use: ena takes XDP only with half of them",
		    l->rx_queues, l->max_queues);
	return false;
}

static void check_queues(struct findings *f, const struct link_facts *l, bool generic)
{
	uint32_t known = l->max_queues ? l->max_queues : l->rx_queues;
	uint32_t max = strcmp(l->driver, "ena") == 0 && !generic ? known / 2 : known;
	uint32_t wanted = l->cpus < max ? l->cpus : max;
	char remedy[REMEDY_MAX] = "";

	if (!check_spare_queues(f, l, generic))
		return;
	if (!l->rx_queues) {
		finding_add(f, FINDING_OK, "queues", l->name, "",
			    "the driver does not count queues");
		return;
	}
	if (wanted > l->rx_queues) /* veth counts receive queues on their own */
		(void)snprintf(remedy, sizeof(remedy), "ethtool -L %s %s %u", l->name,
			       strcmp(l->driver, "veth") == 0 ? "rx" : "combined", wanted);
	if (l->rx_queues < l->cpus)
		finding_add(f, FINDING_WARNING, "queues", l->name, remedy,
			    "%u receive queues (at most %u) for %u CPUs: the other CPUs will not "
			    "forward",
			    l->rx_queues, max, l->cpus);
	else
		finding_add(f, FINDING_OK, "queues", l->name, "", "%u receive queues for %u CPUs",
			    l->rx_queues, l->cpus);
}

static void check_flap(struct findings *f, const struct link_facts *l, bool generic)
{
	if (generic || l->xdp_is_ours || !preflight_driver_flaps(l->driver))
		finding_add(f, FINDING_OK, "flap", l->name, "",
			    l->xdp_is_ours ? "attached already"
					   : "the driver is not known to restart for XDP");
	else
		finding_add(f, FINDING_WARNING, "flap", l->name, "",
			    "%s restarts the device when XDP is attached or detached: the link may "
			    "be down for some seconds",
			    l->driver);
}

static void check_session(struct findings *f, const struct link_facts *l)
{
	if ((!l->default_route && !l->session) || l->xdp_is_ours)
		finding_add(f, FINDING_OK, "session", l->name, "",
			    l->xdp_is_ours ? "attached already"
					   : "neither your session nor the default route is on it");
	else
		finding_add(f, FINDING_WARNING, "session", l->name, "evenkeel confirm",
			    "carries %s: attach, unless with --yes, is undone by itself if it is "
			    "not confirmed in time",
			    l->session ? "your session" : "the default route");
}

void preflight_link(struct findings *f, const struct link_facts *l, bool generic)
{
	check_link(f, l);
	check_program(f, l);
	check_kind(f, l, generic);
	check_vlan_offload(f, l);
	check_merging(f, l, generic);
	check_mtu(f, l, generic);
	check_queues(f, l, generic);
	check_flap(f, l, generic);
	check_session(f, l);
}
