// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations fail at random, for whole runs of faults and at every depth of
 * the path of a secret page: whatever a process then gets, it is zero, absent
 * and given back, and nothing is left in a state that the validator refuses.
 *
 * Needs a kernel with fault injection and the validator (kernel debug).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "area.h"
#include "ktap.h"
#include "validator.h"

#define DEBUGFS		"/sys/kernel/debug"
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

int main(void)
{
	static const char *const probabilities[] = { "1", "10", "50" };

	if (!validator_exists())
		die(EXIT_CANNOT_RUN, "this kernel has no validator");
	counts = shared_alloc(sizeof(*counts));
	ktap_plan(2 * ARRAY_SIZE(probabilities) + 2);
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
