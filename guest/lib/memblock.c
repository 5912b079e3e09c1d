// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory blocks: what can be taken offline and online.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kfile.h"
#include "ktap.h"
#include "memblock.h"

#define MEMORY_DIR	"/sys/devices/system/memory"
#define NR_BLOCKS_MAX	1024	/* beyond the memory of any guest of ours */

u64 memblock_nr_pages(void)
{
	static u64 nr_pages;

	if (!nr_pages)
		nr_pages = kfile_number(MEMORY_DIR "/block_size_bytes", 16) /
			   PAGE_SIZE;
	return nr_pages;
}

size_t memblock_count_frames(u64 block, const struct frames *frames)
{
	u64 start_pfn = block * memblock_nr_pages();

	return frames_count_in(frames, start_pfn,
			       start_pfn + memblock_nr_pages());
}

static int set_state(u64 block, const char *state)
{
	char path[80];

	snprintf(path, sizeof(path), MEMORY_DIR "/memory%lu/state", block);
	return kfile_write(path, state);
}

int memblock_offline(u64 block)
{
	return set_state(block, "offline");
}

int memblock_online(u64 block)
{
	return set_state(block, "online");
}

/* The block that holds most of the frames among those not tried; marks it. */
static bool next_block(const struct frames *frames, bool *tried, u64 *block)
{
	size_t most = 0;

	for (u64 i = 0; i < NR_BLOCKS_MAX; i++) {
		size_t nr = tried[i] ? 0 : memblock_count_frames(i, frames);

		if (nr > most) {
			most = nr;
			*block = i;
		}
	}
	if (most)
		tried[*block] = true;
	return most;
}

size_t memblock_offline_some(const struct frames *frames, u64 *blocks,
			     size_t max)
{
	bool tried[NR_BLOCKS_MAX] = { };
	size_t nr = 0;
	u64 block;

	while (nr < max && next_block(frames, tried, &block)) {
		int error = memblock_offline(block);

		ktap_note("memory block %lu, with %zu of the frames: %s", block,
			  memblock_count_frames(block, frames),
			  error ? strerror(error) : "offline");
		if (!error)
			blocks[nr++] = block;
	}
	return nr;
}
