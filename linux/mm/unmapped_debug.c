// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: the validator, and what debugfs shows.
 *
 * The validator holds what the page allocator believes against what is: the
 * pageblock bits, the free lists, the page tables and the contents of pages.
 * It checks, zone by zone:
 *
 *  - I1: a block whose bit is set is absent from the direct map, and its type
 *    is one that unmapped blocks may have.
 *  - I3: each page of a free list is free, of the list's order, and of blocks
 *    of the list's freetype; lists that must be empty are; free pages of
 *    mapped blocks are present; zone->nr_free_unmapped is the sum of the lists.
 *  - I7: a block that is free as a whole and mapped by one entry has the direct
 *    map's default entry. An entry of 4 KiB pages is the business of those
 *    who split it.
 *  - I2: free unmapped pages are zero. They are taken off their list one at a
 *    time, read through the mermap with no lock held, and put back. This moves
 *    pages between lists, so it is done only in zones whose lists are in order.
 *  - What CPUs keep is free, on no list, of an unmapped block, and zero.
 *
 * What changes meanwhile. The zone lock is dropped after each 4 MiB of memory
 * and after each list. What is checked under one hold is stable, and nothing
 * carries over from one hold to the next, so a page that moves may be checked
 * twice or not at all, but is never reported for having moved. Blocks in
 * mid-flip are on no list and have their bit clear; a mapped block that is not
 * free may have any entry. Isolated pages are not taken off their list, since
 * this would make the one who isolates them fail.
 *
 * A validator that warned could not be tested, so it prints. Lines are kept
 * until the lock is dropped, because consoles may need memory.
 *
 * Lock order: validate_mutex, then memory hotplug, then the zone lock.
 * Context: process.
 */
#define pr_fmt(fmt) "unmapped: " fmt

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/memory_hotplug.h>
#include <linux/mermap.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/set_memory.h>
#include <linux/string.h>
#include <asm/unmapped.h>

#include "internal.h"

/* Faults after the first ones are only counted */
#define REPORT_LINES	20
#define REPORT_LEN	120

/* What a list holds beyond this is not checked, so that the lock is not held for ever */
#define LIST_PAGES_MAX	100000

static DEFINE_MUTEX(validate_mutex);

/* Result of the last validation and a page's contents. Guarded by validate_mutex. */
static unsigned int nr_reported;
static char reports[REPORT_LINES][REPORT_LEN];
static u8 contents[PAGE_SIZE];

static const char * const state_names[] = {
	[ARCH_BLOCK_MAPPED]	= "mapped",
	[ARCH_BLOCK_UNMAPPED]	= "unmapped",
	[ARCH_BLOCK_ODD]	= "neither mapped nor unmapped",
};

static __printf(1, 2) void report(const char *fmt, ...)
{
	va_list args;

	if (nr_reported < REPORT_LINES) {
		va_start(args, fmt);
		vscnprintf(reports[nr_reported], REPORT_LEN, fmt, args);
		va_end(args);
	}
	nr_reported++;
}

static freetype_t idx_freetype(int idx)
{
	return idx < MIGRATE_TYPES ? mapped_freetype(idx) :
			make_freetype(idx - MIGRATE_TYPES, FREETYPE_UNMAPPED);
}

static bool freetype_supported(freetype_t freetype)
{
	int migratetype = freetype_migratetype(freetype);

	return !freetype_unmapped(freetype) ||
	       migratetype == MIGRATE_UNMOVABLE ||
	       migratetype == MIGRATE_MOVABLE ||
	       is_migrate_isolate(migratetype);
}

/* Section: blocks, zone lock held */

static void check_unmapped_block(unsigned long pfn, freetype_t freetype)
{
	enum arch_block_state state = arch_block_state(pfn);

	if (!freetype_supported(freetype))
		report("block %#lx is unmapped and of type %d", pfn,
		       freetype_migratetype(freetype));
	if (state != ARCH_BLOCK_UNMAPPED)
		report("block %#lx has its bit set, and is %s", pfn,
		       state_names[state]);
}

