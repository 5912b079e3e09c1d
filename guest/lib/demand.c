// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is asked for, and it is counted how much of it is granted.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include "demand.h"
#include "kfile.h"
#include "ktap.h"
#include "mark.h"

static sigjmp_buf refused;
static void * volatile refused_at;

static void note_refusal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	refused_at = info->si_addr;
	siglongjmp(refused, 1);
}

size_t demand_pages(struct area *area, u64 seed)
{
	struct sigaction action = {
		.sa_sigaction = note_refusal,
		.sa_flags = SA_SIGINFO,
	}, before;

	if (sigaction(SIGBUS, &action, &before))
		die_errno("sigaction");
	refused_at = (char *)area->start + area->size;
	if (!sigsetjmp(refused, 1))
		mark_fill_pages(area->start, area_nr_pages(area), seed);
	if (sigaction(SIGBUS, &before, NULL))
		die_errno("sigaction");
	return ((size_t)refused_at - (size_t)area->start) / PAGE_SIZE;
}

bool demand_in_child(int (*work)(void))
{
	pid_t pid = fork_child();
	int status;

	if (!pid) {
		write_file("/proc/self/oom_score_adj", "1000");
		_exit(work());
	}
	status = wait_child(pid);
	if (!child_passed(status))
		ktap_note("wait status %x", status);
	return child_passed(status);
}
