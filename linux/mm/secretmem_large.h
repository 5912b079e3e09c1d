/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __MM_SECRETMEM_LARGE_H
#define __MM_SECRETMEM_LARGE_H

/*
 * How large the folios of memfd_secret(2) are, see secretmem_large.c.
 */

#include <linux/gfp_types.h>
#include <linux/types.h>

struct file;
struct user_struct;
struct vm_fault;

#ifdef CONFIG_SECRETMEM_LARGE_FOLIOS

unsigned int secretmem_largest_order(struct vm_fault *vmf,
				     struct user_struct *user,
				     unsigned long nr_accounted);
gfp_t secretmem_charge_gfp(gfp_t gfp, unsigned int order);
gfp_t secretmem_alloc_gfp(gfp_t gfp, unsigned int order, unsigned int largest);
unsigned long secretmem_get_unmapped_area(struct file *file, unsigned long addr,
					  unsigned long len, unsigned long pgoff,
					  unsigned long flags);

/* It also tells that faults do without the lock of the address space. */
#define secretmem_map_pages		filemap_map_pages

#else

static inline unsigned int secretmem_largest_order(struct vm_fault *vmf,
						   struct user_struct *user,
						   unsigned long nr_accounted)
{
	return 0;
}

static inline gfp_t secretmem_charge_gfp(gfp_t gfp, unsigned int order)
{
	return gfp;
}

static inline gfp_t secretmem_alloc_gfp(gfp_t gfp, unsigned int order,
					unsigned int largest)
{
	return gfp;
}

#define secretmem_get_unmapped_area	NULL
#define secretmem_map_pages		NULL

#endif

#endif /* __MM_SECRETMEM_LARGE_H */
