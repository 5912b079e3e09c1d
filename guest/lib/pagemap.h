/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From virtual addresses of this process to page frames. Needs root: others
 * read zero for each frame.
 */
#ifndef GUEST_LIB_PAGEMAP_H
#define GUEST_LIB_PAGEMAP_H

#include "util.h"

#define PFN_NONE	(~0ULL)

/*
 * Store the frame of each page of [start, start + nr_pages) to @pfns, PFN_NONE
 * for a page that is not there. Dies if the kernel hides the frames.
 */
void pagemap_read(const void *start, size_t nr_pages, u64 *pfns);

#endif
