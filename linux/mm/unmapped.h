/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unmapped pages: what mm/ shares about pages that are absent from the
 * kernel's direct map.
 *
 * unmapped.c            decides whether the feature runs, and stops it again
 * unmapped_alloc.c      serves requests for unmapped pages
 * unmapped_flip.c       changes the mappedness of whole pageblocks
 * unmapped_room.c       makes whole free blocks, where memory is in pieces or short
 * unmapped_clear.c      clears pages, which is when they are freed
 * unmapped_pcp.c        keeps a few free single pages for each CPU
 * unmapped_migrate.c    moves pages from one unmapped block to another
 * unmapped_pack.c       empties sparse blocks into others
 * unmapped_return.c     maps blocks back that nobody needs
 * unmapped_backoff.h    tries more and more rarely what failed
 * secretmem_count.c     tells why secret memory was refused
 * secretmem_hibernate.c decides whether secrets forbid hibernation
 * unmapped_hibernate.c  keeps hibernation away from entries that are not present
 *
 * The hooks in the allocator are the inline functions below.  Each starts with
 * a static branch and vanishes without CONFIG_PAGE_ALLOC_UNMAPPED.
 */
#ifndef __MM_UNMAPPED_H
#define __MM_UNMAPPED_H

#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/page-isolation.h>
#include <linux/secretmem.h>
#include <linux/unmapped.h>
#include <linux/vmstat.h>

#ifdef CONFIG_PAGE_ALLOC_UNMAPPED

struct alloc_context;
struct dentry;

/*
 * Allocate pages without a translation in the direct map.  The pages are zero.
 * What the request cannot have makes it fail; it never gets mapped pages.
 * Private to mm/, hence not in gfp_types.h.
 */
#define __GFP_UNMAPPED		((__force gfp_t)BIT(___GFP_UNUSED_BIT))

/* On while unmapped pageblocks exist or may come to exist */
DECLARE_STATIC_KEY_FALSE(unmapped_key);

extern int sysctl_unmapped_fallback;

/* unmapped.c */
bool unmapped_gfp_valid(gfp_t gfp);
void unmapped_hold_flips(bool hold);
int unmapped_prepare_mermap(void);

/* unmapped_clear.c */
void __unmapped_defer_free(struct page *page, unsigned int order);
int unmapped_clear_init(void);
bool __unmapped_drain_deferred(void);
bool unmapped_clear_free(struct page *page, unsigned int order);
bool unmapped_clear_chain(struct folio *folio);
void __unmapped_zero_folio(struct folio *folio);

/* How many free pages a CPU keeps; a power of two, so that refills are one piece */
#define UNMAPPED_PCP_PAGES	16

/* unmapped_pcp.c */
struct page *unmapped_pcp_get(struct zone *zone, unsigned int order,
			      freetype_t freetype);
bool unmapped_pcp_put(struct page *page, unsigned int order);
struct folio *unmapped_pcp_put_chain(struct folio *folio);
bool unmapped_pcp_drain(void);

/* unmapped_alloc.c */
bool unmapped_zone_allowed(struct zone *zone, gfp_t gfp);
struct page *unmapped_alloc_pages(gfp_t gfp, unsigned int order,
				  struct alloc_context *ac);

/* unmapped_room.c */
int unmapped_room_init(void);
unsigned int unmapped_count_used(unsigned long pfn, unsigned int order,
				 unsigned int max);
int unmapped_make_block(struct zone *zone, unsigned int order, gfp_t gfp);
bool unmapped_reclaim_deferred(struct zone *zone);
void unmapped_reclaim_ended(struct zone *zone, bool served);
void unmapped_wake_kswapd(struct zone *zone, unsigned int order, gfp_t gfp);
void unmapped_keep_ahead(struct zone *zone, unsigned int order, gfp_t gfp);
bool unmapped_wait_for_kswapd(struct zone *zone, unsigned int order, gfp_t gfp);
unsigned long __unmapped_reclaim_ahead(struct zone *zone);
void __unmapped_reclaim_round(void);
bool __unmapped_reclaimed(pg_data_t *pgdat);

