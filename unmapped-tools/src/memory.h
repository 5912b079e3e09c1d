/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much memory there is: /proc/meminfo for the machine, /proc/zoneinfo for
 * its zones, and how many unmapped blocks each has where the kernel tells
 * (debugfs, kernels with DEBUG_PAGE_ALLOC_UNMAPPED).
 */
#ifndef UNMAPPED_MEMORY_H
#define UNMAPPED_MEMORY_H

#include "util.h"

struct meminfo {		/* kB */
	struct amount total, free, available;
	struct amount secret;
	struct amount direct_4k, direct_2m, direct_1g;
};

struct zone {
	u64 node;
	char name[16];
	struct amount managed, free, free_unmapped;	/* pages */
	struct amount unmapped_blocks;
};

struct zones {
	struct zone *list;	/* those that have memory */
	size_t nr;
};

/* These are false with errno where there is no such file. */
bool meminfo_read(struct meminfo *info);
bool zones_read(struct zones *zones);
void zones_free(struct zones *zones);

#endif
