// SPDX-License-Identifier: GPL-2.0-only
/*
 * What owners of memory leave in RAM, and what maps it. One child for each row
 * of `owners` fills memory with marks of its own seed. Some are told to drop it,
 * some are killed, the others keep it; then the parent, without a system call or
 * a page fault in between, fills a page of its own with stop marks and spins.
 * Whoever holds the guest's RAM file waits for the stop marks, ends the guest,
 * and searches.
 *
 * A CPU on which pages are touched keeps a reference to the last few of them
 * until it has a batch for the LRU lists, or drains it, and a CPU that idles does
 * neither. So those whose memory must be gone touch their last pages on one CPU
 * and drop all of it on another: it must be gone even so.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "mark.h"
#include "options.h"

/* Linux 6.5; Debian 12's headers are older. */
#ifndef IORING_SETUP_NO_MMAP
#define IORING_SETUP_NO_MMAP	(1U << 14)
#define user_addr		resv2
#endif

/*
 * Last pages of an owner: the batch of the CPU, of 31 (PAGEVEC_SIZE), must not
 * get full with those of three owners and what the parent touches.
 */
#define NR_LAST_PAGES	8

#define RING_ENTRIES	8192U
#define RING_BYTES	(RING_ENTRIES * sizeof(struct io_uring_sqe))

static const char usage[] =
	"usage: remnants --seed N [--size BYTES] [--faults MASK]\n"
	"  --seed N       of the stop marks; the owners' marks have seeds N + 1 to\n"
	"                 N + 6, in this order: secret, anonymous, and anonymous memory\n"
	"                 that the kernel maps once more (512K of it), all held; secret,\n"
	"                 dropped by its living owner; secret and anonymous memory of a\n"
	"                 killed owner\n"
	"  --size BYTES   of memory for each (default 16M, at least 1M)\n"
	"  --faults MASK  of planted faults, for a debug kernel\n";

enum end {
	HELD,
	DROPPED,
	KILLED,
};

static const struct owner {
	enum area_kind kind;
	enum end end;
	bool ring;
} owners[] = {
	{ AREA_SECRET, HELD, false },
	{ AREA_ANON, HELD, false },
	{ AREA_ANON, HELD, true },
	{ AREA_SECRET, DROPPED, false },
	{ AREA_SECRET, KILLED, false },
	{ AREA_ANON, KILLED, false },
};

struct options {
	u64 seed;
	size_t size;
	const char *faults;	/* or NULL */
};

/* CPU 0 is where all else happens. */
static int last_cpu(void)
{
	return nr_cpus_online() - 1;
}

/* Shared between the parent and all owners. */
struct stages {
	volatile bool filled[ARRAY_SIZE(owners)];
	volatile bool drop;
	volatile bool dropped[ARRAY_SIZE(owners)];
};

static struct options parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "size", required_argument, NULL, 'z' },
		{ "faults", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options opt = { .size = 16 * MIB };
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.seed = parse_number(optarg);
			break;
		case 'z':
			opt.size = parse_number(optarg) & ~(PAGE_SIZE - 1);
			break;
		case 'f':
			opt.faults = optarg;
			break;
		default:
			other_option(c, usage);
		}
	}
	if (!opt.seed || opt.size < MIB)
		wrong_use(usage);
	return opt;
}

/*
 * Let the kernel vmap() the first RING_BYTES of the area: as the submission
 * queue of an io_uring that nothing is submitted to, so the marks stay.
 */
static void map_as_ring(const struct area *area)
{
	struct io_uring_params params = { .flags = IORING_SETUP_NO_MMAP };
	/* An index and two completions an entry, and a header. */
	void *rings = shared_alloc(RING_ENTRIES *
				   (sizeof(u32) + 2 * sizeof(struct io_uring_cqe)) +
				   PAGE_SIZE);

	params.sq_off.user_addr = (uintptr_t)area->start;
	params.cq_off.user_addr = (uintptr_t)rings;
	if (syscall(__NR_io_uring_setup, RING_ENTRIES, &params) < 0)
		die_errno("io_uring_setup");
}

static void own_memory(const struct options *opt, size_t index,
		       struct stages *stages)
{
	const struct owner *owner = &owners[index];
	struct area area = area_create(owner->kind, opt->size);
	size_t nr_first_pages = area_nr_pages(&area) - NR_LAST_PAGES;
	u64 seed = opt->seed + 1 + index;

	mark_fill_pages(area.start, nr_first_pages, seed);
	if (owner->end != HELD)
		pin_to_cpu(last_cpu());
	/* The first marks once more: all that counts is that these are some. */
	mark_fill_pages(area_page(&area, nr_first_pages), NR_LAST_PAGES, seed);
	pin_to_cpu(0);
	if (owner->ring)
		map_as_ring(&area);
	stages->filled[index] = true;
	if (owner->end == DROPPED) {
		while (!stages->drop)
			usleep(1000);
		area_destroy(&area);
		stages->dropped[index] = true;
	}
	for (;;)
		pause();
}

static void wait_for(volatile bool *stage, pid_t pid)
{
	while (!*stage) {
		if (waitpid(pid, NULL, WNOHANG))
			die(EXIT_FAILED, "an owner ended by itself");
		usleep(1000);
	}
}

/* Start with an empty batch: munmap() drains its CPU's. */
static void drain_batch_of(int cpu)
{
	struct area area = area_create(AREA_ANON, PAGE_SIZE);

	pin_to_cpu(cpu);
	area_destroy(&area);
	pin_to_cpu(0);
}

/*
 * An interrupt or a fault in the midst of a mark stores it, with the other
 * registers, to its CPU's entry stack, where it stays until the next interrupt
 * or fault in user mode: let there be one on each CPU.
 */
static void scrub_entry_stacks(void)
{
	int nr_cpus = nr_cpus_online();
	volatile char *pages = shared_alloc((size_t)nr_cpus * PAGE_SIZE);

	for (int cpu = nr_cpus - 1; cpu >= 0; cpu--) {
		pin_to_cpu(cpu);
		pages[(size_t)cpu * PAGE_SIZE] = 1;
	}
}

static void end_owners(const pid_t *pids, struct stages *stages)
{
	stages->drop = true;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		if (owners[i].end == DROPPED)
			wait_for(&stages->dropped[i], pids[i]);
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		if (owners[i].end != KILLED)
			continue;
		kill(pids[i], SIGKILL);
		if (!child_killed_by(wait_child(pids[i]), SIGKILL))
			die(EXIT_FAILED, "an owner ended by itself");
	}
}

int main(int argc, char **argv)
{
	struct options opt = parse_options(argc, argv);
	struct stages *stages = shared_alloc(sizeof(*stages));
	u64 *stop_page = shared_alloc(PAGE_SIZE);
	pid_t pids[ARRAY_SIZE(owners)];

	*stop_page = 1;		/* in place before the owners are gone */
	if (opt.faults)
		write_file("/sys/kernel/debug/unmapped/faults", opt.faults);
	drain_batch_of(last_cpu());
	/* One after the other, lest the first pages of one push out others' last. */
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		pids[i] = fork_child();
		if (!pids[i])
			own_memory(&opt, i, stages);
		wait_for(&stages->filled[i], pids[i]);
	}
	scrub_entry_stacks();
	end_owners(pids, stages);
	mark_fill_pages(stop_page, 1, opt.seed);
	for (;;)
		;
}
