/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory blocks: what can be taken offline and online, in
 * /sys/devices/system/memory. (Not the pageblocks of the allocator, which are
 * much smaller.)
 */
#ifndef GUEST_LIB_MEMBLOCK_H
#define GUEST_LIB_MEMBLOCK_H

#include "frames.h"

/* How many frames a memory block has; dies where memory cannot go offline. */
u64 memblock_nr_pages(void);

static inline u64 memblock_of_pfn(u64 pfn)
{
	return pfn / memblock_nr_pages();
}

size_t memblock_count_frames(u64 block, const struct frames *frames);

/* 0 or the error. */
int memblock_offline(u64 block);
int memblock_online(u64 block);

/*
 * Take memory blocks offline that hold some of @frames, those with most of
 * them first, until @max are: many a block holds kernel memory, and refuses.
 * Store them to @blocks and return how many.
 */
size_t memblock_offline_some(const struct frames *frames, u64 *blocks,
			     size_t max);

#endif
