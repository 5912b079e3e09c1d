// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of unmapped pages: paths of the kernel that meet them without asking for
 * them. Frees that are put off, ranges, isolation, capture, memory failure.
 * See unmapped_kunit.h.
 */
#include <kunit/test.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/iopoll.h>
#include <linux/mermap.h>
#include <linux/page-isolation.h>
#include <linux/pagemap.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/smp.h>
#include <asm/unmapped.h>
#include <asm/word-at-a-time.h>

#include "internal.h"
#include "unmapped_kunit.h"

/* How often to look whether a daemon sleeps, and for how long */
#define SLEEP_POLL_US		20000
#define SLEEP_TIMEOUT_US	20000000

/* Section: frees with interrupts off */

struct irqsoff_free {
	struct page *page;
	unsigned int order;
	bool listed;	/* was the page on a free list at once? */
};

/* Nothing may run between the free and the look: a worker could be quick. */
static void free_with_irqs_off(void *data)
{
	struct irqsoff_free *job = data;
	unsigned long flags;

	local_irq_save(flags);
	__free_pages(job->page, job->order);
	job->listed = PageBuddy(job->page);
	local_irq_restore(flags);
}

/* Pages of this order, soiled and freed with interrupts off on that CPU */
static struct page *free_dirty(struct kunit *test, unsigned int order, int cpu, bool *listed)
{
	struct irqsoff_free job = { .page = ut_alloc(GFP_USER, order), .order = order };

	KUNIT_ASSERT_NOT_NULL(test, job.page);
	ut_fill(test, job.page, order);
	smp_call_function_single(cpu, free_with_irqs_off, &job, true);
	*listed = job.listed;
	return job.page;
}

static void test_defer_orders(struct kunit *test)
{
	struct page *page;
	unsigned int order;
	bool listed;

	for (order = 0; order <= MAX_PAGE_ORDER; order++) {
		page = free_dirty(test, order, raw_smp_processor_id(), &listed);
		if (order >= UNMAPPED_DEFER_ORDER)
			KUNIT_EXPECT_FALSE_MSG(test, listed, "order %u", order);
		unmapped_drain_deferred();
		ut_expect_freed(test, page, order);
		KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
	}
}

/* A compound page, as a large folio is, keeps what it is while it waits. */
static void test_defer_compound(struct kunit *test)
{
	struct page *page = ut_alloc(GFP_USER | __GFP_COMP, 6);

	KUNIT_ASSERT_NOT_NULL(test, page);
	ut_fill(test, page, 6);
	local_irq_disable();
	folio_put(page_folio(page));
	KUNIT_EXPECT_TRUE(test, PageHead(page));
	KUNIT_EXPECT_EQ(test, compound_order(page), 6);
	local_irq_enable();
	unmapped_drain_deferred();
	KUNIT_EXPECT_FALSE(test, PageHead(page));
	ut_expect_freed(test, page, 6);
}

/*
 * The worker stands before the page that it is about to free until this task
 * sleeps, as it does when it waits for the worker: so who does not wait finds the
 * page queued.
 */
static struct task_struct *sleeper;

static void wait_for_sleeper(struct page *page, unsigned int order)
{
	int i;

	if (current == sleeper)
		return;
	for (i = 0; i < 10000 && task_is_running(sleeper); i++)
		usleep_range(1000, 2000);
}

static void hold_worker(void)
{
	sleeper = current;
	WRITE_ONCE(unmapped_in_flip, wait_for_sleeper);
}

/* Returns once it has nothing to do any more. */
static void release_worker(void)
{
	unmapped_drain_deferred();
	WRITE_ONCE(unmapped_in_flip, NULL);
}

static void test_defer_drain_any(struct kunit *test)
{
	struct page *page;
	bool listed, any;

	KUNIT_EXPECT_FALSE(test, unmapped_drain_deferred_any());
	hold_worker();
	page = free_dirty(test, pageblock_order, raw_smp_processor_id(), &listed);
	any = unmapped_drain_deferred_any();
	release_worker();
	KUNIT_EXPECT_FALSE(test, listed);
	KUNIT_EXPECT_TRUE(test, any);
	ut_expect_freed(test, page, pageblock_order);
	KUNIT_EXPECT_FALSE(test, unmapped_drain_deferred_any());
}

/* A soiled page of each order that waits, and what became of them at once */
struct load {
	struct page *pages[NR_PAGE_ORDERS];
	unsigned int nr_listed;
};

