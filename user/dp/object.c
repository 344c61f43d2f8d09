// SPDX-License-Identifier: GPL-2.0
/* From a BPF object to mapped tables. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dp/object.h"
#include "dp/memory.h"
#include "lib/cleanup.h"
#include "lib/cpus.h"

int dp_fail(char error[static DP_ERROR_MAX], int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, DP_ERROR_MAX, format, args);
	va_end(args);
	return code;
}

/* Every memory-mapped map: where struct dp has it and how many elements it is given. One list
 * for preparing, mapping and unmapping. */
struct table {
	const char *name;
	size_t field; /* offset of the pointer in struct dp */
	size_t value;
};
#define TABLE(map, field_, type)                                                                   \
	{                                                                                          \
		map, offsetof(struct dp, field_), sizeof(type)                                     \
	}
static const struct table tables[] = {
	TABLE(EK_MAP_CORE, core, struct ek_core),
	TABLE(EK_MAP_SLOTS, slots, uint64_t),
	TABLE(EK_MAP_BACKENDS, backends, struct ek_backend),
	TABLE(EK_MAP_FLOWS, flows, struct ek_flow_bucket),
	TABLE(EK_MAP_FRAGMENTS, fragments, struct ek_fragment_bucket),
	TABLE(EK_MAP_TRAFFIC, traffic, struct ek_traffic),
	TABLE(EK_MAP_CAPACITIES, capacities, struct ek_capacity),
	TABLE(EK_MAP_PURSES, purses, struct ek_purse),
	TABLE(EK_MAP_SHED_NOTES, shed_notes, struct ek_note_bucket),
	TABLE(EK_MAP_SAMPLES, samples, struct ek_sample_ring),
	TABLE(EK_MAP_SAMPLE_SHIFTS, sample_shifts, struct ek_sample_shifts),
	TABLE(EK_MAP_HANDSHAKES, handshakes, uint64_t),
	TABLE(EK_MAP_SERVICE_IDS, service_ids, struct ek_service_id),
	TABLE(EK_MAP_BACKEND_IDS, backend_ids, struct ek_backend_id),
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static void **table_pointer(struct dp *dp, const struct table *t)
{
	return (void **)((char *)dp + t->field);
}

static size_t table_bytes(const struct bpf_map *map, const struct table *t)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)bpf_map__max_entries(map) * t->value;

	return (bytes + page - 1) / page * page;
}

/* libbpf names the map of a variable after the object and the section that it is in. */
static bool is_core(const struct bpf_map *map)
{
	const char *dot = strchr(bpf_map__name(map), '.');

	return dot && !strcmp(dot, ".bss");
}

const char *dp_map_name(const struct bpf_map *map)
{
	return is_core(map) ? EK_MAP_CORE : bpf_map__name(map);
}

struct bpf_map *dp_map_find(const struct bpf_object *object, const char *name)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		if (!strcmp(dp_map_name(map), name))
			return map;
	}
	return NULL;
}

static int set_entries(struct bpf_object *object, const char *name, uint64_t entries,
		       char error[static DP_ERROR_MAX])
{
	struct bpf_map *map = dp_map_find(object, name);

	if (!map)
		return dp_fail(error, -ENOENT, "the BPF object has no map %s", name);
	if (entries > UINT32_MAX)
		return dp_fail(error, -E2BIG, "map %s would have %llu entries", name,
			       (unsigned long long)entries);
	return bpf_map__set_max_entries(map, (uint32_t)entries);
}

/* The options of maps.h are the only read-only data of the object. */
struct options {
	uint32_t backends;
	uint32_t flow_mask;
	uint32_t frags;
	uint32_t note_mask;
};

