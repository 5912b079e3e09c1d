// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: blocks that nobody needs go back in the background.
 *
 * Requests for mapped pages that run short take free unmapped blocks back
 * themselves (unmapped_flip.c).  On a quiet system none runs short, and the
 * blocks of yesterday's peak would stay away from huge pages, lie in the way
 * of those who want mapped memory at once, and be paid for then.
 *
 * Owns the worker, the end of its periods and vm.unmapped_return_seconds.
 *
 * A period ends each vm.unmapped_return_seconds.  What goes back then is the
 * smallest number of free unmapped pages that there was at any moment of the
 * period: that many were not needed by anyone, whatever went on between.  A
 * load that comes and goes within a period keeps what it uses.  Blocks that
 * become free go back after one period at least, and two at most.
 *
 * Invariant: a zone's mark is at most its nr_free_unmapped; both are written
 * under the zone lock.
 *
 * Context: a worker, freezable: nothing changes while an image is made.
 */
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/workqueue.h>

#include "internal.h"

#define RETURN_SECONDS_MAX	(7 * 24 * 60 * 60)

/* 0: never */
static int sysctl_unmapped_return_seconds __read_mostly = 300;

/*
 * For each zone the smallest number of free unmapped pages in this period, by
 * node and index.  Not in struct zone: it is of no interest to anyone else, and
 * touched only when unmapped pages are.
 */
static unsigned long *low_marks;

static unsigned long *low_mark_of(struct zone *zone)
{
	return &low_marks[unmapped_zone_index(zone)];
}

/**
 * unmapped_return_prepare - set up what is needed before blocks are unmapped
 *
 * Return: 0 or -ENOMEM.
 */
int unmapped_return_prepare(void)
{
	if (!low_marks)
		low_marks = kvcalloc(nr_node_ids * MAX_NR_ZONES,
				     sizeof(*low_marks), GFP_KERNEL);
	return low_marks ? 0 : -ENOMEM;
}

/**
 * unmapped_note_low - note that a zone's free unmapped pages have become fewer
 * @zone: the zone
 *
 * Context: any, the zone lock held.
 */
void unmapped_note_low(struct zone *zone)
{
	unsigned long *low = low_mark_of(zone);

	if (zone->nr_free_unmapped < *low)
		*low = zone->nr_free_unmapped;
}

/* End a zone's period. */
static void return_idle_blocks(struct zone *zone)
{
	unsigned long *low = low_mark_of(zone);
	unsigned long nr_idle, flags;

	/* What CPUs keep of a block would make the next period's mark too low for it */
	unmapped_pcp_drain();
	spin_lock_irqsave(&zone->lock, flags);
	nr_idle = *low;
	*low = zone->nr_free_unmapped;
	spin_unlock_irqrestore(&zone->lock, flags);

	/* Not all of them need be parts of whole blocks: then it is fewer */
	count_vm_events(UNMAPPED_RETURN,
			unmapped_map_back(zone, nr_idle / pageblock_nr_pages,
					  UNMAPPED_BACK_IDLE));
}

/**
 * unmapped_end_period - give back what was not needed since the last call
 *
 * Context: process, may sleep.
 */
void unmapped_end_period(void)
{
	struct zone *zone;

	for_each_populated_zone(zone)
		return_idle_blocks(zone);
}

static void return_worker(struct work_struct *work);
static DECLARE_DELAYED_WORK(return_work, return_worker);

/**
 * unmapped_return_start - start the first period, if there are to be any
 *
 * Context: any; once blocks may be unmapped. The worker ends by itself when the
 * feature is off.
 */
void unmapped_return_start(void)
{
	unsigned long seconds = READ_ONCE(sysctl_unmapped_return_seconds);

	if (seconds && unmapped_enabled())
		mod_delayed_work(system_freezable_power_efficient_wq,
				 &return_work, seconds * HZ);
}

static void return_worker(struct work_struct *work)
{
	unmapped_end_period();
	unmapped_return_start();
}

static int unmapped_return_sysctl(const struct ctl_table *table, int write,
				  void *buffer, size_t *lenp, loff_t *ppos)
{
	int err = proc_dointvec_minmax(table, write, buffer, lenp, ppos);

	if (!err && write) {
		cancel_delayed_work_sync(&return_work);
		unmapped_return_start();
	}
	return err;
}

static const int return_seconds_max = RETURN_SECONDS_MAX;

static struct ctl_table unmapped_return_sysctls[] = {
	{
		.procname	= "unmapped_return_seconds",
		.data		= &sysctl_unmapped_return_seconds,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= unmapped_return_sysctl,
		.extra1		= SYSCTL_ZERO,
		.extra2		= (void *)&return_seconds_max,
	},
};

static int __init unmapped_return_init(void)
{
	register_sysctl_init("vm", unmapped_return_sysctls);
	return 0;
}
late_initcall(unmapped_return_init);