static void get_load(struct kunit *test, struct load *load)
{
	unsigned int order;

	for (order = UNMAPPED_DEFER_ORDER; order < NR_PAGE_ORDERS; order++) {
		load->pages[order] = ut_alloc(GFP_USER, order);
		KUNIT_ASSERT_NOT_NULL(test, load->pages[order]);
		ut_fill(test, load->pages[order], order);
	}
}

/* Fill the queue. Nothing sleeps before the look: the worker stands, see above. */
static void free_load(void *data)
{
	struct load *load = data;
	unsigned long flags;
	unsigned int order;

	local_irq_save(flags);
	for (order = UNMAPPED_DEFER_ORDER; order < NR_PAGE_ORDERS; order++)
		__free_pages(load->pages[order], order);
	load->nr_listed = 0;
	for (order = UNMAPPED_DEFER_ORDER; order < NR_PAGE_ORDERS; order++)
		load->nr_listed += PageBuddy(load->pages[order]);
	local_irq_restore(flags);
}

static void expect_load_freed(struct kunit *test, struct load *load)
{
	unsigned int order;

	KUNIT_EXPECT_EQ(test, load->nr_listed, 0);
	for (order = UNMAPPED_DEFER_ORDER; order < NR_PAGE_ORDERS; order++)
		ut_expect_freed(test, load->pages[order], order);
}

/* The CPU that put frees off goes away with the queue full; nothing is left behind. */
static void test_defer_cpu_hotplug(struct kunit *test)
{
#ifdef CONFIG_HOTPLUG_CPU
	struct load load;
	int cpu;

	for_each_online_cpu(cpu) {
		if (cpu_is_hotpluggable(cpu))
			break;
	}
	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "no CPU that can go offline");
	get_load(test, &load);
	hold_worker();
	smp_call_function_single(cpu, free_load, &load, true);
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	release_worker();
	expect_load_freed(test, &load);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
#else
	kunit_skip(test, "CPUs cannot go offline");
#endif
}

static int isolate_to_offline(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	return start_isolate_page_range(pfn, pfn + pageblock_nr_pages, MIGRATE_MOVABLE,
					MEMORY_OFFLINE, GFP_USER | __GFP_MOVABLE);
}

static int test_isolated_to_offline(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	return test_pages_isolated(pfn, pfn + pageblock_nr_pages, MEMORY_OFFLINE);
}

static void undo_isolate(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	undo_isolate_page_range(pfn, pfn + pageblock_nr_pages, MIGRATE_MOVABLE);
}

/*
 * Memory offline forbids per-CPU lists, isolates, and looks whether all is free. The
 * queue is full, and with a compound page of the range, which looks as if it could not
 * move.
 */
static void test_defer_offline(struct kunit *test)
{
	struct page *page = ut_alloc(GFP_USER | __GFP_COMP, pageblock_order);
	struct load load;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, page);
	ut_fill(test, page, pageblock_order);
	get_load(test, &load);
	hold_worker();
	local_irq_disable();
	folio_put(page_folio(page));
	free_load(&load);
	local_irq_enable();
	zone_pcp_disable(ut_zone);
	err = isolate_to_offline(page);
	if (!err) {
		KUNIT_EXPECT_EQ(test, test_isolated_to_offline(page), 0);
		undo_isolate(page);
	}
	zone_pcp_enable(ut_zone);
	release_worker();
	KUNIT_EXPECT_EQ(test, err, 0);
	ut_expect_freed(test, page, pageblock_order);
	expect_load_freed(test, &load);
}

/* A range that was isolated while a page of it waits is not free until that is. */
static void test_defer_isolated(struct kunit *test)
{
	struct irqsoff_free job = { .page = ut_alloc(GFP_USER, pageblock_order),
				    .order = pageblock_order };
	int err, busy;

	KUNIT_ASSERT_NOT_NULL(test, job.page);
	ut_fill(test, job.page, job.order);
	hold_worker();
	free_with_irqs_off(&job);
	err = isolate_to_offline(job.page);
	busy = test_isolated_to_offline(job.page);
	release_worker();
	KUNIT_EXPECT_FALSE(test, job.listed);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, busy, -EBUSY);
	KUNIT_EXPECT_EQ(test, test_isolated_to_offline(job.page), 0);
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), 0);
	ut_expect_freed(test, job.page, job.order);
	undo_isolate(job.page);
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), pageblock_nr_pages);
}

