// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of unmapped pages: freetypes, allocation, freeing, ranges; and what
 * these tests share with those of unmapped_flip_kunit.c, see unmapped_kunit.h.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mermap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/unmapped.h>

#include "internal.h"
#include "unmapped_kunit.h"

#define FILL		0x5a

#define NR_BLOCKS	8
#define SLACK_PAGES	1024	/* what others allocate and free meanwhile */

struct zone *ut_zone;

/* Contents of a page. Tests run one at a time. */
static u8 contents[PAGE_SIZE];

/* Section: helpers */

struct page *ut_alloc(gfp_t gfp, unsigned int order)
{
	int nid = ut_zone ? zone_to_nid(ut_zone) : numa_mem_id();

	return alloc_pages_node(nid, gfp | __GFP_UNMAPPED | __GFP_NOWARN, order);
}

static void free_unmapped_pages(void *page)
{
	__free_pages(page, page_private((struct page *)page));
}

/* Pages that are freed when the test ends */
struct page *ut_get(struct kunit *test, gfp_t gfp, unsigned int order)
{
	struct page *page = ut_alloc(gfp, order);

	KUNIT_ASSERT_NOT_NULL_MSG(test, page, "order %u", order);
	set_page_private(page, order);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_unmapped_pages, page));
	return page;
}

void ut_put(struct kunit *test, struct page *page)
{
	kunit_release_action(test, free_unmapped_pages, page);
}

/* Map all free blocks back. Return false if unmapped pages are in use. */
bool ut_go_cold(void)
{
	bool cold = unmapped_flips_stop(UNMAPPED_BACK_SWITCH);

	unmapped_flips_start();
	return cold;
}

/* A whole free unmapped block, of type unmovable */
struct page *ut_get_free_block(struct kunit *test)
{
	struct page *page = ut_get(test, GFP_USER, pageblock_order);

	ut_put(test, page);
	return page;
}

unsigned int ut_nr_readable(struct page *page, unsigned int order)
{
	unsigned int i, nr = 0;
	unsigned long value;

	for (i = 0; i < 1U << order; i++)
		nr += !copy_from_kernel_nofault(&value, page_address(page + i),
						sizeof(value));
	return nr;
}

bool ut_pages_hold(struct page *page, unsigned int order, u8 byte)
{
	unsigned int i;

	for (i = 0; i < 1U << order; i++) {
		if (!mermap_copy_from(contents, page + i, 0, PAGE_SIZE) ||
		    memchr_inv(contents, byte, PAGE_SIZE))
			return false;
	}
	return true;
}

void ut_fill(struct kunit *test, struct page *page, unsigned int order)
{
	unsigned int i;

	memset(contents, FILL, PAGE_SIZE);
	for (i = 0; i < 1U << order; i++)
		KUNIT_ASSERT_TRUE(test, mermap_copy_to(page + i, 0, contents, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, ut_pages_hold(page, order, FILL));
}

static unsigned long mermap_pages(void)
{
	struct mermap_stats stats;
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		mermap_read_stats(cpu, &stats);
		sum += stats.pages;
	}
	return sum;
}

unsigned long ut_nr_events(enum vm_event_item item)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(vm_event_states, cpu).event[item];
	return sum;
}

static enum arch_block_state block_state(struct page *page)
{
	return arch_block_state(pageblock_start_pfn(page_to_pfn(page)));
}

/* Order of the free page that begins here, or -1 */
int ut_free_order(struct page *page)
{
	unsigned long flags;
	int order = -1;

	spin_lock_irqsave(&ut_zone->lock, flags);
	if (PageBuddy(page))
		order = buddy_order(page);
	spin_unlock_irqrestore(&ut_zone->lock, flags);
	return order;
}

void ut_expect_absent(struct kunit *test, struct page *page, unsigned int order)
{
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, page_unmapped(page));
	KUNIT_EXPECT_EQ(test, ut_nr_readable(page, order), 0);
	for (i = 0; i < 1U << order; i += pageblock_nr_pages)
		KUNIT_EXPECT_EQ(test, block_state(page + i), ARCH_BLOCK_UNMAPPED);
}

