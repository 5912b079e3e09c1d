// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of unmapped pages: the free ones that CPUs keep, and frees in batches.
 * See unmapped_kunit.h. Each test stays on one CPU.
 */
#include <kunit/test.h>
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/mermap.h>
#include <linux/page-isolation.h>
#include <linux/pagevec.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "internal.h"
#include "unmapped_kunit.h"

#define NR_PAGES	64
#define GFP_KEPT	(GFP_USER | __GFP_MOVABLE)

/* Section: helpers */

static struct page *sought;
static bool found;

static void seek_page(struct page *page)
{
	found |= page == sought;
}

static unsigned int nr_kept(void)
{
	return unmapped_pcp_for_each(seek_page);
}

static bool is_kept(struct page *page)
{
	sought = page;
	found = false;
	unmapped_pcp_for_each(seek_page);
	return found;
}

/* A page that this CPU keeps, and fifteen more of its block */
static struct page *get_kept(struct kunit *test)
{
	struct page *page = ut_alloc(GFP_KEPT, 0);

	KUNIT_ASSERT_NOT_NULL(test, page);
	ut_fill(test, page, 0);
	__free_page(page);
	KUNIT_EXPECT_TRUE(test, is_kept(page));
	KUNIT_EXPECT_PTR_EQ(test, page_zone(page), ut_zone);
	return page;
}

static struct page *block_of(struct page *page)
{
	return pfn_to_page(pageblock_start_pfn(page_to_pfn(page)));
}

static void get_pages(struct kunit *test, struct page **pages, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		pages[i] = ut_alloc(GFP_KEPT, 0);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
	}
}

/* Section: keeping */

static void test_put_get(struct kunit *test)
{
	struct page *page = get_kept(test);

	KUNIT_EXPECT_EQ(test, nr_kept(), UNMAPPED_PCP_PAGES);
	KUNIT_EXPECT_LT(test, ut_free_order(page), 0);
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone),
			pageblock_nr_pages - UNMAPPED_PCP_PAGES);
	ut_expect_freed(test, page, 0);
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);

	KUNIT_EXPECT_PTR_EQ(test, ut_alloc(GFP_KEPT, 0), page);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	KUNIT_EXPECT_EQ(test, nr_kept(), UNMAPPED_PCP_PAGES - 1);
	__free_page(page);
}

/* A CPU keeps no more than it should; a drain leaves nothing. */
static void test_bound_and_drain(struct kunit *test)
{
	struct page *pages[NR_PAGES];
	unsigned int i;

	get_pages(test, pages, NR_PAGES);
	for (i = 0; i < NR_PAGES; i++)
		__free_page(pages[i]);
	KUNIT_EXPECT_EQ(test, nr_kept(), UNMAPPED_PCP_PAGES);
	KUNIT_EXPECT_TRUE(test, unmapped_pcp_drain());
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	KUNIT_EXPECT_EQ(test, ut_free_order(block_of(pages[0])), pageblock_order);
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), pageblock_nr_pages);
	KUNIT_EXPECT_FALSE(test, unmapped_pcp_drain());
}

/* Pages of unmovable blocks and larger ones go by the lists. */
static void test_not_kept(struct kunit *test)
{
	static const gfp_t gfps[] = { GFP_USER, GFP_KEPT };
	struct page *page;
	unsigned int order;

	for (order = 0; order < ARRAY_SIZE(gfps); order++) {
		KUNIT_ASSERT_TRUE(test, ut_go_cold());
		page = ut_alloc(gfps[order], order);
		KUNIT_ASSERT_NOT_NULL(test, page);
		__free_pages(page, order);
		KUNIT_EXPECT_EQ(test, nr_kept(), 0);
		KUNIT_EXPECT_EQ(test, ut_free_order(block_of(page)), pageblock_order);
	}
}

/* Single pages are taken before whole blocks are cut. */
static void test_smallest_first(struct kunit *test)
{
	struct page *pages[NR_PAGES];
	unsigned int i;

	get_pages(test, pages, NR_PAGES);
	unmapped_pcp_drain();
	__free_page(pages[5]);
	__free_page(pages[20]);
	unmapped_pcp_drain();
	KUNIT_EXPECT_EQ(test, ut_free_order(pages[5]), 0);
	KUNIT_EXPECT_EQ(test, ut_free_order(pages[20]), 0);
	get_kept(test);
	KUNIT_EXPECT_TRUE(test, is_kept(pages[5]));
	KUNIT_EXPECT_TRUE(test, is_kept(pages[20]));
	for (i = 0; i < NR_PAGES; i++) {
		if (page_count(pages[i]))
			__free_page(pages[i]);
	}
}

struct irq_job {
	struct irq_work work;
	struct page *page;
};

static void free_and_get(struct irq_work *work)
{
	struct irq_job *job = container_of(work, struct irq_job, work);

	__free_page(job->page);
	job->page = ut_alloc(GFP_ATOMIC | __GFP_MOVABLE, 0);
}