/* Who wants the range does not have to know of the queue. */
static void test_defer_contig_range(struct kunit *test)
{
	struct page *page;
	unsigned long pfn;
	bool listed;

	page = free_dirty(test, pageblock_order, raw_smp_processor_id(), &listed);
	pfn = page_to_pfn(page);
	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(pfn, pfn + pageblock_nr_pages,
						    MIGRATE_MOVABLE, GFP_KERNEL));
	ut_expect_mapped(test, page, pageblock_order);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0,
					   PAGE_SIZE << pageblock_order));
	free_contig_range(pfn, pageblock_nr_pages);
}

/* A compound page that waits without a reference looks as if it could not move. */
static void test_defer_contig_compound(struct kunit *test)
{
	struct page *page = ut_alloc(GFP_USER | __GFP_COMP, pageblock_order);
	unsigned long pfn;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, page);
	ut_fill(test, page, pageblock_order);
	pfn = page_to_pfn(page);
	hold_worker();
	local_irq_disable();
	folio_put(page_folio(page));
	local_irq_enable();
	err = alloc_contig_range(pfn, pfn + pageblock_nr_pages, MIGRATE_MOVABLE, GFP_KERNEL);
	release_worker();
	KUNIT_ASSERT_EQ(test, err, 0);
	ut_expect_mapped(test, page, pageblock_order);
	free_contig_range(pfn, pageblock_nr_pages);
}

/* Section: isolation */

static bool on_list(struct page *page, unsigned int order, freetype_t freetype)
{
	struct list_head *list = &ut_zone->free_area[order].free_list[freetype_idx(freetype)];
	struct page *entry;
	unsigned long flags;
	bool found = false;

	spin_lock_irqsave(&ut_zone->lock, flags);
	list_for_each_entry(entry, list, buddy_list) {
		found = entry == page;
		if (found)
			break;
	}
	spin_unlock_irqrestore(&ut_zone->lock, flags);
	return found;
}

/* An isolated unmapped block stays unmapped, serves nobody, and comes back. */
static void test_isolate_block(struct kunit *test)
{
	struct page *page = ut_get_free_block(test), *other;
	unsigned long pfn = page_to_pfn(page);
	unsigned long end_pfn = pfn + pageblock_nr_pages;

	KUNIT_ASSERT_EQ(test, 0, start_isolate_page_range(pfn, end_pfn, MIGRATE_MOVABLE, 0,
							  GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, on_list(page, pageblock_order, unmapped_ft(ISOLATE)));
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), 0);
	KUNIT_EXPECT_NULL(test, ut_alloc(GFP_ATOMIC, 0));
	KUNIT_EXPECT_FALSE(test, unmapped_take_back(ut_zone, UNMAPPED_BACK_REQUEST));
	ut_expect_freed(test, page, pageblock_order);
	other = ut_alloc(GFP_USER, pageblock_order);
	KUNIT_EXPECT_PTR_NE(test, other, page);
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);

	undo_isolate_page_range(pfn, end_pfn, MIGRATE_MOVABLE);
	KUNIT_EXPECT_TRUE(test, on_list(page, pageblock_order, unmapped_ft(MOVABLE)));
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), pageblock_nr_pages);
	ut_expect_freed(test, page, pageblock_order);
	if (other)
		__free_pages(other, pageblock_order);
}

/* Pages that are freed while their block is isolated */
static void test_isolate_partly_used(struct kunit *test)
{
	struct page *page = ut_get(test, GFP_USER, 0);
	unsigned long pfn = pageblock_start_pfn(page_to_pfn(page));
	unsigned long end_pfn = pfn + pageblock_nr_pages;
	int err;

	ut_fill(test, page, 0);
	/* Pages in use that cannot move are a reason to refuse */
	err = start_isolate_page_range(pfn, end_pfn, MIGRATE_MOVABLE, 0, GFP_KERNEL);
	if (!err) {
		ut_put(test, page);
		ut_expect_freed(test, page, 0);
		KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
		undo_isolate_page_range(pfn, end_pfn, MIGRATE_MOVABLE);
	} else {
		KUNIT_EXPECT_EQ(test, err, -EBUSY);
		ut_put(test, page);
	}
	ut_expect_freed(test, pfn_to_page(pfn), pageblock_order);
}

/* Section: reserves and watermarks */

static struct zone *node_zone(int idx)
{
	return &NODE_DATA(zone_to_nid(ut_zone))->node_zones[idx];
}

struct marks {
	unsigned long low[MAX_NR_ZONES], high[MAX_NR_ZONES];
};

