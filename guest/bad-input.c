// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program can do wrong with secret memory ends in stock's errors, a
 * hundredfold, and leaves nothing behind: no page is lost or stays unmapped, no
 * limit stays charged, no file stays counted.
 *
 * The edges of a file that behaves are guest/size's, single limits guest/limit's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "validator.h"

#define SWITCH		"/proc/sys/vm/unmapped_alloc"
#define NR_ROUNDS	150
#define LIMIT_PAGES	40
#define BATCH_PAGES	64
#define LIVING_PAGES	600
/*
 * Caches of the kernel grow. What one trial touches in its rounds is more; what
 * a single lost page keeps is a whole block, if it was of an unmapped one.
 */
#define FREE_SLACK	4096L
/* KFENCE makes pages absent and present all the time, 255 at the most. */
#define ABSENT_SLACK	256L

/* Section: what is left behind */

struct traces {
	long nr_free_pages;
	long nr_unevictable;
	u64 nr_absent;		/* frames of RAM, with all blocks mapped back */
	bool hibernation_barred;	/* it is while a secret file is open */
};

/*
 * Map back what can be, so that only what is lost stays absent. Compaction comes
 * first because it drains each CPU's batch of pages on their way to the LRU,
 * which keeps them although their file is gone.
 */
static void map_all_back(void)
{
	write_file("/proc/sys/vm/compact_memory", "1");
	if (!kfile_exists(SWITCH))
		return;
	write_file(SWITCH, "0");
	write_file(SWITCH, "1");
}

static struct traces look_for_traces(void)
{
	struct traces traces;
	struct dmap map;
	char line[128];

	map_all_back();
	dmap_load(&map);
	traces.nr_absent = dmap_count_absent_ram(&map);
	dmap_free(&map);
	traces.nr_free_pages = free_pages_read();
	/* Else what CPUs have counted apart is missing for up to a second */
	write_file("/proc/sys/vm/stat_refresh", "1");
	traces.nr_unevictable = vmstat_read("nr_unevictable");
	kfile_first_line("/sys/power/disk", line, sizeof(line));
	traces.hibernation_barred = !!strstr(line, "[disabled]");
	return traces;
}

static void test_traces(const struct traces *before)
{
	struct traces after = look_for_traces();

	ktap_ok(after.nr_free_pages > before->nr_free_pages - FREE_SLACK,
		"free memory is back: %ld pages before, %ld after",
		before->nr_free_pages, after.nr_free_pages);
	ktap_ok(after.nr_unevictable == before->nr_unevictable,
		"no page is left unevictable: %ld before, %ld after",
		before->nr_unevictable, after.nr_unevictable);
	ktap_ok(after.nr_absent < before->nr_absent + ABSENT_SLACK,
		"no frame is left absent: %lu before, %lu after",
		before->nr_absent, after.nr_absent);
	ktap_ok(!after.hibernation_barred, "no file is left counted");
	validator_report();
}

/* They are seen while a secret lives. */
static void test_traces_of_living(const struct traces *before)
{
	struct area area = secret_area(LIVING_PAGES * PAGE_SIZE);
	struct traces during;

	for (size_t i = 0; i < area_nr_pages(&area); i++)
		*area_page(&area, i) = 1;
	during = look_for_traces();
	ktap_ok(during.nr_absent >= before->nr_absent + ABSENT_SLACK &&
		during.nr_unevictable >= before->nr_unevictable + LIVING_PAGES &&
		during.hibernation_barred,
		"a living secret leaves traces: %lu frames absent, %ld pages unevictable, hibernation barred",
		during.nr_absent - before->nr_absent,
		during.nr_unevictable - before->nr_unevictable);
	area_destroy(&area);
}

/* Section: the trials. Each cleans up behind itself. */

static sigjmp_buf after_touch;

static void on_sigbus(int sig)
{
	(void)sig;
	siglongjmp(after_touch, 1);
}

/* Does a touch give SIGBUS? */
static bool touch_is_sigbus(volatile char *address)
{
	if (sigsetjmp(after_touch, 1))
		return true;
	*address = 1;
	return false;
}

