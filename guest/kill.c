// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that fills secret memory is killed at points that a fixed seed
 * chooses. Each time all of its memory comes back, and what comes back is zero.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"

#define SIZE		(16 * MIB)
#define NR_PAGES	(SIZE / PAGE_SIZE)
#define NR_KILLS	8
#define TOLERANCE	1024	/* pages */

static volatile u64 *nr_filled;		/* shared with the child */

static void fill_and_count(void)
{
	struct area area = secret_area(SIZE);

	for (u64 i = 0;; i++) {
		mark_fill_pages(area_page(&area, i % NR_PAGES), 1, i);
		*nr_filled = i + 1;
	}
}

/* Kill a filler as soon as it has filled @nr_pages; where did it get to? */
static u64 kill_filler_at(u64 nr_pages)
{
	pid_t pid;

	*nr_filled = 0;
	pid = fork_child();
	if (!pid)
		fill_and_count();
	/* Asleep, not spinning: an idle CPU answers the flushes at once. */
	while (*nr_filled < nr_pages) {
		if (waitpid(pid, NULL, WNOHANG))
			die(EXIT_FAILED, "the child ended by itself");
		usleep(500);
	}
	kill(pid, SIGKILL);	/* cannot fail: our child, not waited for yet */
	if (!child_killed_by(wait_child(pid), SIGKILL))
		die(EXIT_FAILED, "the child ended by itself");
	return *nr_filled;
}

/* What waits in queues of the kernel comes in a moment. */
static bool memory_is_back(long nr_before)
{
	for (int i = 0; i < 100; i++) {
		if (free_pages_read() >= nr_before - TOLERANCE)
			return true;
		usleep(20000);
	}
	ktap_note("%ld free pages before, %ld now", nr_before,
		  free_pages_read());
	return false;
}

static bool next_owner_finds_zero(void)
{
	struct area area = secret_area(SIZE);
	bool zero = true;

	for (size_t i = 0; i < NR_PAGES; i++)
		zero &= page_is_zero_from(area_page(&area, i), 0);
	area_destroy(&area);
	return zero;
}

int main(void)
{
	u64 state = 20240607;
	long nr_before;

	ktap_plan(NR_KILLS + 2);
	nr_filled = shared_alloc(sizeof(*nr_filled));
	/* Once in advance: what the kernel sets up at first use stays. */
	kill_filler_at(NR_PAGES);
	nr_before = free_pages_read();
	for (int i = 0; i < NR_KILLS; i++) {
		u64 at = 1 + next_random(&state) % NR_PAGES;
		u64 reached = kill_filler_at(at);

		ktap_ok(memory_is_back(nr_before),
			"killed at page %lu, its memory came back", at);
		ktap_note("it reached page %lu", reached);
	}
	ktap_ok(next_owner_finds_zero(), "the next owner finds zeroes");
	ktap_ok(memory_is_back(nr_before), "no memory is missing at the end");
	return ktap_finish();
}
