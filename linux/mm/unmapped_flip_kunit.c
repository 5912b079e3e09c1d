// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of unmapped pages: flips, the validator, and the search for stale
 * translations. See unmapped_kunit.h.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/mermap.h>
#include <linux/page-isolation.h>
#include <asm/unmapped.h>

#include "internal.h"
#include "unmapped_kunit.h"

#define NR_TRIES	5
#define NR_BLOCKS	8
#define NR_PIECES	64	/* blocks but for a page of each: memory enough, no block */
#define NR_GROWTH	64	/* blocks, of which eight may share a shootdown */
#define NR_DRIFT	2	/* blocks that others free while a flip looks at what is free */

/* Section: flips */

/* The level of each block of the zone */
static u8 *get_levels(struct kunit *test)
{
	unsigned long nr = ut_zone->spanned_pages / pageblock_nr_pages;
	u8 *levels = kunit_kzalloc(test, nr, GFP_KERNEL);
	unsigned long i;

	KUNIT_ASSERT_NOT_NULL(test, levels);
	for (i = 0; i < nr; i++)
		levels[i] = arch_block_level(ALIGN(ut_zone->zone_start_pfn, pageblock_nr_pages) +
					     i * pageblock_nr_pages);
	return levels;
}

static void test_flip_restores(struct kunit *test)
{
	unsigned long nr = ut_zone->spanned_pages / pageblock_nr_pages;
	struct page *pages[NR_BLOCKS], *kept;
	u8 *before = get_levels(test);
	int i;

	for (i = 0; i < NR_BLOCKS; i++)
		pages[i] = ut_get(test, GFP_USER, pageblock_order);
	kept = ut_get(test, GFP_USER, 0);
	KUNIT_EXPECT_MEMEQ(test, get_levels(test), before, nr);
	for (i = 0; i < NR_BLOCKS; i++)
		ut_put(test, pages[i]);

	KUNIT_EXPECT_FALSE(test, ut_go_cold());
	for (i = 0; i < NR_BLOCKS; i++)
		ut_expect_mapped(test, pages[i], pageblock_order);
	ut_expect_absent(test, kept, 0);
	ut_put(test, kept);
	KUNIT_EXPECT_TRUE(test, ut_go_cold());
	ut_expect_mapped(test, kept, 0);
	KUNIT_EXPECT_MEMEQ(test, get_levels(test), before, nr);
}

static void test_flips_forbidden(struct kunit *test)
{
	KUNIT_ASSERT_TRUE(test, unmapped_flips_stop(UNMAPPED_BACK_SWITCH));
	KUNIT_EXPECT_NULL(test, ut_alloc(GFP_USER | __GFP_NORETRY, 0));
	unmapped_flips_start();
	ut_get_free_block(test);
}

/*
 * How many blocks are unmapped at the most for one block that is asked for, while
 * the load grows? None at all if one stands unmapped. Never more than eight, nor
 * than a 64th of what is free; all of them by one shootdown.
 */
static unsigned long most_at_once(struct kunit *test, unsigned int nr_asked)
{
	unsigned long most = 0, nr_free, nr_flips, nr_flushes, share;
	unsigned int i;

	for (i = 0; i < nr_asked; i++) {
		nr_free = zone_page_state(ut_zone, NR_FREE_PAGES) / pageblock_nr_pages;
		share = clamp((nr_free + NR_DRIFT) / 64, 1UL, 8UL);
		nr_flips = ut_nr_events(UNMAPPED_FLIP);
		nr_flushes = ut_nr_events(UNMAPPED_FLUSH);
		ut_get(test, GFP_USER, pageblock_order);
		nr_flips = ut_nr_events(UNMAPPED_FLIP) - nr_flips;
		nr_flushes = ut_nr_events(UNMAPPED_FLUSH) - nr_flushes;
		KUNIT_EXPECT_LE(test, nr_flips, share);
		KUNIT_EXPECT_EQ(test, nr_flushes, !!nr_flips);
		most = max(most, nr_flips);
	}
	return most;
}