void ut_expect_mapped(struct kunit *test, struct page *page, unsigned int order)
{
	KUNIT_EXPECT_FALSE(test, page_unmapped(page));
	KUNIT_EXPECT_EQ(test, ut_nr_readable(page, order), 1U << order);
	KUNIT_EXPECT_EQ(test, block_state(page), ARCH_BLOCK_MAPPED);
}

/* Freed unmapped pages: free, absent and zero */
void ut_expect_freed(struct kunit *test, struct page *page, unsigned int order)
{
	KUNIT_EXPECT_EQ(test, page_count(page), 0);
	ut_expect_absent(test, page, order);
	KUNIT_EXPECT_TRUE(test, ut_pages_hold(page, order, 0));
}

/* Section: freetypes */

static bool type_mergeable(freetype_t freetype)
{
	return migratetype_is_mergeable(freetype_migratetype(freetype));
}

static void test_freetype_fields(struct kunit *test)
{
	static const int flags[] = { 0, FREETYPE_UNMAPPED };
	int mt, i, idx, next_idx = 0;
	freetype_t ft;

	KUNIT_EXPECT_EQ(test, FREETYPE_UNMAPPED & MIGRATETYPE_MASK, 0);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		for (mt = 0; mt < MIGRATE_TYPES; mt++) {
			ft = make_freetype(mt, flags[i]);
			idx = freetype_idx(ft);
			KUNIT_EXPECT_EQ(test, freetype_migratetype(ft), mt);
			KUNIT_EXPECT_EQ(test, freetype_flags(ft), flags[i]);
			KUNIT_EXPECT_EQ(test, freetype_unmapped(ft), i == 1);
			KUNIT_EXPECT_EQ(test, idx, next_idx++);
			KUNIT_EXPECT_NOT_NULL(test, freetype_name(idx));
			KUNIT_EXPECT_EQ(test, ft.bits & ~FREETYPE_MASK, 0);
			KUNIT_EXPECT_EQ(test, freetype_pcp_type(ft),
					i == 0 && mt < MIGRATE_PCPTYPES);
			KUNIT_EXPECT_EQ(test, freetype_bypasses_pcp(ft),
					i != 0 || is_migrate_isolate(mt));
			ft = freetype_with_migratetype(ft, MIGRATE_MOVABLE);
			KUNIT_EXPECT_EQ(test, freetype_bits(ft),
					MIGRATE_MOVABLE | flags[i]);
		}
	}
	KUNIT_EXPECT_EQ(test, next_idx, NR_FREETYPES);
}

static freetype_t nth_freetype(int n)
{
	return make_freetype(n % MIGRATE_TYPES,
			     n < MIGRATE_TYPES ? 0 : FREETYPE_UNMAPPED);
}

static void test_freetype_mergeable(struct kunit *test)
{
	bool mergeable;
	freetype_t a, b;
	int i, j;

	for (i = 0; i < NR_FREETYPES; i++) {
		for (j = 0; j < NR_FREETYPES; j++) {
			a = nth_freetype(i);
			b = nth_freetype(j);
			mergeable = i == j;
			if (i / MIGRATE_TYPES == j / MIGRATE_TYPES)
				mergeable |= type_mergeable(a) && type_mergeable(b);
			KUNIT_EXPECT_EQ_MSG(test, freetypes_mergeable(a, b), mergeable,
					    "%s and %s", freetype_name(i), freetype_name(j));
			KUNIT_EXPECT_EQ(test, freetypes_equal(a, b), i == j);
		}
	}
}

static void test_freetype_gfp(struct kunit *test)
{
	freetype_t ft = gfp_freetype(GFP_USER);

	KUNIT_EXPECT_TRUE(test, freetypes_equal(ft, mapped_ft(UNMOVABLE)));
	ft = gfp_freetype(GFP_USER | __GFP_UNMAPPED);
	KUNIT_EXPECT_TRUE(test, freetypes_equal(ft, unmapped_ft(UNMOVABLE)));
	ft = gfp_freetype(GFP_USER | __GFP_MOVABLE | __GFP_UNMAPPED);
	KUNIT_EXPECT_TRUE(test, freetypes_equal(ft, unmapped_ft(MOVABLE)));
}

