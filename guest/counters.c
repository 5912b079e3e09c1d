// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel shows about secrets and unmapped pages moves by as much as
 * happens: how much secrets hold (SecretMem:, nr_secretmem, and the tags of
 * allocations where the kernel has them), what became of the pages (unmapped_* of
 * /proc/vmstat), and why touches were refused (secretmem_fail_*, and a line of the
 * log).
 *
 * Guards against: counters that drift, lag behind after stat_refresh, or count
 * something else than they say.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "area.h"
#include "kmsg.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "secretload.h"
#include "validator.h"

#define RETURN_SWITCH	"/proc/sys/vm/unmapped_return_seconds"
#define FLIP_SWITCH	"/proc/sys/vm/unmapped_alloc"
#define FALLBACK_SWITCH	"/proc/sys/vm/unmapped_fallback"
#define CGROUP		"/sys/fs/cgroup"
#define GROUP		CGROUP "/counters"
#define SIZE		(16 * MIB)
#define NR_STEPS	16	/* of a block each, of which one page is kept */
#define LIMIT_PAGES	16UL
#define GIVE_UP_SECONDS	120
#define NR_REFUSED	100	/* in a row */
/* Ten in five seconds; twice, as such a span may end meanwhile */
#define NR_LINES_MAX	20
#define SEED		1

/* Counters that must exist; the rest of the program reads each of them. */
static const char * const names[] = {
	"nr_secretmem", "unmapped_return", "unmapped_clear",
	"unmapped_migrate", "unmapped_pack", "unmapped_pack_fail",
	"unmapped_kswapd_wait", "unmapped_alloc_fail",
	"unmapped_alloc_fail_off", "unmapped_alloc_fail_no_wait",
	"unmapped_alloc_fail_no_memory", "unmapped_alloc_fail_no_block",
	"unmapped_evacuate_fail_busy", "unmapped_evacuate_fail_no_room",
	"unmapped_flip_fail_entry", "unmapped_flip_fail_table",
	"unmapped_flip_fail_claimed", "unmapped_flip_fail_poison",
	"secretmem_fail_limit", "secretmem_fail_cgroup",
	"secretmem_fail_nomem", "secretmem_fail_eof",
};

/* A counter of /proc/vmstat once all CPUs have added what they know of. */
static long counter(const char *name)
{
	write_file("/proc/sys/vm/stat_refresh", "1");
	return vmstat_read(name);
}

static void take(struct area *area, size_t size)
{
	*area = secret_area(size);
	mark_fill_pages(area->start, area_nr_pages(area), SEED);
}

/* Section: what is held */

static long nodes_kb(void)
{
	long sum = 0, value;
	char line[128];
	glob_t files;

	if (glob("/sys/devices/system/node/node*/meminfo", 0, NULL, &files))
		die(EXIT_FAILED, "there are no nodes");
	for (size_t i = 0; i < files.gl_pathc; i++) {
		FILE *file = fopen(files.gl_pathv[i], "re");

		if (!file)
			die_errno("%s", files.gl_pathv[i]);
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, "Node %*d SecretMem: %ld", &value) == 1)
				sum += value;
		fclose(file);	/* read only: nothing can be lost */
	}
	globfree(&files);
	return sum;
}

static bool holds(long nr_pages)
{
	long nr = counter("nr_secretmem");
	long kb = meminfo_kb("SecretMem"), node_kb = nodes_kb();
	/* With a few bytes of each file */
	long tagged = allocinfo_bytes("/mm/secretmem.c");

	if (nr == nr_pages && kb == 4 * nr && node_kb == kb &&
	    (tagged == KSTAT_ABSENT || tagged / (long)PAGE_SIZE == nr))
		return true;
	ktap_note("nr_secretmem %ld, SecretMem %ld kB, of the nodes %ld kB, tagged %ld bytes",
		  nr, kb, node_kb, tagged);
	return false;
}

