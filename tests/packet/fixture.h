/* SPDX-License-Identifier: GPL-2.0 */
/* A data path of its own for a test: loaded, filled from a configuration, unattached, run by
 * BPF_PROG_TEST_RUN. Packets come in on the loopback interface (index 1). */
#ifndef EVENKEEL_TESTS_FIXTURE_H
#define EVENKEEL_TESTS_FIXTURE_H

#include "dp/dp.h"
#include "dp/install.h"
#include "frame.h"
#include "lib/config.h"
#include "lib/path.h"

#define FIXTURE_INGRESS 1u

struct fixture {
	struct dp *dp;
	struct config *config;
	struct path_hop hop4, hop6; /* the way to every IPv4 and IPv6 backend */
	uint32_t now_s;
	uint32_t ingress; /* where frames come in; 0: the loopback interface */
};

/* Opens a data path, installs `yaml` and gives every backend a path by `hop4` or `hop6`. */
void fixture_open(struct fixture *x, const char *yaml);
/* The same with programs for frames of more than one buffer. */
void fixture_open_jumbo(struct fixture *x, const char *yaml);
/* The same with maps of another size. */
void fixture_open_sized(struct fixture *x, const char *yaml, const struct dp_sizes *sized);
/* A configuration that must be one; the caller's to free. */
struct config *fixture_parse(const char *yaml);
/* Installs another configuration, as a change. */
void fixture_install(struct fixture *x, const char *yaml);
void fixture_install_at(struct fixture *x, const char *yaml, uint32_t at_s);
/* The clock that the data path reads, in seconds: sending many packets takes its time. */
uint32_t now_s(void);
/* Sets the paths of all backends anew, after a change of the hops. */
void fixture_paths(struct fixture *x);
/* Takes the path of one backend away. */
void fixture_path_remove(struct fixture *x, uint32_t backend);
void fixture_close(struct fixture *x);

/* For cmocka's setup and teardown: *state is a fixture with `yaml` installed. One at a time. */
int fixture_begin(void **state, const char *yaml);
int fixture_end(void **state);

/* Runs one frame through the program; returns the verdict, the frame that came out in *out. */
int fixture_run(const struct fixture *x, const struct frame *in, struct frame *out);

/* The backend index that the frame was sent to, from its outer destination (ipip) or from its
 * destination MAC address, whose last two bytes are the index (l2, nat). */
uint32_t fixture_backend_of(const struct fixture *x, const char *service, const struct frame *out);

/* Name of a backend of the service, by index; "" if there is none. */
const char *fixture_backend_name(const struct fixture *x, uint32_t backend);

uint64_t fixture_dropped(const struct fixture *x, enum ek_drop reason);
struct ek_verdicts fixture_verdicts(const struct fixture *x);

#endif
