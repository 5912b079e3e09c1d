/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unmapped pages: what failed in a zone is tried again more and more rarely.
 *
 * The next try would fail the same way, at the same price, until more of the
 * zone is free.  So it is left out a number of times, twice as many after each
 * failure in a row.  Times are requests and not seconds: where nobody asks,
 * nothing is lost, and tests repeat.
 *
 * Not guarded: one try more or less does not matter.
 */
#ifndef __MM_UNMAPPED_BACKOFF_H
#define __MM_UNMAPPED_BACKOFF_H

#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>

/**
 * struct unmapped_backoff - tries are turned down because one failed lately
 * @nr_free: free pages when it failed, of the kind that would help
 * @nr_left: how many tries may still be turned down for that
 * @nr_next: how many the next failure turns down
 */
struct unmapped_backoff {
	unsigned long nr_free;
	unsigned int nr_left;
	unsigned int nr_next;
};

/* Shall this try be left out? Not if a block's worth more is free by now. */
static inline bool backoff_turns_down(struct unmapped_backoff *backoff,
				      unsigned long nr_free)
{
	unsigned int nr_left = READ_ONCE(backoff->nr_left);

	if (!nr_left || nr_free >= READ_ONCE(backoff->nr_free) + pageblock_nr_pages)
		return false;
	WRITE_ONCE(backoff->nr_left, nr_left - 1);
	return true;
}

/* A try failed. The first failure turns down @min tries, no failure more than @max. */
static inline void backoff_begin(struct unmapped_backoff *backoff, unsigned long nr_free,
				 unsigned int min, unsigned int max)
{
	unsigned int nr = clamp(READ_ONCE(backoff->nr_next), min, max);

	WRITE_ONCE(backoff->nr_free, nr_free);
	WRITE_ONCE(backoff->nr_left, nr);
	WRITE_ONCE(backoff->nr_next, 2 * nr);
}

/* A try succeeded. */
static inline void backoff_end(struct unmapped_backoff *backoff)
{
	WRITE_ONCE(backoff->nr_left, 0);
	WRITE_ONCE(backoff->nr_next, 0);
}

#endif /* __MM_UNMAPPED_BACKOFF_H */
