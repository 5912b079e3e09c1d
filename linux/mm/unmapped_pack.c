// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: sparse blocks are emptied into others.
 *
 * Only whole free blocks can be mapped back.  One page in use in each would
 * keep them all from requests for mapped pages: so the pages of the emptiest
 * blocks move to free unmapped pages of others, and the blocks go back.
 *
 * Invariants:
 *  - A block that is being emptied is isolated: the allocator hands out none of
 *    its pages, so that destinations lie in other blocks, and what moves out or
 *    is freed stays out of use.
 *  - Destinations are free unmapped pages of the same node.  Nothing is
 *    unmapped for them, no reserve is touched, nobody is reclaimed for.
 *  - A block is begun with only while the free unmapped pages outside of it
 *    suffice, those of blocks that this call has emptied left out, and only after
 *    all whole free blocks have gone back: each block that is emptied is one more,
 *    and blocks are not filled and emptied in turns.
 *  - A call looks at a bounded number of pages, empties a bounded number of
 *    blocks and gives up after a few that could not be emptied.  Direct reclaim
 *    leaves out more and more tries after that (unmapped_backoff.h), but not so
 *    many that a request could come to a kill without one.
 *
 * Lock order: pack_mutex, then what migration takes.  Nobody who holds it waits
 * for memory, or for the lock of a folio.
 *
 * Context: process, may sleep; in reclaim too, if that may enter file systems.
 */
#include <linux/migrate.h>
#include <linux/mutex.h>
#include <linux/page-isolation.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "internal.h"
#include "unmapped_backoff.h"

/* How many blocks one call empties */
#define PACK_BLOCKS		8

/* After how many blocks that could not be emptied it gives up */
#define PACK_FAILURES		4

/* Among how many blocks it chooses, and how many free pages it looks at for these */
#define PACK_CANDIDATES		32
#define PACK_LIST_STEPS		1024

/*
 * How many tries of direct reclaim are left out after one that emptied no block,
 * and at most. A request that is about to kill somebody tries more often.
 */
#define PACK_DEFER_MIN		1
#define PACK_DEFER_MAX		(MAX_RECLAIM_RETRIES / 2)

/* Blocks with more pages in use than this are not sparse */
#define PACK_USED_MAX		(pageblock_nr_pages / 2)

/**
 * struct pack_block - a block that may be emptied
 * @pfn: its first page
 * @nr_used: how many of its pages are in use, about; 0 if it is out of question,
 *	as are blocks with more than PACK_USED_MAX, or with one that cannot move
 */
struct pack_block {
	unsigned long pfn;
	unsigned int nr_used;
};

/* One at a time: the second would take the destinations of the first */
static DEFINE_MUTEX(pack_mutex);

/* For direct reclaim, by node and index of the zone. Not guarded. */
static struct unmapped_backoff *pack_backoffs;

/* Blocks emptied since boot. Written under pack_mutex. */
static unsigned long nr_packed;

/**
 * unmapped_pack_init - set up what packing needs
 *
 * Calls after one that succeeded do nothing.
 *
 * Return: 0 or -ENOMEM.
 */
int unmapped_pack_init(void)
{
	if (!pack_backoffs)
		pack_backoffs = kvcalloc(nr_node_ids * MAX_NR_ZONES,
					 sizeof(*pack_backoffs), GFP_KERNEL);
	return pack_backoffs ? 0 : -ENOMEM;
}

/* Section: the choice */

static bool is_known(const struct pack_block *blocks, unsigned int nr,
		     unsigned long pfn)
{
	while (nr--) {
		if (blocks[nr].pfn == pfn)
			return true;
	}
	return false;
}

/*
 * The blocks with the largest free pages: a block of few used pages is likely to
 * have such. Which is how they are found without a walk of the zone.
 */
