// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that take secrets, look at them and drop them.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "mark.h"
#include "takers.h"

#define MAX_PAGES	700	/* more than a pageblock has */
#define MAX_HELD_US	20000

/* Shared with them. Each writes only what is its own. */
struct takers {
	int nr;
	unsigned int rest_us;
	pid_t pids[NR_TAKERS_MAX];
	volatile int stop;
	volatile struct {
		u64 nr_rounds;
		u64 nr_broken;
	} done[NR_TAKERS_MAX];
};

bool taker_use_secret(u64 *state)
{
	size_t nr_pages = 1 + next_random(state) % MAX_PAGES;
	u64 seed = next_random(state) | 1;
	struct area area = secret_area(nr_pages * PAGE_SIZE);
	bool whole = true;

	for (size_t i = 0; i < nr_pages; i++)
		whole &= page_is_zero_from(area_page(&area, i), 0);
	mark_fill_pages(area.start, nr_pages, seed);
	usleep((useconds_t)(next_random(state) % MAX_HELD_US));
	whole &= !mark_count_wrong_pages(area.start, nr_pages, seed);
	area_destroy(&area);
	return whole;
}

static void __attribute__((noreturn)) work(struct takers *takers, int id)
{
	u64 state = (u64)id + 1;

	while (!takers->stop) {
		takers->done[id].nr_broken += !taker_use_secret(&state);
		takers->done[id].nr_rounds++;
		if (takers->rest_us)
			usleep((useconds_t)(next_random(&state) % takers->rest_us));
	}
	_exit(EXIT_PASSED);
}

struct takers *takers_start(int nr, unsigned int rest_us)
{
	struct takers *takers = shared_alloc(sizeof(*takers));

	takers->nr = nr < NR_TAKERS_MAX ? nr : NR_TAKERS_MAX;
	takers->rest_us = rest_us;
	for (int i = 0; i < takers->nr; i++) {
		pid_t pid = fork_child();

		if (!pid)
			work(takers, i);
		takers->pids[i] = pid;
	}
	return takers;
}

/* For them, unless one has died: that wait would have no end. */
static void wait_a_little(const struct takers *takers)
{
	usleep(10000);
	for (int i = 0; i < takers->nr; i++)
		if (waitpid(takers->pids[i], NULL, WNOHANG))
			die(EXIT_FAILED, "a taker of secrets is gone");
}

void takers_wait(struct takers *takers, u64 nr_rounds)
{
	u64 until[NR_TAKERS_MAX];

	for (int i = 0; i < takers->nr; i++)
		until[i] = takers->done[i].nr_rounds + nr_rounds;
	for (int i = 0; i < takers->nr; i++)
		while (takers->done[i].nr_rounds < until[i])
			wait_a_little(takers);
}

bool takers_stop(struct takers *takers, u64 *nr_secrets)
{
	bool passed = true;

	takers->stop = 1;
	*nr_secrets = 0;
	for (int i = 0; i < takers->nr; i++) {
		passed &= child_passed(wait_child(takers->pids[i])) &&
			  !takers->done[i].nr_broken;
		*nr_secrets += takers->done[i].nr_rounds;
	}
	munmap(takers, sizeof(*takers));	/* only address space is at stake */
	return passed;
}