static void test_flip_shares_shootdown(struct kunit *test)
{
	struct page *page;

	KUNIT_EXPECT_EQ(test, most_at_once(test, 8), 1);
	KUNIT_EXPECT_GT(test, most_at_once(test, NR_GROWTH), 2);

	/* Others need memory: what stands unmapped goes back, and flips are for one again. */
	page = ut_get(test, GFP_USER, pageblock_order);
	ut_put(test, page);
	while (unmapped_take_back(ut_zone, UNMAPPED_BACK_REQUEST))
		;
	KUNIT_EXPECT_EQ(test, most_at_once(test, 1), 1);
}

/* Take free pages off a mapped list, all that are at least of that order. */
static void take_pages(struct list_head *taken, unsigned int order, freetype_t ft)
{
	struct page *page;
	unsigned long flags;

	spin_lock_irqsave(&ut_zone->lock, flags);
	while ((page = __take_free_pages(ut_zone, order, ft)))
		list_add(&page->lru, taken);
	spin_unlock_irqrestore(&ut_zone->lock, flags);
}

static void give_page(struct page *page, unsigned int order)
{
	unsigned long flags;

	spin_lock_irqsave(&ut_zone->lock, flags);
	__give_free_pages(ut_zone, page, order, false);
	spin_unlock_irqrestore(&ut_zone->lock, flags);
}

static void give_pages(struct list_head *taken, unsigned int order)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, taken, lru) {
		list_del(&page->lru);
		give_page(page, order);
	}
}

/* Make the next block that a flip can take one of that type. */
static struct page *retype_next_block(int migratetype)
{
	struct page *page;
	unsigned long flags;

	spin_lock_irqsave(&ut_zone->lock, flags);
	page = __take_free_pages(ut_zone, pageblock_order, mapped_ft(MOVABLE));
	if (page) {
		set_pageblock_migratetype(page, migratetype);
		__give_free_pages(ut_zone, page, pageblock_order, false);
	}
	spin_unlock_irqrestore(&ut_zone->lock, flags);
	return page;
}

/* Does an unmovable request get a block of that type, if no better one is free? */
static bool try_flip_type(struct kunit *test, int migratetype)
{
	LIST_HEAD(taken);
	struct page *page;
	unsigned long pfn;
	bool right;

	KUNIT_ASSERT_TRUE(test, ut_go_cold());
	take_pages(&taken, pageblock_order, mapped_ft(UNMOVABLE));
	take_pages(&taken, pageblock_order, mapped_ft(RECLAIMABLE));
	right = retype_next_block(migratetype);
	pfn = unmapped_next_blocks(ut_zone, pageblock_order, MIGRATE_UNMOVABLE);
	right = right && pfn &&
		get_pageblock_migratetype(pfn_to_page(pfn)) == migratetype;
	page = ut_alloc(GFP_USER, 0);
	give_pages(&taken, pageblock_order);

	right = right && page && page_to_pfn(page) == pfn &&
		freetypes_equal(get_pageblock_freetype(page), unmapped_ft(UNMOVABLE));
	if (page)
		__free_page(page);
	return right;
}

static void test_flip_modes(struct kunit *test)
{
	static const int types[] = {
		MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE
	};
	bool right;
	int i, try;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		right = false;
		for (try = 0; !right && try < NR_TRIES; try++)
			right = try_flip_type(test, types[i]);
		KUNIT_EXPECT_TRUE_MSG(test, right, "%s", migratetype_names[types[i]]);
	}
}

/* Leave memory enough for a flip, but no block: give some pages back without their first */
static void give_pieces(struct list_head *taken, struct list_head *kept)
{
	struct page *page;
	unsigned int nr, i;

	for (nr = 0; nr < NR_PIECES && !list_empty(taken); nr++) {
		page = list_first_entry(taken, struct page, lru);
		list_move(&page->lru, kept);
		for (i = 1; i < pageblock_nr_pages; i++)
			give_page(page + i, 0);
	}
}

/*
 * A block that is reserved for atomic requests is not unmapped, though it is the last:
 * it is not even tried, and refused only then.
 */