static bool fails_with(int error, long result)
{
	return result < 0 && errno == error;
}

static bool try_flags(void)
{
	static const unsigned int flags[] = {
		1, 2, 0x1000, 1U << 31, ~0U, ~(unsigned int)O_CLOEXEC,
		O_CLOEXEC | 1, O_NONBLOCK, O_RDWR,
	};
	bool passed = true;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		passed &= fails_with(EINVAL, syscall(SYS_memfd_secret, flags[i]));
	return passed;
}

static bool try_sizes(void)
{
	int fd = secret_create(0);
	bool passed = fails_with(EINVAL, ftruncate(fd, -1));
	struct stat st;

	passed &= !ftruncate(fd, BATCH_PAGES * PAGE_SIZE);
	passed &= fails_with(EINVAL, ftruncate(fd, BATCH_PAGES * PAGE_SIZE));
	passed &= fails_with(EINVAL, ftruncate(fd, 0));
	passed &= fails_with(EINVAL, ftruncate(fd, 1L << 62));
	passed &= !fstat(fd, &st) && st.st_size == BATCH_PAGES * PAGE_SIZE;
	close(fd);	/* nothing in it matters; so below */
	return passed;
}

/* A size that is set again while pages are there changes nothing. */
static bool try_size_in_use(void)
{
	struct area area = secret_area(BATCH_PAGES * PAGE_SIZE);
	bool passed = true;

	for (size_t i = 0; i < BATCH_PAGES; i += 2)
		*area_page(&area, i) = i + 1;
	passed &= fails_with(EINVAL, ftruncate(area.fd, PAGE_SIZE));
	passed &= fails_with(EOPNOTSUPP,
			     fallocate(area.fd, FALLOC_FL_PUNCH_HOLE |
				       FALLOC_FL_KEEP_SIZE, 0, PAGE_SIZE));
	passed &= fails_with(EOPNOTSUPP,
			     fallocate(area.fd, 0, 0, 2 * area.size));
	for (size_t i = 0; i < BATCH_PAGES; i += 2)
		passed &= *area_page(&area, i) == i + 1;
	area_destroy(&area);
	return passed;
}

/* A file of 4 pages behind a mapping of a block and more */
static bool try_beyond_end(void)
{
	size_t size = 2 * BLOCK_BYTES;
	int fd = secret_create_sized(4 * PAGE_SIZE);
	char *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
	bool passed = true;

	if (start == MAP_FAILED)
		die_errno("mmap");
	passed &= touch_is_sigbus(start + 4 * PAGE_SIZE);
	passed &= !touch_is_sigbus(start + 3 * PAGE_SIZE);
	passed &= touch_is_sigbus(start + BLOCK_BYTES);
	passed &= touch_is_sigbus(start + size - 1);
	munmap(start, size);	/* only address space is at stake; so below */

	start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     (off_t)BLOCK_BYTES);
	if (start == MAP_FAILED)
		die_errno("mmap behind the end");
	passed &= touch_is_sigbus(start);
	munmap(start, size);
	close(fd);
	return passed;
}

static bool mmap_fails_with(int error, size_t size, int prot, int flags, int fd,
			    off_t offset)
{
	return mmap(NULL, size, prot, flags, fd, offset) == MAP_FAILED &&
	       errno == error;
}

static bool try_mappings(void)
{
	int fd = secret_create_sized(PAGE_SIZE);
	int rw = PROT_READ | PROT_WRITE;
	bool passed = true;

	passed &= mmap_fails_with(EINVAL, PAGE_SIZE, rw, MAP_PRIVATE, fd, 0);
	passed &= mmap_fails_with(EINVAL, PAGE_SIZE, rw, MAP_SHARED, fd, 100);
	passed &= mmap_fails_with(EINVAL, 0, rw, MAP_SHARED, fd, 0);
	passed &= mmap_fails_with(EOVERFLOW, PAGE_SIZE, rw, MAP_SHARED, fd,
				  (off_t)(~0UL << 12));
	passed &= mmap_fails_with(ENOMEM, 1UL << 60, rw, MAP_SHARED, fd, 0);
	close(fd);
	return passed;
}