/*
 * Make the zones of the node look short to all but the reserves: the tested one has
 * @mark as its low and high watermark, the others what they never meet.
 */
static void raise_marks(struct marks *marks, unsigned long mark)
{
	struct zone *zone;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		zone = node_zone(i);
		marks->low[i] = zone->_watermark[WMARK_LOW];
		marks->high[i] = zone->_watermark[WMARK_HIGH];
		WRITE_ONCE(zone->_watermark[WMARK_LOW], zone == ut_zone ? mark : LONG_MAX / 2);
		WRITE_ONCE(zone->_watermark[WMARK_HIGH], zone == ut_zone ? mark : LONG_MAX / 2);
	}
}

/* Does this daemon of the node sleep, and has nobody asked for it since it fell asleep? */
static bool kswapd_rests(pg_data_t *pgdat)
{
	/* A look, as those take who wake it; it pairs with nothing */
	return waitqueue_active(&pgdat->kswapd_wait) &&
	       READ_ONCE(pgdat->kswapd_highest_zoneidx) == MAX_NR_ZONES;
}

static bool wait_for_rest(bool (*rests)(pg_data_t *pgdat))
{
	bool done;

	return !read_poll_timeout(rests, done, done, SLEEP_POLL_US, SLEEP_TIMEOUT_US, false,
				  ut_zone->zone_pgdat);
}

static void restore_marks(const struct marks *marks)
{
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		WRITE_ONCE(node_zone(i)->_watermark[WMARK_LOW], marks->low[i]);
		WRITE_ONCE(node_zone(i)->_watermark[WMARK_HIGH], marks->high[i]);
	}
}

/* kswapd, which they woke, would map back what the next test leaves unmapped. */
static void restore_marks_and_wait(const struct marks *marks)
{
	restore_marks(marks);
	wait_for_rest(kswapd_rests);
}

static unsigned long nr_reserved(void)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		sum += node_zone(i)->nr_reserved_highatomic;
	return sum;
}

static bool is_highatomic(struct page *page)
{
	return is_migrate_highatomic(get_pageblock_migratetype(page));
}

/*
 * An atomic request that finds the zone short reserves the block that it got its pages
 * from: a mapped one. Unmapped requests reserve none.
 */
static void test_highatomic(struct kunit *test)
{
	struct page *keeper = ut_get(test, GFP_USER, 0), *mapped, *unmapped;
	unsigned long reserved, reserved_after;
	struct marks marks;

	/* No whole unmapped block is free, for kswapd to map back */
	raise_marks(&marks, LONG_MAX / 2);
	mapped = alloc_pages_node(zone_to_nid(ut_zone), GFP_ATOMIC | __GFP_NOWARN, 1);
	reserved = nr_reserved();
	unmapped = ut_alloc(GFP_ATOMIC, 1);
	reserved_after = nr_reserved();
	restore_marks_and_wait(&marks);

	KUNIT_EXPECT_GE(test, reserved, pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, reserved_after, reserved);
	KUNIT_EXPECT_NOT_NULL(test, unmapped);
	if (unmapped) {
		KUNIT_EXPECT_EQ(test, pageblock_start_pfn(page_to_pfn(unmapped)),
				pageblock_start_pfn(page_to_pfn(keeper)));
		KUNIT_EXPECT_FALSE(test, is_highatomic(unmapped));
		ut_expect_absent(test, unmapped, 1);
		__free_pages(unmapped, 1);
	}
	KUNIT_ASSERT_NOT_NULL(test, mapped);
	KUNIT_EXPECT_TRUE(test, is_highatomic(mapped));
	KUNIT_EXPECT_FALSE(test, page_unmapped(mapped));
	__free_pages(mapped, 1);
}

/* What is reserved serves no unmapped request, not even of one who may have all. */
static void test_highatomic_refused(struct kunit *test)
{
	struct page *page = NULL;
	struct marks marks;
	unsigned int noreclaim;
	int i;

	/* Whoever else allocates under such marks may dissolve the reserve again */
	for (i = 0; i < 16 && !(page && page_zone(page)->nr_free_highatomic); i++) {
		if (page)
			__free_pages(page, 1);
		raise_marks(&marks, LONG_MAX / 2);
		page = alloc_pages_node(zone_to_nid(ut_zone), GFP_ATOMIC | __GFP_NOWARN, 1);
		restore_marks_and_wait(&marks);
	}
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, is_highatomic(page));
	KUNIT_EXPECT_GT(test, READ_ONCE(page_zone(page)->nr_free_highatomic), 0);
	KUNIT_EXPECT_NULL(test, ut_alloc(GFP_ATOMIC, 0));
	noreclaim = memalloc_noreclaim_save();
	KUNIT_EXPECT_NULL(test, ut_alloc(GFP_ATOMIC | __GFP_MEMALLOC, 0));
	memalloc_noreclaim_restore(noreclaim);
	__free_pages(page, 1);
}

