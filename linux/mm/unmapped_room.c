// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: making room for flips.
 *
 * Whole blocks are made out of memory that is free in pieces.  Two ways lead
 * there, and both move pages that can move to free ones elsewhere in the zone.
 * Evacuation empties one block, the cheapest of a few dozen: it isolates the
 * block, so that nobody takes what becomes free in it, and migrates what is in
 * use.  Compaction sweeps the zone until some block is whole, and may do where
 * pages were too busy to leave just the blocks that were chosen.  The cheaper
 * one goes first, and the other only if there are such blocks: where each holds
 * a page that cannot move, neither makes one whole.
 *
 * Rules:
 *  - Only zones that have memory enough for a flip are asked, so that neither
 *    moves pages without need.
 *  - Pages are moved within their node, to memory that is free above the min
 *    watermark: nothing is reclaimed and no reserve is touched for it.  Before each
 *    block it is asked again whether the zone has enough: what is free in a block that
 *    is emptied, nobody else can have.
 *  - A round looks at each block of the zone once or twice.  A zone where a round
 *    failed is left alone until more of it is free, or for a while, which is
 *    longer each time: the next round would fail the same way, at the same price.
 *  - One at a time in a zone.  Who waited finds that the other made room, and
 *    looks at the lists first.
 *
 * Where memory is short altogether, kswapd is told to reclaim more than its
 * watermark asks for: flips need a high watermark and a block, and one request
 * after the other would have to reclaim a block's worth of pages otherwise.
 * Requests wait for that, as long as kswapd is at it, before they reclaim
 * themselves: what two reclaim at a time is more than either needs.
 *
 * Lock order: zone_room.lock, then what migration takes.  It never waits for page
 * locks (PF_MEMALLOC), as direct compaction does not: the caller may hold some.
 *
 * Context: process, may sleep.
 */
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/secretmem.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/wait.h>
#include <linux/compaction.h>
#include <trace/events/unmapped.h>
#include <asm/unmapped.h>

#include "internal.h"
#include "unmapped_backoff.h"

/* Blocks compared with each other before the cheapest is evacuated */
#define EVACUATE_CHOICE		32

/* How often migration is tried on pages that are busy */
#define MIGRATE_TRIES		3

/* How many blocks kswapd makes room for at a time */
#define AHEAD_BLOCKS		8

/*
 * How long a request waits for kswapd at a time. kswapd tells when it has freed
 * some and when it is done; only if it is stuck, in I/O say, the time runs out.
 */
#define KSWAPD_WAIT_MAX		(HZ / 2)

/* How many requests a zone turns down after a round that failed, and at most */
#define ROOM_DEFER_MIN		64
#define ROOM_DEFER_MAX		4096

/**
 * struct zone_room - what is known about making room in a zone
 * @lock: held by the one who makes room; guards the rest
 * @nr_made: how many blocks were emptied
 * @next_pfn: where the search for cheap blocks goes on
 * @pieces: no block could be emptied
 * @shortage: nothing could be reclaimed; not guarded, one request more or less
 *	does not matter
 * @ahead: pages that kswapd reclaims beyond the high watermark, 0 if it was not
 *	asked to, or is done; not guarded, one round of kswapd more or less does
 *	not matter
 */
struct zone_room {
	struct mutex lock;	/* see above */
	unsigned long nr_made;
	unsigned long next_pfn;
	struct unmapped_backoff pieces;
	struct unmapped_backoff shortage;
	unsigned long ahead;
};

static struct zone_room *zone_rooms;

/* Requests that wait for kswapd, of whichever node: woken after each of its rounds */
static DECLARE_WAIT_QUEUE_HEAD(kswapd_waiters);

/**
 * unmapped_room_init - set up what making room needs
 *
 * Calls after one that succeeded do nothing.
 *
 * Return: 0 or -ENOMEM.
 */
int unmapped_room_init(void)
{
	int i, nr = nr_node_ids * MAX_NR_ZONES;

	if (zone_rooms)
		return 0;
	zone_rooms = kvcalloc(nr, sizeof(*zone_rooms), GFP_KERNEL);
	if (!zone_rooms)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		mutex_init(&zone_rooms[i].lock);
	return 0;
}