/* unmapped_flip.c */
int unmapped_flip_init(void);
bool unmapped_zone_flips(struct zone *zone, unsigned int order);
bool unmapped_may_flip(struct zone *zone, unsigned int order, gfp_t gfp);
void unmapped_flips_start(void);
bool unmapped_flips_stop(enum unmapped_back_reason reason);
bool unmapped_flips_allowed(void);
bool unmapped_flip(struct zone *zone, unsigned int order, gfp_t gfp,
		   freetype_t freetype);
bool unmapped_take_back(struct zone *zone, enum unmapped_back_reason reason);
unsigned int unmapped_map_back(struct zone *zone, unsigned int max_blocks,
			       enum unmapped_back_reason reason);
bool __unmapped_take_back_node(pg_data_t *pgdat, int order, int highest_zoneidx);
bool __unmapped_take_back_zonelist(gfp_t gfp, unsigned int order,
				   const struct alloc_context *ac);
void __unmapped_freed(struct zone *zone);
bool __unmapped_free_poisoned(struct page *page, unsigned int order);
bool __unmapped_range_partial(unsigned long start_pfn, unsigned long end_pfn);
void __unmapped_map_back_range(unsigned long start_pfn, unsigned long end_pfn);

/* unmapped_migrate.c */
gfp_t __unmapped_target_gfp(gfp_t gfp);
int unmapped_migrate_folio(struct address_space *mapping, struct folio *dst,
			   struct folio *src);

/* unmapped_pack.c */
int unmapped_pack_init(void);
bool unmapped_pack(struct zone *zone);
void unmapped_pack_all(struct zone *zone);
bool __unmapped_pack_zonelist(gfp_t gfp, const struct alloc_context *ac);

/* unmapped_return.c */
int unmapped_return_prepare(void);
void unmapped_note_low(struct zone *zone);
void unmapped_end_period(void);
void unmapped_return_start(void);

/* secretmem_count.c */
void secretmem_refused(enum vm_event_item reason);
vm_fault_t secretmem_refused_by(int err);
int secretmem_filemap_add_folio(struct address_space *mapping, struct folio *folio,
				pgoff_t index, gfp_t gfp);

extern const char * const unmapped_freetype_names[MIGRATE_TYPES];

/* compaction.c */
bool __compact_for_unmapped(struct zone *zone, unsigned int order, gfp_t gfp);

/* page_alloc.c */
struct page *__alloc_listed_pages(struct zone *preferred_zone, struct zone *zone,
				  unsigned int order, gfp_t gfp,
				  freetype_t freetype);
unsigned long __reclaim_for_unmapped(gfp_t gfp, const struct alloc_context *ac);
struct page *__take_free_pages(struct zone *zone, unsigned int order,
			       freetype_t freetype);
void __give_free_pages(struct zone *zone, struct page *page,
		       unsigned int order, bool tail);
void __free_deferred_pages(struct page *page, unsigned int order);
#ifdef CONFIG_UNACCEPTED_MEMORY
bool __accept_for_unmapped(struct zone *zone);
#else
static inline bool __accept_for_unmapped(struct zone *zone) { return false; }
#endif

/*
 * Faults that tests plant in debug kernels.  A name says what goes wrong.
 */
#define UNMAPPED_FAULT_UNMAP	BIT(0)	/* the page table cannot be changed */
#define UNMAPPED_FAULT_CLAIMED	BIT(1)	/* isolation claims a block in mid-flip */
#define UNMAPPED_FAULT_NO_FLUSH	BIT(2)	/* flips forget the shootdown */
#define UNMAPPED_FAULT_NO_CLEAR	BIT(3)	/* freed pages keep their contents */
#define UNMAPPED_FAULT_DELAY	BIT(4)	/* flips and map-backs dawdle */
#define UNMAPPED_FAULT_TABLE	BIT(5)	/* no page table to split a 1 GiB entry with */
#define UNMAPPED_FAULT_POISON	BIT(6)	/* the next flip meets a poisoned page; once */

#ifdef CONFIG_DEBUG_PAGE_ALLOC_UNMAPPED
extern unsigned int unmapped_faults;

/* unmapped_debug.c */
int unmapped_validate(void);

/* unmapped_pcp.c */
unsigned int unmapped_pcp_for_each(void (*visit)(struct page *page));

/* unmapped_hold.c */
void unmapped_hold_init(struct dentry *dir);