/* Section: allocation */

/* Cold, then from a dirty owner; the allocations themselves clear nothing. */
static void check_order(struct kunit *test, unsigned int order)
{
	unsigned long cleared, flips;
	struct page *page, *again;

	KUNIT_ASSERT_TRUE(test, ut_go_cold());
	cleared = mermap_pages();
	page = ut_get(test, GFP_USER | __GFP_ZERO, order);
	KUNIT_EXPECT_EQ(test, mermap_pages(), cleared);
	ut_expect_absent(test, page, order);
	KUNIT_EXPECT_TRUE(test, ut_pages_hold(page, order, 0));
	ut_fill(test, page, order);
	ut_put(test, page);
	ut_expect_freed(test, page, order);

	cleared = mermap_pages();
	flips = ut_nr_events(UNMAPPED_FLIP);
	again = ut_get(test, GFP_USER | __GFP_ZERO, order);
	KUNIT_EXPECT_PTR_EQ(test, again, page);
	KUNIT_EXPECT_EQ(test, mermap_pages(), cleared);
	KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_FLIP), flips);
	KUNIT_EXPECT_TRUE(test, ut_pages_hold(again, order, 0));
	ut_put(test, again);
}

static void test_orders(struct kunit *test)
{
	unsigned int order;

	for (order = 0; order <= MAX_PAGE_ORDER; order++)
		check_order(test, order);
}

static void test_atomic(struct kunit *test)
{
	unsigned long flips = ut_nr_events(UNMAPPED_FLIP);
	unsigned long failures = ut_nr_events(UNMAPPED_ALLOC_FAIL_NO_WAIT);
	struct page *page;

	KUNIT_EXPECT_NULL(test, ut_alloc(GFP_ATOMIC, 0));
	KUNIT_EXPECT_NULL(test, ut_alloc(GFP_NOWAIT, 0));
	KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_FLIP), flips);
	KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_ALLOC_FAIL_NO_WAIT), failures + 2);

	ut_get_free_block(test);
	flips = ut_nr_events(UNMAPPED_FLIP);
	local_irq_disable();
	page = ut_alloc(GFP_ATOMIC, 0);
	local_irq_enable();
	KUNIT_ASSERT_NOT_NULL(test, page);
	ut_expect_absent(test, page, 0);
	KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_FLIP), flips);
	__free_page(page);

	/* What the lists do not hold, a non-blocking request does not get. */
	KUNIT_EXPECT_NULL(test, ut_alloc(GFP_ATOMIC, MAX_PAGE_ORDER));
	KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_FLIP), flips);
}

/* A free unmapped block of another type serves before a block is flipped. */
static void test_other_type(struct kunit *test)
{
	static const gfp_t gfps[] = { GFP_USER, GFP_USER | __GFP_MOVABLE };
	struct page *block, *page;
	unsigned long flips;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gfps); i++) {
		KUNIT_ASSERT_TRUE(test, ut_go_cold());
		block = ut_alloc(gfps[i], pageblock_order);
		KUNIT_ASSERT_NOT_NULL(test, block);
		__free_pages(block, pageblock_order);
		flips = ut_nr_events(UNMAPPED_FLIP);

		page = ut_alloc(gfps[!i], 0);
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_FLIP), flips);
		KUNIT_EXPECT_EQ(test, pageblock_start_pfn(page_to_pfn(page)),
				page_to_pfn(block));
		ut_expect_absent(test, page, 0);
		__free_page(page);
	}
}

