// SPDX-License-Identifier: GPL-2.0
#include "scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "dp/install.h"
#include "evenkeel/affinity.h"
#include "lib/cleanup.h"
#include "lib/config.h"
#include "lib/path.h"
#include "packet.h"

const struct dp_sizes scene_sizes = {
	.slots = 24u << 20,
	.backends = 16384,
	.flow_buckets = 1u << 19, /* a million remembered flows fill it to a half */
};

const struct ek_key scene_key = { { 0x243f6a8885a308d3, 0x13198a2e03707344 } };

/* ---- the configuration ----------------------------------------------------------------------- */

#define IPV4(address) "\"" address ":443/tcp\""
#define IPV6(address) "\"[" address "]:443/tcp\""
#define BACKENDS4 "10.1.%u.%u"
#define BACKENDS6 "fd00::%x:%x"

static const struct service {
	const char *name, *listen, *forward;
	const char *backends; /* their addresses, as a format of two bytes */
	unsigned int count;
} services[] = {
	{ "web4", IPV4(SCENE_WEB4) ",\"" SCENE_WEB4 ":443/udp\"", "ipip", BACKENDS4, 100 },
	{ "web6", IPV6(SCENE_WEB6), "ipip", BACKENDS6, 100 },
	{ "4in6", IPV4(SCENE_4IN6), "ipip", BACKENDS6, 100 },
	{ "6in4", IPV6(SCENE_6IN4), "ipip", BACKENDS4, 100 },
	{ "direct", IPV4(SCENE_DIRECT), "l2", BACKENDS4, 100 },
	{ "one", IPV4(SCENE_ONE), "ipip", BACKENDS4, 1 },
	{ "thousand", IPV4(SCENE_1000), "ipip", BACKENDS4, 1000 },
	{ "four-thousand", IPV4(SCENE_4000), "ipip", BACKENDS4, 4000 },
	{ "moved", IPV4(SCENE_MOVED), "ipip", BACKENDS4, 100 },
	{ "gue4", IPV4(SCENE_GUE4), "gue", BACKENDS4, 100 },
	{ "gue6", IPV6(SCENE_GUE6), "gue", BACKENDS6, 100 },
	{ "missed", IPV4(SCENE_MISSED), "ipip", BACKENDS4, 100 },
};

static void write_service(FILE *out, const struct service *s)
{
	fprintf(out, "\"%s\":{\"listen\":[%s],\"forward\":\"%s\",\"backends\":{", s->name,
		s->listen, s->forward);
	for (unsigned int i = 1; i <= s->count; i++) {
		fprintf(out, "%s\"b%u\":{\"address\":\"", i > 1 ? "," : "", i);
		fprintf(out, s->backends, i >> 8, i & 255);
		fprintf(out, "\"}");
	}
	fprintf(out, "}}");
}

static void write_config(FILE *out)
{
	fprintf(out, "{\"services\":{");
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		write_service(out, &services[i]);
		fprintf(out, ",");
	}
	for (unsigned int i = 0; i < SCENE_MANY_COUNT; i++) {
		char name[16], listen[64];
		struct service s = { name, listen, "ipip", BACKENDS4, 4 };

		snprintf(name, sizeof(name), "many-%u", i);
		snprintf(listen, sizeof(listen), "\"198.19.%u.%u:443/tcp\"", i >> 8, i & 255);
		write_service(out, &s);
		fprintf(out, i + 1 < SCENE_MANY_COUNT ? "," : "");
	}
	fprintf(out, "}}");
}

int scene_parse(struct config **out, const char *text, size_t length)
{
	struct diag diag = { .file = "bench" };
	int err = config_parse(out, text, length, &diag);

	for (size_t i = 0; err && i < diag.count && i < 5; i++) {
		_cleanup_(free_ptr) char *line = diag_line(&diag, i);

		fprintf(stderr, "bench: %s\n", line ?: "out of memory");
	}
	diag_release(&diag);
	return err;
}

static int make_config(struct config **out)
{
	_cleanup_(free_ptr) char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		return -ENOMEM;
	write_config(stream);
	if (fclose(stream))
		return -ENOMEM;
	return scene_parse(out, text, length);
}

/* ---- the maps -------------------------------------------------------------------------------- */

static bool is_ipv4(const struct ek_addr *a)
{
	return !a->words[0] && a->be32[2] == htonl(0xffff);
}