/**
 * struct unmapped_probe - one run of the prober, see unmapped_probe.c
 * @nr_flips: wanted number of flips of a block that every CPU watches
 * @nr_reads: reads of each CPU before a flip, and again after it
 * @alias: read through a vmap area that is gone, not through the direct map
 * @flips: flips that were watched
 * @missed: flips that took another block than the one watched
 * @reads: reads before flips and after them, in sum
 * @hits: reads before flips that succeeded
 * @stale: reads after a flip that succeeded; none may
 */
struct unmapped_probe {
	unsigned int nr_flips;
	unsigned int nr_reads;
	bool alias;
	unsigned int flips;
	unsigned int missed;
	unsigned long reads;
	unsigned long hits;
	unsigned long stale;
};

/* unmapped_probe.c */
unsigned long unmapped_next_blocks(struct zone *zone, unsigned int order,
				   int migratetype);
int unmapped_probe_flips(struct unmapped_probe *probe);

static inline bool unmapped_fault(unsigned int fault)
{
	return READ_ONCE(unmapped_faults) & fault;
}

/* A fault that goes away by itself. No other one may be planted meanwhile. */
static inline bool unmapped_fault_once(unsigned int fault)
{
	if (!unmapped_fault(fault))
		return false;
	WRITE_ONCE(unmapped_faults, unmapped_faults & ~fault);
	return true;
}

/*
 * Where pages stand on no list: lets others race with what the caller is at.
 * Tests may put a function of theirs into unmapped_in_flip.
 */
extern void (*unmapped_in_flip)(struct page *page, unsigned int order);
void unmapped_mid_flip(struct page *page, unsigned int order);
#else
static inline bool unmapped_fault(unsigned int fault) { return false; }
static inline bool unmapped_fault_once(unsigned int fault) { return false; }
static inline void unmapped_mid_flip(struct page *page, unsigned int order) { }
#endif

static inline bool unmapped_enabled(void)
{
	return static_branch_unlikely(&unmapped_key);
}

/* Where a zone's element stands in arrays of nr_node_ids * MAX_NR_ZONES */
static inline unsigned int unmapped_zone_index(struct zone *zone)
{
	return zone_to_nid(zone) * MAX_NR_ZONES + zone_idx(zone);
}

/* The name of a free list, given its index */
static inline const char *freetype_name(int idx)
{
	return idx < MIGRATE_TYPES ? migratetype_names[idx] :
			unmapped_freetype_names[idx - MIGRATE_TYPES];
}

static inline unsigned long zone_free_unmapped(const struct zone *zone)
{
	return READ_ONCE(zone->nr_free_unmapped);
}

static inline void account_free_unmapped(struct zone *zone, int nr_pages,
					 freetype_t freetype)
{
	if (!freetype_unmapped(freetype))
		return;
	WRITE_ONCE(zone->nr_free_unmapped, zone->nr_free_unmapped + nr_pages);
	if (nr_pages < 0)
		unmapped_note_low(zone);
	__mod_zone_page_state(zone, NR_FREE_UNMAPPED_PAGES, nr_pages);
}

/* Is this a request for unmapped pages? */
#define gfp_unmapped(gfp)	unlikely((gfp) & __GFP_UNMAPPED)

/*
 * For allocators that return addresses: an unmapped page has none. Each object of
 * slab comes along here, so whether to warn is not looked at before.
 */
#define refuse_unmapped(gfp)						\
	(gfp_unmapped(gfp) && (WARN_ON_ONCE_GFP(true, gfp), true))

/* May single pages be unmapped when no block can be had? */
static inline bool unmapped_fallback_allowed(void)
{
	return READ_ONCE(sysctl_unmapped_fallback);
}

/* A single page was unmapped instead, and handed out */
static inline void unmapped_count_fallback(void)
{
	if (!unmapped_enabled())
		return;
	pr_info_once("unmapped: no pageblock to be had, unmapping single pages\n");
	count_vm_event(UNMAPPED_FALLBACK);
}

/* secretmem_hibernate.c */
extern atomic_long_t secretmem_nr_held;