static void test_held(void)
{
	long nr_cleared, nr = SIZE / PAGE_SIZE;
	struct area area;

	drain_lru_batches();
	ktap_ok(holds(0), "no secret is held");
	area = secret_area(SIZE);
	ktap_ok(holds(0), "nor by an area that nobody touched");
	mark_fill_pages(area.start, area_nr_pages(&area), SEED);
	ktap_ok(holds(nr), "each page that was touched is held");
	/* What a batch of some CPU holds would be cleared twice */
	drain_lru_batches();
	nr_cleared = counter("unmapped_clear");
	area_destroy(&area);
	drain_lru_batches();
	ktap_ok(holds(0), "dropped, none is");
	ktap_ok(counter("unmapped_clear") - nr_cleared == nr,
		"%ld pages were cleared when %ld were dropped",
		counter("unmapped_clear") - nr_cleared, nr);
}

/* Section: what becomes of blocks */

static void test_packed(void)
{
	struct area kept[NR_STEPS];
	long nr_packed = counter("unmapped_pack");
	long nr_moved = counter("unmapped_migrate"), nr_wrong = 0;

	secretload_sparse(kept, NR_STEPS, SEED);
	write_file("/proc/sys/vm/compact_memory", "1");
	nr_packed = counter("unmapped_pack") - nr_packed;
	nr_moved = counter("unmapped_migrate") - nr_moved;
	ktap_ok(nr_packed > 0 && nr_packed < NR_STEPS,
		"%ld of %d sparse blocks were packed", nr_packed, NR_STEPS);
	ktap_ok(nr_moved >= nr_packed, "%ld pages moved, at least one a block",
		nr_moved);
	ktap_ok(holds(NR_STEPS), "all of them are held still");
	for (int i = 0; i < NR_STEPS; i++) {
		nr_wrong += mark_count_wrong_pages(kept[i].start, 1, SEED);
		area_destroy(&kept[i]);
	}
	ktap_ok(!nr_wrong, "and hold what was written");
}

static void test_returned(void)
{
	long nr_back, nr_returned;
	struct area area;

	write_file(RETURN_SWITCH, "0");
	take(&area, SIZE);
	area_destroy(&area);
	drain_lru_batches();
	nr_back = counter("unmapped_take_back");
	nr_returned = counter("unmapped_return");
	write_file(RETURN_SWITCH, "1");
	for (int i = 0; i < GIVE_UP_SECONDS &&
	     counter("nr_free_unmapped_pages") >= (long)(BLOCK_BYTES / PAGE_SIZE); i++)
		sleep(1);
	write_file(RETURN_SWITCH, "300");
	nr_back = counter("unmapped_take_back") - nr_back;
	nr_returned = counter("unmapped_return") - nr_returned;
	ktap_ok(nr_returned >= (long)(SIZE / BLOCK_BYTES) && nr_returned == nr_back,
		"%ld blocks were returned, %ld mapped back", nr_returned, nr_back);
}

/* Section: why touches are refused */

/* A child of ours is refused what it asks for: killed, and counted once. */
static void test_refused(const char *name, const char *reason, int sig,
			 int (*work)(void))
{
	long nr = counter(name);
	int status;
	pid_t pid;

	pid = fork_child();
	if (!pid)
		_exit(work());
	status = wait_child(pid);
	nr = counter(name) - nr;
	ktap_ok(child_killed_by(status, sig) && nr == 1,
		"%s moved by %ld, wait status %x", name, nr, status);
	ktap_ok(kmsg_count_lines("secretmem: counters[", reason),
		"the log says: %s", reason);
}

static int exceed_limit(void)
{
	struct area area;

	limit_locked_memory(LIMIT_PAGES * PAGE_SIZE);
	take(&area, 2 * LIMIT_PAGES * PAGE_SIZE);
	return EXIT_PASSED;
}

static int exceed_file(void)
{
	int fd = secret_create_sized(PAGE_SIZE);
	u64 *start = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);

	if (start == MAP_FAILED)
		die_errno("mmap");
	start[0] = 1;
	start[WORDS_PER_PAGE] = 1;
	return EXIT_PASSED;
}

static sigjmp_buf refused;

static void on_sigbus(int sig)
{
	(void)sig;
	siglongjmp(refused, 1);
}

