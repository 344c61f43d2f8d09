// SPDX-License-Identifier: GPL-2.0
/* The Ethernet addresses that frames for this host may come to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp/memory.h"
#include "dp/object.h"
#include "lib/cleanup.h"

static uint64_t mac_key(const uint8_t mac[6])
{
	uint64_t key = 0;

	memcpy(&key, mac, 6);
	return key;
}

static bool is_among(uint64_t key, const uint8_t (*macs)[6], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (mac_key(macs[i]) == key)
			return true;
	return false;
}

/* Forgets the addresses that are not among these. */
static int forget_others(int fd, const uint8_t (*macs)[6], size_t count)
{
	uint64_t key, next;
	int err = bpf_map_get_next_key(fd, NULL, &next);

	while (!err) {
		key = next;
		err = bpf_map_get_next_key(fd, &key, &next);
		if (!is_among(key, macs, count) && bpf_map_delete_elem(fd, &key) && errno != ENOENT)
			return -errno;
	}
	return err == -ENOENT ? 0 : err;
}

static void usual_mac_set(struct dp *dp, uint64_t mac)
{
	__atomic_store_n(&dp->global->mac, mac, __ATOMIC_RELEASE);
	dp->priv->memory->global.mac = mac;
}

int dp_macs_set(struct dp *dp, const uint8_t (*macs)[6], size_t count)
{
	struct bpf_map *map = bpf_object__find_map_by_name(dp->priv->object, EK_MAP_MACS);
	int fd = map ? bpf_map__fd(map) : -1;
	int err = 0;

	if (count > EK_MACS_MAX) {
		/* More than can be told apart: whatever comes in is taken. */
		usual_mac_set(dp, 0);
		return -E2BIG;
	}
	for (size_t i = 0; !err && i < count; i++) {
		uint64_t key = mac_key(macs[i]);
		uint8_t one = 1;

		err = bpf_map_update_elem(fd, &key, &one, BPF_ANY);
	}
	err = err ?: forget_others(fd, macs, count);
	usual_mac_set(dp, count && !err ? mac_key(macs[0]) : 0);
	return err;
}