static inline void secretmem_mod_held(struct folio *folio, long nr_pages)
{
	node_stat_mod_folio(folio, NR_SECRETMEM, nr_pages);
	if (IS_ENABLED(CONFIG_HIBERNATION))
		atomic_long_add(nr_pages, &secretmem_nr_held);
}

/*
 * Count a folio as one that secretmem holds, from when it is in the page cache, and
 * before it is unlocked there
 */
static inline void secretmem_add_held(struct folio *folio)
{
	secretmem_mod_held(folio, folio_nr_pages(folio));
}

/* ... until it is not, or another one has taken its place, which is counted first */
static inline void secretmem_sub_held(struct folio *folio)
{
	secretmem_mod_held(folio, -folio_nr_pages(folio));
}

/**
 * page_unmapped - is this page absent from the direct map?
 * @page: a page that the caller owns
 *
 * Return: whether the page's block is unmapped.
 */
static inline bool page_unmapped(const struct page *page)
{
	return unmapped_enabled() && get_pageblock_freetype_flags(page);
}

/*
 * From this order on, clearing takes too long for those who have interrupts off: 16
 * pages are a whole visit of the mermap, and the rest of a free comes on top.
 */
#define UNMAPPED_DEFER_ORDER	4

/**
 * unmapped_defer_free - shall these pages be freed later?
 * @page: first of the pages, unmapped, without a reference, otherwise whole
 * @order: the pages' order
 *
 * Context: any but NMI.
 * Return: true if they were queued, for a worker to free them; the caller leaves
 * them alone.
 */
static inline bool unmapped_defer_free(struct page *page, unsigned int order)
{
	if (order < UNMAPPED_DEFER_ORDER || !irqs_disabled())
		return false;
	__unmapped_defer_free(page, order);
	return true;
}

/**
 * unmapped_drain_deferred - list free pages that are on no list yet
 *
 * That is what unmapped_defer_free() has queued, and what CPUs keep.
 *
 * Context: process, may sleep; also in reclaim, for the worker needs no memory.
 */
static inline void unmapped_drain_deferred(void)
{
	if (unmapped_enabled())
		__unmapped_drain_deferred();
}

/**
 * unmapped_drain_deferred_any - the same, for who looks at the lists again after it
 *
 * Context: as unmapped_drain_deferred().
 * Return: false if there was nothing, and looking again is no use.
 */
static inline bool unmapped_drain_deferred_any(void)
{
	return unmapped_enabled() && __unmapped_drain_deferred();
}

/**
 * unmapped_zero_folio - clear a folio for user space, if it is unmapped
 * @folio: the folio
 *
 * Unmapped folios are zero when they are handed out, so nobody should ask. Who
 * does gets a warning, once, and a folio that is zero.
 *
 * Context: any but NMI.
 * Return: false if the folio is mapped, and was not touched.
 */
static inline bool unmapped_zero_folio(struct folio *folio)
{
	if (!page_unmapped(&folio->page))
		return false;
	__unmapped_zero_folio(folio);
	return true;
}

/**
 * vma_maps_secrets_whole - shall a fault map all of the folio that it found?
 * @vma: where the fault is
 *
 * Large folios of secretmem were taken for the mapping that faulted first, which
 * will touch the rest as well. With an entry of a PMD they need no page table, and
 * none in advance: nothing is ever written back, so that allocating one under the
 * folio's lock waits for no other.
 *
 * Return: whether it shall, if it can.
 */
static inline bool vma_maps_secrets_whole(struct vm_area_struct *vma)
{
	return unmapped_enabled() && vma_is_secretmem(vma);
}

/* The same of a folio; not where a touch of a poisoned page must be seen */
static inline bool folio_maps_whole(struct vm_area_struct *vma, struct folio *folio)
{
	return vma_is_anon_shmem(vma) ||
	       (vma_maps_secrets_whole(vma) && !folio_test_has_hwpoisoned(folio));
}

/**
 * unmapped_target_gfp - flags to allocate the destination of a migration with
 * @src: the folio that moves
 * @gfp: flags that serve if it is mapped
 *
 * What is unmapped moves to unmapped folios only. If @gfp may block, a block
 * may be unmapped for it; see unmapped_migrate.c.
 *
 * Context: any.
 * Return: the flags.
 */