/*
 * Free the page that its block lacks, with the watermarks at @mark. Nobody else on
 * this CPU comes in between, who would wake kswapd as well.
 */
static bool free_wakes_kswapd(struct page *page, unsigned long mark)
{
	pg_data_t *pgdat = ut_zone->zone_pgdat;
	struct marks marks;
	bool woken;

	local_irq_disable();
	raise_marks(&marks, mark);
	__free_page(page);
	woken = READ_ONCE(pgdat->kswapd_highest_zoneidx) != MAX_NR_ZONES;
	restore_marks(&marks);
	local_irq_enable();
	return woken;
}

/*
 * Whoever may not block cannot take back: kswapd does, once there is a whole block and
 * the zone is short, also if it has given up before; not where it is not.
 */
static void test_freed_wakes_kswapd(struct kunit *test)
{
	const unsigned long marks[] = { 0, LONG_MAX / 2 };
	pg_data_t *pgdat = ut_zone->zone_pgdat;
	struct page *page;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		KUNIT_ASSERT_TRUE(test, ut_go_cold());
		page = ut_alloc(GFP_USER, 0);
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), pageblock_nr_pages - 1);
		KUNIT_ASSERT_TRUE(test, wait_for_rest(kswapd_rests));
		WRITE_ONCE(pgdat->kswapd_failures, MAX_RECLAIM_RETRIES);
		KUNIT_EXPECT_EQ(test, free_wakes_kswapd(page, marks[i]), i == 1);
		KUNIT_EXPECT_EQ(test, READ_ONCE(pgdat->kswapd_failures) == 0, i == 1);
		KUNIT_EXPECT_TRUE(test, wait_for_rest(kswapd_rests));
		WRITE_ONCE(pgdat->kswapd_failures, 0);
	}
}

/* kswapd has a zone that lacks a block, and nothing else to do. */
static void short_of_a_block(void)
{
	struct marks marks;

	drain_all_pages(NULL);
	raise_marks(&marks, zone_page_state_snapshot(ut_zone, NR_FREE_PAGES) -
		    zone_free_unmapped(ut_zone) + pageblock_nr_pages);
	wakeup_kswapd(ut_zone, GFP_KERNEL, 0, zone_idx(ut_zone));
	wait_for_rest(kswapd_rests);
	restore_marks(&marks);
}

/* kswapd maps back before it reclaims, and then what it failed at does not count. */
static void test_kswapd_takes_back(struct kunit *test)
{
	unsigned long nr_stolen = ut_nr_events(PGSTEAL_KSWAPD);
	pg_data_t *pgdat = ut_zone->zone_pgdat;
	/* More than it lacks: others may take a little meanwhile */
	struct page *blocks[4];
	int i;

	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = ut_get(test, GFP_USER, pageblock_order);
	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		ut_put(test, blocks[i]);
	KUNIT_ASSERT_EQ(test, zone_free_unmapped(ut_zone),
			ARRAY_SIZE(blocks) * pageblock_nr_pages);
	KUNIT_ASSERT_TRUE(test, wait_for_rest(kswapd_rests));
	WRITE_ONCE(pgdat->kswapd_failures, MAX_RECLAIM_RETRIES - 1);
	/* Whoever frees that much meanwhile leaves kswapd nothing to do */
	for (i = 0; i < 16 && zone_free_unmapped(ut_zone); i++)
		short_of_a_block();
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), 0);
	/* It begins anew with counting */
	KUNIT_EXPECT_LT(test, READ_ONCE(pgdat->kswapd_failures), MAX_RECLAIM_RETRIES - 1);
	KUNIT_EXPECT_EQ(test, ut_nr_events(PGSTEAL_KSWAPD), nr_stolen);
	WRITE_ONCE(pgdat->kswapd_failures, 0);
}

/*
 * Nobody is killed for want of a block that is free but for a page that a CPU keeps;
 * only whoever cannot have the zone may be.
 */
