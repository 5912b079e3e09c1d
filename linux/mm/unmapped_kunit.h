/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of unmapped pages share.
 *
 * Each test begins cold, that is with no unmapped block that is free, and each
 * ends with a validation. The tests run at boot, when nobody else wants whole
 * blocks; those that depend on which block is taken try again a few times.
 *
 * A page that was freed is read through the mermap although nobody owns it. At
 * boot only the tests allocate unmapped pages, so it is still free.
 */
#ifndef __MM_UNMAPPED_KUNIT_H
#define __MM_UNMAPPED_KUNIT_H

#include <kunit/test.h>
#include <linux/mmzone.h>
#include <linux/vmstat.h>

#define mapped_ft(mt)	mapped_freetype(MIGRATE_ ## mt)
#define unmapped_ft(mt)	make_freetype(MIGRATE_ ## mt, FREETYPE_UNMAPPED)

/* The zone that flips take blocks from */
extern struct zone *ut_zone;

/* Before and after each test */
int ut_init(struct kunit *test);
void ut_exit(struct kunit *test);

/* Map all free blocks back. Return false if unmapped pages are in use. */
bool ut_go_cold(void);

/* Unmapped pages, or NULL */
struct page *ut_alloc(gfp_t gfp, unsigned int order);

/* Unmapped pages that the test cannot do without. Freed when it ends, or before. */
struct page *ut_get(struct kunit *test, gfp_t gfp, unsigned int order);
void ut_put(struct kunit *test, struct page *page);

/* A whole free unmapped block, of type unmovable */
struct page *ut_get_free_block(struct kunit *test);

/* How many of the pages can be read through the direct map? */
unsigned int ut_nr_readable(struct page *page, unsigned int order);

/* Write to unmapped pages; tell whether they hold but that byte. */
void ut_fill(struct kunit *test, struct page *page, unsigned int order);
bool ut_pages_hold(struct page *page, unsigned int order, u8 byte);

unsigned long ut_nr_events(enum vm_event_item item);

/* Order of the free pages that begin here, or -1 */
int ut_free_order(struct page *page);

void ut_expect_absent(struct kunit *test, struct page *page, unsigned int order);
void ut_expect_mapped(struct kunit *test, struct page *page, unsigned int order);

/* Freed unmapped pages: free, absent and zero */
void ut_expect_freed(struct kunit *test, struct page *page, unsigned int order);

#endif /* __MM_UNMAPPED_KUNIT_H */
