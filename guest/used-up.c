// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets ask for more than there is, without swap: whoever asks ends, killed or by
 * SIGBUS, and does not fault for ever; nobody else is killed; all memory comes back.
 * Once with single pages as the last resort, and once without, where blocks are all
 * that secrets get.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "validator.h"

#define FALLBACK	"/proc/sys/vm/unmapped_fallback"
#define ASK_PERCENT	150
#define SCORE		"/proc/self/oom_score_adj"
#define TRIES		100
#define TRY_US		100000

static void __attribute__((noreturn)) ask_for_too_much(void)
{
	struct area area = secret_area(((u64)meminfo_kb("MemTotal") * KIB / 100 * ASK_PERCENT) &
				       ~(PAGE_SIZE - 1));

	write_file(SCORE, "1000");	/* nobody else is to be taken for it */
	mark_fill_pages(area.start, area_nr_pages(&area), 1);
	_exit(EXIT_PASSED);
}

/* Within 1 % of RAM; what the end of a process frees may take a moment. */
static bool memory_is_back(long nr_free)
{
	long slack = meminfo_kb("MemTotal") * (long)KIB / (long)PAGE_SIZE / 100;

	for (int i = 0; i < TRIES; i++) {
		write_file("/proc/sys/vm/drop_caches", "3");
		if (free_pages_read() >= nr_free - slack)
			return true;
		usleep(TRY_US);
	}
	return false;
}

static void use_up(const char *what)
{
	long nr_free = free_pages_read(), nr_kills = vmstat_read("oom_kill");
	pid_t pid = fork_child();
	int status;

	if (!pid)
		ask_for_too_much();
	status = wait_child(pid);
	ktap_ok(child_killed_by(status, SIGKILL) || child_killed_by(status, SIGBUS),
		"%s: whoever asks for too much ends (wait status %x)", what, status);
	ktap_ok(vmstat_read("oom_kill") <= nr_kills + 1, "%s: nobody else does", what);
	ktap_ok(memory_is_back(nr_free), "%s: all memory comes back", what);
}

/* Each request that gets nothing is counted by its reason, once. */
static void report_reasons(void)
{
	long nr = vmstat_read("unmapped_alloc_fail");
	long nr_no_memory = vmstat_read("unmapped_alloc_fail_no_memory");
	long sum = nr_no_memory + vmstat_read("unmapped_alloc_fail_off") +
		   vmstat_read("unmapped_alloc_fail_no_wait") +
		   vmstat_read("unmapped_alloc_fail_no_block");

	ktap_ok(nr_no_memory > 0, "%ld requests got nothing for want of memory",
		nr_no_memory);
	ktap_ok(sum == nr, "%ld got nothing, the reasons add up to %ld", nr, sum);
}

int main(void)
{
	ktap_plan(kfile_exists(FALLBACK) ? 9 : 4);
	use_up("at first");
	if (kfile_exists(FALLBACK)) {
		write_file(FALLBACK, "0");
		use_up("blocks only");
		write_file(FALLBACK, "1");
		report_reasons();
	}
	validator_report();
	return ktap_finish();
}