static struct zone_room *room_of(struct zone *zone)
{
	return &zone_rooms[unmapped_zone_index(zone)];
}

/* Section: evacuation */

/*
 * Is this a secret that was unmapped alone, the last resort? It stands on an LRU
 * list like others that migrate, and does not (unmapped_migrate.c).
 */
static bool is_single_secret(struct page *page, struct folio *folio)
{
	struct address_space *mapping;
	bool secret;

	/* Secrets are, and few others: what follows is rare */
	if (!folio_test_unevictable(folio) || page_unmapped(page) ||
	    !folio_try_get(folio))
		return false;
	/* As in GUP-fast: RCU keeps the mapping, should the folio leave it now */
	rcu_read_lock();
	mapping = READ_ONCE(folio->mapping);
	secret = page_folio(page) == folio && mapping &&
		 !((unsigned long)mapping & PAGE_MAPPING_FLAGS) &&
		 secretmem_mapping(mapping);
	rcu_read_unlock();
	folio_put(folio);
	return secret;
}

/* Can a page in use be moved? A guess: nothing is held. */
static bool page_may_move(struct page *page)
{
	struct folio *folio = page_folio(page);

	return !folio_test_hugetlb(folio) &&
	       (folio_test_lru(folio) || __folio_test_movable(folio)) &&
	       !is_single_secret(page, folio);
}

/**
 * unmapped_count_used - how many pages must be moved to empty a range?
 * @pfn: its first page
 * @order: its order, at least pageblock_order; all of it is in one zone
 * @max: where to stop
 *
 * Reads what may change under its eyes; isolation looks again.
 *
 * Context: process.
 * Return: the number of pages; @max if it is not fewer, or cannot be done.
 */
unsigned int unmapped_count_used(unsigned long pfn, unsigned int order,
				 unsigned int max)
{
	const unsigned long end_pfn = pfn + (1UL << order);
	unsigned int nr_used = 0;

	while (pfn < end_pfn && nr_used < max) {
		struct page *page = pfn_to_page(pfn);

		if (PageBuddy(page)) {
			unsigned int free_order = buddy_order_unsafe(page);

			pfn += free_order <= MAX_PAGE_ORDER ? 1UL << free_order : 1;
			continue;
		}
		pfn++;
		/* On its way to the free lists, or on a list of some CPU */
		if (!page_count(page))
			continue;
		if (!page_may_move(page))
			return max;
		nr_used++;
	}
	return nr_used;
}

/* Is this range whole mapped blocks of the zone that a flip might take? */
static bool range_suitable(struct zone *zone, unsigned long pfn, unsigned int order)
{
	const unsigned long end_pfn = pfn + (1UL << order);

	for (; pfn < end_pfn; pfn += pageblock_nr_pages) {
		struct page *page;
		freetype_t freetype;

		page = pageblock_pfn_to_page(pfn, pfn + pageblock_nr_pages, zone);
		if (!page)
			return false;
		freetype = get_pfnblock_freetype(page, pfn);
		if (freetype_unmapped(freetype) ||
		    freetype_migratetype(freetype) >= MIGRATE_PCPTYPES ||
		    !arch_may_unmap_block(pfn))
			return false;
	}
	return true;
}

/* Move on through the zone, and begin again at its end. */
static unsigned long next_range(struct zone *zone, unsigned long pfn,
				unsigned int order)
{
	pfn = ALIGN_DOWN(pfn, 1UL << order) + (1UL << order);
	if (pfn < zone->zone_start_pfn || pfn + (1UL << order) > zone_end_pfn(zone))
		pfn = ALIGN(zone->zone_start_pfn, 1UL << order);
	return pfn;
}

/**
 * struct evacuation_target - where pages of a range that is emptied move to
 * @mtc: as for other migrations
 * @no_page: not even a single page was free
 */
struct evacuation_target {
	struct migration_target_control mtc;
	bool no_page;
};

/*
 * That no large folio can be had only says that memory is in pieces, as it is
 * where blocks are made. The source is split then, or stays.
 */
static struct folio *alloc_target(struct folio *src, unsigned long private)
{
	struct evacuation_target *target = (struct evacuation_target *)private;
	struct folio *dst = alloc_migration_target(src, (unsigned long)&target->mtc);

