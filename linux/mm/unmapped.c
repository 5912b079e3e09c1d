// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: the decision whether the feature runs.
 *
 * This file owns unmapped_key, the boot parameter unmapped_alloc= and the
 * sysctls vm.unmapped_alloc and vm.unmapped_fallback.  It knows nothing of
 * free lists; changing the mappedness of pages is unmapped_flip.c's job.
 *
 * States:
 *   off       unmapped_key is off, no pageblock is unmapped.  If it was never
 *             on, no memory is spent.
 *   on        blocks may be unmapped.
 *   stopping  vm.unmapped_alloc was set to 0 while unmapped pages were in use.
 *             Nothing new is unmapped, whole free blocks are mapped back, and
 *             unmapped_key stays on because the pages in use need the hooks.
 *             Writing 0 again, once they are free, completes the way to off.
 *
 * Lock order: unmapped_mutex, then the flip gate (unmapped_flip.c).
 */
#define pr_fmt(fmt) "unmapped: " fmt

#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/mermap.h>
#include <linux/mutex.h>
#include <linux/sysctl.h>
#include <asm/unmapped.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/unmapped.h>

DEFINE_STATIC_KEY_FALSE(unmapped_key);

/* Names of the unmapped free lists; most of them are always empty */
const char * const unmapped_freetype_names[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE]	= "u:Unmovable",
	[MIGRATE_MOVABLE]	= "u:Movable",
	[MIGRATE_RECLAIMABLE]	= "u:-",
	[MIGRATE_HIGHATOMIC]	= "u:-",
#ifdef CONFIG_CMA
	[MIGRATE_CMA]		= "u:-",
#endif
#ifdef CONFIG_MEMORY_ISOLATION
	[MIGRATE_ISOLATE]	= "u:Isolate",
#endif
};

/* May secretmem unmap single pages when no block can be had? */
int sysctl_unmapped_fallback __read_mostly = 1;

/* Serialises changes of state, and guards the variables below */
static DEFINE_MUTEX(unmapped_mutex);

/* What vm.unmapped_alloc reads as */
static int unmapped_wanted = 1;

/* See unmapped_hold_flips() */
static bool unmapped_held;

/* Have the mermap and the architecture been set up? They are never undone. */
static bool unmapped_ready;

static int __init unmapped_alloc_param(char *str)
{
	bool on;
	int err = kstrtobool(str, &on);

	if (!err)
		unmapped_wanted = on;
	return err;
}
early_param("unmapped_alloc", unmapped_alloc_param);

/* Why this kernel, as it was booted, cannot have unmapped pages */
static const char *unmapped_unsupported(void)
{
	if (debug_pagealloc_enabled())
		return "debug_pagealloc edits the direct map itself";
	if (page_poisoning_enabled())
		return "page_poison writes to free pages";
	return arch_unmapped_unsupported();
}

static int unmapped_prepare(void)
{
	int err;

	if (unmapped_ready)
		return 0;

	err = arch_unmapped_init();
	if (!err)
		err = mermap_init();
	if (!err)
		err = unmapped_clear_init();
	if (!err)
		err = unmapped_return_prepare();
	if (!err)
		err = unmapped_flip_init();
	if (!err)
		err = unmapped_room_init();
	if (!err)
		err = unmapped_pack_init();
	unmapped_ready = !err;
	return err;
}

/* Context: process, unmapped_mutex held. */
static int unmapped_start(void)
{
	const char *reason = unmapped_unsupported();
	int err;

	if (reason) {
		pr_info("off: %s\n", reason);
		return -EOPNOTSUPP;
	}

	err = unmapped_prepare();
	if (err) {
		pr_warn("off: setting up failed with error %d\n", err);
		return err;
	}

	static_branch_enable(&unmapped_key);
	if (!unmapped_held)
		unmapped_flips_start();
	unmapped_return_start();
	pr_info("on: pageblocks of %lu kB leave the direct map on demand\n",
		pageblock_nr_pages << (PAGE_SHIFT - 10));
	return 0;
}

/* Context: process, unmapped_mutex held. */
static void unmapped_stop(void)
{
	if (!unmapped_enabled())
		return;

	if (unmapped_flips_stop(UNMAPPED_BACK_SWITCH)) {
		static_branch_disable(&unmapped_key);
		pr_info("off: all pageblocks are mapped\n");
	} else {
		pr_info("stopping: unmapped pages are still in use\n");
	}
}

static int unmapped_alloc_sysctl(const struct ctl_table *table, int write,
				 void *buffer, size_t *lenp, loff_t *ppos)
{
	int wanted, err;
	struct ctl_table copy = *table;

	mutex_lock(&unmapped_mutex);
	wanted = unmapped_wanted;
	copy.data = &wanted;
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	if (!err && write) {
		if (wanted)
			err = unmapped_start();
		else
			unmapped_stop();
		if (!err)
			unmapped_wanted = wanted;
	}
	mutex_unlock(&unmapped_mutex);
	return err;
}

static struct ctl_table unmapped_sysctls[] = {
	{
		.procname	= "unmapped_alloc",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= unmapped_alloc_sysctl,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
	{
		.procname	= "unmapped_fallback",
		.data		= &sysctl_unmapped_fallback,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
};

/**
 * unmapped_hold_flips - forbid flips for a while, whatever the sysctl says
 * @hold: true maps all free blocks back and forbids flips; false ends this
 *
 * For hibernation. Blocks that are in use stay unmapped.
 *
 * Context: process, may sleep. Callers take turns, there is one hold at a time.
 */
void unmapped_hold_flips(bool hold)
{
	mutex_lock(&unmapped_mutex);
	unmapped_held = hold;
	if (unmapped_enabled()) {
		if (hold)
			unmapped_flips_stop(UNMAPPED_BACK_HIBERNATION);	/* the rest is in use */
		else if (unmapped_wanted)
			unmapped_flips_start();
	}
	mutex_unlock(&unmapped_mutex);
}

/**
 * unmapped_prepare_mermap - have a mermap, whether the feature runs or not
 *
 * For hibernation with secrets in use, which are absent without it, too.
 *
 * Context: process, may sleep.
 * Return: 0, also where the machine can have none; or a negative error code.
 */
int unmapped_prepare_mermap(void)
{
	int err = 0;

	mutex_lock(&unmapped_mutex);
	if (!arch_unmapped_unsupported())
		err = mermap_init();
	mutex_unlock(&unmapped_mutex);
	return err;
}

static int __init unmapped_init(void)
{
	register_sysctl_init("vm", unmapped_sysctls);

	mutex_lock(&unmapped_mutex);
	if (!unmapped_wanted)
		pr_info("off: unmapped_alloc=off\n");
	else if (unmapped_start())
		unmapped_wanted = 0;
	mutex_unlock(&unmapped_mutex);
	return 0;
}
late_initcall(unmapped_init);

/**
 * unmapped_gfp_valid - may a request for unmapped pages go on?
 * @gfp: flags of the request
 *
 * Warns once about requests that no caller should make, unless they come with
 * __GFP_NOWARN. Where the feature is off the answer is no, without a warning.
 *
 * Context: any.
 * Return: false if it must fail.
 */
bool unmapped_gfp_valid(gfp_t gfp)
{
	const gfp_t nonsense = __GFP_NOFAIL | __GFP_RECLAIMABLE | __GFP_DMA |
			       __GFP_MEMALLOC;

	if (WARN_ON_ONCE_GFP(gfp & nonsense, gfp))
		return false;
	return unmapped_enabled();
}

bool unmapped_shows(const struct page *page)
{
	return page_unmapped(page);
}
