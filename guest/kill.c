// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that fills secret memory is killed at points that a fixed seed
 * chooses. Each time all of its memory comes back, and what comes back is zero.
 *
 * On debug kernels also in the middle of flips and of map-backs, which dawdle there
 * (the planted fault): whoever is killed finishes what it has begun with a block.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "dawdle.h"
#include "frames.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "validator.h"

#define SIZE		(16 * MIB)
#define NR_PAGES	(SIZE / PAGE_SIZE)
#define NR_KILLS	8
#define TOLERANCE	1024	/* pages */

#define SWITCH		"/proc/sys/vm/unmapped_alloc"
#define NR_AIMED	6
#define NR_LOOKS	4000	/* of a process that should be there soon */

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

/* Free, or slab's: of that KASAN keeps what is freed, and kmemleak looks after it. */
static long pages_free_now(void)
{
	return free_pages_read() + meminfo_kb("Slab") * (long)KIB / (long)PAGE_SIZE;
}

/* What waits in queues of the kernel comes in a moment. */
static bool memory_is_back(long nr_before)
{
	for (int i = 0; i < 100; i++) {
		if (pages_free_now() >= nr_before - TOLERANCE)
			return true;
		usleep(20000);
	}
	ktap_note("%ld free pages before, %ld now", nr_before, pages_free_now());
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

/* Section: in the middle */

/* Blocks are unmapped for it, one after the other. */
static void flip_for_ever(void)
{
	for (;;) {
		struct area area = secret_area(SIZE);

		for (size_t i = 0; i < NR_PAGES; i++)
			*area_page(&area, i) = 1;
		area_destroy(&area);
		write_file(SWITCH, "0");
		write_file(SWITCH, "1");
	}
}

/* Does it sleep within @function, "NAME+", in the sleep that is planted there? */
static bool sleeps_in(pid_t pid, const char *function)
{
	char path[32], line[128];
	bool sleeps = false, inside = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	file = fopen(path, "re");
	if (!file)
		die_errno("%s", path);
	while (fgets(line, sizeof(line), file)) {
		sleeps |= !!strstr(line, "msleep");
		inside |= sleeps && strstr(line, function);
	}
	fclose(file);	/* read only: nothing can be lost */
	return inside;
}

/* Kill a process that flips when it is within @function. Was it met there? */
static bool kill_in(const char *function)
{
	pid_t pid = fork_child();
	bool met = false;

	if (!pid)
		flip_for_ever();
	for (int i = 0; i < NR_LOOKS && !met; i++)
		met = sleeps_in(pid, function);
	kill(pid, SIGKILL);	/* cannot fail: our child, not waited for yet */
	if (!child_killed_by(wait_child(pid), SIGKILL))
		die(EXIT_FAILED, "the child ended by itself");
	return met;
}

static void test_in(const char *function, const char *what, long nr_before)
{
	int nr_met = 0, nr_back = 0, nr_valid = 0;

	if (!dawdle_exists() || !kernel_unmaps_blocks()) {
		ktap_skip("nothing can be planted in this kernel", "killed in mid-%s", what);
		return;
	}
	dawdle(true);
	for (int i = 0; i < NR_AIMED; i++) {
		nr_met += kill_in(function);
		nr_back += memory_is_back(nr_before);
		nr_valid += validator_is_content();
		write_file(SWITCH, "1");
	}
	dawdle(false);
	ktap_ok(nr_met == NR_AIMED && nr_back == NR_AIMED && nr_valid == NR_AIMED,
		"killed in mid-%s %d of %d times, memory came back %d times, the validator was content %d times",
		what, nr_met, NR_AIMED, nr_back, nr_valid);
}

int main(void)
{
	u64 state = 20240607;
	long nr_before;

	ktap_plan(NR_KILLS + 4);
	nr_filled = shared_alloc(sizeof(*nr_filled));
	/* Once in advance: what the kernel sets up at first use stays. */
	kill_filler_at(NR_PAGES);
	nr_before = pages_free_now();
	for (int i = 0; i < NR_KILLS; i++) {
		u64 at = 1 + next_random(&state) % NR_PAGES;
		u64 reached = kill_filler_at(at);

		ktap_ok(memory_is_back(nr_before),
			"killed at page %lu, its memory came back", at);
		ktap_note("it reached page %lu", reached);
	}
	test_in("unmapped_flip+", "flip", nr_before);
	test_in("unmapped_map_back+", "map-back", nr_before);
	ktap_ok(next_owner_finds_zero(), "the next owner finds zeroes");
	ktap_ok(memory_is_back(nr_before), "no memory is missing at the end");
	return ktap_finish();
}
