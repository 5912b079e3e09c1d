// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: a few free single pages for each CPU.
 *
 * Without them each secret of one page has a block split down to order 0 and
 * merged again, which costs more than clearing the page.  A CPU keeps up to
 * UNMAPPED_PCP_PAGES single pages that it freed, and hands them out again, the
 * last one first.  When it has none, it takes as many at once from the free lists,
 * in the smallest pieces that there are, so that sparse blocks fill up first.  When it
 * has enough, pages are listed as ever: what is freed in bulk merges at once.
 *
 * Not the allocator's own per-CPU lists: these hold hundreds of pages and more
 * under load, while each unmapped page that stands apart keeps a block from being
 * mapped back; and mapped pages shall not pay for unmapped ones.
 *
 * Only pages of movable blocks, for movable requests, which those of secretmem are;
 * and only of the CPU's own node, of one zone at a time.  Others go by the lists.
 *
 * Invariants:
 *  - A page that is kept is free, zero (I2), of an unmapped block (I3), on no list
 *    and not counted as free.
 *  - At most UNMAPPED_PCP_PAGES blocks for each CPU are not whole because of this,
 *    and none for those who map blocks back, or want a range: they call
 *    unmapped_pcp_drain() or unmapped_drain_deferred(), as drain_all_pages() does.
 *    (What makes them begin is a block's worth of listed pages. A last block that
 *    CPUs keep a part of waits for drain_all_pages(), which comes before OOM, or for
 *    the worker that returns blocks.)
 *    Who wants a whole unmapped block has another one flipped, and drains only when
 *    there is none, as do those that may not have what other CPUs keep.
 *  - What forbids keeping (may_keep(), the block's type) is looked at with the
 *    lock held.  So who first forbids it and then drains, which takes every lock,
 *    knows that nothing is kept from then on: isolation of a block,
 *    zone_pcp_disable(), flips that are forbidden.
 *  - A poisoned page is neither handed out nor listed.
 *
 * Interrupts are off while the lock is held, mostly for a few instructions, at most for
 * as many pages as are kept, as for the zone lock that this saves: a trylock that an
 * interrupt fails, as per-CPU lists have, would not be cheaper.  Drains take the lock
 * from other CPUs, also of those that are offline.
 *
 * Lock order: unmapped_pcp.lock, then the zone lock.
 * Contexts: any but NMI.
 */
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/topology.h>

#include "internal.h"

/**
 * struct unmapped_pcp - free pages of one CPU
 * @lock: guards the rest
 * @nr_pages: how many there are
 * @pages: the pages, all of one zone; the last one goes first
 */
struct unmapped_pcp {
	spinlock_t lock;	/* see above */
	unsigned int nr_pages;
	struct page *pages[UNMAPPED_PCP_PAGES];
};

static DEFINE_PER_CPU(struct unmapped_pcp, unmapped_pcps) = {
	.lock = __SPIN_LOCK_UNLOCKED(unmapped_pcps.lock),
};

#define kept_freetype()		make_freetype(MIGRATE_MOVABLE, FREETYPE_UNMAPPED)

/* May pages of this zone be kept now? Not while blocks shall become whole. */
static bool may_keep(struct zone *zone)
{
	return unmapped_flips_allowed() &&
	       !test_bit(ZONE_RECLAIM_ACTIVE, &zone->flags) &&
	       READ_ONCE(raw_cpu_ptr(zone->per_cpu_pageset)->high_max);
}

/* All zones that a CPU keeps pages of are its own node's. */
static bool is_local(struct zone *zone)
{
	return zone_to_nid(zone) == numa_mem_id();
}

static bool holds_other_zone(struct unmapped_pcp *pcp, struct zone *zone)
{
	return pcp->nr_pages && page_zone(pcp->pages[0]) != zone;
}

/* The largest order that leaves room, unless there is something smaller */
static unsigned int piece_order(struct zone *zone, unsigned int room)
{
	unsigned int order, max_order = ilog2(room);

	for (order = 0; order < max_order; order++) {
		if (!free_area_empty(&zone->free_area[order], kept_freetype()))
			break;
	}
	return order;
}

/* Fill up from the lists. Pages of one piece are handed out in ascending order. */
static void refill(struct unmapped_pcp *pcp, struct zone *zone)
{
	unsigned int order, i;
	struct page *page;

	if (zone_free_unmapped(zone) < UNMAPPED_PCP_PAGES || !may_keep(zone))
		return;
	spin_lock(&zone->lock);
	while (pcp->nr_pages < UNMAPPED_PCP_PAGES) {
		order = piece_order(zone, UNMAPPED_PCP_PAGES - pcp->nr_pages);
		page = __take_free_pages(zone, order, kept_freetype());
		if (!page)
			break;
		for (i = 1U << order; i--;)
			pcp->pages[pcp->nr_pages++] = page + i;
	}
	spin_unlock(&zone->lock);
}

/**
 * unmapped_pcp_get - take a page that this CPU keeps
 * @zone: where from
 * @order: order of the request
 * @freetype: what it asks for
 *
 * Context: any but NMI, the zone lock not held.
 * Return: the page, as from a free list; or NULL, and the lists may have some.
 */
struct page *unmapped_pcp_get(struct zone *zone, unsigned int order,
			      freetype_t freetype)
{
	struct unmapped_pcp *pcp;
	struct page *page = NULL;
	unsigned long flags;

	if (order || !freetypes_equal(freetype, kept_freetype()) || !is_local(zone))
		return NULL;
	/* Any CPU's will do, should the task move on meanwhile */
	pcp = raw_cpu_ptr(&unmapped_pcps);
	spin_lock_irqsave(&pcp->lock, flags);
	if (!pcp->nr_pages)
		refill(pcp, zone);
	if (pcp->nr_pages && !holds_other_zone(pcp, zone))
		page = pcp->pages[--pcp->nr_pages];
	spin_unlock_irqrestore(&pcp->lock, flags);
	return page;
}

/* Return: whether there was any page. Context: pcp->lock held. */
static bool list_kept_pages(struct unmapped_pcp *pcp)
{
	struct zone *zone;
	struct page *page;

	if (!pcp->nr_pages)
		return false;
	zone = page_zone(pcp->pages[0]);
	spin_lock(&zone->lock);
	while (pcp->nr_pages) {
		page = pcp->pages[--pcp->nr_pages];
		if (!PageHWPoison(page))
			__give_free_pages(zone, page, 0, false);
	}
	spin_unlock(&zone->lock);
	return true;
}

/**
 * unmapped_pcp_put - keep a page that is free
 * @page: the page, cleared and prepared to be freed
 * @order: its order
 *
 * Context: any but NMI, the zone lock not held.
 * Return: false if the page must be listed instead. Mapped pages always must.
 */
bool unmapped_pcp_put(struct page *page, unsigned int order)
{
	struct zone *zone = page_zone(page);
	struct unmapped_pcp *pcp;
	unsigned long flags;
	bool kept = false;

	if (order || !is_local(zone))
		return false;
	pcp = raw_cpu_ptr(&unmapped_pcps);
	spin_lock_irqsave(&pcp->lock, flags);
	if (freetypes_equal(get_pageblock_freetype(page), kept_freetype()) &&
	    may_keep(zone)) {
		/* The zone of what is freed now serves the next requests sooner */
		if (holds_other_zone(pcp, zone))
			list_kept_pages(pcp);
		kept = pcp->nr_pages < UNMAPPED_PCP_PAGES;
		if (kept)
			pcp->pages[pcp->nr_pages++] = page;
	}
	spin_unlock_irqrestore(&pcp->lock, flags);
	if (kept)
		count_vm_event(PGFREE);
	return kept;
}

/**
 * unmapped_pcp_put_chain - keep pages that are freed together
 * @folio: the first of single pages linked by folio->private, each as for
 *	unmapped_pcp_put(); or NULL
 *
 * Context: as unmapped_pcp_put().
 * Return: what is left of the chain, to be listed.
 */
struct folio *unmapped_pcp_put_chain(struct folio *folio)
{
	struct folio *next;

	for (; folio; folio = next) {
		next = folio->private;
		folio->private = NULL;
		if (!unmapped_pcp_put(&folio->page, 0)) {
			folio->private = next;
			break;
		}
	}
	return folio;
}

/**
 * unmapped_pcp_drain - list what CPUs keep
 *
 * For who needs whole blocks, or a range.
 *
 * Context: any but NMI, the zone lock not held.
 * Return: whether there was any page.
 */
bool unmapped_pcp_drain(void)
{
	struct unmapped_pcp *pcp;
	unsigned long flags;
	bool any = false;
	int cpu;

	for_each_possible_cpu(cpu) {
		pcp = per_cpu_ptr(&unmapped_pcps, cpu);
		spin_lock_irqsave(&pcp->lock, flags);
		any |= list_kept_pages(pcp);
		spin_unlock_irqrestore(&pcp->lock, flags);
	}
	return any;
}

#ifdef CONFIG_DEBUG_PAGE_ALLOC_UNMAPPED
/**
 * unmapped_pcp_for_each - look at the pages that CPUs keep
 * @visit: called for each page, with the CPU's lock held
 *
 * Context: process.
 * Return: the number of pages.
 */
unsigned int unmapped_pcp_for_each(void (*visit)(struct page *page))
{
	unsigned int i, nr_pages = 0;
	struct unmapped_pcp *pcp;
	unsigned long flags;
	int cpu;

	for_each_possible_cpu(cpu) {
		pcp = per_cpu_ptr(&unmapped_pcps, cpu);
		spin_lock_irqsave(&pcp->lock, flags);
		for (i = 0; i < pcp->nr_pages; i++)
			visit(pcp->pages[i]);
		nr_pages += pcp->nr_pages;
		spin_unlock_irqrestore(&pcp->lock, flags);
	}
	return nr_pages;
}
#endif
