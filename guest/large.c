// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large folios of secrets: one touch takes as much as alignment, the file's end,
 * the mapping, the limit of locked memory, the cgroup and the switch allow, and
 * the program notices nothing but the speed.
 *
 * How much a touch took is seen by what is mapped after it, which the page
 * tables tell without a touch of their own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "frames.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "pagemap.h"
#include "validator.h"

#define SWITCH		"/sys/kernel/mm/secretmem/large_folios"
#define SPLIT		"/sys/kernel/debug/split_huge_pages"
#define PAGES_PER_BLOCK	(BLOCK_BYTES / PAGE_SIZE)
#define SIZE		(16 * MIB)
#define NR_PAGES	(SIZE / PAGE_SIZE)

static size_t count_mapped(const void *start, size_t nr_pages)
{
	u64 *pfns = malloc(nr_pages * sizeof(*pfns));
	size_t nr = 0;

	if (!pfns)
		die(EXIT_FAILED, "no memory");
	pagemap_read(start, nr_pages, pfns);
	for (size_t i = 0; i < nr_pages; i++)
		nr += pfns[i] != PFN_NONE;
	free(pfns);
	return nr;
}

static size_t area_mapped(const struct area *area)
{
	return count_mapped(area->start, area_nr_pages(area));
}

static void touch(const struct area *area, size_t first, size_t stride)
{
	for (size_t i = first; i < area_nr_pages(area); i += stride)
		*(volatile u64 *)area_page(area, i) = 1;
}

static long faults_now(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		die_errno("getrusage");
	return usage.ru_minflt;
}

/* kB of the mapping at @start that entries of PMDs map, as smaps tells. */
static long pmd_mapped_kb(const void *start)
{
	char line[256], prefix[32];
	bool found = false;
	long kb = -1;
	FILE *file = fopen("/proc/self/smaps", "r");

	if (!file)
		die_errno("smaps");
	snprintf(prefix, sizeof(prefix), "%lx-", (unsigned long)start);
	while (kb < 0 && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, prefix, strlen(prefix)))
			found = true;
		if (found)
			sscanf(line, "FilePmdMapped: %ld kB", &kb);
	}
	fclose(file);
	return kb;
}

/* Run a test that spoils its process in a child. */
static bool in_child(bool (*test)(void))
{
	pid_t pid = fork_child();

	if (!pid)
		_exit(!test());
	return child_passed(wait_child(pid));
}

static void test_whole(void)
{
	struct area area = secret_area(SIZE);
	long faults = faults_now();
	size_t nr_dirty = 0;
	bool passed;

	touch(&area, 0, PAGES_PER_BLOCK);
	faults = faults_now() - faults;
	ktap_ok(area_mapped(&area) == NR_PAGES && pmd_mapped_kb(area.start) == SIZE / KIB,
		"a touch in each 2 MiB maps all of it by entries of 2 MiB");
	ktap_ok(faults >= (long)(SIZE / BLOCK_BYTES) && faults < (long)(SIZE / BLOCK_BYTES) + 8,
		"with as many faults (%ld)", faults);
	ktap_ok(area_is_absent(&area), "all of it is absent");
	for (size_t i = 0; i < NR_PAGES; i++)
		nr_dirty += !page_is_zero_from(area_page(&area, i),
					       i % PAGES_PER_BLOCK ? 0 : 1);
	mark_fill_pages(area.start, NR_PAGES, 1);
	passed = !nr_dirty && !mark_count_wrong_pages(area.start, NR_PAGES, 1);
	ktap_ok(passed, "zero before, and read back as written");
	area_destroy(&area);
	validator_result("nothing is left behind");
}

