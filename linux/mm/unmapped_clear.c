// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: how they get cleared, which is when they are freed.
 *
 * Owns the clearing of pages on their way to the free lists, and the queue of
 * those whose freeing was put off.
 *
 * Invariants:
 *  - A page reaches a free list only after it was cleared (I2). One that could
 *    not be cleared is leaked, and so keeps its contents to itself.
 *  - No free keeps interrupts off for longer than one visit of the mermap: where
 *    they are off, pages of a larger order are not cleared in place but queued.
 *    A queued page is still whole as its owner left it, only without a
 *    reference; a worker frees it from the start.
 *  - Queued pages keep their block from being whole. Who needs whole blocks,
 *    or knows that none is in use, calls unmapped_drain_deferred() before.
 *
 * One queue for all CPUs and not one for each: such frees are rare, and a CPU that
 * goes offline leaves nothing behind.
 *
 * Lock order: defer_lock is innermost, taken with interrupts off.
 * Contexts: any but NMI.
 */
#include <linux/list.h>
#include <linux/mermap.h>
#include <linux/pagevec.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <trace/events/unmapped.h>

#include "internal.h"

static DEFINE_SPINLOCK(defer_lock);

/* By page->lru, the order in page->private. Guarded by defer_lock. */
static LIST_HEAD(deferred);

/*
 * Not bound to the CPU that freed, which may be busy for long. Those who reclaim
 * wait for the worker, hence a rescuer.
 */
static struct workqueue_struct *deferred_wq;

static void free_deferred_pages(struct work_struct *work)
{
	struct page *page, *next;
	unsigned int order;
	LIST_HEAD(pages);

	spin_lock_irq(&defer_lock);
	list_splice_init(&deferred, &pages);
	spin_unlock_irq(&defer_lock);

	list_for_each_entry_safe(page, next, &pages, lru) {
		list_del(&page->lru);
		order = page_private(page);
		unmapped_mid_flip(page, order);
		__free_deferred_pages(page, order);
		cond_resched();
	}
}

static DECLARE_WORK(deferred_work, free_deferred_pages);

/* Slow part of unmapped_defer_free(). As vfree_atomic(). */
void __unmapped_defer_free(struct page *page, unsigned int order)
{
	set_page_private(page, order);
	spin_lock(&defer_lock);
	list_add_tail(&page->lru, &deferred);
	spin_unlock(&defer_lock);
	queue_work(deferred_wq, &deferred_work);
}

/* Slow part of unmapped_drain_deferred() and unmapped_drain_deferred_any() */
bool __unmapped_drain_deferred(void)
{
	bool freed = flush_work(&deferred_work);

	return unmapped_pcp_drain() || freed;
}

/**
 * unmapped_clear_init - set up what frees that are put off need
 *
 * Calls after one that succeeded do nothing.
 *
 * Return: 0 or -ENOMEM.
 */
int unmapped_clear_init(void)
{
	if (!deferred_wq)
		deferred_wq = alloc_workqueue("mm_unmapped", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return deferred_wq ? 0 : -ENOMEM;
}

/**
 * unmapped_clear_free - clear unmapped pages on their way to the free lists
 * @page: first of the pages, all of one block or all of whole blocks
 * @order: the pages' order
 *
 * Context: any but NMI.
 * Return: false if the pages could not be cleared; the caller must leak them.
 */
bool unmapped_clear_free(struct page *page, unsigned int order)
{
	if (unmapped_fault(UNMAPPED_FAULT_NO_CLEAR))
		return true;
	if (!mermap_clear_pages(page, 1U << order)) {
		trace_unmapped_clear(page_to_pfn(page), 1U << order, UNMAPPED_CLEAR_REFUSED);
		return false;
	}
	count_vm_events(UNMAPPED_CLEAR, 1U << order);
	trace_unmapped_clear(page_to_pfn(page), 1U << order, UNMAPPED_CLEAR_RUN);
	return true;
}

/**
 * unmapped_clear_chain - clear pages that are freed together
 * @folio: the first of at most PAGEVEC_SIZE single pages, linked by folio->private
 *
 * A visit of the mermap costs more than half of a clear.
 *
 * Context: any but NMI.
 * Return: false if some may not be clear: clear each of them again.
 */
bool unmapped_clear_chain(struct folio *folio)
{
	struct page *pages[PAGEVEC_SIZE];
	unsigned int nr_pages = 0;

	for (; folio; folio = folio->private)
		pages[nr_pages++] = &folio->page;
	if (unmapped_fault(UNMAPPED_FAULT_NO_CLEAR))
		return false;
	if (!mermap_clear_each(pages, nr_pages)) {
		trace_unmapped_clear(page_to_pfn(pages[0]), nr_pages, UNMAPPED_CLEAR_REFUSED);
		return false;
	}
	count_vm_events(UNMAPPED_CLEAR, nr_pages);
	trace_unmapped_clear(page_to_pfn(pages[0]), nr_pages, UNMAPPED_CLEAR_BATCH);
	return true;
}

/* Slow part of unmapped_zero_folio() */
void __unmapped_zero_folio(struct folio *folio)
{
	WARN_ONCE(1, "unmapped: folio of order %u is cleared for user space, and was zero already\n",
		  folio_order(folio));
	/* False was warned of by the mermap; there is nobody to tell here. */
	mermap_clear_pages(&folio->page, folio_nr_pages(folio));
}