/* The whole block at @pfn is free and its bit is clear. */
static void check_free_block(unsigned long pfn)
{
	enum arch_block_state state = arch_block_state(pfn);

	if (state == ARCH_BLOCK_MAPPED)
		return;
	if (state == ARCH_BLOCK_ODD && arch_block_level(pfn) == PG_LEVEL_4K)
		return;
	report("block %#lx is free and mapped, and its entry is %s", pfn,
	       state_names[state]);
}

static void check_free_present(unsigned long pfn, unsigned long end_pfn)
{
	unsigned long next_pfn;

	for (; pfn < end_pfn; pfn = next_pfn) {
		next_pfn = min(end_pfn, pageblock_end_pfn(pfn));
		if (arch_block_level(pageblock_start_pfn(pfn)) == PG_LEVEL_4K)
			next_pfn = pfn + 1;
		if (!kernel_page_present(pfn_to_page(pfn))) {
			report("page %#lx is free and mapped, and not present", pfn);
			return;
		}
	}
}

/* Free pages of mapped blocks. Return the number of pages to step over. */
static unsigned long check_free_mapped(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned long i, nr_pages;

	if (!PageBuddy(page))
		return 1;
	nr_pages = 1UL << buddy_order(page);
	for (i = 0; i + pageblock_nr_pages <= nr_pages; i += pageblock_nr_pages)
		check_free_block(pfn + i);
	check_free_present(pfn, pfn + nr_pages);
	return nr_pages;
}

static void check_span(struct zone *zone, unsigned long pfn, unsigned long end_pfn)
{
	struct page *page;
	freetype_t freetype;

	while (pfn < end_pfn) {
		page = pfn_to_page(pfn);
		if (page_zone(page) != zone) {
			pfn++;
			continue;
		}
		freetype = get_pageblock_freetype(page);
		if (freetype_unmapped(freetype)) {
			check_unmapped_block(pageblock_start_pfn(pfn), freetype);
			pfn = pageblock_end_pfn(pfn);
		} else {
			pfn += check_free_mapped(page);
		}
	}
}

/* Spans of the largest order: no free page reaches from one into the next. */
static void check_blocks(struct zone *zone)
{
	unsigned long pfn = zone->zone_start_pfn;
	unsigned long next_pfn;
	unsigned long flags;

	for (; pfn < zone_end_pfn(zone); pfn = next_pfn) {
		next_pfn = min(zone_end_pfn(zone), ALIGN(pfn + 1, MAX_ORDER_NR_PAGES));
		if (!pfn_to_online_page(pfn))
			continue;
		spin_lock_irqsave(&zone->lock, flags);
		check_span(zone, pfn, next_pfn);
		spin_unlock_irqrestore(&zone->lock, flags);
		cond_resched();
	}
}

/* Section: lists, zone lock held */

static void check_listed_page(struct page *page, unsigned int order, int idx)
{
	unsigned long i, pfn = page_to_pfn(page);
	freetype_t freetype;

	if (!PageBuddy(page) || buddy_order(page) != order)
		report("page %#lx is on list %s of order %u, and not free of it",
		       pfn, freetype_name(idx), order);

	for (i = 0; i < 1UL << order; i += pageblock_nr_pages) {
		freetype = get_pageblock_freetype(page + i);
		if (freetype_idx(freetype) != idx)
			report("page %#lx is on list %s of order %u, and of a block of %s",
			       pfn + i, freetype_name(idx), order,
			       freetype_name(freetype_idx(freetype)));
	}
}

static void check_list(struct zone *zone, unsigned int order, int idx)
{
	struct list_head *list = &zone->free_area[order].free_list[idx];
	unsigned long nr_pages = 0;
	struct page *page;

	if (!freetype_supported(idx_freetype(idx)) && !list_empty(list))
		report("list %d of order %u is in use", idx, order);

	list_for_each_entry(page, list, buddy_list) {
		check_listed_page(page, order, idx);
		if (++nr_pages == LIST_PAGES_MAX)
			break;
	}
}

static void check_lists(struct zone *zone)
{
	unsigned int order, idx;
	unsigned long flags;

	for_each_freetype_idx_order(order, idx) {
		spin_lock_irqsave(&zone->lock, flags);
		check_list(zone, order, idx);
		spin_unlock_irqrestore(&zone->lock, flags);
		cond_resched();
	}
}