static void test_bulk(struct kunit *test)
{
	struct page *pages[8] = {};
	unsigned long nr = 0, before;
	int i;

	do {
		before = nr;
		nr = alloc_pages_bulk_array(GFP_USER | __GFP_UNMAPPED | __GFP_NOWARN,
					    ARRAY_SIZE(pages), pages);
	} while (nr > before && nr < ARRAY_SIZE(pages));
	KUNIT_EXPECT_EQ(test, nr, ARRAY_SIZE(pages));
	for (i = 0; i < nr; i++) {
		ut_expect_absent(test, pages[i], 0);
		KUNIT_EXPECT_TRUE(test, i == 0 || pages[i] != pages[i - 1]);
		__free_page(pages[i]);
	}
}

/* No allocator may return mapped memory instead. */
static void test_refusals(struct kunit *test)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_UNMAPPED | __GFP_NOWARN;
	struct page_frag_cache frags = {};
	struct kmem_cache *cache = kmem_cache_create("unmapped_test", 256, 0, 0, NULL);

	KUNIT_ASSERT_NOT_NULL(test, cache);
	ut_get_free_block(test);
	KUNIT_EXPECT_EQ(test, __get_free_pages(gfp, 0), 0);
	KUNIT_EXPECT_EQ(test, get_zeroed_page(gfp), 0);
	KUNIT_EXPECT_NULL(test, alloc_pages_exact(PAGE_SIZE, gfp));
	KUNIT_EXPECT_NULL(test, kmalloc(64, gfp));
	KUNIT_EXPECT_NULL(test, kmalloc(16 * PAGE_SIZE, gfp));
	KUNIT_EXPECT_NULL(test, kvmalloc(16 * PAGE_SIZE, gfp));
	KUNIT_EXPECT_NULL(test, kmem_cache_alloc(cache, gfp));
	KUNIT_EXPECT_NULL(test, __vmalloc(PAGE_SIZE, gfp));
	KUNIT_EXPECT_NULL(test, page_frag_alloc(&frags, 64, gfp));
	KUNIT_EXPECT_NULL(test, alloc_pages(gfp | __GFP_NOFAIL, 0));
	KUNIT_EXPECT_NULL(test, alloc_pages(gfp | __GFP_RECLAIMABLE, 0));
	KUNIT_EXPECT_NULL(test, alloc_pages(gfp | __GFP_DMA, 0));
	kmem_cache_destroy(cache);
}

/* Highest watermark that requests for mapped pages find met */
static unsigned long highest_mark(void)
{
	unsigned long low = 0, high = zone_managed_pages(ut_zone), mark;

	while (low < high) {
		mark = (low + high + 1) / 2;
		if (zone_watermark_ok(ut_zone, 0, mark, zone_idx(ut_zone), 0))
			low = mark;
		else
			high = mark - 1;
	}
	return low;
}

static void test_watermark(struct kunit *test)
{
	const long unmapped = NR_BLOCKS * pageblock_nr_pages;
	struct page *pages[NR_BLOCKS];
	long before, after;
	int i;

	before = highest_mark();
	for (i = 0; i < NR_BLOCKS; i++)
		pages[i] = ut_get(test, GFP_USER, pageblock_order);
	for (i = 0; i < NR_BLOCKS; i++)
		ut_put(test, pages[i]);
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), unmapped);

	after = highest_mark();
	KUNIT_EXPECT_LT(test, after, before - unmapped + SLACK_PAGES);
	KUNIT_EXPECT_GT(test, after, before - unmapped - SLACK_PAGES);
	KUNIT_ASSERT_TRUE(test, ut_go_cold());
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(ut_zone), 0);
	KUNIT_EXPECT_GT(test, highest_mark(), before - SLACK_PAGES);
}

/* Section: freeing */

struct free_job {
	struct irq_work work;
	struct tasklet_struct tasklet;
	struct page *small, *large;
};

static void free_job_pages(struct free_job *job)
{
	__free_page(job->small);
	__free_pages(job->large, pageblock_order);
}

static void free_by_irq(struct irq_work *work)
{
	free_job_pages(container_of(work, struct free_job, work));
}

static void free_by_softirq(struct tasklet_struct *tasklet)
{
	free_job_pages(container_of(tasklet, struct free_job, tasklet));
}

