// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "shed_case.h"

uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * EK_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void budgets_set(const struct fixture *x, uint64_t spent_ns)
{
	struct dp *dp = x->dp;

	for (uint32_t i = 0; i < dp->sizes.backends; i++)
		dp->capacities[i].flows_spent_ns = dp->capacities[i].packets_spent_ns = spent_ns;
	memset(dp->purses, 0, sizeof(*dp->purses) * dp->sizes.backends * dp->cpus);
}

static void notes_clear(const struct fixture *x)
{
	memset(x->dp->shed_notes, 0,
	       sizeof(*x->dp->shed_notes) * ek_note_buckets(x->dp->sizes.backends));
}

void budgets_spend_but_notes(const struct fixture *x)
{
	budgets_set(x, clock_ns() + 3600 * EK_NS_PER_S);
}

void budgets_fill_but_notes(const struct fixture *x)
{
	budgets_set(x, 0);
}

void budgets_spend(const struct fixture *x)
{
	budgets_spend_but_notes(x);
	notes_clear(x);
}

void budgets_fill(const struct fixture *x)
{
	budgets_fill_but_notes(x);
	notes_clear(x);
}

void verdicts_age(const struct fixture *x, uint32_t ms)
{
	uint64_t mask = (uint64_t)EK_NOTE_MS_MASK << 32;

	for (uint32_t i = 0; i < ek_note_buckets(x->dp->sizes.backends); i++)
		for (int k = 0; k < EK_NOTES_PER_BUCKET; k++) {
			__u64 *note = &x->dp->shed_notes[i].note[k];
			uint64_t when = (*note - ((uint64_t)ms << 32)) & mask;

			if (*note)
				*note = (*note & ~mask) | when;
		}
}

bool admitted(const struct fixture *x, const struct frame *f)
{
	struct frame out;
	int verdict = fixture_run(x, f, &out);

	assert_true(verdict == XDP_TX || verdict == XDP_DROP);
	return verdict == XDP_TX;
}

uint32_t backend(const struct fixture *x, const char *service)
{
	uint32_t index = (uint32_t)dp_service_index(x->dp, service), i = 1;

	while (!x->dp->backend_ids[i].used || x->dp->backend_ids[i].service != index)
		i++;
	return i;
}

unsigned int cpus_usable(void)
{
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	return (unsigned int)CPU_COUNT(&set);
}

/* ---- streams --------------------------------------------------------------------------------- */

struct sender {
	pthread_t thread;
	const struct fixture *x;
	stream_fn packet;
	unsigned int number, of; /* it sends packets number, number + of, ... */
	uint64_t until_ns;
	uint64_t *last_ns, *paused_ns; /* of all senders */
	uint64_t sent, admitted;
	int err;
};

/* On the CPU of that number among those that may be used. */
int pin_to(unsigned int number)
{
	cpu_set_t all, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(all), &all))
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && !number--) {
			CPU_SET(cpu, &one);
			return sched_setaffinity(0, sizeof(one), &one);
		}
	return -1;
}

/* A pause of all senders in which less than a burst is earned costs nothing. */
#define PAUSE_NS 20000000u

static void note_pause(struct sender *s)
{
	uint64_t now = clock_ns();
	uint64_t last = __atomic_exchange_n(s->last_ns, now, __ATOMIC_RELAXED);

	if (now > last + PAUSE_NS)
		__atomic_fetch_add(s->paused_ns, now - last - PAUSE_NS, __ATOMIC_RELAXED);
}

static void *send_all(void *context)
{
	struct sender *s = context;

	s->err = pin_to(s->number);
	for (unsigned int i = s->number; !s->err && clock_ns() < s->until_ns; i += s->of) {
		struct frame in, out;

		s->packet(&in, i);
		s->admitted += fixture_run(s->x, &in, &out) != XDP_DROP;
		s->sent++;
		note_pause(s);
	}
	return NULL;
}

struct streamed stream(const struct fixture *x, unsigned int threads, double seconds,
		       stream_fn packet)
{
	uint64_t begun = clock_ns(), last = begun, paused = 0;
	struct sender senders[8] = {};
	struct streamed all = {};

	assert_in_range(threads, 1, 8);
	for (unsigned int i = 0; i < threads; i++) {
		senders[i] = (struct sender){
			.x = x,
			.packet = packet,
			.number = i,
			.of = threads,
			.until_ns = begun + (uint64_t)(seconds * 1e9),
			.last_ns = &last,
			.paused_ns = &paused,
		};
		assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]),
				 0);
	}
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(senders[i].thread, NULL);
		assert_int_equal(senders[i].err, 0);
		all.sent += senders[i].sent;
		all.admitted += senders[i].admitted;
	}
	all.seconds = (double)(clock_ns() - begun) / 1e9;
	all.covered = all.seconds - (double)paused / 1e9;
	return all;
}

void assert_held_to(const struct streamed *s, uint32_t rate)
{
	/* The kernel's coarse clock is a tick late: at 100 Hz, 10 ms. */
	double most = rate * (s->seconds + 0.01) + ek_burst(rate), least = 0.9 * rate * s->covered;

	if ((double)s->sent < 2 * most)
		fail_msg("%llu packets in %.2f s are no overload of %u a second",
			 (unsigned long long)s->sent, s->seconds, rate);
	if ((double)s->admitted > most || (double)s->admitted < least)
		fail_msg("of %llu packets %llu were admitted in %.2f s, not %.0f to %.0f",
			 (unsigned long long)s->sent, (unsigned long long)s->admitted, s->seconds,
			 least, most);
}
