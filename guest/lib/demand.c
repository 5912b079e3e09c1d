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

/* As demand_pages(), with what @fill writes. */
static size_t demand(struct area *area, u64 seed,
		     void (*fill)(void *start, size_t nr_pages, u64 seed))
{
	struct sigaction action = {
		.sa_sigaction = note_refusal,
		.sa_flags = SA_SIGINFO,
	}, before;

	if (sigaction(SIGBUS, &action, &before))
		die_errno("sigaction");
	refused_at = (char *)area->start + area->size;
	if (!sigsetjmp(refused, 1))
		fill(area->start, area_nr_pages(area), seed);
	if (sigaction(SIGBUS, &before, NULL))
		die_errno("sigaction");
	return ((size_t)refused_at - (size_t)area->start) / PAGE_SIZE;
}

size_t demand_pages(struct area *area, u64 seed)
{
	return demand(area, seed, mark_fill_pages);
}

static void fill_words(void *start, size_t nr_pages, u64 seed)
{
	for (size_t i = 0; i < nr_pages; i++)
		*(volatile u64 *)((char *)start + i * PAGE_SIZE) =
			mark_make(seed, i);
}

size_t demand_words(struct area *area, u64 seed)
{
	return demand(area, seed, fill_words);
}

size_t demand_count_wrong_words(const struct area *area, size_t nr_pages, u64 seed)
{
	size_t nr = 0;

	for (size_t i = 0; i < nr_pages; i++)
		nr += *area_page(area, i) != mark_make(seed, i);
	return nr;
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