static void start_job(struct kunit *test, struct free_job *job)
{
	job->small = ut_alloc(GFP_USER, 0);
	job->large = ut_alloc(GFP_USER, pageblock_order);
	KUNIT_ASSERT_NOT_NULL(test, job->small);
	KUNIT_ASSERT_NOT_NULL(test, job->large);
	ut_fill(test, job->small, 0);
	ut_fill(test, job->large, pageblock_order);
}

static void expect_job_done(struct kunit *test, struct free_job *job)
{
	/* Where interrupts were off the large pages are freed later. */
	unmapped_drain_deferred();
	ut_expect_freed(test, job->small, 0);
	ut_expect_freed(test, job->large, pageblock_order);
}

static void test_free_contexts(struct kunit *test)
{
	struct free_job *job = kunit_kzalloc(test, sizeof(*job), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, job);
	start_job(test, job);
	local_irq_disable();
	free_job_pages(job);
	local_irq_enable();
	expect_job_done(test, job);

	start_job(test, job);
	job->work = IRQ_WORK_INIT_HARD(free_by_irq);
	irq_work_queue(&job->work);
	irq_work_sync(&job->work);
	expect_job_done(test, job);

	start_job(test, job);
	tasklet_setup(&job->tasklet, free_by_softirq);
	tasklet_schedule(&job->tasklet);
	tasklet_kill(&job->tasklet);
	expect_job_done(test, job);
}

/* Section: ranges */

static void test_contig_range(struct kunit *test)
{
	struct page *page = ut_get_free_block(test);
	unsigned long pfn = page_to_pfn(page);
	unsigned long end_pfn = pfn + pageblock_nr_pages;
	int err;

	/* A range that cuts the block fails, at either end. */
	err = alloc_contig_range(pfn + 16, end_pfn, MIGRATE_MOVABLE, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	err = alloc_contig_range(pfn, pfn + 16, MIGRATE_MOVABLE, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	ut_expect_freed(test, page, pageblock_order);
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);

	err = alloc_contig_range(pfn, end_pfn, MIGRATE_MOVABLE, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, err, 0);
	ut_expect_mapped(test, page, pageblock_order);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
	free_contig_range(pfn, pageblock_nr_pages);

	/* Pages in use stay. */
	page = ut_get(test, GFP_USER, 0);
	pfn = pageblock_start_pfn(page_to_pfn(page));
	err = alloc_contig_range(pfn, pfn + pageblock_nr_pages, MIGRATE_MOVABLE, GFP_KERNEL);
	KUNIT_EXPECT_NE(test, err, 0);
	ut_expect_absent(test, page, 0);
}

/* Section: all at once */

#define NR_WORKERS	4
#define NR_ROUNDS	200

static atomic_t nr_served, nr_dirty, nr_present;

/* Take, look, soil and give back pages of several orders. */
static int work(void *done)
{
	static const unsigned int orders[] = { 0, 1, 0, 3, 9, 0, 4, 2 };
	unsigned long value;
	unsigned int i, order;
	struct page *page;

	for (i = 0; i < NR_ROUNDS; i++) {
		order = orders[i % ARRAY_SIZE(orders)];
		page = ut_alloc(GFP_USER, order);
		if (!page)
			continue;
		atomic_inc(&nr_served);
		if (!mermap_copy_from(&value, page, i * 8, sizeof(value)) || value)
			atomic_inc(&nr_dirty);
		if (ut_nr_readable(page, 0))
			atomic_inc(&nr_present);
		memset(&value, FILL, sizeof(value));
		mermap_copy_to(page, (i + 1) * 8, &value, sizeof(value));
		__free_pages(page, order);
		cond_resched();
	}
	complete(done);
	return 0;
}

/* Mapped pages, from the buddy lists and from the block that a flip may be at */
static void check_mapped_users(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, pageblock_order);
	unsigned long pfn;

	if (page) {
		KUNIT_EXPECT_EQ(test, ut_nr_readable(page, pageblock_order),
				pageblock_nr_pages);
		__free_pages(page, pageblock_order);
	}

	pfn = unmapped_next_blocks(ut_zone, pageblock_order, MIGRATE_UNMOVABLE);
	if (!pfn || alloc_contig_range(pfn, pfn + pageblock_nr_pages, MIGRATE_MOVABLE,
				       GFP_KERNEL))
		return;
	ut_expect_mapped(test, pfn_to_page(pfn), pageblock_order);
	free_contig_range(pfn, pageblock_nr_pages);
}