static inline gfp_t unmapped_target_gfp(const struct folio *src, gfp_t gfp)
{
	return page_unmapped(&src->page) ? __unmapped_target_gfp(gfp) : gfp;
}

/**
 * unmapped_clear_released - clear a page that leaves use without being freed
 * @page: the page, which the caller has the last reference to
 *
 * Context: any but NMI.
 */
static inline void unmapped_clear_released(struct page *page)
{
	/* Failure was warned of by the mermap, and nobody gets the page anyway */
	if (page_unmapped(page))
		unmapped_clear_free(page, 0);
}

/**
 * cond_take_back - map free unmapped blocks back for a request that ran short
 * @zone: the zone whose watermark or lists failed
 * @gfp: the request, for mapped pages
 *
 * The counterpart of cond_accept_memory() for memory that is merely unmapped.
 *
 * Context: may be called by any allocation, does something only if @gfp may
 * block.  No locks of the allocator held.
 * Return: whether the zone has more mapped free pages now.
 */
static inline bool cond_take_back(struct zone *zone, gfp_t gfp)
{
	/*
	 * Faults that take a huge page only where one is free may block as well: it is
	 * reclaim and compaction that their flags forbid.
	 */
	const bool may_block = gfpflags_allow_blocking(gfp) ||
			       (gfp & GFP_TRANSHUGE_LIGHT) == GFP_TRANSHUGE_LIGHT;

	if (!unmapped_enabled() || !may_block || (gfp & __GFP_UNMAPPED))
		return false;
	if (zone_free_unmapped(zone) < pageblock_nr_pages)
		return false;
	return unmapped_take_back(zone, UNMAPPED_BACK_REQUEST);
}

/**
 * unmapped_take_back_node - map blocks back before kswapd reclaims
 * @pgdat: the unbalanced node
 * @order: the order that it is balanced for
 * @highest_zoneidx: highest zone that kswapd balances
 *
 * Context: kswapd.
 * Return: whether the node has more mapped free pages now.
 */
static inline bool unmapped_take_back_node(pg_data_t *pgdat, int order,
					   int highest_zoneidx)
{
	return unmapped_enabled() &&
	       __unmapped_take_back_node(pgdat, order, highest_zoneidx);
}

/**
 * unmapped_take_back_zonelist - map blocks back before a task is killed
 * @gfp: a request for mapped pages, which may block
 * @order: its order
 * @ac: where it may allocate
 *
 * Context: process, with oom_lock held.
 * Return: whether the request can be served now.
 */
static inline bool unmapped_take_back_zonelist(gfp_t gfp, unsigned int order,
					       const struct alloc_context *ac)
{
	return unmapped_enabled() &&
	       __unmapped_take_back_zonelist(gfp, order, ac);
}

/**
 * unmapped_freed - wake kswapd if what was freed is wanted as mapped memory
 * @zone: where pages were freed, maybe unmapped ones
 *
 * Context: any but NMI, the zone lock not held.
 */
static inline void unmapped_freed(struct zone *zone)
{
	if (unmapped_enabled() && zone_free_unmapped(zone) >= pageblock_nr_pages)
		__unmapped_freed(zone);
}

/**
 * unmapped_reclaim_ahead - how much more than others do flips need?
 * @zone: a zone that kswapd balances
 *
 * Context: any.
 * Return: pages to be added to the high watermark.
 */
static inline unsigned long unmapped_reclaim_ahead(struct zone *zone)
{
	return unmapped_enabled() ? __unmapped_reclaim_ahead(zone) : 0;
}

/**
 * unmapped_reclaim_round - kswapd has freed some pages, and may go on
 *
 * Requests for unmapped pages that wait for it look whether these suffice.
 *
 * Context: kswapd.
 */
static inline void unmapped_reclaim_round(void)
{
	if (unmapped_enabled())
		__unmapped_reclaim_round();
}

/**
 * unmapped_reclaimed - kswapd has done what it could
 * @pgdat: its node
 *
 * Ends what unmapped_wake_kswapd() began: who still needs more asks again.
 *
 * Return: whether kswapd was to do more than for others.
 */
static inline bool unmapped_reclaimed(pg_data_t *pgdat)
{
	return unmapped_enabled() && __unmapped_reclaimed(pgdat);
}

