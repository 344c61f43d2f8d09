/* SPDX-License-Identifier: GPL-2.0 */
/* Scope-bound resources: `_cleanup_(close_fd) int fd = -1;`, handed over with take_fd() or
 * take_ptr(). What is declared with _cleanup_ is released on every way out of the scope. */
#ifndef EVENKEEL_LIB_CLEANUP_H
#define EVENKEEL_LIB_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(release) __attribute__((cleanup(release)))

/* Returns the pointer in `p` and leaves NULL there. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) *take_from = &(p);                                                   \
		__typeof__(p) taken = *take_from;                                                  \
		*take_from = NULL;                                                                 \
		taken;                                                                             \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void close_file(FILE *const *f)
{
	if (*f)
		fclose(*f);
}

#endif