static int set_options(struct bpf_object *object, const struct dp_sizes *sizes,
		       char error[static DP_ERROR_MAX])
{
	struct options options = {
		.backends = sizes->backends,
		.flow_mask = sizes->flow_buckets - 1,
		.frags = sizes->jumbo,
		.note_mask = ek_note_buckets(sizes->backends) - 1,
	};
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		const char *name = bpf_map__name(map);
		const char *dot = strchr(name, '.');

		if (dot && !strcmp(dot, ".rodata"))
			return bpf_map__set_initial_value(map, &options, sizeof(options));
	}
	return dp_fail(error, -ENOENT, "the BPF object has no read-only data");
}

/* All or none: a program calls only those of its kind. */
static int set_frags(struct bpf_object *object, const struct dp_sizes *sizes)
{
	struct bpf_program *program;
	int err = 0;

	bpf_object__for_each_program(program, object)
		if (sizes->jumbo)
			err = err
				      ?: bpf_program__set_flags(program,
								bpf_program__flags(program) |
									BPF_F_XDP_HAS_FRAGS);
	return err;
}

/* Regions of per-CPU counters: as many as the highest CPU's number and one, because the data path
 * indexes them by CPU. (libbpf_num_possible_cpus() counts CPUs: where their numbers have gaps the
 * last ones would not be counted.) */
static int counter_regions(char error[static DP_ERROR_MAX])
{
	static const char path[] = "/sys/devices/system/cpu/possible";
	_cleanup_(close_file) FILE *file = fopen(path, "re");
	char list[4096] = "";
	int cpus;

	if (!file || !fgets(list, sizeof(list), file))
		return dp_fail(error, file ? -EIO : -errno, "%s cannot be read: %s", path,
			       strerror(file ? EIO : errno));
	cpus = cpus_end(list);
	if (cpus < 0)
		return dp_fail(error, cpus, "%s is no list of CPUs: \"%.64s\"", path, list);
	if ((unsigned int)cpus > EK_CPUS_MAX)
		return dp_fail(error, -E2BIG,
			       "this host's CPUs are numbered up to %d, evenkeel counts for %u",
			       cpus - 1, EK_CPUS_MAX);
	return cpus;
}

int dp_object_prepare(struct bpf_object *object, const struct dp_sizes *sizes,
		      char error[static DP_ERROR_MAX])
{
	int cpus = counter_regions(error);
	int err;

	if (cpus < 0)
		return cpus;
	if (!sizes->flow_buckets || sizes->flow_buckets & (sizes->flow_buckets - 1))
		return dp_fail(error, -EINVAL, "%u flow buckets: must be a power of two",
			       sizes->flow_buckets);
	if (sizes->backends < 2 || sizes->backends > EK_BACKEND_INDEX_MAX)
		return dp_fail(error, -EINVAL, "%u backends: must be within 2..%u", sizes->backends,
			       EK_BACKEND_INDEX_MAX);
	err = set_entries(object, EK_MAP_SLOTS, sizes->slots, error);
	err = err ?: set_entries(object, EK_MAP_BACKENDS, sizes->backends, error);
	err = err ?: set_entries(object, EK_MAP_BACKEND_IDS, sizes->backends, error);
	err = err ?: set_entries(object, EK_MAP_FLOWS, sizes->flow_buckets, error);
	err = err ?: set_entries(object, EK_MAP_QUIC_IDS, DP_QUIC_IDS(sizes->backends), error);
	err = err ?: set_entries(object, EK_MAP_TRAFFIC, (uint64_t)cpus * sizes->backends, error);
	err = err ?: set_entries(object, EK_MAP_CAPACITIES, sizes->backends, error);
	err = err ?: set_entries(object, EK_MAP_PURSES, (uint64_t)cpus * sizes->backends, error);
	err = err
		      ?: set_entries(object, EK_MAP_SHED_NOTES, ek_note_buckets(sizes->backends),
				     error);
	err = err ?: set_entries(object, EK_MAP_SAMPLES, (uint32_t)cpus, error);
	err = err
		      ?: set_entries(object, EK_MAP_SAMPLE_SHIFTS,
				     EK_SAMPLE_SHIFTS(sizes->backends), error);
	err = err ?: set_frags(object, sizes);
	return err ?: set_options(object, sizes, error);
}