static unsigned long list_length(struct zone *zone, unsigned int order,
				 freetype_t freetype)
{
	struct free_area *area = &zone->free_area[order];
	unsigned long nr = 0;
	struct page *page;

	list_for_each_entry(page, &area->free_list[freetype_idx(freetype)], buddy_list) {
		if (++nr == LIST_PAGES_MAX)
			break;
	}
	return nr;
}

/* The sum is exact only over one hold. Lists beyond the limit make it unknown. */
static void check_accounting(struct zone *zone)
{
	static const int types[] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE };
	unsigned long nr, nr_pages = 0;
	bool known = true;
	unsigned long flags;
	unsigned int order;
	int i;

	spin_lock_irqsave(&zone->lock, flags);
	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		for (i = 0; i < ARRAY_SIZE(types); i++) {
			nr = list_length(zone, order,
					 make_freetype(types[i], FREETYPE_UNMAPPED));
			nr_pages += nr << order;
			known = known && nr < LIST_PAGES_MAX;
		}
	}
	if (known && nr_pages != zone_free_unmapped(zone))
		report("zone %s has %lu free unmapped pages, and counts %lu",
		       zone->name, nr_pages, zone_free_unmapped(zone));
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* Section: contents, no lock held */

/* Never splits a larger page: what is taken goes back to the same list. */
static struct page *take_free_page(struct zone *zone, unsigned int order,
				   freetype_t freetype)
{
	struct page *page = NULL;
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	if (!free_area_empty(&zone->free_area[order], freetype))
		page = __take_free_pages(zone, order, freetype);
	spin_unlock_irqrestore(&zone->lock, flags);
	return page;
}

static void give_free_page(struct zone *zone, struct page *page,
			   unsigned int order)
{
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	__give_free_pages(zone, page, order, true);
	spin_unlock_irqrestore(&zone->lock, flags);
}

static void check_zero(struct page *page, unsigned int order)
{
	unsigned long i;

	for (i = 0; i < 1UL << order; i++) {
		if (!mermap_copy_from(contents, page + i, 0, PAGE_SIZE))
			report("page %#lx is free and cannot be read",
			       page_to_pfn(page + i));
		else if (memchr_inv(contents, 0, PAGE_SIZE))
			report("page %#lx is free and unmapped, and not zero",
			       page_to_pfn(page + i));
	}
}

/* From the head of the list and back to its tail, once around */
static void check_contents(struct zone *zone, unsigned int order,
			   freetype_t freetype)
{
	unsigned long nr, flags;
	struct page *page;

	spin_lock_irqsave(&zone->lock, flags);
	nr = list_length(zone, order, freetype);
	spin_unlock_irqrestore(&zone->lock, flags);

	for (; nr && (page = take_free_page(zone, order, freetype)); nr--) {
		check_zero(page, order);
		give_free_page(zone, page, order);
		cond_resched();
	}
}

static void check_all_contents(struct zone *zone)
{
	unsigned int order;

	for (order = 0; order < NR_PAGE_ORDERS; order++) {
		check_contents(zone, order,
			       make_freetype(MIGRATE_UNMOVABLE, FREETYPE_UNMAPPED));
		check_contents(zone, order,
			       make_freetype(MIGRATE_MOVABLE, FREETYPE_UNMAPPED));
	}
}

/* A page that a CPU keeps. Its lock is held, so that nobody gets the page. */
static void check_kept_page(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	if (PageBuddy(page) || page_count(page))
		report("page %#lx is kept by a CPU, and listed or in use", pfn);
	if (!get_pageblock_freetype_flags(page))
		report("page %#lx is kept by a CPU, and of a mapped block", pfn);
	else if (!PageHWPoison(page))
		check_zero(page, 0);
}

/* Section: interface */

/* Context: validate_mutex held. */
static void __unmapped_validate(void)
{
	unsigned int i, nr_before;
	struct zone *zone;

	nr_reported = 0;
	get_online_mems();
	for_each_populated_zone(zone) {
		nr_before = nr_reported;
		check_blocks(zone);
		check_lists(zone);
		check_accounting(zone);
		if (nr_reported == nr_before)
			check_all_contents(zone);
	}
	unmapped_pcp_for_each(check_kept_page);
	put_online_mems();

	for (i = 0; i < min(nr_reported, REPORT_LINES); i++)
		pr_err("invalid: %s\n", reports[i]);
	if (nr_reported > REPORT_LINES)
		pr_err("invalid: and %u more\n", nr_reported - REPORT_LINES);
}

