// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations fail at random, for whole runs of faults and at every depth of
 * the path of a secret page: whatever a process then gets, it is zero, absent
 * and given back, and nothing is left in a state that the validator refuses.
 *
 * Before that the feature's own set-up runs short of memory, each time a little later:
 * it stays off, says why, and can be switched on once memory is there.
 *
 * Needs a kernel with fault injection and the validator (kernel debug), booted with
 * unmapped_alloc=off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "area.h"
#include "kfile.h"
#include "kmsg.h"
#include "kstat.h"
#include "ktap.h"
#include "validator.h"

#define DEBUGFS		"/sys/kernel/debug"
#define SWITCH		"/proc/sys/vm/unmapped_alloc"
#define FOLIO_SWITCH	"/sys/kernel/mm/secretmem/large_folios"
#define MAKE_IT_FAIL	"/proc/self/make-it-fail"
#define SETUP_FAILED	"unmapped: off: setting up failed with error -12"
#define MIN_SETUP_FAILS	8
#define MAX_SPACE	1000
#define OBJECT_BYTES	256
#define NR_OBJECTS_MISSED "32"
#define NR_ROUNDS	24
#define AREA_BYTES	(3 * MIB + 5 * PAGE_SIZE)

/* Seen by the parent: what the children lived through */
static volatile struct counts {
	u64 nr_syscalls_failed;
	u64 nr_pages;
	u64 nr_dirty;
} *counts;

static void set_injection(const char *attr, const char *value)
{
	static const char *const kinds[] = { "fail_page_alloc", "failslab" };
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), DEBUGFS "/%s/%s", kinds[i], attr);
		write_file(path, value);
	}
}

/* Only tasks that ask for it are hit, in all contexts, without a stack dump. */
static void start_injection(const char *probability)
{
	set_injection("task-filter", "Y");
	set_injection("ignore-gfp-wait", "N");
	set_injection("verbose", "0");
	set_injection("times", "-1");
	set_injection("interval", "1");
	write_file(DEBUGFS "/fail_page_alloc/min-order", "0");
	set_injection("probability", probability);
}

static void on_sigbus(int sig)
{
	(void)sig;
	_exit(0);	/* what a fault without memory may end in */
}

/* Any system call may fail; a page that can be touched must be zero. */
static void live_with_failures(void)
{
	char *start;
	int fd = (int)syscall(SYS_memfd_secret, 0);

	signal(SIGBUS, on_sigbus);
	if (fd < 0 || ftruncate(fd, AREA_BYTES)) {
		counts->nr_syscalls_failed++;
		_exit(0);
	}
	start = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (start == MAP_FAILED) {
		counts->nr_syscalls_failed++;
		_exit(0);
	}
	for (size_t i = 0; i < AREA_BYTES; i += PAGE_SIZE) {
		counts->nr_dirty += !page_is_zero_from((u64 *)(start + i), 0);
		memset(start + i, 0x5a, PAGE_SIZE);
		counts->nr_pages++;
	}
	_exit(0);
}

static bool run_rounds(const char *probability)
{
	bool passed = true;

	for (int i = 0; i < NR_ROUNDS; i++) {
		pid_t pid;

		/* Every third round starts with flips. */
		if (i % 3 == 0) {
			write_file("/proc/sys/vm/unmapped_alloc", "0");
			write_file("/proc/sys/vm/unmapped_alloc", "1");
		}
		start_injection(probability);
		pid = fork_child();
		if (!pid) {
			write_file("/proc/self/make-it-fail", "1");
			live_with_failures();
		}
		passed &= child_passed(wait_child(pid));
		set_injection("probability", "0");
	}
	return passed;
}

/* Section: set-up */

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		die_errno("%s", path);
	return fd;
}

static void write_digit(int fd, char digit)
{
	if (pwrite(fd, &digit, 1, 0) != 1)
		die_errno(MAKE_IT_FAIL);
}

/* All allocations of ours fail that come after so many pages or small objects. */
static void set_space(int nr)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", nr);
	write_file(DEBUGFS "/fail_page_alloc/space", text);
	snprintf(text, sizeof(text), "%d", nr * OBJECT_BYTES);
	write_file(DEBUGFS "/failslab/space", text);
}