static void test_flip_highatomic(struct kunit *test)
{
	unsigned long nr_failed = ut_nr_events(UNMAPPED_FLIP_FAIL);
	struct page *reserved = retype_next_block(MIGRATE_HIGHATOMIC), *page;
	bool flipped, flipped_other;
	LIST_HEAD(taken);
	LIST_HEAD(kept);

	KUNIT_ASSERT_NOT_NULL(test, reserved);
	take_pages(&taken, pageblock_order, mapped_ft(UNMOVABLE));
	take_pages(&taken, pageblock_order, mapped_ft(RECLAIMABLE));
	take_pages(&taken, pageblock_order, mapped_ft(MOVABLE));
	give_pieces(&taken, &kept);
	KUNIT_EXPECT_TRUE(test, unmapped_may_flip(ut_zone, pageblock_order, GFP_USER));
	flipped = unmapped_flip(ut_zone, 0, GFP_USER, unmapped_ft(UNMOVABLE));
	give_pages(&taken, pageblock_order);
	flipped_other = unmapped_flip(ut_zone, 0, GFP_USER, unmapped_ft(UNMOVABLE));
	give_pages(&kept, 0);

	KUNIT_EXPECT_FALSE(test, flipped);
	KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_FLIP_FAIL), nr_failed);
	KUNIT_EXPECT_TRUE(test, flipped_other);
	ut_expect_mapped(test, reserved, pageblock_order);
	KUNIT_EXPECT_TRUE(test, is_migrate_highatomic(get_pageblock_migratetype(reserved)));

	spin_lock_irq(&ut_zone->lock);
	page = __take_free_pages(ut_zone, pageblock_order, mapped_ft(HIGHATOMIC));
	if (page) {
		set_pageblock_migratetype(page, MIGRATE_MOVABLE);
		__give_free_pages(ut_zone, page, pageblock_order, false);
	}
	spin_unlock_irq(&ut_zone->lock);
	KUNIT_EXPECT_PTR_EQ(test, page, reserved);
}

/* What a lower zone keeps for requests that need it is not unmapped for others. */
static void test_lowmem_reserve(struct kunit *test)
{
#ifdef CONFIG_ZONE_DMA32
	struct zone *zone = &ut_zone->zone_pgdat->node_zones[ZONE_DMA32];
	const long reserve = zone->lowmem_reserve[ZONE_NORMAL];
	bool may_flip, may_flip_low, flipped;

	if (zone == ut_zone || !managed_zone(zone))
		kunit_skip(test, "there is no lower zone");
	KUNIT_EXPECT_TRUE(test, unmapped_may_flip(zone, pageblock_order, GFP_USER));
	WRITE_ONCE(zone->lowmem_reserve[ZONE_NORMAL], zone_managed_pages(zone));
	may_flip = unmapped_may_flip(zone, pageblock_order, GFP_USER | __GFP_MOVABLE);
	may_flip_low = unmapped_may_flip(zone, pageblock_order, GFP_USER | __GFP_DMA32);
	flipped = unmapped_flip(zone, 0, GFP_USER, unmapped_ft(UNMOVABLE));
	WRITE_ONCE(zone->lowmem_reserve[ZONE_NORMAL], reserve);
	KUNIT_EXPECT_FALSE(test, may_flip);
	KUNIT_EXPECT_TRUE(test, may_flip_low);
	KUNIT_EXPECT_FALSE(test, flipped);
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(zone), 0);
#else
	kunit_skip(test, "there is no lower zone");
#endif
}

/* What may not be unmapped for want of a kind of zone, and not of its size? */
static void expect_never_flips(struct kunit *test, struct zone *zone)
{
	const long nr_managed = zone_managed_pages(zone);
	bool flips, large;

	/* The size of one that is empty is made up, for the time of the question. */
	if (!nr_managed)
		atomic_long_set(&zone->managed_pages, zone_managed_pages(ut_zone));
	flips = unmapped_zone_flips(zone, pageblock_order);
	large = zone_managed_pages(zone) / 2 > high_wmark_pages(zone) + pageblock_nr_pages;
	if (!nr_managed)
		atomic_long_set(&zone->managed_pages, 0);
	KUNIT_EXPECT_TRUE_MSG(test, large, "%s", zone->name);
	KUNIT_EXPECT_FALSE_MSG(test, flips, "%s", zone->name);
	if (!nr_managed)
		return;

	KUNIT_EXPECT_FALSE(test, unmapped_flip(zone, 0, GFP_HIGHUSER_MOVABLE,
					       unmapped_ft(MOVABLE)));
	KUNIT_EXPECT_FALSE(test, unmapped_flip(zone, 0, GFP_KERNEL | GFP_DMA,
					       unmapped_ft(UNMOVABLE)));
	KUNIT_EXPECT_EQ(test, zone_free_unmapped(zone), 0);
}

