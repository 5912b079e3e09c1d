// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of unmapped pages: how they move, and how blocks go back when nobody
 * needs them.  Folios without a page cache serve here; secrets are moved by
 * programs.  See unmapped_kunit.h.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mermap.h>
#include <linux/migrate.h>
#include <linux/pagemap.h>

#include "internal.h"
#include "unmapped_kunit.h"

/* Section: migration */

/* The source holds what ut_fill() writes; both are locked. */
static void get_folios(struct kunit *test, struct folio **src, struct folio **dst)
{
	*src = page_folio(ut_get(test, GFP_USER | __GFP_MOVABLE, 0));
	*dst = page_folio(ut_get(test, GFP_USER | __GFP_MOVABLE, 0));
	ut_fill(test, &(*src)->page, 0);
	folio_lock(*src);
	folio_lock(*dst);
}

static void put_folios(struct kunit *test, struct folio *src, struct folio *dst)
{
	folio_unlock(src);
	folio_unlock(dst);
	ut_put(test, &src->page);
	ut_put(test, &dst->page);
}

static bool same_contents(struct kunit *test, struct folio *a, struct folio *b)
{
	u8 *buf = kunit_kmalloc(test, 2 * PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	return mermap_copy_from(buf, &a->page, 0, PAGE_SIZE) &&
	       mermap_copy_from(buf + PAGE_SIZE, &b->page, 0, PAGE_SIZE) &&
	       !memcmp(buf, buf + PAGE_SIZE, PAGE_SIZE);
}

static void test_migrate(struct kunit *test)
{
	struct folio *src, *dst;

	get_folios(test, &src, &dst);
	KUNIT_EXPECT_TRUE(test, ut_pages_hold(&dst->page, 0, 0));
	/* Migration expects folios that are charged, if only to the root */
	KUNIT_ASSERT_EQ(test, mem_cgroup_charge(src, NULL, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, unmapped_migrate_folio(NULL, dst, src),
			MIGRATEPAGE_SUCCESS);
	mem_cgroup_uncharge(dst);
	KUNIT_EXPECT_TRUE(test, same_contents(test, src, dst));
	KUNIT_EXPECT_FALSE(test, ut_pages_hold(&dst->page, 0, 0));
	ut_expect_absent(test, &src->page, 0);
	ut_expect_absent(test, &dst->page, 0);
	put_folios(test, src, dst);
	ut_expect_freed(test, &src->page, 0);
	ut_expect_freed(test, &dst->page, 0);
}

/* Neither from nor to mapped memory */
static void test_migrate_mapped(struct kunit *test)
{
	struct page *page = alloc_page(GFP_USER | __GFP_ZERO);
	struct folio *src, *dst, *mapped;

	KUNIT_ASSERT_NOT_NULL(test, page);
	mapped = page_folio(page);
	get_folios(test, &src, &dst);
	folio_lock(mapped);
	KUNIT_EXPECT_EQ(test, unmapped_migrate_folio(NULL, mapped, src), -EBUSY);
	KUNIT_EXPECT_EQ(test, unmapped_migrate_folio(NULL, dst, mapped), -EBUSY);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, PAGE_SIZE));
	folio_unlock(mapped);
	put_folios(test, src, dst);
	__free_page(page);
}

/* Somebody holds a reference: it stays, and the destination is as it was. */
static void test_migrate_referenced(struct kunit *test)
{
	struct folio *src, *dst;

	get_folios(test, &src, &dst);
	folio_get(src);
	KUNIT_EXPECT_EQ(test, unmapped_migrate_folio(NULL, dst, src), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, ut_pages_hold(&dst->page, 0, 0));
	folio_put(src);
	put_folios(test, src, dst);
}

#ifdef CONFIG_MEMORY_FAILURE
static void test_migrate_poisoned(struct kunit *test)
{
	struct folio *src, *dst;

	get_folios(test, &src, &dst);
	SetPageHWPoison(&src->page);
	KUNIT_EXPECT_EQ(test, unmapped_migrate_folio(NULL, dst, src), -EHWPOISON);
	ClearPageHWPoison(&src->page);
	KUNIT_EXPECT_TRUE(test, ut_pages_hold(&dst->page, 0, 0));
	put_folios(test, src, dst);
}
#endif

