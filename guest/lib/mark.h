/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Marks: 64-bit words that are computed at run time and can be recognised.
 *
 * mark_make(seed, index) is a bijection of the index, so a searcher that knows
 * the seed and how many marks were made decides for any word whether it is one,
 * without a table; a random word passes with a chance of nr_marks / 2^64. No
 * image of a program holds a mark, and mark_fill_pages() keeps them out of
 * vector registers and leaves none in the general ones.
 */
#ifndef GUEST_LIB_MARK_H
#define GUEST_LIB_MARK_H

#include "util.h"

#define MARK_FACTOR_1		0x9e3779b97f4a7c15ULL
#define MARK_INVERSE_1		0xf1de83e19937733dULL
#define MARK_FACTOR_2		0xd6e8feb86659fd93ULL
#define MARK_INVERSE_2		0xcfee444d8b59a89bULL

static inline u64 mark_mix(u64 x)
{
	x *= MARK_FACTOR_1;
	x ^= x >> 32;
	return x * MARK_FACTOR_2;
}

/*
 * Mixed, so that the marks of two seeds have nothing in common; the top bit
 * sees to it that no mark is zero, as no index is 2^63 or more.
 */
static inline u64 mark_key(u64 seed)
{
	return mark_mix(seed) | 1ULL << 63;
}

static inline u64 mark_make(u64 seed, u64 index)
{
	return mark_mix(index ^ mark_key(seed));
}

/* The index that makes @word a mark; any value where it is none. */
static inline u64 mark_index(u64 seed, u64 word)
{
	u64 x = word * MARK_INVERSE_2;

	x ^= x >> 32;
	return (x * MARK_INVERSE_1) ^ mark_key(seed);
}

/*
 * An exception of user space leaves the registers of that moment in its CPU's
 * entry stack until the next one there: make each CPU have one. Whoever searches
 * all memory for marks calls this first, or finds a single one now and then. It
 * leaves the batches of pages for the LRU lists alone, but on the last CPU.
 */
void mark_scrub_cpus(void);

/* Mark the pages [start, start + nr_pages); the first mark has index 0. */
void mark_fill_pages(void *start, size_t nr_pages, u64 seed);
/* How many of the pages do not hold their marks? */
size_t mark_count_wrong_pages(const void *start, size_t nr_pages, u64 seed);

#endif