static void test_all_at_once(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(done);
	int i, nr = 0;

	atomic_set(&nr_served, 0);
	atomic_set(&nr_dirty, 0);
	atomic_set(&nr_present, 0);
	for (i = 0; i < NR_WORKERS; i++)
		nr += !IS_ERR(kthread_run(work, &done, "unmapped_work/%d", i));
	KUNIT_EXPECT_EQ(test, nr, NR_WORKERS);

	while (nr) {
		unmapped_take_back(ut_zone, UNMAPPED_BACK_REQUEST);
		check_mapped_users(test);
		KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
		nr -= try_wait_for_completion(&done);
	}
	KUNIT_EXPECT_GT(test, atomic_read(&nr_served), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_dirty), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_present), 0);
}

/* Section: contiguous ranges against flips */

#define NR_FLIPPERS	2
#define NR_CLASHES	20	/* of each kind, or it was no race */
#define NR_TRIES_MAX	2000

/* What stands on no list at the moment, or did */
static struct page *in_window;
static atomic_t nr_taken;

static void note_window(struct page *page, unsigned int order)
{
	WRITE_ONCE(in_window, page);
}

/* Blocks are unmapped, looked at, soiled, dropped and mapped back. */
static int flip_on(void *unused)
{
	unsigned long value;
	struct page *page;

	while (!kthread_should_stop()) {
		page = ut_alloc(GFP_USER, pageblock_order);
		if (!page)
			continue;
		atomic_inc(&nr_taken);
		if (!mermap_copy_from(&value, page, 0, sizeof(value)) || value)
			atomic_inc(&nr_dirty);
		if (ut_nr_readable(page, pageblock_order))
			atomic_inc(&nr_present);
		value = ~0UL;
		mermap_copy_to(page, 0, &value, sizeof(value));
		__free_pages(page, pageblock_order);
		unmapped_take_back(ut_zone, UNMAPPED_BACK_REQUEST);
	}
	return 0;
}

static void expect_usable(struct kunit *test, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	KUNIT_EXPECT_FALSE(test, page_unmapped(page));
	KUNIT_EXPECT_EQ(test, ut_nr_readable(page, pageblock_order), pageblock_nr_pages);
}

/* The block that was in a window last: in it still, unmapped or mapped again */
static bool take_range(struct kunit *test)
{
	struct page *page = READ_ONCE(in_window);
	unsigned long pfn = page ? page_to_pfn(page) : 0;

	if (!pfn || alloc_contig_range(pfn, pfn + pageblock_nr_pages, MIGRATE_MOVABLE, GFP_KERNEL))
		return false;
	expect_usable(test, pfn);
	free_contig_range(pfn, pageblock_nr_pages);
	return true;
}

/* Any range: from the zone's start, past what others have */
static bool take_any_range(struct kunit *test)
{
	struct page *page = alloc_contig_pages(pageblock_nr_pages, GFP_KERNEL | __GFP_NOWARN,
					       zone_to_nid(ut_zone), NULL);

	if (!page)
		return false;
	expect_usable(test, page_to_pfn(page));
	free_contig_range(page_to_pfn(page), pageblock_nr_pages);
	return true;
}

static unsigned int start_flippers(struct task_struct **tasks)
{
	unsigned int i, nr = 0;

	for (i = 0; i < NR_FLIPPERS; i++) {
		tasks[nr] = kthread_run(flip_on, NULL, "unmapped_flip/%u", i);
		nr += !IS_ERR(tasks[nr]);
	}
	return nr;
}