static void test_take_back_before_oom(struct kunit *test)
{
	struct alloc_context ac = {
		.zonelist = node_zonelist(zone_to_nid(ut_zone), GFP_KERNEL),
		.highest_zoneidx = gfp_zone(GFP_KERNEL),
	};
	struct alloc_context lower = {
		.zonelist = ac.zonelist,
		.highest_zoneidx = zone_idx(ut_zone) - 1,
	};
	struct page *page = ut_get(test, GFP_USER | __GFP_MOVABLE, 0);

	ut_put(test, page);
	KUNIT_EXPECT_LT(test, zone_free_unmapped(ut_zone), pageblock_nr_pages);
	KUNIT_EXPECT_TRUE(test, unmapped_take_back_zonelist(GFP_KERNEL, 0, &ac));
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), 0);

	ut_get_free_block(test);
	KUNIT_EXPECT_FALSE(test, unmapped_take_back_zonelist(GFP_KERNEL, 0, &lower));
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), pageblock_nr_pages);
}

/* Section: reads across the end of memory that is present */

static void free_pages_of_block(struct page *page)
{
	unsigned int i;

	for (i = 0; i < pageblock_nr_pages; i++)
		__free_page(page + i);
}

/*
 * String functions read whole words, past the end of a string into the page behind
 * it. A block that is absent there gives zeroes, and the bytes before it come.
 */
static void test_zeropad(struct kunit *test)
{
	struct page *before = ut_alloc(GFP_USER, pageblock_order + 1);
	unsigned long pfn, word;
	struct page *page;
	unsigned int i;
	u8 *end;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, before);
	split_page(before, pageblock_order + 1);
	page = before + pageblock_nr_pages;
	pfn = page_to_pfn(page);
	end = page_address(page);
	/* Zeroes must not come from the block itself */
	ut_fill(test, page, 0);
	free_pages_of_block(before);
	ut_go_cold();
	err = alloc_contig_range(pfn - 1, pfn, MIGRATE_MOVABLE, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, err, 0);
	if (!err) {
		memset(end - sizeof(word), 0xff, sizeof(word));
		for (i = 1; i < sizeof(word); i++) {
			word = load_unaligned_zeropad(end - i);
			KUNIT_EXPECT_EQ(test, word, BIT(BITS_PER_BYTE * i) - 1);
		}
		free_contig_range(pfn - 1, 1);
	}
	free_pages_of_block(page);
}

/* Section: memory that is free in pieces */

#ifdef CONFIG_COMPACTION
/*
 * Keep a page of each whole free block of the node, one that cannot move, and free the
 * others: with a second reference on its first page a block is freed but for that.
 */
static void break_free_blocks(struct list_head *kept)
{
	const gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) | __GFP_THISNODE | __GFP_NOWARN;
	struct page *page;

	while ((page = alloc_pages_node(zone_to_nid(ut_zone), gfp, pageblock_order))) {
		get_page(page);
		__free_pages(page, pageblock_order);
		list_add(&page->lru, kept);
		cond_resched();
	}
}

/* With a drain: pages that CPUs keep would leave the blocks in pieces, for later tests too */
static void free_kept(struct list_head *kept)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, kept, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
	drain_all_pages(NULL);
}

/* Has kcompactd begun to work since then, or was it at least told to? */
static bool kcompactd_was_woken(unsigned long nr_wakes)
{
	return READ_ONCE(ut_zone->zone_pgdat->kcompactd_max_order) ||
	       ut_nr_events(KCOMPACTD_WAKE) != nr_wakes;
}

static bool kcompactd_rests(pg_data_t *pgdat)
{
	/* As above */
	return waitqueue_active(&pgdat->kcompactd_wait) &&
	       !READ_ONCE(pgdat->kcompactd_max_order);
}

/*
 * A request that finds no whole block, where memory is free, wakes kcompactd to make
 * some, and not kswapd, which would reclaim; one that finds a block wakes neither.
 */