static unsigned int list_blocks(struct zone *zone, struct pack_block *blocks)
{
	const freetype_t movable = make_freetype(MIGRATE_MOVABLE, FREETYPE_UNMAPPED);
	unsigned int nr = 0, nr_steps = 0;
	unsigned long flags;
	int order;

	spin_lock_irqsave(&zone->lock, flags);
	for (order = pageblock_order - 1; order >= 0; order--) {
		struct free_area *area = &zone->free_area[order];
		struct page *page;

		list_for_each_entry(page, &area->free_list[freetype_idx(movable)],
				    buddy_list) {
			unsigned long pfn = pageblock_start_pfn(page_to_pfn(page));

			if (nr == PACK_CANDIDATES || nr_steps++ == PACK_LIST_STEPS)
				goto out;
			if (!is_known(blocks, nr, pfn))
				blocks[nr++].pfn = pfn;
		}
	}
out:
	spin_unlock_irqrestore(&zone->lock, flags);
	return nr;
}

static unsigned int find_blocks(struct zone *zone, struct pack_block *blocks)
{
	unsigned int i, nr = list_blocks(zone, blocks);

	for (i = 0; i < nr; i++) {
		unsigned int nr_used = unmapped_count_used(blocks[i].pfn, pageblock_order,
							   PACK_USED_MAX + 1);

		blocks[i].nr_used = nr_used > PACK_USED_MAX ? 0 : nr_used;
	}
	return nr;
}

static struct pack_block *take_emptiest(struct pack_block *blocks,
					unsigned int nr)
{
	struct pack_block *emptiest = NULL;

	for (; nr; nr--, blocks++) {
		if (blocks->nr_used &&
		    (!emptiest || blocks->nr_used < emptiest->nr_used))
			emptiest = blocks;
	}
	return emptiest;
}

/* Section: emptying a block */

static struct folio *pack_target(struct folio *src, unsigned long private)
{
	/* A block that is mapped by now has nothing to do with us */
	if (!page_unmapped(&src->page))
		return NULL;
	return __folio_alloc(unmapped_target_gfp(src, __GFP_THISNODE),
			     folio_order(src), folio_nid(src), NULL);
}

/* Collect what is in use. What cannot be collected keeps the block from going. */
static void collect_folios(unsigned long pfn, struct list_head *folios)
{
	unsigned long end_pfn = pfn + pageblock_nr_pages;

	while (pfn < end_pfn) {
		struct page *page = pfn_to_page(pfn++);
		struct folio *folio;

		/* Of free pages the first one has no references, nor have others */
		folio = page_folio(page);
		if (!folio_try_get(folio))
			continue;
		if (page_folio(page) == folio && folio_isolate_lru(folio)) {
			list_add_tail(&folio->lru, folios);
			node_stat_mod_folio(folio, NR_ISOLATED_ANON +
					    folio_is_file_lru(folio),
					    folio_nr_pages(folio));
		}
		folio_put(folio);
	}
}

/* Return: whether the block is free as a whole. */
static bool empty_block(unsigned long pfn)
{
	unsigned long end_pfn = pfn + pageblock_nr_pages;
	struct page *page = pfn_to_page(pfn);
	LIST_HEAD(folios);
	bool emptied;

	if (start_isolate_page_range(pfn, end_pfn, MIGRATE_MOVABLE, 0, 0))
		return false;
	unmapped_pcp_drain();

	if (page_unmapped(page))
		collect_folios(pfn, &folios);
	/* Asynchronous: no waiting for locks. What fails is put back below. */
	if (!list_empty(&folios) &&
	    migrate_pages(&folios, pack_target, NULL, 0, MIGRATE_ASYNC,
			  MR_COMPACTION, NULL))
		putback_movable_pages(&folios);
	emptied = page_unmapped(page) && !test_pages_isolated(pfn, end_pfn, 0);

	undo_isolate_page_range(pfn, end_pfn, MIGRATE_MOVABLE);
	return emptied;
}

