// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many at a time: a process on each CPU takes, touches and drops memory, over and
 * over, secret or anonymous. Prints, for all processes together, wall time a page (of
 * all rounds, of the shortest and of the longest), how often one had to wait for a lock
 * (the kernel's tracepoint lock:contention_begin), and what else a count of instructions
 * hides. Judges nothing.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "area.h"
#include "kstat.h"
#include "options.h"
#include "profile.h"

static const char usage[] =
	"usage: scale [--size BYTES] [--rounds N] [--profile-anon 1]\n"
	"  --size BYTES  that all of them take together (default 1G)\n"
	"  --rounds N    how often (default 3)\n"
	"  --profile-anon 1  tools/profile sees anonymous memory, not secrets\n";

#define TRACING		"/sys/kernel/debug/tracing"
#define CONTENTION	TRACING "/events/lock/contention_begin/enable"

static u64 size = 1024 * MIB, nr_rounds = 3, profile_anon;

/* Where all stand until the last one is there. */
struct start {
	atomic_int nr_ready;
	atomic_int go;
};

static void __attribute__((noreturn)) work(enum area_kind kind, int cpu, struct start *start)
{
	struct area area;

	pin_to_cpu(cpu);
	atomic_fetch_add(&start->nr_ready, 1);
	while (!atomic_load(&start->go))
		sched_yield();
	area = area_create(kind, size / (u64)nr_cpus_online() & ~(BLOCK_BYTES - 1));
	for (size_t page = 0; page < area_nr_pages(&area); page++)
		*(volatile u64 *)area_page(&area, page) = 1;
	area_destroy(&area);
	_exit(EXIT_PASSED);
}

/* What the ring buffers of all CPUs got, whether or not they still hold it. */
static u64 nr_contended(void)
{
	u64 sum = 0;

	for (int cpu = 0; cpu < nr_cpus_online(); cpu++) {
		char path[80], line[80];
		unsigned long number;
		FILE *file;

		snprintf(path, sizeof(path), TRACING "/per_cpu/cpu%d/stats", cpu);
		file = fopen(path, "re");
		if (!file)
			die_errno(path);
		while (fgets(line, sizeof(line), file)) {
			if (sscanf(line, "entries: %lu", &number) == 1 ||
			    sscanf(line, "overrun: %lu", &number) == 1)
				sum += number;
		}
		fclose(file);	/* read only: nothing can be lost */
	}
	return sum;
}

/* One round, which tools/profile counts or not. Return: how long it took, ns. */
static u64 run(enum area_kind kind, bool counted)
{
	struct start *start = shared_alloc(sizeof(*start));
	int nr = nr_cpus_online();
	pid_t pids[nr];
	bool passed = true;
	u64 begin;

	for (int cpu = 0; cpu < nr; cpu++) {
		pids[cpu] = fork_child();
		if (!pids[cpu])
			work(kind, cpu, start);
	}
	while (atomic_load(&start->nr_ready) < nr)
		sched_yield();
	if (counted)
		profile_begin();
	begin = now_ns();
	atomic_store(&start->go, 1);
	for (int cpu = 0; cpu < nr; cpu++)
		passed &= child_passed(wait_child(pids[cpu]));
	begin = now_ns() - begin;
	profile_end();
	if (!passed)
		die(EXIT_FAILED, "a process failed");
	return begin;
}

/* Section: what was counted */

enum { CONTENDED, REMOTE, LOCAL_ALL, LOCAL_ONE, IPIS, NR_COUNTS };

static const char * const names[NR_COUNTS] = {
	[CONTENDED] = "contended",
	[REMOTE] = "remote_flushes",
	[LOCAL_ALL] = "local_flushes",
	[LOCAL_ONE] = "local_flushes_of_one",
	[IPIS] = "calls_of_others",
};

struct counts {
	u64 nr[NR_COUNTS];
};

static struct counts counts_read(void)
{
	return (struct counts) { .nr = {
		[CONTENDED] = nr_contended(),
		[REMOTE] = (u64)vmstat_read("nr_tlb_remote_flush"),
		[LOCAL_ALL] = (u64)vmstat_read("nr_tlb_local_flush_all"),
		[LOCAL_ONE] = (u64)vmstat_read("nr_tlb_local_flush_one"),
		[IPIS] = (u64)kernel_ipis_read(),
	} };
}

/* Page tables of this process, kB. */
static long tables_kb(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[80];
	long kb = -1;

	if (!file)
		die_errno("/proc/self/status");
	while (fgets(line, sizeof(line), file) && sscanf(line, "VmPTE: %ld", &kb) != 1)
		;
	fclose(file);	/* read only: nothing can be lost */
	return kb;
}

/* Page tables a page of memory that is held, in pages. */
static double tables_a_page(enum area_kind kind)
{
	struct area area = area_create(kind, 64 * MIB);
	long kb = tables_kb();

	for (size_t page = 0; page < area_nr_pages(&area); page++)
		*(volatile u64 *)area_page(&area, page) = 1;
	kb = tables_kb() - kb;
	area_destroy(&area);
	return (double)kb * KIB / (64 * MIB);
}

static void print_kind(const char *name, enum area_kind kind)
{
	double nr_pages = (double)(size / PAGE_SIZE);
	bool counted = kind == (profile_anon ? AREA_ANON : AREA_SECRET);
	u64 ns, sum = 0, min = ~0UL, max = 0;
	struct counts before, after;

	write_file(CONTENTION, "1");
	before = counts_read();
	for (u64 i = 0; i < nr_rounds; i++) {
		ns = run(kind, counted);
		sum += ns;
		min = ns < min ? ns : min;
		max = ns > max ? ns : max;
	}
	after = counts_read();
	write_file(CONTENTION, "0");
	printf("%s_wall_ns=%.1f\n%s_wall_ns_min=%.1f\n%s_wall_ns_max=%.1f\n",
	       name, (double)sum / nr_pages / (double)nr_rounds,
	       name, (double)min / nr_pages, name, (double)max / nr_pages);
	for (int i = 0; i < NR_COUNTS; i++)
		printf("%s_%s=%.6f\n", name, names[i],
		       (double)(after.nr[i] - before.nr[i]) / nr_pages / (double)nr_rounds);
	printf("%s_tables=%.6f\n", name, tables_a_page(kind));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct number_option options[] = {
		{ "size", &size },
		{ "rounds", &nr_rounds },
		{ "profile-anon", &profile_anon },
		{ }
	};

	parse_number_options(argc, argv, usage, options);
	if (!nr_rounds)
		wrong_use(usage);
	printf("cpus=%d\n", nr_cpus_online());
	/* Both once before, so that blocks are unmapped and page tables warm */
	run(AREA_SECRET, false);
	print_kind("secret", AREA_SECRET);
	run(AREA_ANON, false);
	print_kind("anon", AREA_ANON);
	return EXIT_PASSED;
}