static void test_pieces_wake_kcompactd(struct kunit *test)
{
	unsigned long nr_wakes, nr_rounds;
	struct page *page;
	LIST_HEAD(kept);
	bool woken;

	KUNIT_ASSERT_TRUE(test, wait_for_rest(kcompactd_rests));
	KUNIT_ASSERT_TRUE(test, wait_for_rest(kswapd_rests));
	nr_wakes = ut_nr_events(KCOMPACTD_WAKE);
	page = ut_get(test, GFP_USER, 0);
	KUNIT_EXPECT_FALSE(test, kcompactd_was_woken(nr_wakes));
	ut_put(test, page);
	KUNIT_ASSERT_TRUE(test, ut_go_cold());

	break_free_blocks(&kept);
	nr_wakes = ut_nr_events(KCOMPACTD_WAKE);
	nr_rounds = ut_nr_events(PAGEOUTRUN);
	page = ut_alloc(GFP_USER, 0);
	woken = kcompactd_was_woken(nr_wakes);
	if (page)
		__free_page(page);
	free_kept(&kept);

	KUNIT_EXPECT_TRUE(test, woken);
	KUNIT_EXPECT_TRUE(test, wait_for_rest(kcompactd_rests));
	KUNIT_EXPECT_NE(test, ut_nr_events(KCOMPACTD_WAKE), nr_wakes);
	KUNIT_EXPECT_TRUE(test, wait_for_rest(kswapd_rests));
	KUNIT_EXPECT_EQ(test, ut_nr_events(PAGEOUTRUN), nr_rounds);
}
#endif

/* Section: capture by compaction */

#ifdef CONFIG_COMPACTION
/* What a task that compacts for a request captures of the pages that it frees */
static bool captures(struct page *page, unsigned int order, gfp_t gfp)
{
	struct compact_control cc = {
		.zone = page_zone(page),
		.order = order,
		.gfp_mask = gfp,
		.migratetype = MIGRATE_MOVABLE,
	};
	struct capture_control capc = { .cc = &cc };
	unsigned long flags;

	/* Kernel threads do not capture: for a moment this is none. */
	preempt_disable();
	current->flags &= ~PF_KTHREAD;
	WRITE_ONCE(current->capture_control, &capc);
	__free_pages(page, order);
	WRITE_ONCE(current->capture_control, NULL);
	current->flags |= PF_KTHREAD;
	preempt_enable();

	if (!capc.page)
		return false;
	spin_lock_irqsave(&cc.zone->lock, flags);
	__give_free_pages(cc.zone, capc.page, order, false);
	spin_unlock_irqrestore(&cc.zone->lock, flags);
	return true;
}

static void test_capture(struct kunit *test)
{
	struct page *page;

	/* Order 4 has no per-CPU list. First what stock does. */
	page = alloc_pages(GFP_KERNEL, 4);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, captures(page, 4, GFP_KERNEL));
	page = alloc_pages(GFP_KERNEL, 4);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_FALSE(test, captures(page, 4, GFP_KERNEL | __GFP_UNMAPPED));
	page = ut_alloc(GFP_USER, 4);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_FALSE(test, captures(page, 4, GFP_KERNEL));
	ut_expect_freed(test, page, 4);
	page = ut_alloc(GFP_USER, 4);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_FALSE(test, captures(page, 4, GFP_KERNEL | __GFP_UNMAPPED));
	ut_expect_freed(test, page, 4);
}
#endif

/* Section: memory failure */

#ifdef CONFIG_MEMORY_FAILURE
/* A poisoned page stays absent when its block has to be mapped back. */
static void test_range_poisoned(struct kunit *test)
{
	struct page *page = ut_alloc(GFP_USER, pageblock_order), *poisoned;
	unsigned long pfn;

	KUNIT_ASSERT_NOT_NULL(test, page);
	poisoned = page + 99;
	pfn = page_to_pfn(page);
	SetPageHWPoison(poisoned);
	/* As whoever isolated it has it: nobody uses it */
	set_page_count(page, 0);
	unmapped_map_back_range(pfn, pfn + pageblock_nr_pages);
	set_page_count(page, 1);
	KUNIT_EXPECT_FALSE(test, page_unmapped(page));
	KUNIT_EXPECT_EQ(test, ut_nr_readable(page, pageblock_order), pageblock_nr_pages - 1);
	KUNIT_EXPECT_EQ(test, ut_nr_readable(poisoned, 0), 0);
	ClearPageHWPoison(poisoned);
	arch_map_block(pfn);
	ut_expect_mapped(test, page, pageblock_order);
	__free_pages(page, pageblock_order);
}

/*
 * Memory failure marks a free page before it takes it off its list. Who takes
 * the block in between leaves it absent, and the page alone; it stays in pieces.
 */
