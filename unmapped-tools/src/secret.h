/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secret memory of our own, and where it lies.
 */
#ifndef UNMAPPED_SECRET_H
#define UNMAPPED_SECRET_H

#include "util.h"

struct secret {
	u64 *start;
	size_t nr_pages;
	u64 *pfns;		/* a frame for each page; PFN_NONE: not known */
};

#define PFN_NONE	(~0ULL)

/* What touching the pages showed. */
struct secret_touch {
	size_t nr_touched;	/* less than all: SIGBUS */
	size_t nr_nonzero;	/* pages that were not zero */
};

enum secret_kind {
	KIND_SECRET,
	KIND_ORDINARY,		/* to see whether the checks can fail */
};

/* False where the kernel refuses; errno says why. */
bool secret_create(struct secret *secret, enum secret_kind kind, size_t nr_pages);
void secret_drop(struct secret *secret);

/* Touch all pages, look whether they are zero, and fill them with marks. */
struct secret_touch secret_fill(const struct secret *secret);

/* Pages that do not hold their marks. */
size_t secret_count_wrong(const struct secret *secret);

/* The mark of a page: its first word. Never zero. */
u64 secret_mark(size_t page);

/* Look up the frames of [@start, @start + @nr_pages); how many are known. */
size_t find_frames(const void *start, size_t nr_pages, u64 *pfns);

#endif
