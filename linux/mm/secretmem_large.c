// SPDX-License-Identifier: GPL-2.0
/*
 * secretmem: how large its folios are.
 *
 * Unmapped blocks cost the same whether one page of them is in use or all of
 * them, and a fault, a charge and an entry of a page table cost the same for a
 * folio of any order.  So a fault takes the largest folio that serves the owner
 * alone:
 *
 *  - It lies within the file's end, which is fixed once there are folios, and
 *    within what the faulting process maps and one page table covers, so that
 *    it can be mapped whole, by one PMD entry if it is as large.
 *  - The owner cannot miss what it takes beyond the page that was touched: half of
 *    the limit of locked memory covers all of the file that is not there yet, so
 *    does half of the cgroup's, and so does what memory is available.  A sparse
 *    file that is larger gets as many touches as with single pages, and the other
 *    half is left to other files of the same user, which may be sparse.
 *  - No page of it is there yet.
 *  - Nobody else pays: neither the charge nor the page allocator reclaims or
 *    migrates for it.  For the largest order a block may be unmapped; smaller ones
 *    come from blocks that are.
 *
 * Where it cannot be had the next smaller is tried, down to a single page, which
 * is had as if there were no large folios.
 *
 * Owns /sys/kernel/mm/secretmem/large_folios and the boot parameter
 * secretmem_large_folios=.
 */
#define pr_fmt(fmt) "secretmem: " fmt

#include <linux/cred.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/sysfs.h>

#include "internal.h"
#include "secretmem_large.h"

/* As of shmem's huge pages. Without advice, MADV_NOHUGEPAGE holds all the same. */
enum {
	LARGE_NEVER,
	LARGE_ADVISE,
	LARGE_ALWAYS,
};

static const char * const large_names[] = {
	[LARGE_NEVER]	= "never",
	[LARGE_ADVISE]	= "advise",
	[LARGE_ALWAYS]	= "always",
};

static int large_folios __read_mostly = LARGE_ALWAYS;

static bool large_folios_wanted(struct vm_area_struct *vma)
{
	int large = READ_ONCE(large_folios);

	if (large == LARGE_NEVER || vma_thp_disabled(vma, vma->vm_flags))
		return false;
	return large == LARGE_ALWAYS || (vma->vm_flags & VM_HUGEPAGE);
}

static bool limit_covers(struct user_struct *user, unsigned long nr_pages)
{
	return atomic_long_read(&user->locked_vm) + nr_pages <=
	       (rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT) / 2;
}

/* One block may be taken in any case */
static bool memory_covers(unsigned long nr_pages)
{
	return nr_pages <= pageblock_nr_pages || nr_pages <= si_mem_available();
}

#ifdef CONFIG_MEMCG
static bool cgroup_covers(unsigned long nr_pages)
{
	struct mem_cgroup *memcg;
	unsigned long limit;
	bool covers = true;

	rcu_read_lock();
	memcg = mem_cgroup_from_task(current);
	for (; covers && memcg; memcg = parent_mem_cgroup(memcg)) {
		limit = min(READ_ONCE(memcg->memory.max), READ_ONCE(memcg->memory.high));
		covers = page_counter_read(&memcg->memory) + nr_pages <= limit / 2;
	}
	rcu_read_unlock();
	return covers;
}
#else
static bool cgroup_covers(unsigned long nr_pages)
{
	return true;
}
#endif

/* May the folio of @order around the fault be mapped whole, and end by @end? */
static bool order_fits(struct vm_fault *vmf, unsigned int order, pgoff_t end)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	pgoff_t nr = 1UL << order;
	pgoff_t first = round_down(vmf->pgoff, nr);
	unsigned long addr = (vmf->address & PAGE_MASK) -
			     ((vmf->pgoff - first) << PAGE_SHIFT);

	return first >= vmf->vma->vm_pgoff && first + nr <= end &&
	       (addr & PMD_MASK) == ((addr + (nr << PAGE_SHIFT) - 1) & PMD_MASK) &&
	       !filemap_range_has_page(mapping, (loff_t)first << PAGE_SHIFT,
				       ((loff_t)(first + nr) << PAGE_SHIFT) - 1);
}

