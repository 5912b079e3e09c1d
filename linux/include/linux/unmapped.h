/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_UNMAPPED_H
#define _LINUX_UNMAPPED_H

/*
 * What code outside of mm/ has to know of pages that are absent from the
 * kernel's direct map.
 */

#include <linux/kconfig.h>
#include <linux/types.h>

struct page;

#if defined(CONFIG_PAGE_ALLOC_UNMAPPED) && defined(CONFIG_HIBERNATION)

/**
 * unmapped_snapshot_page() - copy an unmapped page into the hibernation image
 * @page: page in use
 * @buf: where to, a page of mapped memory
 * @zeros_only: set to whether the page is zero
 *
 * Context: any but NMI; one CPU runs, nobody writes to the page.
 * Return: false if the page is mapped: nothing was done.
 */
bool unmapped_snapshot_page(struct page *page, void *buf, bool *zeros_only);

/**
 * unmapped_restored() - make free unmapped pages zero again after a resume
 *
 * The image holds the page tables, lists and pageblock bits, but no free page:
 * those hold what the kernel that loaded the image had there.
 *
 * Context: interrupts off, one CPU runs.
 */
void unmapped_restored(void);

#else

static inline bool unmapped_snapshot_page(struct page *page, void *buf,
					  bool *zeros_only)
{
	return false;
}

static inline void unmapped_restored(void) { }

#endif

#endif /* _LINUX_UNMAPPED_H */