static void test_target(struct kunit *test)
{
	struct page *page = alloc_page(GFP_USER);
	struct page *unmapped = ut_get(test, GFP_USER | __GFP_MOVABLE, 0);
	const gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL;
	struct folio *dst;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, (__force u32)unmapped_target_gfp(page_folio(page), gfp),
			(__force u32)gfp);
	__free_page(page);

	/* Who may not block gets what there is, and never from ZONE_MOVABLE */
	dst = __folio_alloc_node(unmapped_target_gfp(page_folio(unmapped), 0), 0,
				 page_to_nid(unmapped));
	KUNIT_ASSERT_NOT_NULL(test, dst);
	KUNIT_EXPECT_TRUE(test, page_unmapped(&dst->page));
	KUNIT_EXPECT_EQ(test, gfp_zone(__unmapped_target_gfp(gfp)), ZONE_NORMAL);
	folio_put(dst);
}

/* Section: return */

static unsigned long nr_whole_blocks(void)
{
	return zone_free_unmapped(ut_zone) / pageblock_nr_pages;
}

/*
 * Blocks go back if they were free at each moment of a period. No validation
 * between: that takes blocks off the lists for a moment, and so it counts as use.
 */
static void test_return(struct kunit *test)
{
	struct page *first = ut_get(test, GFP_USER, pageblock_order);
	struct page *second = ut_get(test, GFP_USER, pageblock_order);

	unmapped_end_period();
	KUNIT_EXPECT_PTR_EQ(test, page_zone(first), ut_zone);
	KUNIT_EXPECT_PTR_EQ(test, page_zone(second), ut_zone);
	ut_put(test, first);
	ut_put(test, second);
	KUNIT_EXPECT_EQ(test, nr_whole_blocks(), 2);

	/* They were in use when it began */
	unmapped_end_period();
	KUNIT_EXPECT_EQ(test, nr_whole_blocks(), 2);

	/* One was in use meanwhile */
	first = ut_get(test, GFP_USER, 0);
	ut_put(test, first);
	unmapped_end_period();
	KUNIT_EXPECT_EQ(test, nr_whole_blocks(), 1);

	/* None was */
	unmapped_end_period();
	KUNIT_EXPECT_EQ(test, nr_whole_blocks(), 0);
}

/* The same where a CPU keeps pages of the block as the period ends */
static void test_return_kept(struct kunit *test)
{
	const gfp_t gfp = GFP_USER | __GFP_MOVABLE;
	struct page *page = ut_get(test, gfp, pageblock_order);

	ut_put(test, page);
	unmapped_end_period();
	page = ut_get(test, gfp, 0);
	ut_put(test, page);
	unmapped_end_period();
	KUNIT_EXPECT_EQ(test, nr_whole_blocks(), 1);
	unmapped_end_period();
	KUNIT_EXPECT_EQ(test, nr_whole_blocks(), 0);
}

/* Section: the suite */

static struct kunit_case unmapped_migrate_test_cases[] = {
	KUNIT_CASE(test_migrate),
	KUNIT_CASE(test_migrate_mapped),
	KUNIT_CASE(test_migrate_referenced),
#ifdef CONFIG_MEMORY_FAILURE
	KUNIT_CASE(test_migrate_poisoned),
#endif
	KUNIT_CASE(test_target),
	KUNIT_CASE(test_return),
	KUNIT_CASE(test_return_kept),
	{}
};

static struct kunit_suite unmapped_migrate_test_suite = {
	.name = "unmapped_migrate",
	.init = ut_init,
	.exit = ut_exit,
	.test_cases = unmapped_migrate_test_cases,
};

kunit_test_suite(unmapped_migrate_test_suite);

MODULE_DESCRIPTION("Tests of unmapped pages that move and of blocks that go back");
MODULE_LICENSE("GPL");
