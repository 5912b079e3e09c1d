// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: how a request for them is served.
 *
 * A request goes through the nodes of its zonelist.  On each it takes what stands
 * on the unmapped lists of the node's zones, or else unmaps a block of one of
 * them: a listed page goes before a flip, and local memory, flipped or not,
 * before remote memory.
 *
 * Where that finds nothing, a request that may block makes room:
 *
 *  - Above the watermark of flips, memory is free but in pieces.  Blocks are
 *    emptied for it (unmapped_room.c), and kcompactd is woken to go on with that.
 *  - Below it memory is short.  kswapd is woken, and reclaims more than for others
 *    (unmapped_reclaim_ahead()), so that the next requests need not wait; this one
 *    waits for it, and only if kswapd ends and has not freed enough reclaims what
 *    is missing itself.
 *
 * It fails when neither helps any more.  There is no OOM kill: that makes
 * no whole block, and callers have something to fall back on, which is an
 * ordinary request and kills if memory is really used up.
 *
 * Requests have no share in reserves, whoever makes them, and watermarks do not
 * count for what is listed: it serves nobody else.
 *
 * Context: as of alloc_pages(); holds no locks of its own.
 */
#include <linux/cpuset.h>
#include <linux/psi.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>
#include <linux/compaction.h>

#include "internal.h"

/* Rounds in which memory was reclaimed, and others took it */
#define ROOM_ROUNDS_MAX		16

/* Blocks that were made, and either others took them or no flip can */
#define VAIN_BLOCKS_MAX		4

/* Rounds of reclaim in a row that freed nothing */
#define FRUITLESS_ROUNDS_MAX	3

/**
 * unmapped_zone_allowed - does the cpuset let a request have memory of a zone?
 * @zone: the zone
 * @gfp: flags of the request
 *
 * Context: any.
 * Return: whether it does, taken strictly.
 */
bool unmapped_zone_allowed(struct zone *zone, gfp_t gfp)
{
	return !cpusets_enabled() ||
	       __cpuset_zone_allowed(zone, gfp | __GFP_HARDWALL);
}

/* Serve the request from the zones of one node, which begin at @z. */
static struct page *alloc_from_node(gfp_t gfp, unsigned int order,
				    struct alloc_context *ac, struct zoneref *z)
{
	struct zone *preferred = zonelist_zone(ac->preferred_zoneref);
	int nid = zonelist_node_idx(z);
	struct zoneref *first = z;
	struct page *page;
	struct zone *zone;

	for_next_zone_zonelist_nodemask(zone, z, ac->highest_zoneidx, ac->nodemask) {
		if (zone_to_nid(zone) != nid)
			break;
		page = __alloc_listed_pages(preferred, zone, order, gfp, ac->freetype);
		if (page)
			return page;
	}

	z = first;
	for_next_zone_zonelist_nodemask(zone, z, ac->highest_zoneidx, ac->nodemask) {
		if (zone_to_nid(zone) != nid)
			break;
		while (unmapped_flip(zone, order, gfp, ac->freetype)) {
			page = __alloc_listed_pages(preferred, zone, order, gfp,
						    ac->freetype);
			if (page)
				return page;
		}
	}
	return NULL;
}

/* Go through the nodes. A cpuset allows or forbids all zones of a node alike. */
static struct page *alloc_from_nodes(gfp_t gfp, unsigned int order,
				     struct alloc_context *ac)
{
	struct zoneref *z = ac->preferred_zoneref;
	int nid = NUMA_NO_NODE;
	struct page *page;
	struct zone *zone;

	for_next_zone_zonelist_nodemask(zone, z, ac->highest_zoneidx, ac->nodemask) {
		if (zone_to_nid(zone) == nid || !unmapped_zone_allowed(zone, gfp))
			continue;
		nid = zone_to_nid(zone);
		page = alloc_from_node(gfp, order, ac, z);
		if (page)
			return page;
	}
	return NULL;
}

/*
 * Empty a block in a zone that has memory enough.
 *
 * Return: 0 if that was done; -ENOMEM if it was not and some zone has not memory
 * enough, but might; -EBUSY if it cannot be done in any.
 */
static int make_room(gfp_t gfp, unsigned int order, struct alloc_context *ac)
{
	int err = -EBUSY;
	struct zoneref *z;
	struct zone *zone;

	for_each_zone_zonelist_nodemask(zone, z, ac->zonelist, ac->highest_zoneidx,
					ac->nodemask) {
		int zone_err = -ENOMEM;

		if (!unmapped_zone_allowed(zone, gfp) || !unmapped_zone_flips(zone, order))
			continue;
		if (unmapped_may_flip(zone, order, gfp)) {
			wakeup_kcompactd(zone->zone_pgdat, order, ac->highest_zoneidx);
			zone_err = unmapped_make_block(zone, order, gfp);
		}
		if (!zone_err)
			return 0;
		if (zone_err == -ENOMEM)
			err = -ENOMEM;
	}
	return err;
}

static void wake_kswapds(gfp_t gfp, unsigned int order, struct alloc_context *ac)
{
	struct zoneref *z;
	struct zone *zone;

	for_each_zone_zonelist_nodemask(zone, z, ac->zonelist, ac->highest_zoneidx,
					ac->nodemask) {
		if (unmapped_zone_allowed(zone, gfp))
			unmapped_wake_kswapd(zone, order, gfp);
	}
}

