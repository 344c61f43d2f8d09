// SPDX-License-Identifier: GPL-2.0
/* Counts the frames that are lost after the verdict, by the kernel's own tracepoints: the driver
 * of the egress says no, or cannot take redirected frames at all. Off the packet path: this runs
 * only when something is lost, and once for each batch of redirected frames.
 *
 * Other people's XDP raises the same tracepoints: only what our devmap or our program did is
 * counted. Only fields that exist from Linux 6.1 to 6.18 are read, relocated by BTF. */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "evenkeel/limits.h"
#include "evenkeel/lost.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, EK_EGRESS_MAX);
	__type(key, __u32);
	__type(value, struct ek_lost);
} lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ek_lost_watch);
} lost_watch SEC(".maps");

/* ---- what is read of the kernel's structures ------------------------------------------------- */

#define KERNEL __attribute__((preserve_access_index))

struct bpf_prog_aux {
	__u32 id;
} KERNEL;

struct bpf_prog {
	struct bpf_prog_aux *aux;
} KERNEL;

struct bpf_link {
	struct bpf_prog *prog;
} KERNEL;

struct bpf_xdp_link {
	struct bpf_link link;
} KERNEL;

struct bpf_xdp_entity {
	struct bpf_xdp_link *link;
} KERNEL;

struct net_device {
	int ifindex;
	struct bpf_xdp_entity xdp_state[3]; /* enum bpf_xdp_mode */
} KERNEL;

#define DRIVER_MODE 1 /* XDP_MODE_DRV: what is redirected in generic mode passes no devmap queue */

/* ---- counting -------------------------------------------------------------------------------- */

static const struct ek_lost_watch *watched(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&lost_watch, &zero);
}

static struct ek_lost *counters_of(__u32 ifindex)
{
	struct ek_lost *l = bpf_map_lookup_elem(&lost, &ifindex);
	struct ek_lost none = {};

	if (l)
		return l;
	bpf_map_update_elem(&lost, &ifindex, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&lost, &ifindex);
}

static void count_unsent(__u32 ifindex, int frames)
{
	struct ek_lost *l = counters_of(ifindex);

	if (l)
		l->unsent += frames;
}

/* Does the interface run our program, attached by our link in driver mode? */
static bool is_ours(const struct net_device *dev)
{
	const struct ek_lost_watch *w = watched();
	const struct bpf_xdp_link *link = dev->xdp_state[DRIVER_MODE].link;

	return w && link && link->link.prog->aux->id == w->program;
}

/* ---- tracepoints ----------------------------------------------------------------------------- */

/* The kernel refuses a redirect: the device has no ndo_xdp_xmit, is down, or the frame is longer
 * than its MTU. The key of our devmap is the ifindex. */
SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(lost_redirect_err, const struct net_device *dev, const struct bpf_prog *xdp,
	     const void *target, int err, int map_type, __u32 map_id, __u32 index)
{
	const struct ek_lost_watch *w = watched();
	struct ek_lost *l;

	if (!w || map_id != w->egress)
		return 0;
	l = counters_of(index);
	if (l)
		l->refused++;
	return 0;
}

/* A batch of redirected frames was handed over: the driver says how many it took. */
SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(lost_devmap_xmit, const struct net_device *from, const struct net_device *to, int sent,
	     int drops, int err)
{
	if (drops > 0 && is_ours(from))
		count_unsent(to->ifindex, drops);
	return 0;
}

/* The same of a batch sent back by XDP_TX, in drivers that collect one (veth). */
SEC("tp_btf/xdp_bulk_tx")
int BPF_PROG(lost_bulk_tx, const struct net_device *dev, int sent, int drops, int err)
{
	if (drops > 0 && is_ours(dev))
		count_unsent(dev->ifindex, drops);
	return 0;
}

/* XDP_TX failed in the other drivers, or a frame in generic mode, redirected or not. What
 * drivers raise here for a failed redirect has been counted above. */
SEC("tp_btf/xdp_exception")
int BPF_PROG(lost_exception, const struct net_device *dev, const struct bpf_prog *xdp, __u32 action)
{
	const struct ek_lost_watch *w = watched();

	if (w && action == XDP_TX && xdp->aux->id == w->program)
		count_unsent(dev->ifindex, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
