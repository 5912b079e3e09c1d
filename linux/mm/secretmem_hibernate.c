// SPDX-License-Identifier: GPL-2.0
/*
 * secretmem: may the system hibernate while secrets are in use?
 *
 * The image is a copy of memory, and lies on a disk for longer than anybody knows:
 * nothing erases it after the resume.  So by default it is refused to make one while
 * a page of a secret is in use.  Where swap is encrypted the administrator may allow it.
 * Files that are open and hold no page do not matter.
 *
 * Owns the sysctl vm.secretmem_hibernation, the boot parameter
 * secretmem_hibernation=, and the number of pages that decides.
 *
 * That number is exact, which NR_SECRETMEM is not: CPUs keep differences of it to
 * themselves, and a reader can miss one that is being added up.
 *  - A page is counted before anybody can write to it: the fault that put it into
 *    the page cache holds its lock until then.
 *  - A page that moves is counted twice for a moment, never not at all.
 *  - A page is no longer counted when it has left the page cache. Whoever dropped it
 *    clears it then, and does not freeze before. A kworker that drops a last file
 *    for somebody else does not freeze at all: it has until devices are suspended.
 * As long as tasks run they may take secrets, so the answer is for the moment.
 * unmapped_frozen() asks once more when they are frozen, and that counts.
 *
 * Context: any; what writes to the log, process.
 */
#define pr_fmt(fmt) "secretmem: " fmt

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/init.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <linux/unmapped.h>

#include "internal.h"

enum {
	HIBERNATION_REFUSE,
	HIBERNATION_ALLOW,
};

static const char * const policy_names[] = {
	[HIBERNATION_REFUSE]	= "refuse",
	[HIBERNATION_ALLOW]	= "allow",
};

#define POLICY_MAX_LEN	16	/* longer words are cut, and match none */

static int policy __read_mostly = HIBERNATION_REFUSE;

/* Pages in use; see secretmem_add_held() */
atomic_long_t secretmem_nr_held ____cacheline_aligned_in_smp;

bool secretmem_in_image(void)
{
	return READ_ONCE(policy) == HIBERNATION_ALLOW;
}

bool secretmem_in_use(void)
{
	return atomic_long_read(&secretmem_nr_held);
}

bool secretmem_forbids_hibernation(void)
{
	return !secretmem_in_image() && secretmem_in_use();
}

void secretmem_hibernation_refused(void)
{
	long nr_pages = atomic_long_read(&secretmem_nr_held);

	pr_warn("hibernation refused: %ld kB of secret memory are in use and vm.secretmem_hibernation=refuse\n",
		nr_pages << (PAGE_SHIFT - 10));
}

static int policy_of(const char *word)
{
	return match_string(policy_names, ARRAY_SIZE(policy_names), word);
}

static int __init policy_param(char *word)
{
	int wanted = word ? policy_of(word) : -EINVAL;

	if (wanted < 0)
		pr_warn("secretmem_hibernation= is refuse or allow\n");
	else
		policy = wanted;
	return 0;	/* an error would be a second line in the log */
}
early_param("secretmem_hibernation", policy_param);

static int policy_sysctl(const struct ctl_table *table, int write, void *buffer,
			 size_t *lenp, loff_t *ppos)
{
	struct ctl_table copy = *table;
	char word[POLICY_MAX_LEN];
	int err, wanted;

	strscpy(word, policy_names[READ_ONCE(policy)]);
	copy.data = word;
	copy.maxlen = sizeof(word);
	err = proc_dostring(&copy, write, buffer, lenp, ppos);
	if (err || !write)
		return err;

	wanted = policy_of(word);
	if (wanted < 0)
		return wanted;
	WRITE_ONCE(policy, wanted);
	return 0;
}

static struct ctl_table secretmem_sysctls[] = {
	{
		.procname	= "secretmem_hibernation",
		.mode		= 0644,
		.proc_handler	= policy_sysctl,
	},
};

static int __init secretmem_hibernate_init(void)
{
	register_sysctl_init("vm", secretmem_sysctls);
	return 0;
}
late_initcall(secretmem_hibernate_init);
