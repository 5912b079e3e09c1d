// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: hibernation.
 *
 * Keeps hibernation away from entries that are not present. Stock would make
 * such a page present to copy it, which splits the block's entry for good, with
 * interrupts off; and it does not save free pages, of which it knows only
 * that nobody needs their contents.
 *
 * What holds, from the notification before to the one after:
 *  - No block is flipped. This begins before memory for the image is allocated,
 *    and so before tasks freeze, because that memory may be needed; free blocks
 *    are mapped back then.
 *  - Pages in use stay unmapped. They go into the image through the mermap. So do
 *    pages that secretmem took out of the direct map one by one, also while the
 *    feature is off: stock's way for such a page changes the page table and calls
 *    all CPUs, which is not made for interrupts off.
 *  - The image itself is ordinary memory until it is written, or was read. What held
 *    a part of it is cleared before it is free memory: nothing else would do it.
 *  - Secrets in use go into it only if the administrator allows that
 *    (secretmem_hibernate.c). Else hibernation is refused by hibernation_available(),
 *    and once more when tasks are frozen. Secrets that were dropped are cleared by
 *    their last reference, which may be one of a CPU's LRU batches; so these are
 *    drained.
 *  - After a resume, free pages of blocks that are partly in use are cleared before
 *    anything runs (I2).
 *
 * The kernel that loads an image may have unmapped blocks too. It writes to their
 * pages only through page tables of its own that map all memory.
 *
 * Locks: unmapped_hold_flips() takes its own; the other functions run alone.
 */
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/mermap.h>
#include <linux/nmi.h>
#include <linux/secretmem.h>
#include <linux/set_memory.h>
#include <linux/string.h>
#include <linux/suspend.h>
#include <linux/unmapped.h>

#include "internal.h"

/* Can what was copied, or read, be a secret? */
static bool image_is_secret;

static int unmapped_pm_notify(struct notifier_block *nb, unsigned long event,
			      void *unused)
{
	int err;

	switch (event) {
	case PM_HIBERNATION_PREPARE:
		err = secretmem_in_image() ? unmapped_prepare_mermap() : 0;
		if (err)
			return notifier_from_errno(err);
		unmapped_hold_flips(true);
		break;
	case PM_RESTORE_PREPARE:
		/* The kernel of the image knows nothing of them, and would not clear them */
		if (secretmem_in_use())
			return notifier_from_errno(-EBUSY);
		image_is_secret = true;
		unmapped_hold_flips(true);
		break;
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		unmapped_hold_flips(false);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block unmapped_pm_notifier = {
	.notifier_call = unmapped_pm_notify,
};

static int __init unmapped_hibernate_init(void)
{
	return register_pm_notifier(&unmapped_pm_notifier);
}
late_initcall(unmapped_hibernate_init);

int unmapped_frozen(void)
{
	int err;

	if (secretmem_forbids_hibernation()) {
		secretmem_hibernation_refused();
		return -EBUSY;
	}
	image_is_secret = secretmem_in_use();
	/* Again: they may be allowed only since the notification */
	err = image_is_secret ? unmapped_prepare_mermap() : 0;
	if (err)
		return err;
	if (unmapped_enabled())
		/* Again: for what was freed since */
		unmapped_flips_stop(UNMAPPED_BACK_HIBERNATION);
	return 0;
}

void unmapped_restore_refused(void)
{
	unmapped_hold_flips(false);
}

void unmapped_snapshot_begin(void)
{
	if (mermap_ready())
		mermap_end_lazy();
}

bool unmapped_free_page(struct page *page)
{
	return page_unmapped(page);
}

/*
 * Asks the page table and not the bit: a block that is being mapped back has
 * its bit clear and may not be present yet.
 */
bool unmapped_snapshot_page(struct page *page, void *buf, bool *zeros_only)
{
	if (!mermap_ready() || kernel_page_present(page))
		return false;

	/*
	 * Poisoned pages must not be read. Otherwise the mermap refuses only inside
	 * a visit, and there is none; the warning tells that the image lacks a page.
	 */
	if (PageHWPoison(page) ||
	    WARN_ON_ONCE(!mermap_copy_from(buf, page, 0, PAGE_SIZE)))
		memset(buf, 0, PAGE_SIZE);
	*zeros_only = !memchr_inv(buf, 0, PAGE_SIZE);
	return true;
}

void unmapped_clear_copy(struct page *page)
{
	/* Absent with debug_pagealloc, which keeps all free pages so */
	if (!image_is_secret || !kernel_page_present(page))
		return;
	clear_page(page_address(page));
	if (pageblock_aligned(page_to_pfn(page)))
		touch_nmi_watchdog();
}

void unmapped_clear_buffer(void *buf, size_t size)
{
	if (image_is_secret && buf)
		memset(buf, 0, size);
}

bool unmapped_clears_copies(void)
{
	return image_is_secret;
}

static void clear_list(struct zone *zone, unsigned int order, freetype_t freetype)
{
	struct list_head *list = &zone->free_area[order].free_list[freetype_idx(freetype)];
	struct page *page;

	list_for_each_entry(page, list, buddy_list) {
		/* Cannot be refused either; and if so, the pages were warned of. */
		mermap_clear_pages(page, 1U << order);
		touch_nmi_watchdog();
	}
}

void unmapped_restored(void)
{
	unsigned long flags;
	struct zone *zone;
	int order, mt;

	if (!unmapped_enabled())
		return;
	for_each_populated_zone(zone) {
		spin_lock_irqsave(&zone->lock, flags);
		for (order = 0; order < NR_PAGE_ORDERS; order++) {
			for (mt = 0; mt < MIGRATE_TYPES; mt++)
				clear_list(zone, order, make_freetype(mt, FREETYPE_UNMAPPED));
		}
		spin_unlock_irqrestore(&zone->lock, flags);
	}
}
