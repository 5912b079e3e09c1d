// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kcore.h"
#include "readers.h"

#define READERS_A_CPU	3
#define NR_CPUS_MAX	64	/* of a large machine, the first ones that we may use */
#define CONTROL_MARK	0x5ec8e7c0de0ddba1ULL
#define WAIT_S		120

struct reader {
	pid_t pid;
	int cpu;
	_Atomic u64 nr_passes;
	u64 nr_reads, nr_seen;
	bool blind, done;
};

/* Shared with the readers. */
struct readers {
	_Atomic bool look;
	unsigned int nr;
	size_t nr_pages_max, nr_pages;
	u64 control_pfn;
	struct reader reader[NR_CPUS_MAX * READERS_A_CPU];
	u64 pfns[];
};

static size_t size_of(size_t nr_pages)
{
	return sizeof(struct readers) + nr_pages * sizeof(u64);
}

/* One word of each 2 MiB: what the TLB has one entry for. */
static void read_ram(const struct kcore *kcore, const struct readers *readers)
{
	u64 word;

	for (size_t i = 0; i < kcore->nr; i++)
		for (u64 at = kcore->segments[i].start;
		     at + sizeof(word) <= kcore->segments[i].end && !readers->look;
		     at += 2 * MIB)
			kcore_word(kcore, at, &word);	/* no matter what is there */
}

static void look_for_marks(const struct kcore *kcore, const struct readers *readers,
			   struct reader *reader)
{
	u64 word;

	for (size_t i = 0; i < readers->nr_pages; i++) {
		if (readers->pfns[i] == PFN_NONE ||
		    !kcore_word(kcore, readers->pfns[i] * PAGE_BYTES, &word))
			continue;
		reader->nr_reads++;
		reader->nr_seen += word == secret_mark(i);
	}
	reader->blind = !kcore_word(kcore, readers->control_pfn * PAGE_BYTES, &word) ||
			word != CONTROL_MARK;
	reader->done = true;
}

static void nap(void)
{
	struct timespec ms = { 0, 1000000 };

	nanosleep(&ms, NULL);	/* a shorter one does no harm */
}

static void __attribute__((noreturn)) run_reader(struct readers *readers, struct reader *reader)
{
	struct kcore kcore;
	const char *why;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(reader->cpu, &set);
	/* Our parent's death is ours; if that cannot be had it ends us itself. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sched_setaffinity(0, sizeof(set), &set) || !kcore_open(&kcore, &why))
		_exit(1);
	while (!readers->look) {
		read_ram(&kcore, readers);
		reader->nr_passes++;
		nap();	/* others have something to do, the TLB keeps what it has */
	}
	look_for_marks(&kcore, readers, reader);
	_exit(0);
}

/* Every reader that lives has read all of RAM. */
static bool all_passed(struct readers *readers)
{
	for (unsigned int i = 0; i < readers->nr; i++)
		if (!readers->reader[i].nr_passes &&
		    waitpid(readers->reader[i].pid, NULL, WNOHANG) == 0)
			return false;
	return true;
}

static void end_readers(struct readers *readers)
{
	for (unsigned int i = 0; i < readers->nr; i++) {
		kill(readers->reader[i].pid, SIGKILL);	/* ESRCH: it was reaped */
		waitpid(readers->reader[i].pid, NULL, 0);
	}
	munmap(readers, size_of(readers->nr_pages_max));
}

static bool start_all(struct readers *readers)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && readers->nr < ARRAY_SIZE(readers->reader); cpu++) {
		for (int i = 0; CPU_ISSET(cpu, &set) && i < READERS_A_CPU; i++) {
			struct reader *reader = &readers->reader[readers->nr];

			pid_t pid;

			reader->cpu = cpu;
			pid = fork();
			if (pid < 0)
				return false;
			if (!pid)
				run_reader(readers, reader);
			reader->pid = pid;	/* shared: not the child's to write */
			readers->nr++;
		}
	}
	return true;
}

struct readers *readers_start(size_t nr_pages_max, const char **why)
{
	struct readers *readers;
	struct kcore kcore;
	time_t until = time(NULL) + WAIT_S;

	if (!kcore_open(&kcore, why))
		return NULL;
	kcore_close(&kcore);
	readers = mmap(NULL, size_of(nr_pages_max), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*why = "no memory for the readers";
	if (readers == MAP_FAILED)
		return NULL;
	readers->nr_pages_max = nr_pages_max;
	*why = "the readers could not be started";
	if (!start_all(readers)) {
		end_readers(readers);
		return NULL;
	}
	while (!all_passed(readers)) {
		if (time(NULL) > until) {
			end_readers(readers);
			*why = "the readers were too slow";
			return NULL;
		}
		nap();
	}
	return readers;
}

static void collect(const struct readers *readers, struct readers_result *result)
{
	for (unsigned int i = 0; i < readers->nr; i++) {
		const struct reader *reader = &readers->reader[i];

		if (!reader->done)
			continue;
		if (!i || readers->reader[i - 1].cpu != reader->cpu)
			result->nr_cpus++;
		result->nr_reads += reader->nr_reads;
		result->nr_seen += reader->nr_seen;
		result->nr_blind += reader->blind;
	}
}

struct readers_result readers_finish(struct readers *readers, const struct secret *secret)
{
	struct readers_result result = { };
	u64 *control = aligned_alloc(PAGE_BYTES, PAGE_BYTES);

	if (!control)
		die(EXIT_CANNOT, "out of memory");
	*control = CONTROL_MARK;
	find_frames(control, 1, &readers->control_pfn);
	readers->nr_pages = secret->nr_pages < readers->nr_pages_max ? secret->nr_pages :
								       readers->nr_pages_max;
	for (size_t i = 0; i < readers->nr_pages; i++)
		readers->pfns[i] = secret->pfns[i];
	readers->look = true;
	for (unsigned int i = 0; i < readers->nr; i++)
		waitpid(readers->reader[i].pid, NULL, 0);	/* ECHILD: it was reaped */
	collect(readers, &result);
	free(control);
	munmap(readers, size_of(readers->nr_pages_max));
	return result;
}
