/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page frames behind an area, remembered: where they are, and what became
 * of them once the area is gone.
 */
#ifndef GUEST_LIB_FRAMES_H
#define GUEST_LIB_FRAMES_H

#include "area.h"

struct frames {
	u64 *pfns;	/* PFN_NONE for a page that was not there */
	size_t nr;
};

/* The frames that stand behind @area now. */
struct frames frames_of_area(const struct area *area);
void frames_free(struct frames *frames);

/* How many of them lie in [start_pfn, end_pfn)? */
size_t frames_count_in(const struct frames *frames, u64 start_pfn, u64 end_pfn);

/* How many does the kernel have a present translation of, at this moment? */
size_t frames_count_present(const struct frames *frames);

static inline bool frames_absent(const struct frames *frames)
{
	return !frames_count_present(frames);
}

/* Is everything that stands behind @area absent now? */
bool area_is_absent(const struct area *area);

/*
 * Does this kernel keep blocks unmapped, and has it done so since boot? If
 * not, secrets are taken page by page, as on stock.
 */
bool kernel_unmaps_blocks(void);

#endif
