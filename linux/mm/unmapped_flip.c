// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: changing the mappedness of whole pageblocks.
 *
 * A flip unmaps: it takes a whole free block off the mapped lists, clears it,
 * makes it not present in the direct map, flushes every CPU, sets the
 * pageblock bit and lists it as unmapped.  Taking back is the way home.  Both
 * move blocks from free list to free list; whoever wants pages gets them from
 * there as always, so that splitting a block is expand()'s business alone.
 *
 * Invariants:
 *  - A block is on no list while it changes, and only whoever owns all of its
 *    pages changes it.
 *  - The bit is written under the zone lock, set after the flush and cleared
 *    before the block becomes present: while it is set, no CPU can reach the
 *    block through the direct map (I1).
 *  - What goes on an unmapped list is zero (I2): the block was cleared here,
 *    and pages are cleared when they are freed.
 *  - A block that could not be unmapped goes back mapped, by the type that it
 *    has at that moment: page isolation may have claimed it meanwhile, since a
 *    block that is on no list and has no references looks movable (I3).
 *  - Nothing here allocates memory (I4).
 *
 * Lock order: zone_flips.lock, flip_gate (read), then either the zone lock or what
 * arch_unmap_block() takes.  Taking back takes none of the first two.
 *
 * Context: process, IRQs on, may sleep; unless a function says otherwise.
 */
#define pr_fmt(fmt) "unmapped: " fmt

#include <linux/memory_hotplug.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <trace/events/unmapped.h>
#include <asm/unmapped.h>

#include "internal.h"

/* How many blocks of memory that is mapped twice a flip passes over */
#define FLIP_SKIP_MAX	64

/* How many times a flip tries with other pages */
#define FLIP_TRIES_MAX	8

/*
 * How many blocks share a shootdown: at most, and one in how many that are unmapped
 * already, and in how many that are free
 */
#define FLIP_BATCH_MAX		8U
#define FLIP_BATCH_GROWTH	8
#define FLIP_BATCH_SHARE	64

/* How many blocks the first take-back after a flip maps back, and the most */
#define TAKE_BACK_MIN	8
#define TAKE_BACK_MAX	4096

/**
 * struct zone_flips - the flips of one zone
 * @lock: held by the one flip that may be under way in the zone.  More would
 *	take more free memory off the lists at a time, and the second of two
 *	flippers mostly finds that the first has listed enough for both.
 * @nr_flips: how many have succeeded; written under @lock
 * @batch: how many blocks the next flip unmaps, if as many are to be had.  A hint,
 *	written by whoever flips or takes back.
 * @take_back_batch: how many blocks the next take-back maps back.  A hint,
 *	written by whoever flips or takes back.
 */
struct zone_flips {
	struct mutex lock;	/* see above */
	unsigned long nr_flips;
	unsigned int batch;
	unsigned int take_back_batch;
};

static struct zone_flips *zone_flips;

/* Held for reading by every flip; for writing by who must know of none */
static DECLARE_RWSEM(flip_gate);

/* Guarded by flip_gate */
static bool flips_allowed;

/* Blocks whose bit is set */
static atomic_long_t nr_unmapped_blocks;

#ifdef CONFIG_DEBUG_PAGE_ALLOC_UNMAPPED
unsigned int unmapped_faults;
#endif

static struct zone_flips *flips_of(struct zone *zone)
{
	return &zone_flips[unmapped_zone_index(zone)];
}

/**
 * unmapped_flip_init - set up what flips need
 *
 * Calls after one that succeeded do nothing.
 *
 * Return: 0 or -ENOMEM.
 */
int unmapped_flip_init(void)
{
	int i, nr = nr_node_ids * MAX_NR_ZONES;

	if (zone_flips)
		return 0;
	zone_flips = kvcalloc(nr, sizeof(*zone_flips), GFP_KERNEL);
	if (!zone_flips)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		mutex_init(&zone_flips[i].lock);
		zone_flips[i].batch = 1;
		zone_flips[i].take_back_batch = TAKE_BACK_MIN;
	}
	return 0;
}

