/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Anonymous memory that fills RAM, one small page after the other, of which is
 * known where each lies: so that any pages of any pageblock can be dropped or
 * kept. Kept pages hold marks.
 */
#ifndef GUEST_LIB_FILLING_H
#define GUEST_LIB_FILLING_H

#include "util.h"

#define PAGES_PER_BLOCK	(BLOCK_BYTES / PAGE_SIZE)
/* Free pages that are left when RAM is full: ZONE_DMA, and the watermark. */
#define FILLING_NR_FREE	(3584 * KIB / PAGE_SIZE)
#define FILLING_SETTINGS	3

struct filling {
	char *start;
	size_t nr_pages;	/* that were touched */
	u64 seed;
	u64 *pfns;		/* where they lay when RAM was full */
	bool *held;		/* those that were not dropped */
	u64 end_pfn;		/* beyond all of them */
	u64 settings[FILLING_SETTINGS];	/* as they were before */
};

/*
 * Take all memory but FILLING_NR_FREE pages, with watermarks lowered as long as
 * it is full. filling_restore() raises them again; call it when enough was
 * dropped.
 */
void filling_take(struct filling *filling, u64 seed);
void filling_restore(struct filling *filling);

/* Take that many only. Nothing is to be restored. */
void filling_take_pages(struct filling *filling, size_t nr_pages, u64 seed);

static inline size_t filling_nr_blocks(const struct filling *filling)
{
	return filling->end_pfn / PAGES_PER_BLOCK + 1;
}

static inline size_t filling_block(const struct filling *filling, size_t page)
{
	return filling->pfns[page] / PAGES_PER_BLOCK;
}

void filling_drop_page(struct filling *filling, size_t page);

/*
 * Drop all but @nr_keep pages of each pageblock, spread evenly over it (a power
 * of two, or 0), and mark them.
 */
void filling_thin_out(struct filling *filling, size_t nr_keep);

size_t filling_nr_held(const struct filling *filling);
/* How many of the pages that are held do not hold their marks? */
size_t filling_count_wrong(const struct filling *filling);

/* Free pages of all zones; cheap, pages on the lists of CPUs are left out. */
size_t free_pages_now(void);
/* Whole free pageblocks, as /proc/buddyinfo shows them. */
size_t free_blocks_read(void);

#endif
