// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: how they move.
 *
 * Owns the rules for the source and the destination of a migration; the core of
 * mm/migrate.c does the rest as for any folio.
 *
 * Invariants:
 *  - What an unmapped folio holds goes to an unmapped folio only, through the
 *    mermap: it is never in the direct map on the way (I1).
 *  - The copy is made when no user address leads to the source any more, under
 *    the locks of both folios, and thrown away if somebody holds a reference
 *    that is not known: nobody writes to the source meanwhile.
 *  - The source, or after a failure the destination, is cleared when it is
 *    freed, like any unmapped page (I2).  Soft offline, which keeps its page
 *    from being freed, clears it first.
 *  - A destination comes off the unmapped lists.  Only if the caller may block
 *    will a block be unmapped for it: then somebody asked for just this move
 *    (system calls, memory offline, contiguous ranges), and the move makes a
 *    block whole elsewhere, or puts memory where its owner wants it.  Whoever
 *    moves pages to save something (NUMA hinting, demotion, packing) does not
 *    block, and so takes what is there.
 *  - A folio that was unmapped alone, in a block that is mapped, does not move.
 *
 * Compaction passes unmapped blocks by, as source and as destination: it would
 * fill mapped free pages.  What empties unmapped blocks is unmapped_pack.c.
 *
 * Context: process, may sleep; source and destination locked.
 */
#include <linux/mermap.h>
#include <linux/migrate.h>

#include "internal.h"

/* Slow part of unmapped_target_gfp() */
gfp_t __unmapped_target_gfp(gfp_t gfp)
{
	/* Without __GFP_HIGHMEM, movable pages do not come from ZONE_MOVABLE */
	gfp &= ~(__GFP_HIGHMEM | __GFP_RETRY_MAYFAIL);
	return gfp | __GFP_UNMAPPED | __GFP_MOVABLE | __GFP_NORETRY |
	       __GFP_NOWARN;
}

static int copy_folio(struct folio *dst, struct folio *src)
{
	long i, nr_pages = folio_nr_pages(src);

	for (i = 0; i < nr_pages; i++) {
		/* A copy by the mermap does not survive a machine check */
		if (PageHWPoison(folio_page(src, i)))
			return -EHWPOISON;
		if (!mermap_copy_page(folio_page(dst, i), folio_page(src, i)))
			return -EIO;
		cond_resched();
	}
	return 0;
}

/**
 * unmapped_migrate_folio - move an unmapped folio to another one
 * @mapping: the page cache that it is in
 * @dst: where to
 * @src: the folio, which no page table of a user maps
 *
 * As migrate_folio(), for address spaces that hold unmapped folios.
 *
 * Context: process, may sleep; both folios locked.
 * Return: MIGRATEPAGE_SUCCESS, -EBUSY if either folio is mapped, -EAGAIN if
 * somebody else has a reference to @src, or -EHWPOISON or -EIO if it could not be
 * read.
 */
int unmapped_migrate_folio(struct address_space *mapping, struct folio *dst,
			   struct folio *src)
{
	int err;

	if (!page_unmapped(&src->page) || !page_unmapped(&dst->page))
		return -EBUSY;

	/* Do not copy in vain: this is looked at again when it counts */
	if (folio_ref_count(src) != folio_expected_ref_count(src) + 1)
		return -EAGAIN;

	err = copy_folio(dst, src);
	if (!err)
		err = folio_migrate_mapping(mapping, dst, src, 0);
	if (err)
		return err;

	folio_migrate_flags(dst, src);
	count_vm_events(UNMAPPED_MIGRATE, folio_nr_pages(dst));
	return MIGRATEPAGE_SUCCESS;
}
