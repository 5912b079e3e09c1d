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

#include <linux/printk.h>
#include <linux/sched.h>

#include "internal.h"

static const char *reason_text(enum vm_event_item reason)
{
	switch (reason) {
	case SECRETMEM_FAIL_LIMIT:
		return "over RLIMIT_MEMLOCK";
	case SECRETMEM_FAIL_CGROUP:
		return "not charged by the cgroup";
	case SECRETMEM_FAIL_NOMEM:
		return "no memory that can be unmapped";
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