/* Some zones are mapped for good, however large: for devices, and to be unplugged. */
static void test_flip_zones(struct kunit *test)
{
	struct zone *zones = ut_zone->zone_pgdat->node_zones;

#ifdef CONFIG_ZONE_DMA
	expect_never_flips(test, &zones[ZONE_DMA]);
#endif
	expect_never_flips(test, &zones[ZONE_MOVABLE]);
	KUNIT_EXPECT_TRUE(test, unmapped_zone_flips(ut_zone, pageblock_order));
}

/* Make a page of the largest order the first one that a movable flip takes. */
static struct page *expose_largest(struct list_head *taken)
{
	struct list_head *list = &ut_zone->free_area[MAX_PAGE_ORDER].free_list[MIGRATE_MOVABLE];
	struct page *page, *found = NULL;
	unsigned long flags;
	unsigned int order;

	spin_lock_irqsave(&ut_zone->lock, flags);
	for (order = pageblock_order; order < MAX_PAGE_ORDER; order++) {
		while (!free_area_empty(&ut_zone->free_area[order], mapped_ft(MOVABLE))) {
			page = __take_free_pages(ut_zone, order, mapped_ft(MOVABLE));
			list_add(&page->lru, taken);
		}
	}
	list_for_each_entry(page, list, buddy_list) {
		if (arch_may_unmap_block(page_to_pfn(page))) {
			list_move(&page->buddy_list, list);
			found = page;
			break;
		}
	}
	spin_unlock_irqrestore(&ut_zone->lock, flags);
	return found;
}

/* Half of a largest page is unmapped; the halves never become one again. */
static bool try_cut(struct kunit *test)
{
	struct page *page, *whole, *other;
	LIST_HEAD(taken);
	bool right;

	KUNIT_ASSERT_TRUE(test, ut_go_cold());
	whole = expose_largest(&taken);
	page = ut_alloc(GFP_USER | __GFP_MOVABLE, 0);
	give_pages(&taken, pageblock_order);
	KUNIT_ASSERT_NOT_NULL(test, page);
	other = whole + pageblock_nr_pages;
	right = page == whole && ut_free_order(other) == pageblock_order;
	if (!right) {
		__free_page(page);
		return false;
	}

	ut_expect_mapped(test, other, pageblock_order);
	ut_expect_absent(test, page, pageblock_order);
	__free_page(page);
	unmapped_pcp_drain();
	KUNIT_EXPECT_EQ(test, ut_free_order(page), pageblock_order);
	right = ut_free_order(other) == pageblock_order;

	KUNIT_ASSERT_TRUE(test, ut_go_cold());
	ut_expect_mapped(test, page, MAX_PAGE_ORDER);
	return right && ut_free_order(whole) == MAX_PAGE_ORDER;
}

static void test_flip_cuts_largest(struct kunit *test)
{
	bool right = false;
	int try;

	for (try = 0; !right && try < NR_TRIES; try++)
		right = try_cut(test);
	KUNIT_EXPECT_TRUE(test, right);
}

/* The same through the allocator: the request fails, and nothing is unmapped. */
static void test_flip_failures_alloc(struct kunit *test)
{
	unmapped_faults = UNMAPPED_FAULT_UNMAP;
	KUNIT_EXPECT_NULL(test, ut_alloc(GFP_USER | __GFP_NORETRY, 0));
	unmapped_faults = UNMAPPED_FAULT_CLAIMED;
	KUNIT_EXPECT_NULL(test, ut_alloc(GFP_USER, 0));
	unmapped_faults = 0;
	KUNIT_EXPECT_TRUE(test, ut_go_cold());
	ut_get_free_block(test);
}

/**
 * struct place - where a free block stands
 * @page: first of the free pages that the block is part of, NULL if it is not free
 * @order: their order
 * @freetype: freetype of the block
 */
struct place {
	struct page *page;
	int order;
	freetype_t freetype;
};

static struct place find_place(unsigned long pfn)
{
	struct place place = { .freetype = get_pageblock_freetype(pfn_to_page(pfn)) };
	struct page *page;
	int order;

	for (order = pageblock_order; order <= MAX_PAGE_ORDER; order++) {
		page = pfn_to_page(ALIGN_DOWN(pfn, 1UL << order));
		if (ut_free_order(page) == order) {
			place.page = page;
			place.order = order;
		}
	}
	return place;
}

