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

/**
 * enum unmapped_back_reason - who has a block mapped back
 * @UNMAPPED_BACK_REQUEST: a request for mapped pages that ran short
 * @UNMAPPED_BACK_KSWAPD: kswapd, before it reclaims
 * @UNMAPPED_BACK_OOM: a request, before a task is killed for it
 * @UNMAPPED_BACK_PACK: who packs sparse blocks, for one that was whole or became so
 * @UNMAPPED_BACK_IDLE: nobody; nor was it needed unmapped for a while
 * @UNMAPPED_BACK_RANGE: contiguous allocation, or memory that goes offline
 * @UNMAPPED_BACK_SWITCH: vm.unmapped_alloc, which became 0
 * @UNMAPPED_BACK_HIBERNATION: hibernation, or a resume from it
 */
enum unmapped_back_reason {
	UNMAPPED_BACK_REQUEST,
	UNMAPPED_BACK_KSWAPD,
	UNMAPPED_BACK_OOM,
	UNMAPPED_BACK_PACK,
	UNMAPPED_BACK_IDLE,
	UNMAPPED_BACK_RANGE,
	UNMAPPED_BACK_SWITCH,
	UNMAPPED_BACK_HIBERNATION,
};

/**
 * enum unmapped_clear_result - how pages that are freed were cleared
 * @UNMAPPED_CLEAR_RUN: they follow each other
 * @UNMAPPED_CLEAR_BATCH: single pages, of which the first is named
 * @UNMAPPED_CLEAR_REFUSED: they were not; of a batch, each is tried again
 */
enum unmapped_clear_result {
	UNMAPPED_CLEAR_RUN,
	UNMAPPED_CLEAR_BATCH,
	UNMAPPED_CLEAR_REFUSED,
};

#ifdef CONFIG_PAGE_ALLOC_UNMAPPED

/**
 * unmapped_shows() - is a page absent from the direct map, as far as one can tell?
 * @page: any page, free or in use; nobody need own it
 *
 * For /proc/kpageflags. Its block may flip the moment after.
 *
 * Context: any.
 * Return: whether the page's block is unmapped.
 */
bool unmapped_shows(const struct page *page);

#else

static inline bool unmapped_shows(const struct page *page)
{
	return false;
}

#endif

#if defined(CONFIG_PAGE_ALLOC_UNMAPPED) && defined(CONFIG_HIBERNATION)

/**
 * unmapped_frozen() - look once more before the hibernation image is made
 *
 * Until they froze, tasks could take secrets, which may forbid an image, and drop
 * some, whose pages are not cleared before the last reference is gone.
 *
 * Context: process, may sleep; tasks are frozen.
 * Return: 0, or -EBUSY if secrets are in use and forbid hibernation.
 */
int unmapped_frozen(void);

/**
 * hibernation_refused() - an attempt to hibernate was refused: log why
 *
 * Not for those who only ask, such as a read of /sys/power/state.
 *
 * Context: process.
 */
void hibernation_refused(void);

/**
 * unmapped_restore_refused() - a restore ends without PM_POST_RESTORE
 *
 * Context: process, may sleep.
 */
void unmapped_restore_refused(void);

/**
 * unmapped_snapshot_begin() - the CPU's state is about to be saved
 *
 * Pages are copied before it is restored, and must not leave another address
 * space loaded than the one that is saved.
 *
 * Context: interrupts off, one CPU runs.
 */
void unmapped_snapshot_begin(void);

/**
 * unmapped_free_page() - shall others leave a free page alone?
 * @page: page that was free when the image was made
 *
 * Return: whether the page is unmapped.
 */
bool unmapped_free_page(struct page *page);

/**
 * unmapped_snapshot_page() - copy an absent page into the hibernation image
 * @page: page in use
 * @buf: where to, a page of mapped memory
 * @zeros_only: set to whether the page is zero
 *
 * Context: any but NMI; one CPU runs, nobody writes to the page.
 * Return: false if the page is present: nothing was done.
 */
bool unmapped_snapshot_page(struct page *page, void *buf, bool *zeros_only);

/**
 * unmapped_clear_copy() - clear a page before it is free, if it may hold a secret
 * @page: ordinary page that is about to be free, or is free after a resume
 *
 * Pages of an image are ordinary ones, in this kernel and in the one that reads it.
 *
 * Context: any but NMI.
 */
void unmapped_clear_copy(struct page *page);

/**
 * unmapped_clear_buffer() - the same for a buffer on the way to the disk or back
 * @buf: buffer that is about to be freed, or NULL
 * @size: its size in bytes
 *
 * Context: any but NMI.
 */
void unmapped_clear_buffer(void *buf, size_t size);

/**
 * unmapped_clears_copies() - does unmapped_clear_copy() do anything?
 *
 * Context: any.
 * Return: true if the image that was made last held secrets, or one was read.
 */
bool unmapped_clears_copies(void);

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

static inline int unmapped_frozen(void)
{
	return 0;
}

static inline void hibernation_refused(void) { }
static inline void unmapped_restore_refused(void) { }
static inline void unmapped_snapshot_begin(void) { }

static inline bool unmapped_free_page(struct page *page)
{
	return false;
}

static inline bool unmapped_snapshot_page(struct page *page, void *buf,
					  bool *zeros_only)
{
	return false;
}

static inline void unmapped_clear_copy(struct page *page) { }

/* A macro: the size would be kept in a register for nothing */
#define unmapped_clear_buffer(buf, size)	do { } while (0)

static inline bool unmapped_clears_copies(void)
{
	return false;
}

static inline void unmapped_restored(void) { }

#endif

#if defined(CONFIG_PAGE_ALLOC_UNMAPPED) && defined(CONFIG_HIBERNATION) && \
	defined(CONFIG_SECRETMEM)

/**
 * secretmem_in_image() - may a hibernation image hold secrets?
 *
 * Context: any.
 * Return: what vm.secretmem_hibernation says.
 */
bool secretmem_in_image(void);

/**
 * secretmem_in_use() - is a page of secretmem in use?
 *
 * Context: any. While tasks run the answer is old at once.
 */
bool secretmem_in_use(void);

/**
 * secretmem_forbids_hibernation() - are there secrets that no image may hold?
 *
 * Context: any. While tasks run the answer is old at once.
 * Return: true if pages of secretmem are in use, unless the image may hold them.
 */
bool secretmem_forbids_hibernation(void);

/**
 * secretmem_hibernation_refused() - log that secrets forbade hibernation
 *
 * Context: process.
 */
void secretmem_hibernation_refused(void);

#else

/* Macros: stock's declaration is in a header that not everybody includes */
#define secretmem_in_image()			false
#define secretmem_in_use()			false
#define secretmem_forbids_hibernation()		secretmem_active()
#define secretmem_hibernation_refused()		do { } while (0)

#endif

#endif /* _LINUX_UNMAPPED_H */