	if (!dst && !folio_test_large(src))
		target->no_page = true;
	return dst;
}

/*
 * Move what is in use in an isolated range. Pages that are no longer needed
 * are freed and stay isolated.
 *
 * Return: -ENOMEM if there was nowhere to move pages to.
 */
static int migrate_range(struct compact_control *cc, unsigned long pfn,
			 unsigned long end_pfn)
{
	struct evacuation_target target = {
		.mtc.nid = zone_to_nid(cc->zone),
		.mtc.gfp_mask = (GFP_HIGHUSER_MOVABLE & ~__GFP_DIRECT_RECLAIM) | __GFP_THISNODE |
				__GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN,
		.mtc.reason = MR_COMPACTION,
	};
	/* Callers may hold page locks, so that none is waited for */
	unsigned int noreclaim = memalloc_noreclaim_save();
	int tries = 0;
	int ret = 0;

	while (pfn < end_pfn || !list_empty(&cc->migratepages)) {
		if (fatal_signal_pending(current))
			break;
		if (list_empty(&cc->migratepages)) {
			cc->nr_migratepages = 0;
			ret = isolate_migratepages_range(cc, pfn, end_pfn);
			if (ret && ret != -EAGAIN)
				break;
			pfn = cc->migrate_pfn;
			tries = 0;
		} else if (++tries == MIGRATE_TRIES) {
			break;
		}
		ret = migrate_pages(&cc->migratepages, alloc_target, NULL,
				    (unsigned long)&target, cc->mode, MR_COMPACTION, NULL);
		if (ret == -ENOMEM)
			break;
	}
	putback_movable_pages(&cc->migratepages);
	memalloc_noreclaim_restore(noreclaim);
	return target.no_page ? -ENOMEM : 0;
}

/* Is all of an isolated range free? Some pages may have to leave CPUs' lists. */
static bool range_free(struct zone *zone, unsigned long pfn, unsigned long end_pfn)
{
	if (!test_pages_isolated(pfn, end_pfn, 0))
		return true;
	drain_all_pages(zone);
	return !test_pages_isolated(pfn, end_pfn, 0);
}

static void note_evacuation(unsigned long pfn, unsigned int order, int err)
{
	if (!err) {
		count_vm_event(UNMAPPED_EVACUATE);
	} else {
		count_vm_event(UNMAPPED_EVACUATE_FAIL);
		count_vm_event(err == -ENOMEM ? UNMAPPED_EVACUATE_FAIL_NO_ROOM :
						UNMAPPED_EVACUATE_FAIL_BUSY);
	}
	trace_unmapped_evacuate(pfn, order, -err);
}

/*
 * Return: 0 if the range is free now, where somebody else may take it at once;
 * -ENOMEM if there was nowhere to move pages to, or memory is too short to do without
 * the range meanwhile; -EBUSY if some did not move.
 */
static int evacuate(struct zone *zone, unsigned long pfn, unsigned int order,
		    gfp_t gfp)
{
	const unsigned long end_pfn = pfn + (1UL << order);
	const int migratetype = get_pageblock_migratetype(pfn_to_page(pfn));
	struct compact_control cc = {
		.zone = zone,
		.order = order,
		.gfp_mask = gfp,
		.mode = MIGRATE_SYNC_LIGHT,
		.ignore_skip_hint = true,
		.no_set_skip_hint = true,
		.migratepages = LIST_HEAD_INIT(cc.migratepages),
	};
	int err;

	/* It was looked at a while ago; somebody else may be at it now */
	if (!range_suitable(zone, pfn, order) || migratetype >= MIGRATE_PCPTYPES)
		return -EBUSY;
	if (!unmapped_may_flip(zone, order, gfp))
		return -ENOMEM;
	if (start_isolate_page_range(pfn, end_pfn, migratetype, 0, gfp))
		return -EBUSY;
	err = migrate_range(&cc, pfn, end_pfn);
	if (!err && !range_free(zone, pfn, end_pfn))
		err = -EBUSY;
	undo_isolate_page_range(pfn, end_pfn, migratetype);

	note_evacuation(pfn, order, err);
	return err;
}

/*
 * Take the cheapest of the next few dozen ranges, until one could be emptied.
 *
 * Return: as evacuate(), or -ENOENT if each range holds a page that cannot move.
 */
