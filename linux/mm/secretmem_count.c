// SPDX-License-Identifier: GPL-2.0
/*
 * secretmem: why a touch was refused, for those who have to find out.
 *
 * A program that touches secret memory which it cannot have gets a SIGBUS, or
 * is killed by its cgroup, and the signal carries no reason.  Each refusal is
 * counted by reason in /proc/vmstat, and logged as far as the rate limit goes.
 *
 * Context: process, in a fault.
 */
#define pr_fmt(fmt) "secretmem: " fmt

#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/swap.h>

#include "internal.h"

static const char *reason_text(enum vm_event_item reason)
{
	switch (reason) {
	case SECRETMEM_FAIL_LIMIT:
		return "over RLIMIT_MEMLOCK";
	case SECRETMEM_FAIL_CGROUP:
		return "not charged by the cgroup";
	case SECRETMEM_FAIL_NOMEM:
		return "no memory, or none that can be unmapped";
	default:
		return "beyond the end of the file";
	}
}

/**
 * secretmem_refused - note that a touch of secret memory was refused
 * @reason: one of SECRETMEM_FAIL_*
 */
void secretmem_refused(enum vm_event_item reason)
{
	count_vm_event(reason);
	pr_info_ratelimited("%s[%d] is refused a page: %s\n", current->comm,
			    task_pid_nr(current), reason_text(reason));
}

/**
 * secretmem_refused_by - note that a touch of secret memory ended in an error
 * @err: -EACCES: over RLIMIT_MEMLOCK; -ENOSPC: no pageblock is to be had; or what
 *	secretmem_filemap_add_folio() returned, but for -EEXIST
 *
 * Return: what the fault ends with.  Without a pageblock not VM_FAULT_OOM, which
 * repeats the fault: there may well be memory, so that nobody would be killed, and
 * nothing change.
 */
vm_fault_t secretmem_refused_by(int err)
{
	switch (err) {
	case -EACCES:
		secretmem_refused(SECRETMEM_FAIL_LIMIT);
		break;
	case -EDQUOT:
		secretmem_refused(SECRETMEM_FAIL_CGROUP);
		return VM_FAULT_OOM;
	default:
		secretmem_refused(SECRETMEM_FAIL_NOMEM);
	}
	return vmf_error(err);
}

/**
 * secretmem_filemap_add_folio - filemap_add_folio() that tells whose refusal it was
 * @mapping: of a secret, where nothing is ever evicted and leaves a shadow behind
 * @folio: new, and not locked
 * @index: where it goes
 * @gfp: for the charge and the nodes of the tree
 *
 * Context: process, may sleep.
 * Return: 0, with the folio locked; -EDQUOT if the cgroup took no charge, for which
 * others have -ENOMEM; -ENOMEM without memory for the tree; -EEXIST.
 */
int secretmem_filemap_add_folio(struct address_space *mapping, struct folio *folio,
				pgoff_t index, gfp_t gfp)
{
	int err;

	if (mem_cgroup_charge(folio, NULL, gfp))
		return -EDQUOT;

	__folio_set_locked(folio);
	err = __filemap_add_folio(mapping, folio, index, gfp, NULL);
	if (err) {
		mem_cgroup_uncharge(folio);
		__folio_clear_locked(folio);
		return err;
	}
	folio_add_lru(folio);
	return 0;
}