/* Return: what the write ended with. Between the two digits nothing else of ours runs. */
static int switch_on_short_of_memory(int nr)
{
	int fd = open_file(SWITCH, O_WRONLY), fd_fail = open_file(MAKE_IT_FAIL, O_RDWR);
	int error;

	set_space(nr);
	write_digit(fd_fail, '1');
	error = write(fd, "1", 1) == 1 ? 0 : errno;
	write_digit(fd_fail, '0');
	close(fd);
	close(fd_fail);
	return error;
}

/* What was set up before a failure stays so, and is not done again. */
static void test_setup(void)
{
	int nr, error = ENOMEM, nr_failed = 0, nr_odd = 0;

	start_injection("100");
	for (nr = 0; error && nr < MAX_SPACE; nr++) {
		error = switch_on_short_of_memory(nr);
		nr_failed += error != 0;
		nr_odd += error && (error != ENOMEM || kfile_number(SWITCH, 10));
	}
	set_injection("probability", "0");
	set_space(0);
	ktap_note("%d attempts failed, of %d the log says so", nr_failed,
		  kmsg_count_lines(SETUP_FAILED, ""));
	/* The others had not even a buffer for what is written */
	ktap_ok(!nr_odd && kmsg_count_lines(SETUP_FAILED, "") >= MIN_SETUP_FAILS,
		"allocations of the set-up fail: it stays off, and says why");
	ktap_ok(!error && kfile_number(SWITCH, 10) == 1,
		"with memory for all of them, it is on");
	validator_result("... and the validator is content");
}

/* Section: the page cache */

/* The second page of a file needs a node of its tree, the first one none. */
static void touch_without_nodes(void)
{
	struct area area = secret_area(2 * PAGE_SIZE);

	write_file(MAKE_IT_FAIL, "1");
	*area_page(&area, 1) = 1;
	_exit(0);
}

/*
 * Small objects cannot be had for a while, though pages can: touches are refused for
 * want of memory, and made again, until they can. Nobody set the cgroup a limit.
 */
static void test_page_cache(void)
{
	long nr_nomem = vmstat_read("secretmem_fail_nomem");
	long nr_cgroup = vmstat_read("secretmem_fail_cgroup");
	bool passed;
	pid_t pid;

	write_file(FOLIO_SWITCH, "never");
	start_injection("100");
	write_file(DEBUGFS "/fail_page_alloc/probability", "0");
	write_file(DEBUGFS "/failslab/times", NR_OBJECTS_MISSED);
	pid = fork_child();
	if (!pid)
		touch_without_nodes();
	passed = child_passed(wait_child(pid));
	set_injection("probability", "0");
	write_file(FOLIO_SWITCH, "always");

	nr_nomem = vmstat_read("secretmem_fail_nomem") - nr_nomem;
	nr_cgroup = vmstat_read("secretmem_fail_cgroup") - nr_cgroup;
	ktap_ok(passed, "without memory for the page cache, a touch is made again");
	ktap_ok(nr_nomem > 0 && !nr_cgroup,
		"%ld were refused for want of memory, %ld by the cgroup", nr_nomem,
		nr_cgroup);
	validator_result("... and the validator is content");
}

int main(void)
{
	static const char *const probabilities[] = { "1", "10", "50" };

	if (!validator_exists())
		die(EXIT_CANNOT_RUN, "this kernel has no validator");
	if (kfile_number(SWITCH, 10))
		die(EXIT_CANNOT_RUN, "it is on already: boot with unmapped_alloc=off");
	counts = shared_alloc(sizeof(*counts));
	ktap_plan(2 * ARRAY_SIZE(probabilities) + 9);
	test_setup();
	ktap_ok(!vmstat_read("unmapped_flip"), "nothing was flipped meanwhile");
	test_page_cache();
	for (size_t i = 0; i < ARRAY_SIZE(probabilities); i++) {
		ktap_ok(run_rounds(probabilities[i]),
			"%s %% of allocations fail: processes end as they should",
			probabilities[i]);
		validator_result("... and the validator is content");
	}
	ktap_note("%llu pages touched, %llu system calls failed",
		  (unsigned long long)counts->nr_pages,
		  (unsigned long long)counts->nr_syscalls_failed);
	ktap_ok(counts->nr_pages && counts->nr_syscalls_failed,
		"pages were touched and system calls failed");
	ktap_ok(!counts->nr_dirty, "every page was zero");
	return ktap_finish();
}