static int evacuate_some(struct zone *zone, unsigned int order, gfp_t gfp)
{
	struct zone_room *room = room_of(zone);
	/* A range that is full may move as well, if that is all there is */
	const unsigned int none = (1U << order) + 1;
	const unsigned long nr_ranges = zone->spanned_pages >> order;
	unsigned int best = none, nr_choice = 0;
	unsigned long i, best_pfn = 0;
	int ret = -ENOENT;

	for (i = 0; i < nr_ranges && !fatal_signal_pending(current); i++) {
		unsigned long pfn = room->next_pfn = next_range(zone, room->next_pfn, order);
		unsigned int nr_used;

		cond_resched();
		if (range_suitable(zone, pfn, order)) {
			nr_used = unmapped_count_used(pfn, order, best);
			if (nr_used < best) {
				best = nr_used;
				best_pfn = pfn;
			}
			nr_choice++;
		}
		if (best == none || (nr_choice < EVACUATE_CHOICE && i < nr_ranges - 1))
			continue;
		ret = evacuate(zone, best_pfn, order, gfp);
		if (ret != -EBUSY)
			break;
		best = none;
		nr_choice = 0;
	}
	return ret;
}

/* Section: both ways */

/*
 * Pages that stand in a batch of some CPU on their way to the LRU lists cannot move,
 * and those that migration has just moved stand in this CPU's.
 */
static int __make_block(struct zone *zone, unsigned int order, gfp_t gfp)
{
	unsigned int noreclaim;
	int err;

	lru_add_drain();
	err = evacuate_some(zone, order, gfp);
	if (err == -EBUSY || err == -ENOENT) {
		lru_add_drain_all();
		err = evacuate_some(zone, order, gfp);
	}
	if (err == -EBUSY) {
		noreclaim = memalloc_noreclaim_save();
		if (__compact_for_unmapped(zone, order, gfp))
			err = 0;
		memalloc_noreclaim_restore(noreclaim);
	}
	return err == -ENOENT ? -EBUSY : err;
}

/* Section: backing off */

static bool turned_down(struct zone *zone, struct unmapped_backoff *backoff)
{
	return backoff_turns_down(backoff, zone_page_state(zone, NR_FREE_PAGES));
}

static void back_off(struct zone *zone, struct unmapped_backoff *backoff)
{
	backoff_begin(backoff, zone_page_state(zone, NR_FREE_PAGES), ROOM_DEFER_MIN,
		      ROOM_DEFER_MAX);
}

/**
 * unmapped_reclaim_deferred - did reclaim for flips fail in this zone lately?
 * @zone: the zone that a request prefers
 *
 * Context: any.
 * Return: true for a number of requests that are not worth the attempt.
 */
bool unmapped_reclaim_deferred(struct zone *zone)
{
	return turned_down(zone, &room_of(zone)->shortage);
}

/**
 * unmapped_reclaim_ended - note how a request fared that could not be served at once
 * @zone: the zone that the request prefers
 * @served: false if reclaim made no room for a flip
 *
 * Context: any.
 */
void unmapped_reclaim_ended(struct zone *zone, bool served)
{
	if (served)
		backoff_end(&room_of(zone)->shortage);
	else
		back_off(zone, &room_of(zone)->shortage);
}

/* Section: the round */

/**
 * unmapped_make_block - make a whole free block for a flip
 * @zone: a zone that unmapped_may_flip() accepts
 * @order: at least pageblock_order
 * @gfp: flags of the request that wants it
 *
 * Context: process, may sleep.
 * Return: 0 if there may be one now; -ENOMEM if too little memory is free to move
 * pages to; -EBUSY if there is an unmovable page in each block, or was lately.
 */
int unmapped_make_block(struct zone *zone, unsigned int order, gfp_t gfp)
{
	struct zone_room *room = room_of(zone);
	unsigned long nr_made = READ_ONCE(room->nr_made);
	int err = 0;

	/* Migration may wait for I/O, in its own right */
	if (!gfp_compaction_allowed(gfp))
		return -EBUSY;

	if (mutex_lock_killable(&room->lock))
		return -EBUSY;
	if (room->nr_made != nr_made)
		goto unlock;
	if (turned_down(zone, &room->pieces)) {
		err = -EBUSY;
		goto unlock;
	}

	/* Pages on the lists of CPUs keep blocks from being whole */
	drain_all_pages(zone);
	err = __make_block(zone, order, gfp);
	if (!err) {
		WRITE_ONCE(room->nr_made, nr_made + 1);
		backoff_end(&room->pieces);
	} else if (err == -EBUSY) {
		back_off(zone, &room->pieces);
	}
unlock:
	mutex_unlock(&room->lock);
	return err;
}