static void test_take_back_poisoned(struct kunit *test)
{
	struct page *page = ut_get_free_block(test), *poisoned = page + 99;
	bool taken;

	SetPageHWPoison(poisoned);
	taken = unmapped_take_back(ut_zone, UNMAPPED_BACK_REQUEST);
	KUNIT_EXPECT_FALSE(test, taken);
	KUNIT_EXPECT_TRUE(test, page_unmapped(page));
	KUNIT_EXPECT_EQ(test, ut_nr_readable(page, pageblock_order), 0);
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), pageblock_nr_pages - 1);
	KUNIT_EXPECT_EQ(test, page_count(poisoned), 1);
	KUNIT_EXPECT_FALSE(test, ut_go_cold());
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);

	ClearPageHWPoison(poisoned);
	if (taken)
		return;
	__free_page(poisoned);
	ut_expect_freed(test, page, pageblock_order);
}

/*
 * A flip that meets such a page leaves its block alone and takes another one: the
 * page is out of use, the others are free, and all of them present.
 */
static void test_flip_poisoned(struct kunit *test)
{
	unsigned long nr_failed = ut_nr_events(UNMAPPED_FLIP_FAIL_POISON);
	unsigned long pfn = unmapped_next_blocks(ut_zone, pageblock_order, MIGRATE_UNMOVABLE);
	struct page *block = pfn_to_page(pfn), *poisoned = block + 99, *page;

	KUNIT_ASSERT_NE(test, pfn, 0);
	SetPageHWPoison(poisoned);
	page = ut_alloc(GFP_USER, 0);
	KUNIT_EXPECT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_FLIP_FAIL_POISON), nr_failed + 1);
	KUNIT_EXPECT_FALSE(test, page_unmapped(block));
	KUNIT_EXPECT_EQ(test, ut_nr_readable(block, pageblock_order), pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, page_count(poisoned), 1);
	KUNIT_EXPECT_GE(test, ut_free_order(block), 0);
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);

	ClearPageHWPoison(poisoned);
	if (page_count(poisoned))
		__free_page(poisoned);
	if (page)
		__free_page(page);
}

/* A poisoned page neither gets cleared nor comes back to a list. */
static void test_free_poisoned(struct kunit *test)
{
	struct page *page = ut_alloc(GFP_USER, 0);

	KUNIT_ASSERT_NOT_NULL(test, page);
	ut_fill(test, page, 0);
	SetPageHWPoison(page);
	__free_page(page);
	KUNIT_EXPECT_LT(test, ut_free_order(page), 0);
	KUNIT_EXPECT_EQ(test, ut_nr_readable(page, 0), 0);
	KUNIT_EXPECT_FALSE(test, ut_go_cold());
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);

	/* The end of the poison, which the machine itself never sees */
	ClearPageHWPoison(page);
	set_page_count(page, 1);
	__free_page(page);
	ut_expect_freed(test, page, 0);
}
#endif

/* Section: the suite */

static struct kunit_case unmapped_paths_test_cases[] = {
	KUNIT_CASE(test_defer_orders),
	KUNIT_CASE(test_defer_compound),
	KUNIT_CASE(test_defer_drain_any),
	KUNIT_CASE(test_defer_cpu_hotplug),
	KUNIT_CASE(test_defer_offline),
	KUNIT_CASE(test_defer_isolated),
	KUNIT_CASE(test_defer_contig_range),
	KUNIT_CASE(test_defer_contig_compound),
	KUNIT_CASE(test_isolate_block),
	KUNIT_CASE(test_isolate_partly_used),
	KUNIT_CASE(test_highatomic),
	KUNIT_CASE(test_highatomic_refused),
	KUNIT_CASE(test_freed_wakes_kswapd),
	KUNIT_CASE(test_kswapd_takes_back),
	KUNIT_CASE(test_take_back_before_oom),
	KUNIT_CASE(test_zeropad),
#ifdef CONFIG_COMPACTION
	KUNIT_CASE_SLOW(test_pieces_wake_kcompactd),
	KUNIT_CASE(test_capture),
#endif
#ifdef CONFIG_MEMORY_FAILURE
	KUNIT_CASE(test_range_poisoned),
	KUNIT_CASE(test_take_back_poisoned),
	KUNIT_CASE(test_flip_poisoned),
	KUNIT_CASE(test_free_poisoned),
#endif
	{}
};

static struct kunit_suite unmapped_paths_test_suite = {
	.name = "unmapped_paths",
	.init = ut_init,
	.exit = ut_exit,
	.test_cases = unmapped_paths_test_cases,
};

kunit_test_suite(unmapped_paths_test_suite);

MODULE_DESCRIPTION("Tests of paths that meet unmapped pages");
MODULE_LICENSE("GPL");