/* Touch a page beyond the end of the file @nr times. How often was it refused? */
static long touch_beyond_end(int nr)
{
	struct sigaction catch = { .sa_handler = on_sigbus }, before;
	int fd = secret_create_sized(PAGE_SIZE);
	volatile u64 *start = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
	volatile long nr_refused = 0;

	if (start == MAP_FAILED || sigaction(SIGBUS, &catch, &before))
		die_errno("cannot touch what is not there");
	for (volatile int i = 0; i < nr; i++) {
		if (sigsetjmp(refused, 1))
			nr_refused++;
		else
			start[WORDS_PER_PAGE] = 1;
	}
	sigaction(SIGBUS, &before, NULL);
	munmap((void *)start, 2 * PAGE_SIZE);
	close(fd);
	return nr_refused;
}

/* Who is refused over and over fills the log neither with lines nor unseen. */
static void test_log_is_limited(void)
{
	int nr_lines = kmsg_count_lines("secretmem: counters[", "beyond the end");
	long nr = counter("secretmem_fail_eof"), nr_refused;

	nr_refused = touch_beyond_end(NR_REFUSED);
	nr = counter("secretmem_fail_eof") - nr;
	nr_lines = kmsg_count_lines("secretmem: counters[", "beyond the end") - nr_lines;
	ktap_ok(nr_refused == NR_REFUSED && nr == nr_refused,
		"%ld touches in a row were refused, %ld counted", nr_refused, nr);
	ktap_ok(nr_lines > 0 && nr_lines <= NR_LINES_MAX,
		"they made %d lines of the log", nr_lines);

	/* The kernel tells when it has something to say again. */
	for (int i = 0; i < GIVE_UP_SECONDS &&
	     !kmsg_count_lines("secretmem_refused: ", "callbacks suppressed"); i++) {
		sleep(1);
		touch_beyond_end(1);
	}
	ktap_ok(kmsg_count_lines("secretmem_refused: ", "callbacks suppressed"),
		"the log says that lines were left out");
}

static int exceed_cgroup(void)
{
	struct area area;

	write_file(CGROUP "/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		die_errno(GROUP);
	write_file(GROUP "/memory.max", "8M");
	write_file(GROUP "/cgroup.procs", "0");
	take(&area, SIZE);
	return EXIT_PASSED;
}

/* Without flips and single pages there is what stands on the lists, no more. */
static int exceed_lists(void)
{
	struct area area;

	take(&area, SIZE);
	return EXIT_PASSED;
}

static void test_no_block(void)
{
	long nr = counter("unmapped_alloc_fail");
	long nr_off = counter("unmapped_alloc_fail_off");
	struct area area;

	take(&area, PAGE_SIZE);
	write_file(FLIP_SWITCH, "0");
	write_file(FALLBACK_SWITCH, "0");
	test_refused("secretmem_fail_nomem", "no memory, or none that can be unmapped",
		     SIGBUS, exceed_lists);
	write_file(FALLBACK_SWITCH, "1");
	write_file(FLIP_SWITCH, "1");
	area_destroy(&area);
	nr = counter("unmapped_alloc_fail") - nr;
	nr_off = counter("unmapped_alloc_fail_off") - nr_off;
	ktap_ok(nr == 1 && nr_off == 1,
		"%ld requests got nothing, %ld because flips were forbidden", nr, nr_off);
}

int main(void)
{
	ktap_plan(25);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (vmstat_read(names[i]) == KSTAT_ABSENT)
			die(EXIT_FAILED, "no counter %s", names[i]);
	ktap_ok(true, "all counters are there");
	test_held();
	test_packed();
	test_returned();
	test_refused("secretmem_fail_limit", "over RLIMIT_MEMLOCK", SIGBUS,
		     exceed_limit);
	test_refused("secretmem_fail_eof", "beyond the end of the file", SIGBUS,
		     exceed_file);
	test_refused("secretmem_fail_cgroup", "not charged by the cgroup",
		     SIGKILL, exceed_cgroup);
	test_no_block();
	/* Last: the log may take no more lines for a while. */
	test_log_is_limited();
	drain_lru_batches();
	ktap_ok(holds(0), "in the end no secret is held");
	validator_report();
	return ktap_finish();
}