static void set_block_freetype(struct page *page, freetype_t freetype)
{
	lockdep_assert_held(&page_zone(page)->lock);
	set_pfnblock_flags_mask(page, freetype_bits(freetype), page_to_pfn(page),
				FREETYPE_MASK);
}

/* Put pages on the lists that their blocks' freetypes name now. */
static void give_pages(struct zone *zone, struct page *page,
		       unsigned int order, bool tail)
{
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	__give_free_pages(zone, page, order, tail);
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* Section: poison */

/* The first of these pages that hardware poisoned, or NULL */
static struct page *find_poisoned_page(struct page *page, unsigned int order)
{
	unsigned int i;

	for (i = 0; i < 1U << order; i++) {
		if (PageHWPoison(page + i))
			return page + i;
	}
	return NULL;
}

/*
 * Give pages that were taken off the lists back without the poisoned ones: what
 * memory failure does with a free page.  It marks the page before it takes it off
 * its list, and found that list empty if we came in between.
 *
 * Context: the zone lock held.
 */
static void __give_sound_pages(struct zone *zone, struct page *page,
			       unsigned int order)
{
	unsigned int i;

	for (i = 0; i < 1U << order; i++) {
		if (PageHWPoison(page + i))
			set_page_count(page + i, 1);
		else
			__give_free_pages(zone, page + i, 0, true);
	}
}

/* Section: unmapping */

/**
 * unmapped_zone_flips - can this zone have unmapped blocks at all?
 * @zone: the zone
 * @order: order of the flip, at least pageblock_order
 *
 * Context: any.
 * Return: whether it is of a kind whose memory may be unmapped, and large enough.
 */
bool unmapped_zone_flips(struct zone *zone, unsigned int order)
{
	switch (zone_idx(zone)) {
#ifdef CONFIG_ZONE_DMA
	case ZONE_DMA:
#endif
	case ZONE_MOVABLE:
#ifdef CONFIG_ZONE_DEVICE
	case ZONE_DEVICE:
#endif
		return false;
	default:
		return zone_managed_pages(zone) / 2 >
		       high_wmark_pages(zone) + (1UL << order);
	}
}

/**
 * unmapped_may_flip - has a zone memory enough for a flip?
 * @zone: the zone
 * @order: order of the flip, at least pageblock_order
 * @gfp: flags of the request
 *
 * Flips never come near the reserves: a burst of secrets must not starve atomic
 * requests after it.
 *
 * Context: any.
 * Return: whether it has, in whole blocks or in pieces. False for zones whose
 * memory is always mapped.
 */
bool unmapped_may_flip(struct zone *zone, unsigned int order, gfp_t gfp)
{
	unsigned long mark = high_wmark_pages(zone) + (1UL << order);

	return unmapped_zone_flips(zone, order) &&
	       zone_watermark_ok(zone, 0, mark, gfp_zone(gfp), 0);
}

static bool may_unmap(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned long end_pfn = pfn + (1UL << order);

	for (; pfn < end_pfn; pfn += pageblock_nr_pages) {
		if (!arch_may_unmap_block(pfn))
			return false;
	}
	return true;
}

/* Blocks of the wanted type first, then of those that it may claim */
static struct page *__take_mapped_pages(struct zone *zone, unsigned int order,
					int migratetype)
{
	static const int others[] = {
		MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE
	};
	struct page *page;
	int i;

	page = __take_free_pages(zone, order, mapped_freetype(migratetype));
	for (i = 0; !page && i < ARRAY_SIZE(others); i++)
		page = __take_free_pages(zone, order, mapped_freetype(others[i]));
	return page;
}

/*
 * Take pages that may be unmapped off the mapped lists. The types of their
 * blocks stay as they are: if the flip fails, the pages go back as they came.
 */
static struct page *take_mapped_pages(struct zone *zone, unsigned int order,
				      int migratetype)
{
	struct page *page, *skip;
	LIST_HEAD(skipped);
	unsigned long flags;
	int nr_skipped = 0;

	spin_lock_irqsave(&zone->lock, flags);
	while ((page = __take_mapped_pages(zone, order, migratetype))) {
		if (may_unmap(page, order))
			break;
		list_add(&page->lru, &skipped);
		page = NULL;
		if (++nr_skipped == FLIP_SKIP_MAX)
			break;
	}
	while ((skip = list_first_entry_or_null(&skipped, struct page, lru))) {
		list_del(&skip->lru);
		__give_free_pages(zone, skip, order, true);
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return page;
}

static void clear_pages(struct page *page, unsigned int order)
{
	unsigned int i;

	for (i = 0; i < 1U << order; i++) {
		clear_page(page_address(page + i));
		if (i % 64 == 63)
			cond_resched();
	}
}

static void map_pages(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned long end_pfn = pfn + (1UL << order);

	for (; pfn < end_pfn; pfn += pageblock_nr_pages)
		arch_map_block(pfn);
}

/* Whoever changes a block owns all of its pages: nobody uses one. */
static void check_unused(unsigned long pfn)
{
	unsigned long end_pfn = pfn + pageblock_nr_pages;

	if (!IS_ENABLED(CONFIG_DEBUG_VM))
		return;
	for (; pfn < end_pfn; pfn++)
		VM_WARN_ON_ONCE_PAGE(page_count(pfn_to_page(pfn)) &&
				     !PageHWPoison(pfn_to_page(pfn)), pfn_to_page(pfn));
}

static int unmap_block(unsigned long pfn)
{
	check_unused(pfn);
	if (unmapped_fault(UNMAPPED_FAULT_UNMAP))
		return -EINVAL;
	if (unmapped_fault(UNMAPPED_FAULT_TABLE))
		return -ENOMEM;
	return arch_unmap_block(pfn);
}

/* Make pages not present; CPUs may go on to reach them until they are flushed. */
static int unmap_pages(struct page *page, unsigned int order)
{
	unsigned long start_pfn = page_to_pfn(page);
	unsigned long end_pfn = start_pfn + (1UL << order);
	unsigned long pfn;
	int err = 0;

	for (pfn = start_pfn; pfn < end_pfn; pfn += pageblock_nr_pages) {
		err = unmap_block(pfn);
		if (err)
			break;
	}
	if (err) {
		while (pfn > start_pfn) {
			pfn -= pageblock_nr_pages;
			arch_map_block(pfn);
		}
	}
	return err;
}

static void flush_unmapped(void)
{
	if (!unmapped_fault(UNMAPPED_FAULT_NO_FLUSH))
		arch_unmapped_flush();
	count_vm_event(UNMAPPED_FLUSH);
}

/* Was a block claimed for something else while it stood on no list? */
static bool pages_claimed(struct page *page, unsigned int order)
{
	unsigned int i;

	if (unmapped_fault(UNMAPPED_FAULT_CLAIMED))
		return true;
	for (i = 0; i < 1U << order; i += pageblock_nr_pages) {
		if (!migratetype_is_mergeable(get_pageblock_migratetype(page + i)))
			return true;
	}
	return false;
}

static bool list_unmapped(struct zone *zone, struct page *page,
			  unsigned int order, freetype_t freetype)
{
	unsigned long flags;
	unsigned int i;
	bool claimed;

	spin_lock_irqsave(&zone->lock, flags);
	claimed = pages_claimed(page, order);
	if (!claimed) {
		for (i = 0; i < 1U << order; i += pageblock_nr_pages)
			set_block_freetype(page + i, freetype);
		atomic_long_add(1L << (order - pageblock_order),
				&nr_unmapped_blocks);
		/* Under the lock: who maps them back cannot be told of before */
		trace_unmapped_flip(page_to_pfn(page), order, UNMAPPED_FLIP);
		__give_free_pages(zone, page, order, false);
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return !claimed;
}

static void count_failed_flip(struct page *page, unsigned int order,
			      enum vm_event_item reason)
{
	count_vm_event(UNMAPPED_FLIP_FAIL);
	count_vm_event(reason);
	trace_unmapped_flip(page_to_pfn(page), order, reason);
}

/*
 * What is poisoned is not cleared, and the rest does not stay whole for it. Slow
 * part of unmapped_free_poisoned().
 */
bool __unmapped_free_poisoned(struct page *page, unsigned int order)
{
	struct zone *zone = page_zone(page);
	unsigned long flags;

	if (!find_poisoned_page(page, order))
		return false;
	spin_lock_irqsave(&zone->lock, flags);
	__give_sound_pages(zone, page, order);
	spin_unlock_irqrestore(&zone->lock, flags);
	return true;
}

/* Was a page poisoned after its block was listed? Then what is sound goes back. */
static bool give_poisoned(struct zone *zone, struct page *page, unsigned int order)
{
	if (unmapped_fault_once(UNMAPPED_FAULT_POISON)) {
		give_pages(zone, page, order, true);
		return true;
	}
	return __unmapped_free_poisoned(page, order);
}

/*
 * Flip pages that were taken; those that could not be flipped move to @failed.
 * All share one shootdown. It comes after a failure as well, for the 1 GiB entry
 * that may have been split on the way.
 *
 * Return: how many blocks are unmapped and listed now.
 */
static unsigned int flip_taken_pages(struct zone *zone, unsigned int order,
				     freetype_t freetype, struct list_head *taken,
				     struct list_head *failed)
{
	unsigned int nr_flipped = 0;
	struct page *page, *next;
	int err;

	list_for_each_entry_safe(page, next, taken, lru) {
		clear_pages(page, order);
		err = unmap_pages(page, order);
		if (err) {
			list_move(&page->lru, failed);
			count_failed_flip(page, order,
					  err == -ENOMEM ? UNMAPPED_FLIP_FAIL_TABLE :
							   UNMAPPED_FLIP_FAIL_ENTRY);
		}
	}
	flush_unmapped();
	list_for_each_entry_safe(page, next, taken, lru) {
		list_del(&page->lru);
		unmapped_mid_flip(page, order);
		if (list_unmapped(zone, page, order, freetype)) {
			nr_flipped++;
			continue;
		}
		map_pages(page, order);
		list_add(&page->lru, failed);
		count_failed_flip(page, order, UNMAPPED_FLIP_FAIL_CLAIMED);
	}
	count_vm_events(UNMAPPED_FLIP, nr_flipped << (order - pageblock_order));
	return nr_flipped;
}

/*
 * How many pages of @order shall a flip take? One; but under a load that has
 * grown large more, which the next requests will find: an eighth of what is unmapped
 * already, a small share of what is free, and twice as many as the last flip, or
 * one if others needed memory since.
 */
static unsigned int flip_batch(struct zone *zone, unsigned int order)
{
	unsigned long nr_free = zone_page_state(zone, NR_FREE_PAGES) / pageblock_nr_pages;
	unsigned long batch = atomic_long_read(&nr_unmapped_blocks) / FLIP_BATCH_GROWTH;

	if (order > pageblock_order)
		return 1;
	batch = min3(batch, nr_free / FLIP_BATCH_SHARE,
		     (unsigned long)READ_ONCE(flips_of(zone)->batch));
	return clamp(batch, 1UL, (unsigned long)FLIP_BATCH_MAX);
}

/*
 * Pages that could not be unmapped are kept until others were tried, and go to
 * the tail: one odd block at the head of a list must not end all flips.
 *
 * Context: zone's flip lock and the gate held.
 */
static bool flip_pages(struct zone *zone, unsigned int order, gfp_t gfp,
		       freetype_t freetype)
{
	unsigned int nr, nr_flipped = 0, batch = flip_batch(zone, order);
	struct page *page, *next;
	LIST_HEAD(failed);
	int i;

	for (i = 0; !nr_flipped && i < FLIP_TRIES_MAX; i++) {
		LIST_HEAD(taken);

		for (nr = 0; nr < batch && unmapped_may_flip(zone, order, gfp);) {
			page = take_mapped_pages(zone, order,
						 freetype_migratetype(freetype));
			/* What a guest has not accepted yet counts as free, and is on no list */
			if (!page && __accept_for_unmapped(zone))
				continue;
			if (!page)
				break;
			if (give_poisoned(zone, page, order)) {
				count_failed_flip(page, order, UNMAPPED_FLIP_FAIL_POISON);
				continue;
			}
			list_add_tail(&page->lru, &taken);
			nr++;
		}
		if (!nr)
			break;
		nr_flipped = flip_taken_pages(zone, order, freetype, &taken, &failed);
		batch = 1;
	}
	list_for_each_entry_safe(page, next, &failed, lru) {
		list_del(&page->lru);
		give_pages(zone, page, order, true);
	}
	return nr_flipped;
}

/**
 * unmapped_flip - unmap whole blocks for a request that the lists cannot serve
 * @zone: where
 * @order: order of the request; what is unmapped is at least a pageblock
 * @gfp: flags of the request
 * @freetype: what to list the pages as, unmapped
 *
 * Context: any.  Does nothing unless @gfp may block; then process context with
 * IRQs on, no spinlock held.
 * Return: true if blocks were listed, by this call or while it waited for
 * another one: the caller looks at the lists again.  False if it is no use.
 */
bool unmapped_flip(struct zone *zone, unsigned int order, gfp_t gfp,
		   freetype_t freetype)
{
	unsigned int flip_order = max_t(unsigned int, order, pageblock_order);
	struct zone_flips *flips;
	unsigned long nr_flips;
	bool done = false;

	if (!unmapped_enabled() || !gfpflags_allow_blocking(gfp))
		return false;
	if (!unmapped_may_flip(zone, flip_order, gfp))
		return false;

	flips = flips_of(zone);
	nr_flips = READ_ONCE(flips->nr_flips);
	mutex_lock(&flips->lock);
	if (order < pageblock_order && flips->nr_flips != nr_flips) {
		done = true;
	} else {
		down_read(&flip_gate);
		done = flips_allowed &&
		       flip_pages(zone, flip_order, gfp, freetype);
		up_read(&flip_gate);
		if (done) {
			WRITE_ONCE(flips->nr_flips, flips->nr_flips + 1);
			WRITE_ONCE(flips->batch, min(2 * flips->batch, FLIP_BATCH_MAX));
			WRITE_ONCE(flips->take_back_batch, TAKE_BACK_MIN);
		}
	}
	mutex_unlock(&flips->lock);
	if (done)
		unmapped_keep_ahead(zone, flip_order, gfp);
	return done;
}

/* Section: mapping back */

static void clear_block_bit(struct page *page)
{
	set_block_freetype(page, mapped_freetype(get_pageblock_migratetype(page)));
}

/* The block counts as unmapped until it is present again. */
static void map_block(unsigned long pfn, enum unmapped_back_reason reason)
{
	unmapped_mid_flip(pfn_to_page(pfn), pageblock_order);
	check_unused(pfn);
	arch_map_block(pfn);
	atomic_long_dec(&nr_unmapped_blocks);
	count_vm_event(UNMAPPED_TAKE_BACK);
	trace_unmapped_map_back(pfn, pageblock_order, reason);
}

/*
 * Take one whole free block off the unmapped lists. It becomes movable, as
 * nearly all memory is, so that what comes next may well be a huge page.
 */
static struct page *__take_unmapped_block(struct zone *zone)
{
	const freetype_t movable = make_freetype(MIGRATE_MOVABLE, FREETYPE_UNMAPPED);
	const freetype_t unmovable = make_freetype(MIGRATE_UNMOVABLE, FREETYPE_UNMAPPED);
	struct page *page;
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	page = __take_free_pages(zone, pageblock_order, movable);
	if (!page)
		page = __take_free_pages(zone, pageblock_order, unmovable);
	if (page) {
		clear_block_bit(page);
		set_pageblock_migratetype(page, MIGRATE_MOVABLE);
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return page;
}

/*
 * The same, past blocks that must not become present. A page that is poisoned
 * after the look is in mapped memory that somebody allocates, as on any kernel.
 */
static struct page *take_unmapped_block(struct zone *zone)
{
	struct page *page;
	unsigned long flags;

	while ((page = __take_unmapped_block(zone))) {
		if (!find_poisoned_page(page, pageblock_order))
			break;
		spin_lock_irqsave(&zone->lock, flags);
		/* The type is of now, the bit as before: it never became present. */
		set_block_freetype(page, make_freetype(get_pageblock_migratetype(page),
						       FREETYPE_UNMAPPED));
		__give_sound_pages(zone, page, pageblock_order);
		spin_unlock_irqrestore(&zone->lock, flags);
	}
	return page;
}

/**
 * unmapped_map_back - map some whole free blocks of a zone back
 * @zone: the zone
 * @max_blocks: how many at most
 * @reason: what for
 *
 * Context: as unmapped_take_back().
 * Return: how many blocks were mapped back.
 */
unsigned int unmapped_map_back(struct zone *zone, unsigned int max_blocks,
			       enum unmapped_back_reason reason)
{
	unsigned int nr_blocks = 0;
	struct page *page;

	unmapped_pcp_drain();
	while (nr_blocks < max_blocks && (page = take_unmapped_block(zone))) {
		map_block(page_to_pfn(page), reason);
		give_pages(zone, page, pageblock_order, false);
		nr_blocks++;
		cond_resched();
	}
	return nr_blocks;
}

/**
 * unmapped_take_back - map whole free blocks of a zone back
 * @zone: the zone
 * @reason: what for
 *
 * Maps back a few blocks at first, so that a mixed load does not flip the same
 * blocks up and down, and four times as many each time if nobody flipped
 * meanwhile: then the pool is what is left of a former load.
 *
 * Context: process, may be called by reclaim: allocates nothing and waits for
 * no memory, at most for another CPU's shootdown.
 * Return: whether there was any.
 */
bool unmapped_take_back(struct zone *zone, enum unmapped_back_reason reason)
{
	struct zone_flips *flips = flips_of(zone);
	unsigned int batch = READ_ONCE(flips->take_back_batch);

	if (!unmapped_map_back(zone, batch, reason))
		return false;
	WRITE_ONCE(flips->take_back_batch, min(4 * batch, TAKE_BACK_MAX));
	WRITE_ONCE(flips->batch, 1);
	/* Whatever kswapd failed at before, there is memory now */
	WRITE_ONCE(zone->zone_pgdat->kswapd_failures, 0);
	return true;
}

/* Slow part of unmapped_take_back_node() */
bool __unmapped_take_back_node(pg_data_t *pgdat, int order, int highest_zoneidx)
{
	bool done = false;
	struct zone *zone;
	int i;

	for (i = 0; i <= highest_zoneidx; i++) {
		zone = &pgdat->node_zones[i];
		if (!managed_zone(zone) ||
		    zone_free_unmapped(zone) < pageblock_nr_pages ||
		    zone_watermark_ok(zone, order, high_wmark_pages(zone),
				      highest_zoneidx, 0))
			continue;
		done |= unmapped_take_back(zone, UNMAPPED_BACK_KSWAPD);
	}
	return done;
}

/*
 * Slow part of unmapped_take_back_zonelist(). Memory that the request cannot have
 * must not count: it would be retried for ever, and nobody killed.
 */
bool __unmapped_take_back_zonelist(gfp_t gfp, unsigned int order,
				   const struct alloc_context *ac)
{
	struct zoneref *z;
	struct zone *zone;

	/* Nobody shall be killed for want of a block of which a CPU keeps a page */
	unmapped_pcp_drain();
	for_each_zone_zonelist_nodemask(zone, z, ac->zonelist, ac->highest_zoneidx,
					ac->nodemask) {
		if (!unmapped_zone_allowed(zone, gfp))
			continue;
		while (zone_free_unmapped(zone) >= pageblock_nr_pages &&
		       unmapped_take_back(zone, UNMAPPED_BACK_OOM)) {
			if (zone_watermark_ok(zone, order, min_wmark_pages(zone),
					      ac->highest_zoneidx, 0))
				return true;
		}
	}
	return false;
}

/*
 * Slow part of unmapped_freed(). Requests that may not block cannot take back, and
 * kswapd may be asleep since the time when it found nothing to do.
 */
void __unmapped_freed(struct zone *zone)
{
	struct free_area *area = &zone->free_area[pageblock_order];
	const int movable = freetype_idx(make_freetype(MIGRATE_MOVABLE, FREETYPE_UNMAPPED));
	const int unmovable = freetype_idx(make_freetype(MIGRATE_UNMOVABLE, FREETYPE_UNMAPPED));

	if (zone_watermark_ok(zone, 0, low_wmark_pages(zone), zone_idx(zone), 0))
		return;
	/* Larger pages are whole blocks too, but the first block woke kswapd */
	if (list_empty(&area->free_list[movable]) && list_empty(&area->free_list[unmovable]))
		return;
	/* It may have given up when all memory was secret: now there is some */
	WRITE_ONCE(zone->zone_pgdat->kswapd_failures, 0);
	wakeup_kswapd(zone, GFP_ATOMIC, 0, zone_idx(zone));
}

static bool block_unmapped(unsigned long pfn)
{
	return get_pageblock_freetype_flags(pfn_to_page(pfn));
}

/* Slow part of unmapped_range_partial() */
bool __unmapped_range_partial(unsigned long start_pfn, unsigned long end_pfn)
{
	if (!pageblock_aligned(start_pfn) && block_unmapped(start_pfn))
		return true;
	return !pageblock_aligned(end_pfn) && block_unmapped(end_pfn - 1);
}

/*
 * Pages that hardware poisoned must stay absent: no load, not even a speculative
 * one, may reach them. Short of memory they come back with their block, which has
 * just gone offline and which nobody reads.
 */
static void split_poisoned_block(unsigned long pfn)
{
	struct page *poisoned = find_poisoned_page(pfn_to_page(pfn), pageblock_order);

	if (poisoned && arch_split_block(pfn))
		pr_warn("no memory to keep poisoned page %#lx unmapped\n",
			page_to_pfn(poisoned));
}

/* Slow part of unmapped_map_back_range() */
void __unmapped_map_back_range(unsigned long start_pfn, unsigned long end_pfn)
{
	struct zone *zone = page_zone(pfn_to_page(start_pfn));
	unsigned long pfn = pageblock_start_pfn(start_pfn);
	unsigned long flags;

	if (WARN_ON_ONCE(__unmapped_range_partial(start_pfn, end_pfn)))
		return;
	for (; pfn < end_pfn; pfn += pageblock_nr_pages) {
		if (!block_unmapped(pfn))
			continue;
		split_poisoned_block(pfn);
		spin_lock_irqsave(&zone->lock, flags);
		clear_block_bit(pfn_to_page(pfn));
		spin_unlock_irqrestore(&zone->lock, flags);
		map_block(pfn, UNMAPPED_BACK_RANGE);
		cond_resched();
	}
}

/* Section: the gate */

static void allow_flips(bool allowed)
{
	down_write(&flip_gate);
	flips_allowed = allowed;
	up_write(&flip_gate);
}

/**
 * unmapped_flips_start - allow flips
 */
void unmapped_flips_start(void)
{
	allow_flips(true);
}

/**
 * unmapped_flips_allowed - is it worth while to make room for a flip?
 *
 * Context: any.
 * Return: a hint; what counts is what a flip finds when it holds the gate.
 */
bool unmapped_flips_allowed(void)
{
	/* Either value is fine for a hint */
	return data_race(flips_allowed);
}

/**
 * unmapped_flips_stop - forbid flips and map back what can be
 * @reason: what for
 *
 * Waits for flips that are under way.
 *
 * Return: true if no block is unmapped any more, and none can become so
 * before unmapped_flips_start().
 */
bool unmapped_flips_stop(enum unmapped_back_reason reason)
{
	struct zone *zone;

	allow_flips(false);
	/* Dropped pages are free once nobody holds a reference or has queued them */
	lru_add_drain_all();
	unmapped_drain_deferred();
	for_each_populated_zone(zone)
		unmapped_map_back(zone, UINT_MAX, reason);
	return !atomic_long_read(&nr_unmapped_blocks);
}