#ifdef CONFIG_X86
/* Make an entry another one than the default, in a bit without meaning; and back */
static void toggle_entry(struct page *page)
{
	unsigned int level;
	pte_t *entry = lookup_address((unsigned long)page_address(page), &level);

	set_pte(entry, __pte(pte_val(*entry) ^ _PAGE_SOFTW1));
}
#else
static void toggle_entry(struct page *page) { }
#endif

/* Not a fault of the allocator: the page table refuses the last block. */
#define FAIL_LAST_BLOCK	BIT(31)

static bool flip_fails(unsigned int fault, unsigned int order, unsigned long pfn)
{
	struct page *last = pfn_to_page(pfn + (1UL << order) - pageblock_nr_pages);
	bool flipped;

	unmapped_faults = fault & ~FAIL_LAST_BLOCK;
	if (fault & FAIL_LAST_BLOCK) {
		arch_unmapped_expect_odd = true;
		toggle_entry(last);
	}
	flipped = unmapped_flip(ut_zone, order, GFP_USER, unmapped_ft(MOVABLE));
	if (fault & FAIL_LAST_BLOCK) {
		toggle_entry(last);
		arch_unmapped_expect_odd = false;
	}
	unmapped_faults = 0;
	return !flipped;
}

/* What such a failure is counted as */
static enum vm_event_item failure_reason(unsigned int fault)
{
	switch (fault) {
	case UNMAPPED_FAULT_CLAIMED:
		return UNMAPPED_FLIP_FAIL_CLAIMED;
	case UNMAPPED_FAULT_TABLE:
		return UNMAPPED_FLIP_FAIL_TABLE;
	default:
		return UNMAPPED_FLIP_FAIL_ENTRY;
	}
}

static bool try_failure(struct kunit *test, unsigned int fault, unsigned int order)
{
	unsigned long failed = ut_nr_events(UNMAPPED_FLIP_FAIL);
	unsigned long flips = ut_nr_events(UNMAPPED_FLIP);
	unsigned long pfn = unmapped_next_blocks(ut_zone, order, MIGRATE_MOVABLE);
	struct place before = find_place(pfn), after;
	/* A block that the page table refuses is passed over for others. */
	bool others = fault & FAIL_LAST_BLOCK;
	enum vm_event_item reason = failure_reason(fault);
	unsigned long failed_so = ut_nr_events(reason);

	KUNIT_EXPECT_EQ(test, flip_fails(fault, order, pfn), !others);
	after = find_place(pfn);

	KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_FLIP) != flips, others);
	KUNIT_EXPECT_GT(test, ut_nr_events(UNMAPPED_FLIP_FAIL), failed);
	KUNIT_EXPECT_EQ(test, ut_nr_events(reason) - failed_so,
			ut_nr_events(UNMAPPED_FLIP_FAIL) - failed);
	ut_expect_mapped(test, pfn_to_page(pfn), order);
	return before.page && before.page == after.page &&
	       before.order == after.order &&
	       freetypes_equal(before.freetype, after.freetype);
}

static void test_flip_failures(struct kunit *test)
{
	static const unsigned int faults[] = {
		UNMAPPED_FAULT_UNMAP, UNMAPPED_FAULT_CLAIMED, UNMAPPED_FAULT_TABLE,
		IS_ENABLED(CONFIG_X86) ? FAIL_LAST_BLOCK : UNMAPPED_FAULT_UNMAP
	};
	unsigned int order;
	bool right;
	int i, try;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		for (order = pageblock_order; order <= MAX_PAGE_ORDER; order++) {
			right = false;
			for (try = 0; !right && try < NR_TRIES; try++)
				right = try_failure(test, faults[i], order);
			KUNIT_EXPECT_TRUE_MSG(test, right, "fault %u, order %u",
					      faults[i], order);
		}
	}
}

static void set_freetype(struct page *page, freetype_t freetype)
{
	unsigned long flags;

	spin_lock_irqsave(&ut_zone->lock, flags);
	set_pfnblock_flags_mask(page, freetype.bits, page_to_pfn(page), FREETYPE_MASK);
	spin_unlock_irqrestore(&ut_zone->lock, flags);
}

/* Section: the validator reports what is planted */