/*
 * Flips and map-backs dawdle where a block stands on no list; others want that very
 * block as a range meanwhile, or any range. All get some, and what they get is right.
 */
static void test_contig_races(struct kunit *test)
{
	unsigned long claimed = ut_nr_events(UNMAPPED_FLIP_FAIL_CLAIMED);
	unsigned int nr_flippers, nr_ranges = 0, nr_any = 0, i;
	struct task_struct *flippers[NR_FLIPPERS];

	in_window = NULL;
	atomic_set(&nr_taken, 0);
	atomic_set(&nr_dirty, 0);
	atomic_set(&nr_present, 0);
	WRITE_ONCE(unmapped_in_flip, note_window);
	unmapped_faults = UNMAPPED_FAULT_DELAY;
	nr_flippers = start_flippers(flippers);
	KUNIT_EXPECT_EQ(test, nr_flippers, NR_FLIPPERS);
	for (i = 0; i < NR_TRIES_MAX; i++) {
		nr_ranges += take_range(test);
		nr_any += take_any_range(test);
		if (nr_ranges >= NR_CLASHES && nr_any >= NR_CLASHES &&
		    atomic_read(&nr_taken) >= NR_CLASHES &&
		    ut_nr_events(UNMAPPED_FLIP_FAIL_CLAIMED) > claimed)
			break;
	}
	while (nr_flippers)
		kthread_stop(flippers[--nr_flippers]);
	WRITE_ONCE(unmapped_in_flip, NULL);
	unmapped_faults = 0;

	kunit_info(test, "%u tries: %u ranges, %u of any, %d blocks taken, %lu flips claimed\n", i,
		   nr_ranges, nr_any, atomic_read(&nr_taken),
		   ut_nr_events(UNMAPPED_FLIP_FAIL_CLAIMED) - claimed);
	KUNIT_EXPECT_GE(test, nr_ranges, NR_CLASHES);
	KUNIT_EXPECT_GE(test, nr_any, NR_CLASHES);
	KUNIT_EXPECT_GE(test, atomic_read(&nr_taken), NR_CLASHES);
	KUNIT_EXPECT_GT(test, ut_nr_events(UNMAPPED_FLIP_FAIL_CLAIMED), claimed);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_dirty), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_present), 0);
}

/* Section: the suite */

int ut_init(struct kunit *test)
{
	struct page *page;

	if (!unmapped_enabled())
		kunit_skip(test, "unmapped pages are off");
	/* What the last test left may be of a zone that no flip would take from now */
	if (!ut_go_cold())
		kunit_skip(test, "unmapped pages are in use");
	page = ut_alloc(GFP_USER, 0);
	KUNIT_ASSERT_NOT_NULL(test, page);
	ut_zone = page_zone(page);
	__free_page(page);
	KUNIT_ASSERT_TRUE(test, ut_go_cold());
	return 0;
}

void ut_exit(struct kunit *test)
{
	unmapped_faults = 0;
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
}

static struct kunit_case unmapped_test_cases[] = {
	KUNIT_CASE(test_freetype_fields),
	KUNIT_CASE(test_freetype_mergeable),
	KUNIT_CASE(test_freetype_gfp),
	KUNIT_CASE(test_orders),
	KUNIT_CASE(test_atomic),
	KUNIT_CASE(test_other_type),
	KUNIT_CASE(test_bulk),
	KUNIT_CASE(test_refusals),
	KUNIT_CASE(test_watermark),
	KUNIT_CASE(test_free_contexts),
	KUNIT_CASE(test_contig_range),
	KUNIT_CASE_SLOW(test_all_at_once),
	KUNIT_CASE_SLOW(test_contig_races),
	{}
};

static struct kunit_suite unmapped_test_suite = {
	.name = "unmapped",
	.init = ut_init,
	.exit = ut_exit,
	.test_cases = unmapped_test_cases,
};

kunit_test_suite(unmapped_test_suite);

MODULE_DESCRIPTION("Tests of pages that are absent from the direct map");
MODULE_LICENSE("GPL");
