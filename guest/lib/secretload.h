/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secrets that grow and are dropped, over and over: what stress-ng's secretmem
 * stressor means to do. The one of Debian 12 (0.15.06) cannot: it sets the size of
 * its file again for each step, which memfd_secret has always refused, so it
 * holds three pages, does one operation and then spins for ever.
 */
#ifndef GUEST_LIB_SECRETLOAD_H
#define GUEST_LIB_SECRETLOAD_H

#include "util.h"

struct secretload {
	size_t nr_granted, nr_refused;	/* pages, of all rounds */
	size_t nr_wrong;		/* that did not keep what was written */
};

/*
 * Sparse blocks: @nr secrets of a page, for each of which the rest of a block was
 * taken too, and dropped when all were there.
 */
void secretload_sparse(struct area *kept, size_t nr, u64 seed);

/* One round: secrets of @size bytes, page after page, checked and dropped. */
void secretload_round(struct secretload *load, size_t size, u64 seed);

#endif