static void expect_reported(struct kunit *test)
{
	KUNIT_EXPECT_GT(test, unmapped_validate(), 0);
}

static void expect_sound(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
}

static void test_planted_bit(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, pageblock_order);
	freetype_t freetype;

	KUNIT_ASSERT_NOT_NULL(test, page);
	freetype = get_pageblock_freetype(page);
	set_freetype(page, unmapped_ft(UNMOVABLE));
	expect_reported(test);
	set_freetype(page, freetype);
	__free_pages(page, pageblock_order);
	expect_sound(test);

	page = ut_get_free_block(test);
	set_freetype(page, mapped_ft(UNMOVABLE));
	expect_reported(test);
	set_freetype(page, unmapped_ft(UNMOVABLE));
}

static void test_planted_list(struct kunit *test)
{
	struct page *page = ut_get_free_block(test);
	LIST_HEAD(taken);

	set_freetype(page, unmapped_ft(MOVABLE));
	expect_reported(test);
	set_freetype(page, unmapped_ft(UNMOVABLE));
	expect_sound(test);

	/* A list that must be empty */
	take_pages(&taken, pageblock_order, unmapped_ft(UNMOVABLE));
	set_freetype(page, unmapped_ft(RECLAIMABLE));
	give_pages(&taken, pageblock_order);
	expect_reported(test);
	take_pages(&taken, pageblock_order, unmapped_ft(RECLAIMABLE));
	set_freetype(page, unmapped_ft(UNMOVABLE));
	give_pages(&taken, pageblock_order);
}

static void test_planted_count(struct kunit *test)
{
	unsigned long flags;

	spin_lock_irqsave(&ut_zone->lock, flags);
	account_free_unmapped(ut_zone, 1, unmapped_ft(MOVABLE));
	spin_unlock_irqrestore(&ut_zone->lock, flags);
	expect_reported(test);
	spin_lock_irqsave(&ut_zone->lock, flags);
	account_free_unmapped(ut_zone, -1, unmapped_ft(MOVABLE));
	spin_unlock_irqrestore(&ut_zone->lock, flags);
}

static void test_planted_present(struct kunit *test)
{
	struct page *page = ut_get_free_block(test);

	arch_map_block(page_to_pfn(page));
	expect_reported(test);
	KUNIT_EXPECT_EQ(test, arch_unmap_block(page_to_pfn(page)), 0);
	arch_unmapped_flush();
}

static void test_planted_dirty(struct kunit *test)
{
	struct page *page = ut_get(test, GFP_USER, 0);

	ut_fill(test, page, 0);
	unmapped_faults = UNMAPPED_FAULT_NO_CLEAR;
	ut_put(test, page);
	unmapped_faults = 0;
	expect_reported(test);
	KUNIT_EXPECT_TRUE(test, mermap_clear_pages(page, 1));
}

#ifdef CONFIG_X86
/* Pages mapped by 2 MiB entries. The others are put on the list. */
static struct page *alloc_large_entries(struct list_head *others)
{
	struct page *page;
	int i;

	for (i = 0; i < 32; i++) {
		page = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
		if (!page || arch_block_level(page_to_pfn(page)) == PG_LEVEL_2M)
			return page;
		list_add(&page->lru, others);
	}
	return NULL;
}

/* An entry that a flip would not have left so */
static void test_planted_entry(struct kunit *test)
{
	int try, nr_faults = 0;
	struct page *page, *next;
	LIST_HEAD(others);

	for (try = 0; !nr_faults && try < NR_TRIES; try++) {
		page = alloc_large_entries(&others);
		if (!page)
			break;
		toggle_entry(page);
		__free_pages(page, MAX_PAGE_ORDER);
		nr_faults = unmapped_validate();
		toggle_entry(page);
	}
	list_for_each_entry_safe(page, next, &others, lru)
		__free_pages(page, MAX_PAGE_ORDER);
	KUNIT_EXPECT_GT(test, nr_faults, 0);
}
#endif

/* Section: in the middle of a flip */

/* What unmapped_in_flip found, or did */
static struct {
	unsigned int nr;
	struct page *page;
	bool bit_set;
	bool listed;
	enum arch_block_state state;
	int isolate_err;
} mid_flip;

static void look_in_flip(struct page *page, unsigned int order)
{
	mid_flip.nr++;
	mid_flip.page = page;
	mid_flip.bit_set = page_unmapped(page);
	mid_flip.listed = PageBuddy(page);
	mid_flip.state = arch_block_state(page_to_pfn(page));
}