/**
 * unmapped_pack_zonelist - empty sparse unmapped blocks for a request
 * @gfp: the request, for mapped pages
 * @ac: where it may allocate
 *
 * For direct reclaim, after whole free blocks were taken back.
 *
 * Context: may be called by any allocation, does something only if @gfp may
 * block and enter file systems, as migration of file pages does.
 * Return: whether to look at the free lists again.
 */
static inline bool unmapped_pack_zonelist(gfp_t gfp,
					  const struct alloc_context *ac)
{
	return unmapped_enabled() && gfpflags_allow_blocking(gfp) &&
	       (gfp & __GFP_FS) && !(gfp & __GFP_UNMAPPED) &&
	       __unmapped_pack_zonelist(gfp, ac);
}

/**
 * unmapped_pack_short - the same for kcompactd
 * @zone: the zone that it looks at
 * @order: what somebody wants
 * @highest_zoneidx: the highest zone that would serve it
 *
 * Context: kcompactd.
 */
static inline void unmapped_pack_short(struct zone *zone, unsigned int order,
				       int highest_zoneidx)
{
	if (unmapped_enabled() &&
	    !zone_watermark_ok(zone, order, low_wmark_pages(zone),
			       highest_zoneidx, 0))
		unmapped_pack(zone);
}

/**
 * unmapped_range_partial - does a range cut an unmapped block?
 * @start_pfn: first page of the range
 * @end_pfn: end of the range, exclusive
 *
 * Context: the blocks at both ends are isolated, so that they cannot flip.
 * Return: true if it does: the range cannot become mapped memory.
 */
static inline bool unmapped_range_partial(unsigned long start_pfn,
					  unsigned long end_pfn)
{
	return unmapped_enabled() &&
	       __unmapped_range_partial(start_pfn, end_pfn);
}

/**
 * unmapped_map_back_range - make a range of isolated pages mapped memory
 * @start_pfn: first page of the range
 * @end_pfn: end of the range, exclusive; the range cuts no unmapped block
 *
 * For contiguous allocation and memory offline, once the caller owns every
 * page of the range and before anyone may use the pages.
 *
 * Context: process context, may sleep.
 */
static inline void unmapped_map_back_range(unsigned long start_pfn,
					   unsigned long end_pfn)
{
	if (unmapped_enabled())
		__unmapped_map_back_range(start_pfn, end_pfn);
}

/* The migratetype whose per-CPU list holds pages of this freetype; mapped ones */
#define freetype_pcp_index(freetype)		freetype_bits(freetype)

/*
 * With longer free lists the compiler computes more of their addresses up front,
 * for every allocation: those that per-CPU lists serve shall not pay for that.
 */
#define rmqueue_buddy_inline			noinline

/**
 * unmapped_free_poisoned - free what is sound of pages that hold poisoned ones
 * @page: first of the pages, unmapped, cleared, prepared to be freed
 * @order: their order, not 0
 *
 * A poisoned page was not cleared, and nobody may get it.
 *
 * Context: any but NMI.
 * Return: false if none is poisoned: nothing was done.
 */
static inline bool unmapped_free_poisoned(struct page *page, unsigned int order)
{
#ifdef CONFIG_MEMORY_FAILURE
	if (unlikely(atomic_long_read(&num_poisoned_pages)))
		return __unmapped_free_poisoned(page, order);
#endif
	return false;
}

/* Must pages of this freetype stay off the per-CPU lists? */
static inline bool freetype_bypasses_pcp(freetype_t freetype)
{
	return freetype_unmapped(freetype) ||
	       is_migrate_isolate(freetype_migratetype(freetype));
}

/*
 * The free paths read the freetype of a page's block once, as without unmapped
 * blocks, but before the page is prepared, which depends on it.  Of mapped pages what
 * was read is kept in one word with the order.
 */
#define freed_freetype_early(page, pfn)		get_pfnblock_freetype(page, pfn)
#define freed_freetype(freetype, page, pfn)	(freetype)
#define freed_info(order, freetype)		((order) | freetype_bits(freetype) << 8)
#define freed_info_order(info)			((info) & 0xff)
#define free_mapped_prepare(page, order)	__free_pages_prepare(page, order, false, false)
#define freed_info_migratetype(info, page, pfn)	((int)((info) >> 8))

