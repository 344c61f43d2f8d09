/* SPDX-License-Identifier: GPL-2.0 */
/* What the benchmark forwards between: a configuration, installed by the product's own code into
 * the maps of the benchmark's object. */
#ifndef EVENKEEL_TESTS_BENCH_SCENE_H
#define EVENKEEL_TESTS_BENCH_SCENE_H

#include "bench.h"
#include "dp/object.h"

/* Listeners, all on port 443; 100 backends each unless their name says otherwise. */
#define SCENE_WEB4 "198.18.0.10"  /* 4in4; tcp and udp */
#define SCENE_WEB6 "2001:db8::10" /* 6in6 */
#define SCENE_4IN6 "198.18.0.11"
#define SCENE_6IN4 "2001:db8::11"
#define SCENE_DIRECT "198.18.0.12" /* l2 */
#define SCENE_ONE "198.18.0.13"    /* 1 backend */
#define SCENE_1000 "198.18.0.14"   /* 1000 backends */
#define SCENE_4000 "198.18.0.15"   /* 4000 backends */
#define SCENE_MOVED "198.18.0.16"  /* every slot unsettled, its flows remembered */
#define SCENE_MISSED "198.18.0.17" /* every slot unsettled, no flow remembered */
#define SCENE_GUE4 "198.18.0.20"
#define SCENE_GUE6 "2001:db8::20"
#define SCENE_MANY "198.19.0.0" /* the first of 1024 services of 4 backends */
#define SCENE_MANY_COUNT 1024
#define SCENE_PORT 443

/* Test runs arrive on the loopback interface, which is the first of every network namespace: a
 * path back through it ends in XDP_TX. */
#define SCENE_INGRESS 1u

struct scene {
	struct dp *dp;
	struct bench_job *jobs; /* by CPU */
	struct bench_returned *returned;
};

/* Loads the object at `path`, installs the configuration, gives every backend a way through
 * the interface on which test runs arrive, and unsettles what is to be unsettled. Says what
 * failed on stderr. */
int scene_open(struct scene *s, const char *path);
void scene_close(struct scene *s);

extern const struct dp_sizes scene_sizes;
extern const struct ek_key scene_key;

/* Installs the configuration into another data path, of those sizes and with that key. */
int scene_install(struct dp *dp);

/* The configuration; what is wrong with it is said on stderr. */
struct config;
int scene_parse(struct config **out, const char *text, size_t length);

/* Gives every backend the way through `ifindex`; nothing may be running. */
int scene_route(struct dp *dp, unsigned int ifindex);

/* The program's descriptor; exits if there is none, because only a wrong table can ask. */
int scene_program(const struct scene *s, const char *name);

#endif
