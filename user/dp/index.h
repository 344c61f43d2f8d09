/* SPDX-License-Identifier: GPL-2.0 */
/* Inside dp: who has which index. The identities in the maps are the only record. */
#ifndef EVENKEEL_DP_INDEX_H
#define EVENKEEL_DP_INDEX_H

#include "dp/dp.h"
#include "lib/config.h"

/* Finds backends by (service, address, port) without scanning, and hands out free indexes. A view
 * of the identities at one moment, kept true by index_take(). */
struct backend_index;

int backend_index_make(struct backend_index **out, const struct dp *dp);
void backend_index_free(struct backend_index **index);

/* EK_NO_BACKEND if there is none. */
uint32_t backend_index_find(const struct backend_index *x, uint32_t service,
			    const struct config_backend *b);
/* The lowest free index, now taken for the backend in this view alone; EK_NO_BACKEND if all are
 * taken. */
uint32_t backend_index_take(struct backend_index *x, uint32_t service,
			    const struct config_backend *b);

/* Finds services by name without scanning: a view of the identities at one moment. */
struct service_index;

int service_index_make(struct service_index **out, const struct dp *dp);
void service_index_free(struct service_index **index);

/* -ENOENT if there is none. */
int service_index_find(const struct service_index *x, const char *name);

/* A service index that no service and no leaving backend uses, not below `from`; -ENOSPC. */
int service_index_spare(const struct backend_index *x, uint32_t from);

/* dp_reserve() with a view that is there already, and has what is reserved afterwards. */
int reserve_indexes(struct dp *dp, const struct config *c, struct backend_index *x, uint32_t now_s,
		    char error[static DP_ERROR_MAX]);

#endif