/* Return: the number of blocks mapped back. Context: pack_mutex held. */
static unsigned int pack_zone(struct zone *zone)
{
	struct pack_block blocks[PACK_CANDIDATES];
	unsigned int nr, nr_emptied = 0, nr_failed = 0;
	struct pack_block *block;

	nr = unmapped_map_back(zone, PACK_BLOCKS, UNMAPPED_BACK_PACK);
	if (nr)
		return nr;

	/* Pages on their way to the LRU lists cannot be moved */
	lru_add_drain();
	nr = find_blocks(zone, blocks);
	while (nr_emptied < PACK_BLOCKS && nr_failed < PACK_FAILURES) {
		block = take_emptiest(blocks, nr);
		/*
		 * As many free pages as a block has: those in use have room, without
		 * the blocks that were just emptied
		 */
		if (!block || zone_free_unmapped(zone) < (nr_emptied + 1) * pageblock_nr_pages)
			break;
		if (empty_block(block->pfn))
			nr_emptied++;
		else
			nr_failed++;
		block->nr_used = 0;
		cond_resched();
	}
	nr_packed += nr_emptied;
	count_vm_events(UNMAPPED_PACK, nr_emptied);
	count_vm_events(UNMAPPED_PACK_FAIL, nr_failed);
	return unmapped_map_back(zone, nr_emptied, UNMAPPED_BACK_PACK);
}

/* Section: interface */

/**
 * unmapped_pack - empty sparse unmapped blocks of a zone and map them back
 * @zone: the zone
 *
 * Whole free blocks go back first, and then nothing is emptied.
 *
 * Context: process, may sleep; reclaim that may enter file systems. Waits for
 * another call that is under way, which waits for no memory.
 * Return: whether the zone has more mapped free pages, or may have: the caller
 * looks again.  False if it is no use.
 */
bool unmapped_pack(struct zone *zone)
{
	unsigned long nr_before = READ_ONCE(nr_packed);
	bool done;

	if (!unmapped_enabled() || zone_free_unmapped(zone) < pageblock_nr_pages)
		return false;

	if (mutex_lock_killable(&pack_mutex))
		return false;
	done = nr_packed != nr_before || pack_zone(zone);
	mutex_unlock(&pack_mutex);
	return done;
}

/**
 * unmapped_pack_all - pack as long as that makes blocks
 * @zone: the zone
 *
 * Context: as unmapped_pack().
 */
void unmapped_pack_all(struct zone *zone)
{
	unsigned long i, nr_blocks = zone_managed_pages(zone) >> pageblock_order;

	/* Others may unmap blocks all the time: no more rounds than blocks */
	for (i = 0; i < nr_blocks && !fatal_signal_pending(current); i++) {
		if (!unmapped_pack(zone))
			break;
		cond_resched();
	}
}

/*
 * For direct reclaim, where each request would ask anew. More free unmapped pages
 * mean another chance, or a whole block that goes back without any packing.
 */
static bool pack_for_reclaim(struct zone *zone)
{
	struct unmapped_backoff *backoff = &pack_backoffs[unmapped_zone_index(zone)];
	unsigned long nr_free = zone_free_unmapped(zone);

	if (nr_free < pageblock_nr_pages || backoff_turns_down(backoff, nr_free))
		return false;
	if (unmapped_pack(zone)) {
		backoff_end(backoff);
		return true;
	}
	backoff_begin(backoff, nr_free, PACK_DEFER_MIN, PACK_DEFER_MAX);
	return false;
}

/* Slow part of unmapped_pack_zonelist() */
bool __unmapped_pack_zonelist(gfp_t gfp, const struct alloc_context *ac)
{
	struct zoneref *z;
	struct zone *zone;

	for_each_zone_zonelist_nodemask(zone, z, ac->zonelist,
					ac->highest_zoneidx, ac->nodemask) {
		if (!unmapped_zone_allowed(zone, gfp))
			continue;
		if (pack_for_reclaim(zone))
			return true;
	}
	return false;
}