static void test_hardirq(struct kunit *test)
{
	struct page *page = ut_alloc(GFP_KEPT, 0);
	struct irq_job job = { .work = IRQ_WORK_INIT_HARD(free_and_get), .page = page };

	KUNIT_ASSERT_NOT_NULL(test, page);
	ut_fill(test, page, 0);
	irq_work_queue(&job.work);
	irq_work_sync(&job.work);
	KUNIT_EXPECT_PTR_EQ(test, job.page, page);
	KUNIT_ASSERT_NOT_NULL(test, job.page);
	KUNIT_EXPECT_TRUE(test, ut_pages_hold(job.page, 0, 0));
	__free_page(job.page);
}

/* Section: who wants whole blocks */

static void test_take_back(struct kunit *test)
{
	struct page *page = get_kept(test);

	KUNIT_EXPECT_TRUE(test, unmapped_take_back(ut_zone, UNMAPPED_BACK_REQUEST));
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	ut_expect_mapped(test, block_of(page), pageblock_order);
}

static void test_contig_range(struct kunit *test)
{
	struct page *block = block_of(get_kept(test));
	unsigned long pfn = page_to_pfn(block);

	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(pfn, pfn + pageblock_nr_pages,
						    MIGRATE_MOVABLE, GFP_KERNEL));
	ut_expect_mapped(test, block, pageblock_order);
	free_contig_range(pfn, pageblock_nr_pages);
}

/* As memory offline does: nothing is kept before that is over. */
static void test_pcp_disabled(struct kunit *test)
{
	struct page *page;

	get_kept(test);
	zone_pcp_disable(ut_zone);
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	page = ut_alloc(GFP_KEPT, 0);
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	if (page)
		__free_page(page);
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	zone_pcp_enable(ut_zone);
	get_kept(test);
}

/* While flips are forbidden, blocks are to become whole, and so to be mapped. */
static void test_flips_forbidden(struct kunit *test)
{
	struct page *page = ut_alloc(GFP_KEPT, 0), *other;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_GT(test, nr_kept(), 0);
	KUNIT_EXPECT_FALSE(test, unmapped_flips_stop(UNMAPPED_BACK_SWITCH));
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	other = ut_alloc(GFP_KEPT, 0);
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	__free_page(page);
	if (other)
		__free_page(other);
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	KUNIT_EXPECT_TRUE(test, unmapped_flips_stop(UNMAPPED_BACK_SWITCH));
	unmapped_flips_start();
}

static void test_isolated_while_kept(struct kunit *test)
{
	struct page *page = get_kept(test), *other;
	unsigned long pfn = pageblock_start_pfn(page_to_pfn(page));
	unsigned long end_pfn = pfn + pageblock_nr_pages;

	KUNIT_ASSERT_EQ(test, 0, start_isolate_page_range(pfn, end_pfn, MIGRATE_MOVABLE, 0,
							  GFP_KERNEL));
	KUNIT_EXPECT_NE(test, 0, test_pages_isolated(pfn, end_pfn, 0));
	drain_all_pages(ut_zone);
	KUNIT_EXPECT_EQ(test, 0, test_pages_isolated(pfn, end_pfn, 0));
	other = ut_alloc(GFP_KEPT, 0);
	if (other) {
		KUNIT_EXPECT_PTR_NE(test, block_of(other), block_of(page));
		__free_page(other);
	}
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
	undo_isolate_page_range(pfn, end_pfn, MIGRATE_MOVABLE);
}

/* A page in use whose block is isolated meanwhile. No page of it is free before. */
static void test_isolated_while_used(struct kunit *test)
{
	struct page *page = ut_alloc(GFP_KEPT, pageblock_order);
	unsigned long i, flags, pfn;

	KUNIT_ASSERT_NOT_NULL(test, page);
	pfn = page_to_pfn(page);
	split_page(page, pageblock_order);
	spin_lock_irqsave(&ut_zone->lock, flags);
	set_pageblock_migratetype(page, MIGRATE_ISOLATE);
	ut_zone->nr_isolate_pageblock++;
	spin_unlock_irqrestore(&ut_zone->lock, flags);
	for (i = 0; i < pageblock_nr_pages; i++)
		__free_page(page + i);
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	KUNIT_EXPECT_EQ(test, ut_free_order(page), pageblock_order);
	undo_isolate_page_range(pfn, pfn + pageblock_nr_pages, MIGRATE_MOVABLE);
}

static void keep_on_this_cpu(void *data)
{
	struct page *page = ut_alloc(GFP_ATOMIC | __GFP_MOVABLE, 0);

	if (page)
		__free_page(page);
}

