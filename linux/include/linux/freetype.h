/* SPDX-License-Identifier: GPL-2.0 */
/*
 * freetype_t: everything that decides which free list a free page stands on.
 *
 * A freetype is a migratetype plus flags.  The one flag is FREETYPE_UNMAPPED:
 * the page has no translation in the kernel's direct map.  The type is a
 * struct, so that a bare migratetype cannot be passed where the flag matters.
 *
 * The value is kept just as the pageblock bitmap stores it.  Reading a block's
 * freetype is therefore one load and one mask, the migratetype and the flag
 * can never come from two different moments, and a compare against
 * MIGRATE_PCPTYPES also catches every unmapped block.
 *
 * Invariants:
 *  - The migratetype of a mapped freetype is its list index, as it was before
 *    freetypes existed; unmapped lists follow behind the mapped ones.
 *  - Only MIGRATE_UNMOVABLE, MIGRATE_MOVABLE and MIGRATE_ISOLATE come with
 *    FREETYPE_UNMAPPED.  The lists of the other combinations stay empty.
 *  - Without CONFIG_PAGE_ALLOC_UNMAPPED a freetype is its migratetype, and
 *    everything below compiles to what stood there before.
 *
 * This file is part of <linux/mmzone.h>; include that.
 */
#ifndef _LINUX_FREETYPE_H
#define _LINUX_FREETYPE_H

#ifndef _LINUX_MMZONE_H
#error "Please include <linux/mmzone.h> instead of <linux/freetype.h>"
#endif

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/pageblock-flags.h>

#ifdef CONFIG_PAGE_ALLOC_UNMAPPED

#define FREETYPE_UNMAPPED	((int)BIT(PB_unmapped))
#define NR_FREETYPES		(2 * MIGRATE_TYPES)

/* The bits of a pageblock that make up its freetype */
#define FREETYPE_MASK		(MIGRATETYPE_MASK | FREETYPE_UNMAPPED)

typedef struct {
	int bits;
} freetype_t;

/**
 * make_freetype - build a freetype
 * @migratetype: a MIGRATE_* value
 * @flags: FREETYPE_UNMAPPED or 0
 *
 * Return: the freetype.
 */
static __always_inline freetype_t make_freetype(int migratetype, int flags)
{
	return (freetype_t){ .bits = migratetype | flags };
}

/**
 * mapped_freetype - the freetype of ordinary pages
 * @migratetype: a MIGRATE_* value
 *
 * Return: the freetype without flags.
 */
static __always_inline freetype_t mapped_freetype(int migratetype)
{
	return make_freetype(migratetype, 0);
}

/* The raw value, for messages */
static __always_inline int freetype_bits(freetype_t freetype)
{
	return freetype.bits;
}

static __always_inline int freetype_flags(freetype_t freetype)
{
	return freetype.bits & FREETYPE_UNMAPPED;
}

static __always_inline bool freetype_unmapped(freetype_t freetype)
{
	return freetype_flags(freetype);
}

static __always_inline int freetype_migratetype(freetype_t freetype)
{
	return freetype.bits & ~FREETYPE_UNMAPPED;
}

/**
 * freetype_with_migratetype - exchange the migratetype, keep the flags
 * @freetype: where the flags come from
 * @migratetype: a MIGRATE_* value
 *
 * Return: the new freetype.
 */
static __always_inline freetype_t
freetype_with_migratetype(freetype_t freetype, int migratetype)
{
	return make_freetype(migratetype, freetype_flags(freetype));
}

/**
 * freetype_idx - index into free_area.free_list[]
 * @freetype: the freetype
 *
 * Return: the index, below NR_FREETYPES.
 */
static __always_inline int freetype_idx(freetype_t freetype)
{
	int idx = freetype_migratetype(freetype);

	if (freetype_unmapped(freetype))
		idx += MIGRATE_TYPES;
	return idx;
}

static __always_inline bool freetypes_equal(freetype_t a, freetype_t b)
{
	return a.bits == b.bits;
}

/**
 * freetypes_mergeable - may free pages of two pageblocks become one?
 * @a: freetype of one block
 * @b: freetype of the other
 *
 * Pages never merge across mappedness; across migratetypes only where both can
 * fall back to each other.
 *
 * Return: whether they may.
 */
static __always_inline bool freetypes_mergeable(freetype_t a, freetype_t b)
{
	if (freetypes_equal(a, b))
		return true;
	return freetype_flags(a) == freetype_flags(b) &&
	       migratetype_is_mergeable(freetype_migratetype(a)) &&
	       migratetype_is_mergeable(freetype_migratetype(b));
}

/* Is there a per-CPU list of just this migratetype? */
static __always_inline bool freetype_pcp_type(freetype_t freetype)
{
	return freetype.bits < MIGRATE_PCPTYPES;
}

/**
 * get_pfnblock_freetype - read the freetype of a pageblock
 * @page: a page of the block
 * @pfn: its page frame number
 *
 * Context: any.  Stable under the zone lock; the flag is also stable for
 * whoever owns a page of the block.
 * Return: the freetype.
 */
static __always_inline freetype_t
get_pfnblock_freetype(const struct page *page, unsigned long pfn)
{
	return (freetype_t){
		.bits = get_pfnblock_flags_mask(page, pfn, FREETYPE_MASK)
	};
}

#define get_pageblock_freetype(page)					\
	get_pfnblock_freetype(page, page_to_pfn(page))

/**
 * get_pageblock_freetype_flags - read only the flags of a pageblock's freetype
 * @page: a page of the block
 *
 * For callers that know the migratetype already.  A macro, because page_to_pfn()
 * is not known yet where this file is included.
 *
 * Context: as get_pfnblock_freetype().
 * Return: FREETYPE_UNMAPPED or 0.
 */
#define get_pageblock_freetype_flags(page)				\
	((int)get_pfnblock_flags_mask(page, page_to_pfn(page), FREETYPE_UNMAPPED))

#else /* !CONFIG_PAGE_ALLOC_UNMAPPED */

/*
 * A freetype is a migratetype.  Neither a struct of one int nor inline functions
 * where none were before, because either is enough to change what gets inlined.
 */
#define FREETYPE_UNMAPPED		0
#define NR_FREETYPES			MIGRATE_TYPES

typedef int freetype_t;

#define make_freetype(migratetype, flags)	(migratetype)
#define mapped_freetype(migratetype)		(migratetype)
#define freetype_bits(freetype)			((int)(freetype))
#define freetype_flags(freetype)		0
#define freetype_unmapped(freetype)		false
#define freetype_migratetype(freetype)		(freetype)
#define freetype_with_migratetype(freetype, mt)	(mt)
#define freetype_idx(freetype)			(freetype)
#define freetype_pcp_type(freetype)		((freetype) < MIGRATE_PCPTYPES)
#define freetypes_equal(a, b)			((a) == (b))
#define freetypes_mergeable(a, b)					\
	((a) == (b) || (migratetype_is_mergeable(a) && migratetype_is_mergeable(b)))
#define get_pageblock_freetype(page)		get_pageblock_migratetype(page)
#define get_pageblock_freetype_flags(page)	0

static __always_inline freetype_t
get_pfnblock_freetype(const struct page *page, unsigned long pfn)
{
	return get_pfnblock_flags_mask(page, pfn, MIGRATETYPE_MASK);
}

#endif /* CONFIG_PAGE_ALLOC_UNMAPPED */

#define for_each_freetype_idx_order(order, idx) \
	for (order = 0; order < NR_PAGE_ORDERS; order++) \
		for (idx = 0; idx < NR_FREETYPES; idx++)

#endif /* _LINUX_FREETYPE_H */
