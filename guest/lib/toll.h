/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a load cost the rest of the system: how far the kernel's counters of
 * reclaim, compaction, flips, huge pages and kills moved meanwhile.
 */
#ifndef GUEST_LIB_TOLL_H
#define GUEST_LIB_TOLL_H

#include "util.h"

#define TOLL_MAX	32

struct toll {
	long before[TOLL_MAX], after[TOLL_MAX];
};

void toll_begin(struct toll *toll);
/* Waits until reclaim in the background has come to rest. */
void toll_end(struct toll *toll);

/*
 * By how much did counter @name move? 0 where this kernel has none. Sums are
 * pgsteal, pgscan and allocstall; the others have the names of /proc/vmstat. Dies
 * if it is not one of those that toll.c lists.
 */
long toll_of(const struct toll *toll, const char *name);

/* A note "PREFIX.NAME=MOVED" for each counter, as bench/pressure reads them. */
void toll_note(const struct toll *toll, const char *prefix);

#endif
