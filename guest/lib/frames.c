// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page frames behind an area, remembered.
 */
#include <stdlib.h>

#include "dmap.h"
#include "frames.h"
#include "kstat.h"
#include "pagemap.h"

struct frames frames_of_area(const struct area *area)
{
	struct frames frames = { .nr = area_nr_pages(area) };

	frames.pfns = calloc(frames.nr, sizeof(*frames.pfns));
	if (!frames.pfns)
		die_errno("no memory for %zu frames", frames.nr);
	pagemap_read(area->start, frames.nr, frames.pfns);
	return frames;
}

void frames_free(struct frames *frames)
{
	free(frames->pfns);
	*frames = (struct frames) { };
}

size_t frames_count_in(const struct frames *frames, u64 start_pfn, u64 end_pfn)
{
	size_t nr = 0;

	for (size_t i = 0; i < frames->nr; i++)
		nr += frames->pfns[i] >= start_pfn && frames->pfns[i] < end_pfn;
	return nr;
}

size_t frames_count_present(const struct frames *frames)
{
	size_t nr_present;
	struct dmap map;

	dmap_load(&map);
	nr_present = dmap_count_present(&map, frames->pfns, frames->nr);
	dmap_free(&map);
	return nr_present;
}

bool area_is_absent(const struct area *area)
{
	struct frames frames = frames_of_area(area);
	bool absent = frames_absent(&frames);

	frames_free(&frames);
	return absent;
}

bool kernel_unmaps_blocks(void)
{
	return vmstat_read("unmapped_flip") > 0;
}