int scene_route(struct dp *dp, unsigned int ifindex)
{
	struct path_hop hop = { .source_mac = { 2, 0, 0, 0, 0, 1 },
				.dest_mac = { 2, 0, 0, 0, 0, 2 },
				.ifindex = ifindex,
				.mtu = 1500 };
	struct ek_addr source4 = {}, source6 = {};

	source4.be32[2] = htonl(0xffff);
	source4.be32[3] = inet_addr("10.0.0.1");
	inet_pton(AF_INET6, "fd00::ffff:1", source6.bytes);
	for (uint32_t i = 1; i < dp->sizes.backends; i++) {
		const struct ek_backend_id *id = &dp->backend_ids[i];
		struct ek_path path;
		int err;

		if (!id->used)
			continue;
		hop.source = is_ipv4(&id->addr) ? source4 : source6;
		err = path_build(&path, dp->service_ids[id->service].forward, &id->addr, &hop);
		if (err)
			return err;
		/* Nothing runs yet: no need to wait for readers as dp_paths_set() does. */
		dp->backends[i].path[0] = path;
	}
	return 0;
}

/* Gives every slot of a service another owner, as a change of all of them would. */
static int unsettle(struct dp *dp, const char *service, uint32_t now_s)
{
	struct dp_service_view view;
	int index = dp_service_index(dp, service);
	int err = index < 0 ? index : dp_service_view(dp, (uint32_t)index, &view);
	uint64_t *slots, first;

	if (err)
		return err;
	slots = dp->slots + view.base;
	first = slots[0];
	for (uint32_t i = 0; i < view.slots; i++) {
		uint32_t next = i + 1;

		while (next < view.slots && ek_slot_cur(slots[next]) == ek_slot_cur(slots[i]))
			next++;
		slots[i] = ek_slot_change(
			slots[i], ek_slot_cur(next < view.slots ? slots[next] : first), now_s);
	}
	return 0;
}

static int map_own(struct scene *s, const struct bpf_object *object)
{
	const struct {
		const char *name;
		void **at;
		size_t size;
	} maps[] = {
		{ "bench_jobs", (void **)&s->jobs, BENCH_CPUS * sizeof(*s->jobs) },
		{ "bench_returned", (void **)&s->returned, BENCH_CPUS * sizeof(*s->returned) },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		int fd = bpf_object__find_map_fd_by_name(object, maps[i].name);
		void *at;

		if (fd < 0)
			return fd;
		at = mmap(NULL, maps[i].size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (at == MAP_FAILED)
			return -errno;
		*maps[i].at = at;
	}
	return 0;
}

int scene_install(struct dp *dp)
{
	_cleanup_(config_release) struct config *config = NULL;
	char error[DP_ERROR_MAX] = "the configuration";
	struct dp_install_result result;
	struct timespec now;
	int err = make_config(&config);

	clock_gettime(CLOCK_MONOTONIC, &now);
	err = err ?: dp_install(dp, config, (uint32_t)now.tv_sec, &result, error);
	err = err ?: dp_macs_set(dp, &packet_mac, 1);
	if (err)
		fprintf(stderr, "bench: %s: %s\n", error, strerror(-err));
	return err;
}
static int fill(struct scene *s)
{
	struct timespec now;
	int err = scene_install(s->dp);

	clock_gettime(CLOCK_MONOTONIC, &now);
	err = err ?: scene_route(s->dp, SCENE_INGRESS);
	err = err ?: unsettle(s->dp, "moved", (uint32_t)now.tv_sec);
	err = err ?: unsettle(s->dp, "missed", (uint32_t)now.tv_sec);
	if (err)
		fprintf(stderr, "bench: cannot fill the maps: %s\n", strerror(-err));
	return err;
}

int scene_open(struct scene *s, const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	char error[DP_ERROR_MAX] = "";
	int err;

	if (!object) {
		fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	err = dp_object_prepare(object, &scene_sizes, error);
	err = err ?: bpf_object__load(object);
	err = err ?: map_own(s, object);
	err = err ?: dp_from_object(&s->dp, object, &scene_sizes, scene_key, error);
	if (err) {
		fprintf(stderr, "bench: %s: %s %s\n", path, strerror(-err), error);
		bpf_object__close(object);
		return err;
	}
	err = fill(s);
	if (err)
		scene_close(s);
	return err;
}

void scene_close(struct scene *s)
{
	munmap(s->jobs, BENCH_CPUS * sizeof(*s->jobs));
	munmap(s->returned, BENCH_CPUS * sizeof(*s->returned));
	dp_close(s->dp);
	*s = (struct scene){};
}

int scene_program(const struct scene *s, const char *name)
{
	const struct dp_private *private = s->dp->priv;
	struct bpf_program *program = bpf_object__find_program_by_name(private->object, name);

	if (!program) {
		fprintf(stderr, "bench: no program %s\n", name);
		exit(1);
	}
	return bpf_program__fd(program);
}