static void isolate_in_flip(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page);

	if (mid_flip.nr++)
		return;
	mid_flip.page = page;
	mid_flip.isolate_err = start_isolate_page_range(pfn, pfn + (1UL << order),
							MIGRATE_MOVABLE, 0, GFP_KERNEL);
}

static void set_hook(void (*hook)(struct page *page, unsigned int order))
{
	memset(&mid_flip, 0, sizeof(mid_flip));
	WRITE_ONCE(unmapped_in_flip, hook);
}

/* The bit is set only after the block has gone, and cleared before it is back. */
static void test_mid_flip_bit(struct kunit *test)
{
	struct page *page;

	set_hook(look_in_flip);
	page = ut_alloc(GFP_USER, pageblock_order);
	set_hook(NULL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	__free_pages(page, pageblock_order);

	set_hook(look_in_flip);
	page = ut_alloc(GFP_USER, 0);
	KUNIT_EXPECT_EQ(test, mid_flip.nr, 0);
	KUNIT_ASSERT_NOT_NULL(test, page);
	__free_page(page);
	KUNIT_EXPECT_TRUE(test, ut_go_cold());
	KUNIT_EXPECT_EQ(test, mid_flip.nr, 1);
	KUNIT_EXPECT_FALSE(test, mid_flip.bit_set);
	KUNIT_EXPECT_FALSE(test, mid_flip.listed);
	KUNIT_EXPECT_EQ(test, mid_flip.state, ARCH_BLOCK_UNMAPPED);

	page = ut_alloc(GFP_USER, 0);
	KUNIT_EXPECT_EQ(test, mid_flip.nr, 2);
	KUNIT_EXPECT_FALSE(test, mid_flip.bit_set);
	KUNIT_EXPECT_FALSE(test, mid_flip.listed);
	KUNIT_EXPECT_EQ(test, mid_flip.state, ARCH_BLOCK_UNMAPPED);
	set_hook(NULL);
	if (page)
		__free_page(page);
}

/* A block that is isolated in mid-flip goes back mapped, and isolated. */
static void test_mid_flip_isolated(struct kunit *test)
{
	unsigned long failures = ut_nr_events(UNMAPPED_FLIP_FAIL);
	unsigned long pfn;
	struct page *page;

	set_hook(isolate_in_flip);
	page = ut_alloc(GFP_USER, 0);
	WRITE_ONCE(unmapped_in_flip, NULL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_NOT_NULL(test, mid_flip.page);
	KUNIT_ASSERT_EQ(test, mid_flip.isolate_err, 0);
	KUNIT_EXPECT_EQ(test, ut_nr_events(UNMAPPED_FLIP_FAIL), failures + 1);

	pfn = page_to_pfn(mid_flip.page);
	KUNIT_EXPECT_NE(test, pageblock_start_pfn(page_to_pfn(page)), pfn);
	KUNIT_EXPECT_EQ(test, get_pageblock_migratetype(mid_flip.page), MIGRATE_ISOLATE);
	ut_expect_mapped(test, mid_flip.page, pageblock_order);
	KUNIT_EXPECT_EQ(test, ut_free_order(mid_flip.page), pageblock_order);
	KUNIT_EXPECT_EQ(test, unmapped_validate(), 0);
	undo_isolate_page_range(pfn, pfn + pageblock_nr_pages, MIGRATE_MOVABLE);
	__free_page(page);
}

/* What a block held before it was unmapped is gone. */
static void test_flip_clears(struct kunit *test)
{
	struct page *mapped[NR_BLOCKS], *pages[NR_BLOCKS];
	int i, j, nr_same = 0;

	if (want_init_on_free())
		kunit_skip(test, "free pages are zero anyway");
	for (i = 0; i < NR_BLOCKS; i++) {
		mapped[i] = alloc_pages(GFP_USER, pageblock_order);
		KUNIT_ASSERT_NOT_NULL(test, mapped[i]);
		memset(page_address(mapped[i]), 0x5a, PAGE_SIZE << pageblock_order);
	}
	for (i = 0; i < NR_BLOCKS; i++)
		__free_pages(mapped[i], pageblock_order);
	drain_all_pages(NULL);

	for (i = 0; i < NR_BLOCKS; i++) {
		pages[i] = ut_get(test, GFP_USER, pageblock_order);
		KUNIT_EXPECT_TRUE(test, ut_pages_hold(pages[i], pageblock_order, 0));
		for (j = 0; j < NR_BLOCKS; j++)
			nr_same += pages[i] == mapped[j];
	}
	KUNIT_EXPECT_GT(test, nr_same, 0);
}

/* Section: stale translations */

static void show_probe(struct kunit *test, const struct unmapped_probe *probe)
{
	kunit_info(test, "%u flips, %u missed, %lu reads, %lu before, %lu stale\n",
		   probe->flips, probe->missed, probe->reads, probe->hits,
		   probe->stale);
}

static void check_stale(struct kunit *test, bool alias)
{
	struct unmapped_probe probe = { .nr_flips = 20, .nr_reads = 256, .alias = alias };

	KUNIT_ASSERT_EQ(test, unmapped_probe_flips(&probe), 0);
	show_probe(test, &probe);
	KUNIT_EXPECT_EQ(test, probe.flips, probe.nr_flips);
	KUNIT_EXPECT_GE(test, probe.hits,
			(unsigned long)probe.flips * probe.nr_reads * num_online_cpus());
	KUNIT_EXPECT_EQ(test, probe.stale, 0);
}

/* The test of the test: a flip that forgets the shootdown is found out. */
static void check_stale_mutant(struct kunit *test, bool alias)
{
	struct unmapped_probe probe = { .nr_flips = 20, .nr_reads = 256, .alias = alias };
	int err;

	unmapped_faults = UNMAPPED_FAULT_NO_FLUSH;
	err = unmapped_probe_flips(&probe);
	unmapped_faults = 0;
	arch_unmapped_flush();
	KUNIT_ASSERT_EQ(test, err, 0);
	show_probe(test, &probe);
	KUNIT_EXPECT_GT(test, probe.flips, 0);
	KUNIT_EXPECT_GT(test, probe.stale, 0);
}

static void unmapped_stale_tlb(struct kunit *test)
{
	check_stale(test, false);
}

static void unmapped_stale_tlb_mutant(struct kunit *test)
{
	check_stale_mutant(test, false);
}

static void unmapped_stale_vmap(struct kunit *test)
{
	check_stale(test, true);
}

static void unmapped_stale_vmap_mutant(struct kunit *test)
{
	check_stale_mutant(test, true);
}

/* Section: the suite */

static struct kunit_case unmapped_flip_test_cases[] = {
	KUNIT_CASE(test_flip_restores),
	KUNIT_CASE(test_flips_forbidden),
	KUNIT_CASE(test_flip_shares_shootdown),
	KUNIT_CASE(test_flip_modes),
	KUNIT_CASE(test_flip_highatomic),
	KUNIT_CASE(test_lowmem_reserve),
	KUNIT_CASE(test_flip_zones),
	KUNIT_CASE(test_flip_cuts_largest),
	KUNIT_CASE(test_flip_failures),
	KUNIT_CASE(test_flip_failures_alloc),
	KUNIT_CASE(test_planted_bit),
	KUNIT_CASE(test_planted_list),
	KUNIT_CASE(test_planted_count),
	KUNIT_CASE(test_planted_present),
	KUNIT_CASE(test_planted_dirty),
#ifdef CONFIG_X86
	KUNIT_CASE(test_planted_entry),
#endif
	KUNIT_CASE(test_mid_flip_bit),
	KUNIT_CASE(test_mid_flip_isolated),
	KUNIT_CASE(test_flip_clears),
	KUNIT_CASE_SLOW(unmapped_stale_tlb),
	KUNIT_CASE_SLOW(unmapped_stale_tlb_mutant),
	KUNIT_CASE_SLOW(unmapped_stale_vmap),
	KUNIT_CASE_SLOW(unmapped_stale_vmap_mutant),
	{}
};

static struct kunit_suite unmapped_flip_test_suite = {
	.name = "unmapped_flip",
	.init = ut_init,
	.exit = ut_exit,
	.test_cases = unmapped_flip_test_cases,
};

kunit_test_suite(unmapped_flip_test_suite);

MODULE_DESCRIPTION("Tests of changes of pageblocks' mappedness");
MODULE_LICENSE("GPL");