static int map_tables(struct dp *dp, struct bpf_object *object, char error[static DP_ERROR_MAX])
{
	for (size_t i = 0; i < TABLES; i++) {
		struct bpf_map *map = dp_map_find(object, tables[i].name);
		void *at;

		if (!map || bpf_map__value_size(map) != tables[i].value)
			return dp_fail(error, -EPROTO, "map %s is not as this version has it",
				       tables[i].name);
		at = mmap(NULL, table_bytes(map, &tables[i]), PROT_READ | PROT_WRITE, MAP_SHARED,
			  bpf_map__fd(map), 0);
		if (at == MAP_FAILED)
			return dp_fail(error, -errno, "map %s cannot be mapped: %s", tables[i].name,
				       strerror(errno));
		*table_pointer(dp, &tables[i]) = at;
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is one of the tables */
	dp->global = &dp->core->global;
	dp->directory = dp->core->directory;
	dp->displacement = dp->core->displacement;
	dp->services = dp->core->services;
	dp->verdicts = dp->core->verdicts;
	return 0;
}

static void unmap_tables(struct dp *dp, struct bpf_object *object)
{
	for (size_t i = 0; i < TABLES; i++) {
		struct bpf_map *map = dp_map_find(object, tables[i].name);
		void **at = table_pointer(dp, &tables[i]);

		if (map && *at)
			munmap(*at, table_bytes(map, &tables[i]));
		*at = NULL;
	}
}

static void write_global(struct dp *dp, struct ek_key key)
{
	struct ek_global *g = dp->global;

	g->key = g->keys[0] = key;
	g->cpus = dp->cpus;
	g->backends = dp->sizes.backends;
	g->slots = dp->sizes.slots;
	g->flow_buckets = dp->sizes.flow_buckets;
	g->directory = ek_directory_word(0, 1, 1, 0);
	/* Last: what has a version is whole. */
	__atomic_store_n(&g->abi, EK_ABI_VERSION, __ATOMIC_RELEASE);
}

static int program_fd(const struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	return program ? bpf_program__fd(program) : -1;
}

int dp_from_object(struct dp **out, struct bpf_object *object, const struct dp_sizes *sizes,
		   struct ek_key key, char error[static DP_ERROR_MAX])
{
	struct dp *dp = calloc(1, sizeof(*dp));
	struct dp_private *priv = calloc(1, sizeof(*priv));
	struct bpf_map *egress = dp_map_find(object, EK_MAP_EGRESS);
	struct bpf_map *traffic = dp_map_find(object, EK_MAP_TRAFFIC);
	int err = -ENOMEM;

	if (!dp || !priv || !egress || !traffic) {
		dp_fail(error, err, "out of memory");
		goto fail;
	}
	dp->priv = priv;
	priv->memory = memory_make(sizes->backends);
	if (!priv->memory) {
		dp_fail(error, err, "out of memory");
		goto fail;
	}
	dp->sizes = *sizes;
	dp->cpus = bpf_map__max_entries(traffic) / sizes->backends;
	err = map_tables(dp, object, error);
	if (err)
		goto fail;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): map_tables() has set it */
	if (!dp->global->abi)
		write_global(dp, key);
	memory_note_global(dp);
	dp->egress_fd = bpf_map__fd(egress);
	dp->program_fd = program_fd(object, "evenkeel");
	priv->object = object;
	*out = dp;
	return 0;
fail:
	if (dp)
		unmap_tables(dp, object);
	if (priv)
		memory_free(priv->memory);
	free(priv);
	free(dp);
	return err;
}

void dp_close(struct dp *dp)
{
	struct dp_private *priv;

	if (!dp)
		return;
	priv = dp->priv;
	unmap_tables(dp, priv->object);
	bpf_object__close(priv->object);
	dp_settling_free(priv->settling);
	memory_free(priv->memory);
	free(priv->quic_leaving);
	free(priv);
	free(dp);
}