/* No folio goes beyond the file's end, and the largest that fit are taken. */
static void test_end(void)
{
	const size_t nr_pages = PAGES_PER_BLOCK + 256 + 16 + 3;
	struct area area = secret_area(nr_pages * PAGE_SIZE);
	bool passed;

	touch(&area, PAGES_PER_BLOCK, nr_pages);
	passed = area_mapped(&area) == 256;
	touch(&area, PAGES_PER_BLOCK + 256, nr_pages);
	passed &= area_mapped(&area) == 256 + 16;
	touch(&area, nr_pages - 1, nr_pages);
	passed &= area_mapped(&area) == 256 + 16 + 1;
	touch(&area, nr_pages - 3, nr_pages);
	passed &= area_mapped(&area) == 256 + 16 + 3;
	ktap_ok(passed && area_is_absent(&area),
		"folios of 256, 16, 2 and 1 pages end where the file does");
	area_destroy(&area);
}

/* What a process did not map is not taken for it. */
static void test_part(void)
{
	/* Where no page table ends in the mapping: one must hold all of a folio */
	char *start = mmap(NULL, 2 * BLOCK_BYTES, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *inside = start + (-(uintptr_t)start & (BLOCK_BYTES - 1));
	int fd = secret_create_sized(SIZE);
	char *part;
	bool passed;

	if (start == MAP_FAILED)
		die_errno("mmap");
	part = mmap(inside, 16 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, fd, 32 * PAGE_SIZE);
	if (part == MAP_FAILED)
		die_errno("mmap");
	*(volatile char *)part = 1;
	passed = count_mapped(part, 16) == 16;
	munmap(start, 2 * BLOCK_BYTES);

	/* Shifted against the file: nothing larger can be mapped whole */
	part = mmap(NULL, SIZE - PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, PAGE_SIZE);
	if (part == MAP_FAILED)
		die_errno("mmap");
	mark_fill_pages(part, NR_PAGES - 1, 3);
	passed &= !mark_count_wrong_pages(part, NR_PAGES - 1, 3);
	munmap(part, SIZE - PAGE_SIZE);
	close(fd);
	ktap_ok(passed, "a mapping of a part of the file takes that part");
}

static size_t pages_of_one_touch(int advice)
{
	struct area area = secret_area(SIZE);
	size_t nr;

	if (advice && madvise(area.start, SIZE, advice))
		die_errno("madvise");
	touch(&area, 7, NR_PAGES);
	nr = area_mapped(&area);
	area_destroy(&area);
	return nr;
}

static bool thp_disabled_by_prctl(void)
{
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		die_errno("prctl");
	return pages_of_one_touch(0) == 1;
}

static void test_switch(void)
{
	char now[64];
	bool passed;

	kfile_first_line(SWITCH, now, sizeof(now));
	ktap_ok(!strcmp(now, "[always] advise never"), "the switch says always (%s)", now);
	passed = pages_of_one_touch(0) == PAGES_PER_BLOCK &&
		 pages_of_one_touch(MADV_NOHUGEPAGE) == 1 &&
		 in_child(thp_disabled_by_prctl);
	ktap_ok(passed, "always: but for who does not want any");
	write_file(SWITCH, "advise");
	passed = pages_of_one_touch(0) == 1 &&
		 pages_of_one_touch(MADV_HUGEPAGE) == PAGES_PER_BLOCK;
	ktap_ok(passed, "advise: who asks for them");
	write_file(SWITCH, "never");
	passed = pages_of_one_touch(0) == 1 &&
		 pages_of_one_touch(MADV_HUGEPAGE) == 1;
	ktap_ok(passed, "never: nobody");
	ktap_ok(kfile_write(SWITCH, "sometimes") == EINVAL, "nonsense is refused");
	write_file(SWITCH, "always");
}

/* A file that is larger than the limit: as many touches as pages, wherever. */
static bool sparse_fits(void)
{
	struct area area;

	limit_locked_memory(8 * MIB);
	area = secret_area(64 * MIB);
	touch(&area, 0, PAGES_PER_BLOCK);
	return area_mapped(&area) == 64 * MIB / BLOCK_BYTES;
}

static bool covered_is_large(void)
{
	struct area area;

	limit_locked_memory(2 * SIZE);
	area = secret_area(SIZE);
	touch(&area, 0, PAGES_PER_BLOCK);
	return area_mapped(&area) == NR_PAGES;
}

static bool one_short_is_small(void)
{
	struct area area;

	limit_locked_memory(2 * SIZE - PAGE_SIZE);
	area = secret_area(SIZE);
	touch(&area, 0, PAGES_PER_BLOCK);
	return area_mapped(&area) == SIZE / BLOCK_BYTES;
}

/* Sparse files of one user: what large folios took must not be missing to others. */
static bool others_fit(void)
{
	limit_locked_memory(8 * MIB);
	for (int i = 0; i < 64; i++) {
		struct area area = secret_area(BLOCK_BYTES);

		touch(&area, 0, PAGES_PER_BLOCK);
	}
	return true;
}

#define NR_RACERS	4

/* All touch the same pages at once: the one who comes second holds too much for a moment. */
static void *race(void *area)
{
	touch(area, 0, 1);
	return NULL;
}

static bool racers_fit(void)
{
	pthread_t threads[NR_RACERS];
	struct area area;

	limit_locked_memory(BLOCK_BYTES);
	for (int round = 0; round < 8; round++) {
		area = secret_area(BLOCK_BYTES);
		for (int i = 0; i < NR_RACERS; i++) {
			if (pthread_create(&threads[i], NULL, race, &area))
				die(EXIT_FAILED, "no thread");
		}
		for (int i = 0; i < NR_RACERS; i++)
			pthread_join(threads[i], NULL);
		area_destroy(&area);
	}
	return true;
}

/* Single pages stand in the way of larger folios, which take what is between them. */
static bool gaps_are_filled(void)
{
	struct area area = secret_area(BLOCK_BYTES);
	bool passed;

	if (madvise(area.start, area.size, MADV_NOHUGEPAGE))
		die_errno("madvise");
	touch(&area, 0, PAGES_PER_BLOCK);
	if (madvise(area.start, area.size, MADV_HUGEPAGE))
		die_errno("madvise");
	touch(&area, 1, PAGES_PER_BLOCK);
	passed = area_mapped(&area) == 2;
	touch(&area, 256, PAGES_PER_BLOCK);
	passed &= area_mapped(&area) == 2 + 256;
	touch(&area, 2, PAGES_PER_BLOCK);
	passed &= area_mapped(&area) == 2 + 256 + 2;
	area_destroy(&area);
	return passed;
}

static void test_limit(void)
{
	ktap_ok(in_child(sparse_fits),
		"64 MiB touched once per 2 MiB fit into a limit of 8 MiB");
	ktap_ok(in_child(covered_is_large) && in_child(one_short_is_small),
		"large folios where half of the limit covers all of the file, not a page less");
	ktap_ok(in_child(others_fit), "64 sparse files of 2 MiB fit into a limit of 8 MiB");
	ktap_ok(in_child(racers_fit), "threads that race for the last pages of a limit");
	ktap_ok(gaps_are_filled(), "folios between single pages are as large as fits");
}

#define CGROUP	"/sys/fs/cgroup"

/* Large folios must not use a limit up that single pages would have fit into. */
static bool cgroup_is_small(void)
{
	struct area area;
	char self[32];

	snprintf(self, sizeof(self), "%d", getpid());
	write_file(CGROUP "/large/cgroup.procs", self);
	area = secret_area(2 * MIB);
	touch(&area, 0, 64);
	return area_mapped(&area) == 8;
}

static void test_cgroup(void)
{
	bool passed;

	if (mkdir(CGROUP, 0755) && errno != EEXIST && errno != EPERM)
		die_errno(CGROUP);
	if (!kfile_exists(CGROUP "/cgroup.controllers") &&
	    mount("none", CGROUP, "cgroup2", 0, NULL))
		die_errno("mount " CGROUP);
	write_file(CGROUP "/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP "/large", 0755))
		die_errno("mkdir");
	write_file(CGROUP "/large/memory.max", "1M");
	passed = in_child(cgroup_is_small);
	if (rmdir(CGROUP "/large"))
		die_errno("rmdir");
	ktap_ok(passed, "a cgroup with less room than the file gets single pages");
}

/* None of these may reach a secret through the kernel. */
static void test_refused(void)
{
	struct area area = secret_area(BLOCK_BYTES);
	struct iovec iov = { area_page(&area, 5), PAGE_SIZE };
	char buffer[PAGE_SIZE];
	struct iovec local = { buffer, PAGE_SIZE };
	int fds[2];
	bool passed;

	mark_fill_pages(area.start, PAGES_PER_BLOCK, 4);
	if (pipe(fds))
		die_errno("pipe");
	passed = vmsplice(fds[1], &iov, 1, 0) < 0 && errno == EFAULT;
	passed &= process_vm_readv(getpid(), &local, 1, &iov, 1, 0) < 0 &&
		  errno == EFAULT;
	passed &= pmd_mapped_kb(area.start) == BLOCK_BYTES / KIB;
	passed &= !mark_count_wrong_pages(area.start, PAGES_PER_BLOCK, 4);
	ktap_ok(passed, "pins of a folio that an entry of a PMD maps are refused");
	close(fds[0]);
	close(fds[1]);
	area_destroy(&area);
}

static void test_pieces(void)
{
	struct area area = secret_area(2 * BLOCK_BYTES);
	char *start = area.start, *moved;
	bool passed;
	pid_t pid;

	mark_fill_pages(start, 2 * PAGES_PER_BLOCK, 5);
	pid = fork_child();
	if (!pid)
		_exit(mark_count_wrong_pages(start, 2 * PAGES_PER_BLOCK, 5) != 0);
	passed = child_passed(wait_child(pid));

	/* Each of these splits an entry of a PMD */
	passed &= !mprotect(start + PAGE_SIZE, PAGE_SIZE, PROT_READ);
	passed &= !madvise(start + 3 * PAGE_SIZE, 5 * PAGE_SIZE, MADV_DONTNEED);
	passed &= !madvise(start + BLOCK_BYTES, BLOCK_BYTES / 2, MADV_PAGEOUT);
	passed &= !mark_count_wrong_pages(start, 2 * PAGES_PER_BLOCK, 5);
	moved = mremap(start + BLOCK_BYTES, BLOCK_BYTES, BLOCK_BYTES, MREMAP_MAYMOVE);
	passed &= moved != MAP_FAILED && area_is_absent(&area);
	passed &= !munmap(start + 8 * PAGE_SIZE, 8 * PAGE_SIZE);
	passed &= !mark_count_wrong_pages(start, 8, 5);
	ktap_ok(passed, "fork, mprotect, madvise, mremap and munmap of parts");
	area_destroy(&area);
}

/* The folio is split under its owner: it stays what it was, in pieces. */
static void test_split(void)
{
	struct area area = secret_area(2 * BLOCK_BYTES);
	struct frames frames;
	char range[80];
	bool passed;

	if (!kfile_exists(SPLIT)) {
		ktap_skip("no " SPLIT, "a folio that is split");
		return;
	}
	mark_fill_pages(area.start, 2 * PAGES_PER_BLOCK, 6);
	frames = frames_of_area(&area);
	snprintf(range, sizeof(range), "%d,0x%lx,0x%lx", getpid(),
		 (unsigned long)area.start,
		 (unsigned long)area.start + area.size);
	passed = !kfile_write(SPLIT, range);
	passed &= !mark_count_wrong_pages(area.start, 2 * PAGES_PER_BLOCK, 6);
	passed &= area_is_absent(&area) && pmd_mapped_kb(area.start) == 0;
	area_destroy(&area);
	passed &= frames_absent(&frames) && validator_is_content();
	ktap_ok(passed, "a folio that is split stays whole, absent and is cleared");
	frames_free(&frames);
}

int main(void)
{
	if (!kfile_exists(SWITCH))
		die(EXIT_CANNOT_RUN, "this kernel has no large folios of secrets");
	ktap_plan(21);
	test_whole();
	test_end();
	test_part();
	test_switch();
	test_limit();
	test_cgroup();
	test_refused();
	test_pieces();
	test_split();
	return ktap_finish();
}