/**
 * secretmem_largest_order - the largest folio that a fault may take
 * @vmf: the fault, within the file
 * @user: who the file's pages are accounted to
 * @nr_accounted: pages of the file that already are
 *
 * Context: the file's invalidate_lock is held, so that its size is fixed.
 * Return: the order, 0 for a single page.
 */
unsigned int secretmem_largest_order(struct vm_fault *vmf,
				     struct user_struct *user,
				     unsigned long nr_accounted)
{
	struct vm_area_struct *vma = vmf->vma;
	loff_t size = i_size_read(file_inode(vma->vm_file));
	pgoff_t nr_pages = DIV_ROUND_UP(size, PAGE_SIZE);
	pgoff_t end = min(nr_pages, vma->vm_pgoff + vma_pages(vma));
	pgoff_t nr_left = nr_pages - min(nr_pages, nr_accounted);
	unsigned int order = min3(PMD_ORDER, MAX_PAGECACHE_ORDER,
				  ilog2(end - vma->vm_pgoff));

	if (!order || !large_folios_wanted(vma) || !limit_covers(user, nr_left) ||
	    !memory_covers(nr_left) || !cgroup_covers(nr_left))
		return 0;

	while (order && !order_fits(vmf, order, end))
		order--;
	return order;
}

/**
 * secretmem_charge_gfp - flags to put a folio into the page cache with
 * @gfp: flags for a single page
 * @order: the folio's order
 *
 * Return: the flags.
 */
gfp_t secretmem_charge_gfp(gfp_t gfp, unsigned int order)
{
	if (!order)
		return gfp;
	return (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NORETRY | __GFP_NOWARN;
}

/**
 * secretmem_alloc_gfp - flags to allocate an unmapped folio with
 * @gfp: flags for a single page
 * @order: the folio's order
 * @largest: the largest order that was tried for this fault
 *
 * Return: the flags.
 */
gfp_t secretmem_alloc_gfp(gfp_t gfp, unsigned int order, unsigned int largest)
{
	if (!order)
		return gfp;
	if (order < largest)
		gfp &= ~__GFP_RECLAIM;
	return gfp | __GFP_NORETRY | __GFP_NOMEMALLOC;
}

/**
 * secretmem_get_unmapped_area - where to map a file of secrets
 * @file: the file
 * @addr: hint
 * @len: bytes
 * @pgoff: where in the file
 * @flags: of mmap()
 *
 * Context: process, mmap_lock held for writing.
 * Return: an address at which folios as large as an entry of a PMD can be mapped
 * by one, if the mapping has room for them; or an error.
 */
unsigned long secretmem_get_unmapped_area(struct file *file, unsigned long addr,
					  unsigned long len, unsigned long pgoff,
					  unsigned long flags)
{
	if (unmapped_enabled() && READ_ONCE(large_folios) != LARGE_NEVER)
		return thp_get_unmapped_area(file, addr, len, pgoff, flags);
	return mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags);
}

static int __init large_folios_param(char *str)
{
	int large = str ? sysfs_match_string(large_names, str) : -EINVAL;

	if (large < 0) {
		pr_warn("secretmem_large_folios= is always, advise or never\n");
		return large;
	}
	large_folios = large;
	return 0;
}
early_param("secretmem_large_folios", large_folios_param);

static ssize_t large_folios_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	int large = READ_ONCE(large_folios);
	int i, len = 0;

	for (i = ARRAY_SIZE(large_names) - 1; i >= 0; i--)
		len += sysfs_emit_at(buf, len, i == large ? "[%s]%c" : "%s%c",
				     large_names[i], i ? ' ' : '\n');
	return len;
}

static ssize_t large_folios_store(struct kobject *kobj,
				  struct kobj_attribute *attr,
				  const char *buf, size_t count)
{
	int large = sysfs_match_string(large_names, buf);

	if (large < 0)
		return -EINVAL;
	WRITE_ONCE(large_folios, large);
	return count;
}

static struct kobj_attribute large_folios_attr = __ATTR_RW(large_folios);

static int __init secretmem_large_init(void)
{
	struct kobject *dir = kobject_create_and_add("secretmem", mm_kobj);
	int err;

	if (!dir)
		return -ENOMEM;
	err = sysfs_create_file(dir, &large_folios_attr.attr);
	if (err)
		kobject_put(dir);
	return err;
}
subsys_initcall(secretmem_large_init);