/**
 * gfp_freetype - the freetype that an allocation asks for
 * @gfp: its flags
 *
 * Return: migratetype by mobility; unmapped with __GFP_UNMAPPED.
 */
static inline freetype_t gfp_freetype(gfp_t gfp)
{
	return make_freetype(gfp_migratetype(gfp),
			     gfp & __GFP_UNMAPPED ? FREETYPE_UNMAPPED : 0);
}

#else /* !CONFIG_PAGE_ALLOC_UNMAPPED */

#define __GFP_UNMAPPED		((__force gfp_t)0)

/* Macros on the allocator's own paths, see <linux/freetype.h> */
#define zone_free_unmapped(zone)		0UL
#define account_free_unmapped(zone, nr, freetype)	do { } while (0)
#define page_unmapped(page)			false
#define vma_maps_secrets_whole(vma)		false
#define folio_maps_whole(vma, folio)		vma_is_anon_shmem(vma)
#define refuse_unmapped(gfp)			false
#define unmapped_alloc_pages(gfp, order, ac)	NULL
#define gfp_unmapped(gfp)			false
#define cond_take_back(zone, gfp)		false
#define unmapped_target_gfp(src, gfp)		(gfp)
#define unmapped_clear_released(page)		do { } while (0)
#define freetype_pcp_index(freetype)		(freetype)
#define rmqueue_buddy_inline			__always_inline
#define freetype_bypasses_pcp(freetype)		is_migrate_isolate(freetype)
#define freed_freetype_early(page, pfn)		0
#define freed_freetype(freetype, page, pfn)	get_pfnblock_freetype(page, pfn)
#define freed_info(order, freetype)		(order)
#define freed_info_order(info)			(info)
#define free_mapped_prepare(page, order)	free_pages_prepare(page, order)
#define unmapped_free_poisoned(page, order)	false
#define unmapped_pcp_put(page, order)		false
#define unmapped_pcp_drain()			do { } while (0)
#define freed_info_migratetype(info, page, pfn)	get_pfnblock_migratetype(page, pfn)
#define unmapped_reclaim_ahead(zone)		0UL
#define secretmem_refused(reason)		do { } while (0)
#define secretmem_refused_by(err)		vmf_error(err)
#define secretmem_filemap_add_folio		filemap_add_folio
#define secretmem_add_held(folio)		do { } while (0)
#define secretmem_sub_held(folio)		do { } while (0)
#define unmapped_take_back_zonelist(gfp, order, ac)	false

static inline bool unmapped_enabled(void) { return false; }
static inline bool unmapped_fallback_allowed(void) { return true; }
static inline void unmapped_count_fallback(void) { }

static inline const char *freetype_name(int idx)
{
	return migratetype_names[idx];
}

static inline bool unmapped_defer_free(struct page *page, unsigned int order)
{
	return false;
}

static inline bool unmapped_clear_free(struct page *page, unsigned int order)
{
	return true;
}

static inline bool unmapped_zero_folio(struct folio *folio)
{
	return false;
}

static inline void unmapped_drain_deferred(void) { }
static inline void unmapped_reclaim_round(void) { }
static inline bool unmapped_reclaimed(pg_data_t *pgdat) { return false; }
static inline void unmapped_freed(struct zone *zone) { }

static inline int unmapped_migrate_folio(struct address_space *mapping,
					 struct folio *dst, struct folio *src)
{
	return -EBUSY;
}

static inline bool unmapped_take_back_node(pg_data_t *pgdat, int order,
					   int highest_zoneidx)
{
	return false;
}

static inline bool unmapped_pack_zonelist(gfp_t gfp,
					  const struct alloc_context *ac)
{
	return false;
}

static inline void unmapped_pack_short(struct zone *zone, unsigned int order,
				       int highest_zoneidx)
{
}

static inline void unmapped_pack_all(struct zone *zone) { }

static inline bool unmapped_range_partial(unsigned long start_pfn,
					  unsigned long end_pfn)
{
	return false;
}

static inline void unmapped_map_back_range(unsigned long start_pfn,
					   unsigned long end_pfn)
{
}

#endif /* CONFIG_PAGE_ALLOC_UNMAPPED */

#endif /* __MM_UNMAPPED_H */