static bool try_file_calls(void)
{
	struct area area = secret_area(PAGE_SIZE);
	int fds[2];
	char byte = 0;
	bool passed = true;

	if (pipe(fds))
		die_errno("pipe");
	*area_page(&area, 0) = 1;
	passed &= fails_with(EINVAL, read(area.fd, &byte, 1));
	passed &= fails_with(EINVAL, write(area.fd, &byte, 1));
	passed &= fails_with(EINVAL, sendfile(fds[1], area.fd, NULL, 1));
	passed &= fails_with(EINVAL, splice(area.fd, NULL, fds[1], NULL, 1, 0));
	passed &= fails_with(EINVAL, fcntl(area.fd, F_ADD_SEALS, F_SEAL_WRITE));
	passed &= fails_with(EINVAL, madvise(area.start, PAGE_SIZE,
					     MADV_POPULATE_WRITE));
	passed &= *area_page(&area, 0) == 1;
	close(fds[0]);
	close(fds[1]);
	area_destroy(&area);
	return passed;
}

/* One read(2) that would need more pages than the limit allows stops there. */
static bool try_limit_in_batch(void)
{
	struct area area = secret_area(BATCH_PAGES * PAGE_SIZE);
	int zeroes = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ssize_t nr_read;
	bool passed;

	if (zeroes < 0)
		die_errno("/dev/zero");
	nr_read = read(zeroes, area.start, area.size);
	passed = nr_read == LIMIT_PAGES * PAGE_SIZE;
	if (!passed)
		ktap_note("%zd bytes read in one go", nr_read);
	passed &= fails_with(EFAULT, read(zeroes, (char *)area.start +
					  LIMIT_PAGES * PAGE_SIZE, PAGE_SIZE));
	passed &= touch_is_sigbus((char *)area_page(&area, BATCH_PAGES - 1));
	passed &= !touch_is_sigbus((char *)area_page(&area, LIMIT_PAGES - 1));
	close(zeroes);
	area_destroy(&area);
	return passed;
}

/* All rounds of a trial in one child, with a limit that lasts over them. */
static bool repeat(bool (*trial)(void))
{
	pid_t pid = fork_child();

	if (!pid) {
		int nr_passed = 0;

		signal(SIGBUS, on_sigbus);
		limit_locked_memory(LIMIT_PAGES * PAGE_SIZE);
		for (int i = 0; i < NR_ROUNDS; i++)
			nr_passed += trial();
		if (nr_passed != NR_ROUNDS)
			ktap_note("%d of %d rounds passed", nr_passed,
				  NR_ROUNDS);
		_exit(nr_passed != NR_ROUNDS);
	}
	return child_passed(wait_child(pid));
}

int main(void)
{
	static const struct {
		const char *name;
		bool (*trial)(void);
	} trials[] = {
		{ "unknown flags: EINVAL", try_flags },
		{ "a second size: EINVAL", try_sizes },
		{ "a second size in use: EINVAL, nothing lost", try_size_in_use },
		{ "touches beyond the end: SIGBUS", try_beyond_end },
		{ "wrong mappings: EINVAL, EOVERFLOW, ENOMEM", try_mappings },
		{ "what other files can: EINVAL", try_file_calls },
		{ "the limit in mid-batch: short, EFAULT, SIGBUS",
		  try_limit_in_batch },
	};
	struct traces before;

	ktap_plan(ARRAY_SIZE(trials) + 6);
	repeat(try_file_calls);	/* so that caches are filled */
	before = look_for_traces();
	test_traces_of_living(&before);
	for (size_t i = 0; i < ARRAY_SIZE(trials); i++)
		ktap_ok(repeat(trials[i].trial), "%s, %d times over",
			trials[i].name, NR_ROUNDS);
	test_traces(&before);
	return ktap_finish();
}