static void test_cpu_offline(struct kunit *test)
{
#ifdef CONFIG_HOTPLUG_CPU
	int cpu;

	for_each_online_cpu(cpu) {
		if (cpu_is_hotpluggable(cpu) && cpu != raw_smp_processor_id())
			break;
	}
	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "no CPU that can go offline");
	get_kept(test);
	smp_call_function_single(cpu, keep_on_this_cpu, NULL, true);
	KUNIT_EXPECT_EQ(test, nr_kept(), 2 * UNMAPPED_PCP_PAGES);
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	KUNIT_EXPECT_EQ(test, nr_kept(), 0);
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
#else
	kunit_skip(test, "CPUs cannot go offline");
#endif
}

/* Section: faults */

#ifdef CONFIG_MEMORY_FAILURE
/* Poisoned between its free and its next use; of two, one is to be handed out. */
static void test_poisoned(struct kunit *test)
{
	struct page *page = get_kept(test), *other;

	SetPageHWPoison(page);
	other = ut_alloc(GFP_KEPT, 0);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_PTR_NE(test, other, page);
	KUNIT_EXPECT_FALSE(test, is_kept(page));
	KUNIT_EXPECT_PTR_EQ(test, block_of(other), block_of(page));
	__free_page(other);
	SetPageHWPoison(other);
	unmapped_pcp_drain();
	KUNIT_EXPECT_LT(test, ut_free_order(other), 0);
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), pageblock_nr_pages - 2);

	ClearPageHWPoison(page);
	ClearPageHWPoison(other);
	set_page_count(page, 1);
	set_page_count(other, 1);
	__free_page(page);
	__free_page(other);
}
#endif

/* The validator sees a page that was not cleared. */
static void test_validator(struct kunit *test)
{
	struct page *page = get_kept(test);
	const u8 byte = 1;

	KUNIT_ASSERT_TRUE(test, mermap_copy_to(page, 99, &byte, 1));
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 1);
	KUNIT_ASSERT_TRUE(test, mermap_clear_pages(page, 1));
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
}

/* Section: batches */

/* Free every @step-th of the pages at once, forwards or backwards. */
static void free_batch(struct page **pages, unsigned int step, bool backwards)
{
	struct folio_batch batch;
	unsigned int i;

	folio_batch_init(&batch);
	for (i = 0; i < PAGEVEC_SIZE; i += step) {
		struct page *page = pages[backwards ? PAGEVEC_SIZE - 1 - i : i];

		if (page && put_page_testzero(page))
			folio_batch_add(&batch, page_folio(page));
	}
	free_unref_folios(&batch);
}

/* However pages come, and whatever neighbours they have, all are free in the end. */
static void test_batches(struct kunit *test)
{
	static const unsigned int steps[] = { 1, 2, 3, 7 };
	struct page *pages[PAGEVEC_SIZE];
	unsigned int i, j;

	for (i = 0; i < 2 * ARRAY_SIZE(steps); i++) {
		unsigned int step = steps[i / 2];

		get_pages(test, pages, PAGEVEC_SIZE);
		for (j = 0; j < PAGEVEC_SIZE; j++)
			ut_fill(test, pages[j], 0);
		free_batch(pages, step, i % 2);
		KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
		for (j = 0; j < PAGEVEC_SIZE; j++) {
			unsigned int place = i % 2 ? PAGEVEC_SIZE - 1 - j : j;

			if (place % step)
				__free_page(pages[j]);
		}
		unmapped_pcp_drain();
		KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), pageblock_nr_pages);
		KUNIT_EXPECT_EQ(test, ut_free_order(block_of(pages[0])), pageblock_order);
		ut_expect_freed(test, block_of(pages[0]), pageblock_order);
	}
}

/* Section: the suite */

static int init_on_one_cpu(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current,
						      cpumask_of(raw_smp_processor_id())));
	return ut_init(test);
}

static struct kunit_case unmapped_pcp_test_cases[] = {
	KUNIT_CASE(test_put_get),
	KUNIT_CASE(test_bound_and_drain),
	KUNIT_CASE(test_not_kept),
	KUNIT_CASE(test_smallest_first),
	KUNIT_CASE(test_hardirq),
	KUNIT_CASE(test_take_back),
	KUNIT_CASE(test_contig_range),
	KUNIT_CASE(test_pcp_disabled),
	KUNIT_CASE(test_flips_forbidden),
	KUNIT_CASE(test_isolated_while_kept),
	KUNIT_CASE(test_isolated_while_used),
	KUNIT_CASE(test_cpu_offline),
#ifdef CONFIG_MEMORY_FAILURE
	KUNIT_CASE(test_poisoned),
#endif
	KUNIT_CASE(test_validator),
	KUNIT_CASE(test_batches),
	{}
};

static struct kunit_suite unmapped_pcp_test_suite = {
	.name = "unmapped_pcp",
	.init = init_on_one_cpu,
	.exit = ut_exit,
	.test_cases = unmapped_pcp_test_cases,
};

kunit_test_suite(unmapped_pcp_test_suite);

MODULE_DESCRIPTION("Tests of free unmapped pages that CPUs keep");
MODULE_LICENSE("GPL");