/* Return: whether anything was freed. */
static bool reclaim(gfp_t gfp, unsigned int order, struct alloc_context *ac)
{
	unsigned long nr, nr_freed = 0;

	do {
		nr = __reclaim_for_unmapped(gfp, ac);
		nr_freed += nr;
	} while (nr && nr_freed < 1UL << order && !fatal_signal_pending(current));

	/* Flips count what is on the free lists, and not on those of CPUs */
	if (nr_freed)
		drain_all_pages(NULL);
	return nr_freed;
}

/*
 * Get memory, whole or in pieces. @kswapd_helps: it did so far, for this request.
 *
 * Return: whether there is more than before.
 */
static bool get_memory(gfp_t gfp, unsigned int order, struct alloc_context *ac,
		       bool *kswapd_helps)
{
	wake_kswapds(gfp, order, ac);
	*kswapd_helps = *kswapd_helps &&
		unmapped_wait_for_kswapd(zonelist_zone(ac->preferred_zoneref), order, gfp);
	return *kswapd_helps || reclaim(gfp, order, ac);
}

/*
 * @err: set to what ended it where NULL is returned, -ENOMEM if memory is short; else
 * no block can be made, or a signal is pending.
 */
static struct page *alloc_with_room(gfp_t gfp, unsigned int order,
				    struct alloc_context *ac, int *err)
{
	const unsigned int flip_order = max_t(unsigned int, order, pageblock_order);
	struct zone *preferred = zonelist_zone(ac->preferred_zoneref);
	int nr_rounds = 0, nr_fruitless = 0, nr_vain = 0;
	bool kswapd_helps = true;
	struct page *page;

	if (!preferred)
		return NULL;
	for (;;) {
		*err = make_room(gfp, flip_order, ac);
		if (*err == -EBUSY || (!*err && nr_vain++ == VAIN_BLOCKS_MAX))
			break;
		if (*err == -ENOMEM) {
			if (unmapped_reclaim_deferred(preferred))
				break;
			if (get_memory(gfp, flip_order, ac, &kswapd_helps))
				nr_fruitless = 0;
			else
				nr_fruitless++;
			if (nr_fruitless == FRUITLESS_ROUNDS_MAX ||
			    nr_rounds++ == ROOM_ROUNDS_MAX) {
				unmapped_reclaim_ended(preferred, false);
				break;
			}
		}
		page = alloc_from_nodes(gfp, order, ac);
		if (page) {
			unmapped_reclaim_ended(preferred, true);
			return page;
		}
		if (fatal_signal_pending(current))
			break;
	}
	/* A block may wait to be freed, and be the last that there is */
	return unmapped_drain_deferred_any() ? alloc_from_nodes(gfp, order, ac) : NULL;
}

/* May this request wait until room was made, and is it worth while? */
static bool may_make_room(gfp_t gfp)
{
	return gfpflags_allow_blocking(gfp) && !(gfp & __GFP_NORETRY) &&
	       !(current->flags & PF_MEMALLOC) && unmapped_flips_allowed();
}

/* A request got nothing. @err: what alloc_with_room() said, if it was asked */
static void count_failure(gfp_t gfp, int err)
{
	count_vm_event(UNMAPPED_ALLOC_FAIL);
	if (!unmapped_flips_allowed())
		count_vm_event(UNMAPPED_ALLOC_FAIL_OFF);
	else if (!may_make_room(gfp) || fatal_signal_pending(current))
		count_vm_event(UNMAPPED_ALLOC_FAIL_NO_WAIT);
	else if (err == -ENOMEM)
		count_vm_event(UNMAPPED_ALLOC_FAIL_NO_MEMORY);
	else
		count_vm_event(UNMAPPED_ALLOC_FAIL_NO_BLOCK);
}

/**
 * unmapped_alloc_pages - the page allocator, for unmapped pages
 * @gfp: flags of the request, with the scope of the task applied
 * @order: order of the request
 * @ac: what prepare_alloc_pages() made of it, but with the caller's node mask; gets
 *	the freetype of unmapped pages
 *
 * Context: any; makes room only if @gfp may block and does not say __GFP_NORETRY.
 * Return: pages as alloc_pages() returns them, or NULL.
 */
struct page *unmapped_alloc_pages(gfp_t gfp, unsigned int order,
				  struct alloc_context *ac)
{
	unsigned int cookie;
	unsigned long pflags;
	struct page *page;
	int err = -EBUSY;

	if (!unmapped_gfp_valid(gfp))
		return NULL;
	ac->freetype = gfp_freetype(gfp);

	page = alloc_from_nodes(gfp, order, ac);
	if (likely(page))
		return page;

	if (may_make_room(gfp)) {
		psi_memstall_enter(&pflags);
		do {
			cookie = read_mems_allowed_begin();
			ac->preferred_zoneref =
				first_zones_zonelist(ac->zonelist, ac->highest_zoneidx,
						     ac->nodemask);
			page = alloc_with_room(gfp, order, ac, &err);
		} while (!page && read_mems_allowed_retry(cookie));
		psi_memstall_leave(&pflags);
	}
	if (!page) {
		/* Others have something smaller to fall back on */
		if (!(gfp & __GFP_NORETRY))
			count_failure(gfp, err);
		warn_alloc(gfp, ac->nodemask,
			   "unmapped page allocation failure: order:%u", order);
	}
	return page;
}