/**
 * unmapped_validate - check all zones for broken invariants
 *
 * Prints a line for each fault, up to a limit.
 *
 * Context: process, may sleep. Takes free pages off their lists for moments.
 * Return: the number of faults.
 */
int unmapped_validate(void)
{
	int nr_faults;

	mutex_lock(&validate_mutex);
	__unmapped_validate();
	nr_faults = nr_reported;
	mutex_unlock(&validate_mutex);
	return nr_faults;
}

static int validate_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	mutex_lock(&validate_mutex);
	__unmapped_validate();
	seq_printf(m, "%u faults\n", nr_reported);
	for (i = 0; i < min(nr_reported, REPORT_LINES); i++)
		seq_printf(m, "%s\n", reports[i]);
	mutex_unlock(&validate_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(validate);

static unsigned long count_unmapped_blocks(struct zone *zone)
{
	unsigned long pfn = pageblock_start_pfn(zone->zone_start_pfn);
	unsigned long nr = 0;
	struct page *page;

	for (; pfn < zone_end_pfn(zone); pfn += pageblock_nr_pages) {
		page = pfn_to_online_page(pfn);
		if (page && page_zone(page) == zone &&
		    get_pageblock_freetype_flags(page))
			nr++;
	}
	return nr;
}

static int state_show(struct seq_file *m, void *unused)
{
	struct mermap_stats stats;
	unsigned long visits = 0;
	struct zone *zone;
	int cpu;

	get_online_mems();
	for_each_populated_zone(zone)
		seq_printf(m, "node %d zone %s free_unmapped_pages %lu unmapped_blocks %lu\n",
			   zone_to_nid(zone), zone->name,
			   zone_free_unmapped(zone), count_unmapped_blocks(zone));
	put_online_mems();

	for_each_possible_cpu(cpu) {
		mermap_read_stats(cpu, &stats);
		visits += stats.visits;
	}
	seq_printf(m, "mermap_visits %lu\n", visits);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static int show_probe(struct seq_file *m, bool alias)
{
	struct unmapped_probe probe = {
		.nr_flips = 20, .nr_reads = 256, .alias = alias,
	};
	int err = unmapped_probe_flips(&probe);

	if (err)
		return err;
	seq_printf(m, "flips %u missed %u reads %lu hits %lu stale %lu\n",
		   probe.flips, probe.missed, probe.reads, probe.hits,
		   probe.stale);
	return 0;
}

static int probe_show(struct seq_file *m, void *unused)
{
	return show_probe(m, false);
}
DEFINE_SHOW_ATTRIBUTE(probe);

static int probe_alias_show(struct seq_file *m, void *unused)
{
	return show_probe(m, true);
}
DEFINE_SHOW_ATTRIBUTE(probe_alias);

void (*unmapped_in_flip)(struct page *page, unsigned int order);

void unmapped_mid_flip(struct page *page, unsigned int order)
{
	void (*in_flip)(struct page *page, unsigned int order) = READ_ONCE(unmapped_in_flip);

	if (in_flip)
		in_flip(page, order);
	if (unmapped_fault(UNMAPPED_FAULT_DELAY))
		msleep(get_random_u32_inclusive(1, 20));
}

static int __init unmapped_debug_init(void)
{
	struct dentry *dir = debugfs_create_dir("unmapped", NULL);

	debugfs_create_file("validate", 0400, dir, NULL, &validate_fops);
	debugfs_create_file("state", 0400, dir, NULL, &state_fops);
	debugfs_create_file("probe", 0400, dir, NULL, &probe_fops);
	debugfs_create_file("probe_alias", 0400, dir, NULL, &probe_alias_fops);
	debugfs_create_u32("faults", 0600, dir, &unmapped_faults);
	unmapped_hold_init(dir);
	return 0;
}
late_initcall(unmapped_debug_init);
