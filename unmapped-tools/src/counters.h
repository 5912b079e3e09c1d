/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /proc/vmstat says of unmapped and secret memory.
 *
 * Events are taken by the prefix of their name, so that those of a newer kernel
 * show without a change here.
 */
#ifndef UNMAPPED_COUNTERS_H
#define UNMAPPED_COUNTERS_H

#include "util.h"

struct counter {
	char name[48];
	u64 value;
};

struct counters {
	struct counter *list;	/* events in the kernel's order */
	size_t nr;
	struct amount nr_free_unmapped;	/* pages */
	struct amount nr_secretmem;	/* pages */
};

/* False with errno where there is no such file. */
bool counters_read(struct counters *counters);
void counters_free(struct counters *counters);

/* The counter of that name; NULL where there is none. */
const struct counter *counters_find(const struct counters *counters, const char *name);

#endif