/* Section: kswapd */

static unsigned long ahead_pages(struct zone *zone, unsigned int order)
{
	return min(AHEAD_BLOCKS * pageblock_nr_pages, zone_managed_pages(zone) / 128) +
	       (1UL << order);
}

/**
 * unmapped_wake_kswapd - let kswapd make room for flips
 * @zone: a zone that has not enough free memory for one, or will soon not have
 * @order: order of the flip
 * @gfp: flags of the request
 *
 * Context: any.
 */
void unmapped_wake_kswapd(struct zone *zone, unsigned int order, gfp_t gfp)
{
	if (!(gfp & __GFP_KSWAPD_RECLAIM))
		return;
	WRITE_ONCE(room_of(zone)->ahead, ahead_pages(zone, order));
	wakeup_kswapd(zone, gfp, 0, gfp_zone(gfp));
}

/**
 * unmapped_keep_ahead - see to it that the next flips find room too
 * @zone: where a flip took memory
 * @order: order of the flip
 * @gfp: flags of the request
 *
 * Context: any.
 */
void unmapped_keep_ahead(struct zone *zone, unsigned int order, gfp_t gfp)
{
	unsigned long mark = high_wmark_pages(zone) + ahead_pages(zone, order);

	if (!zone_watermark_ok(zone, 0, mark, gfp_zone(gfp), 0))
		unmapped_wake_kswapd(zone, order, gfp);
}

/**
 * unmapped_wait_for_kswapd - let kswapd reclaim for a flip, if it does
 * @zone: the zone that the request prefers, after unmapped_wake_kswapd()
 * @order: order of the flip
 * @gfp: flags of the request
 *
 * Returns at once where kswapd has given up on the node, where the caller may hold
 * locks of file systems, which kswapd may be waiting for, and where memory suffices
 * already and still is not to be had.
 *
 * Context: process, may sleep.
 * Return: whether memory suffices for the flip now; if not, it is the caller's turn
 * to reclaim.
 */
bool unmapped_wait_for_kswapd(struct zone *zone, unsigned int order, gfp_t gfp)
{
	struct zone_room *room = room_of(zone);

	if (!(gfp & __GFP_KSWAPD_RECLAIM) || !(gfp & __GFP_FS) ||
	    unmapped_may_flip(zone, order, gfp))
		return false;
	/* Asleep still: it was not to be woken. We have just tried, in this order */
	if (waitqueue_active(&zone->zone_pgdat->kswapd_wait))
		return false;

	count_vm_event(UNMAPPED_KSWAPD_WAIT);
	/* A fatal signal or time that is over: the condition tells all the same */
	wait_event_killable_timeout(kswapd_waiters,
				    unmapped_may_flip(zone, order, gfp) ||
				    !READ_ONCE(room->ahead), KSWAPD_WAIT_MAX);
	return unmapped_may_flip(zone, order, gfp);
}

/* Slow part of unmapped_reclaim_round() */
void __unmapped_reclaim_round(void)
{
	/* Who is overlooked is woken by the next round, or at the end */
	if (waitqueue_active(&kswapd_waiters))
		wake_up_all(&kswapd_waiters);
}

/* Slow part of unmapped_reclaim_ahead() */
unsigned long __unmapped_reclaim_ahead(struct zone *zone)
{
	return READ_ONCE(room_of(zone)->ahead);
}

/* Slow part of unmapped_reclaimed() */
bool __unmapped_reclaimed(pg_data_t *pgdat)
{
	bool ahead = false;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		ahead |= xchg(&room_of(&pgdat->node_zones[i])->ahead, 0) != 0;
	/* The exchange orders this after it: who does not see 0 is in the queue */
	wake_up_all(&kswapd_waiters);
	return ahead;
}
