/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory blocks: what can be taken offline and online, in
 * /sys/devices/system/memory. (Not the pageblocks of the allocator, which are
 * much smaller.)
 */
#ifndef GUEST_LIB_MEMBLOCK_H
#define GUEST_LIB_MEMBLOCK_H

#include "util.h"

/* How many frames a memory block has; dies where memory cannot go offline. */
u64 memblock_nr_pages(void);

static inline u64 memblock_start_pfn(u64 block)
{
	return block * memblock_nr_pages();
}

static inline u64 memblock_end_pfn(u64 block)
{
	return memblock_start_pfn(block + 1);
}

/* 0 or the error; EINTR where it would go on for ever. Uses SIGALRM. */
int memblock_offline(u64 block);
int memblock_online(u64 block);

/*
 * A memory block that can go offline, by the proof that it just did; it is
 * online again. Many hold kernel memory, and refuse. Dies if all do.
 *
 * Memory that came online is handed out last.
 */
u64 memblock_find_movable(void);

#endif
