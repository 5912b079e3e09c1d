// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: pages that the kernel itself holds, for tests.
 *
 * A test that needs unmapped pages in use which are not secretmem's, or of an
 * order that secretmem does not take, writes to the file hold in debugfs:
 *   NR ORDER   hold NR pages of that order, each filled with words that its frame
 *              number tells
 *   free       free them
 *   irqsoff    free them with interrupts off
 *   zero       clear them as user pages are cleared, which nobody should do
 *   refuse     ask for unmapped pages where there can be none; warned of once
 *   leak       lose a little memory, for kmemleak to find
 * and reads it to compare what the pages hold now.
 *
 * Lock: hold_mutex guards everything below. Context: process.
 */
#include <linux/debugfs.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/mermap.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "internal.h"

#define NR_LOST		64
#define HOLD_PAGES_MAX	BIT(20)

static DEFINE_MUTEX(hold_mutex);
static LIST_HEAD(held);		/* by page->lru */
static unsigned long nr_held;
static unsigned int held_order;
static u64 contents[PAGE_SIZE / sizeof(u64)];

static u64 page_word(struct page *page)
{
	return hash_64(page_to_pfn(page), 64) | 1;
}

static bool fill_page(struct page *page)
{
	memset64(contents, page_word(page), ARRAY_SIZE(contents));
	return mermap_copy_to(page, 0, contents, PAGE_SIZE);
}

static bool page_holds(struct page *page, u64 word)
{
	unsigned int i;

	if (!mermap_copy_from(contents, page, 0, PAGE_SIZE))
		return false;
	for (i = 0; i < ARRAY_SIZE(contents); i++) {
		if (contents[i] != word)
			return false;
	}
	return true;
}

static void free_held(bool irqs_off)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &held, lru) {
		list_del(&page->lru);
		if (irqs_off)
			local_irq_disable();
		__free_pages(page, held_order);
		if (irqs_off)
			local_irq_enable();
		cond_resched();
	}
	nr_held = 0;
}

static int hold_pages(unsigned long nr, unsigned int order)
{
	const gfp_t gfp = GFP_USER | __GFP_COMP | __GFP_UNMAPPED | __GFP_NOWARN;
	struct page *page;
	unsigned int i;

	if (nr_held)
		return -EBUSY;
	if (order > MAX_PAGE_ORDER || nr > HOLD_PAGES_MAX >> order)
		return -EINVAL;
	held_order = order;
	while (nr_held < nr) {
		page = alloc_pages(gfp, order);
		if (!page) {
			free_held(false);
			return -ENOMEM;
		}
		list_add(&page->lru, &held);
		nr_held++;
		for (i = 0; i < 1U << order; i++) {
			if (!fill_page(page + i))
				return -EIO;
		}
		cond_resched();
	}
	return 0;
}

/* Kernels without large folios for user space have no folio_zero_user(). */
static int zero_held(void)
{
#if defined(CONFIG_TRANSPARENT_HUGEPAGE) || defined(CONFIG_HUGETLBFS)
	struct page *page;

	list_for_each_entry(page, &held, lru)
		folio_zero_user(page_folio(page), 0);
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

/* By one way of each kind. Return: -EIO if memory was handed out all the same. */
static int ask_in_vain(void)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_UNMAPPED;

	return __get_free_pages(gfp, 0) || kmalloc(64, gfp) || __vmalloc(64, gfp) ||
	       alloc_pages(gfp | __GFP_NOFAIL, 0) ? -EIO : 0;
}

/* More than one: a stack that has not been written to since may keep an address. */
static int lose_memory(void)
{
	unsigned int i;

	for (i = 0; i < NR_LOST; i++) {
		if (!kmalloc(64, GFP_KERNEL))
			return -ENOMEM;
	}
	return 0;
}

static int hold_command(char *command)
{
	unsigned long nr;
	unsigned int order;

	if (!strcmp(command, "free"))
		free_held(false);
	else if (!strcmp(command, "irqsoff"))
		free_held(true);
	else if (!strcmp(command, "zero"))
		return zero_held();
	else if (!strcmp(command, "refuse"))
		return ask_in_vain();
	else if (!strcmp(command, "leak"))
		return lose_memory();
	else if (sscanf(command, "%lu %u", &nr, &order) == 2)
		return hold_pages(nr, order);
	else
		return -EINVAL;
	return 0;
}

static ssize_t hold_write(struct file *file, const char __user *buf, size_t len,
			  loff_t *ppos)
{
	char command[32];
	int err;

	if (len >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, buf, len))
		return -EFAULT;
	command[len] = '\0';

	mutex_lock(&hold_mutex);
	err = hold_command(strim(command));
	mutex_unlock(&hold_mutex);
	return err ? err : len;
}

static int hold_show(struct seq_file *m, void *unused)
{
	unsigned long nr_wrong = 0, nr_zero = 0;
	struct page *page;
	unsigned int i;

	mutex_lock(&hold_mutex);
	list_for_each_entry(page, &held, lru) {
		for (i = 0; i < 1U << held_order; i++) {
			nr_wrong += !page_holds(page + i, page_word(page + i));
			nr_zero += page_holds(page + i, 0);
		}
		cond_resched();
	}
	seq_printf(m, "held %lu order %u wrong %lu zero %lu\n", nr_held, held_order,
		   nr_wrong, nr_zero);
	mutex_unlock(&hold_mutex);
	return 0;
}

static int hold_open(struct inode *inode, struct file *file)
{
	return single_open(file, hold_show, NULL);
}

static const struct file_operations hold_fops = {
	.owner = THIS_MODULE,
	.open = hold_open,
	.read = seq_read,
	.write = hold_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/**
 * unmapped_hold_init - create the file hold
 * @dir: directory of the feature in debugfs
 */
void __init unmapped_hold_init(struct dentry *dir)
{
	debugfs_create_file("hold", 0600, dir, NULL, &hold_fops);
}
