// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atomic allocations, as those of a network card's driver, while secrets come
 * and go in RAM that is full of page cache: none fails.
 *
 * Real-time signals that nobody fetches serve as the load: the kernel takes the
 * memory for each with GFP_ATOMIC, and tells the sender if there is none. A burst
 * takes a quarter of what the kernel keeps for such requests; it is fetched, which
 * frees the memory, and the next begins.
 *
 * usage: atomic [--times N]: N times as many bursts and rounds.
 *
 * Guards against: flips that eat into the reserves, and free unmapped memory that
 * atomic requests cannot have and nobody maps back for them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "cachefile.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "options.h"
#include "validator.h"

#define SECRET_PERCENT	40	/* of RAM */
#define NR_BURSTS	60	/* at least */
#define NR_ROUNDS	6	/* of secrets that come and go, at least */
#define SIGNALS_A_PAGE	51	/* a struct sigqueue is 80 bytes */
#define SIGNAL		SIGRTMIN
#define SEED		1
#define MAX_NOTES	5	/* of bursts that failed */

static const char usage[] = "usage: atomic [--times N]\n";
static u64 nr_times = 1;

static struct shared {
	volatile size_t nr_bursts, nr_rounds;
	volatile size_t nr_wrong;
} *shared;

/* Were there bursts and rounds enough? */
static bool is_over(void)
{
	return shared->nr_bursts >= NR_BURSTS * nr_times &&
	       shared->nr_rounds >= NR_ROUNDS * nr_times;
}

static size_t share_of_ram(u64 percent)
{
	return (u64)meminfo_kb("MemTotal") * KIB / 100 * percent &
	       ~(PAGE_SIZE - 1);
}

/* Child: secrets come and go until there were bursts enough. */
static int take_and_drop_secrets(void)
{
	write_file("/proc/self/oom_score_adj", "1000");
	while (!is_over()) {
		struct area area = secret_area(share_of_ram(SECRET_PERCENT));

		mark_fill_pages(area.start, area_nr_pages(&area), SEED);
		shared->nr_wrong += mark_count_wrong_pages(area.start,
					area_nr_pages(&area), SEED);
		area_destroy(&area);
		shared->nr_rounds++;
	}
	return EXIT_PASSED;
}

static void prepare_signals(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	sigset_t set;

	if (setrlimit(RLIMIT_SIGPENDING, &unlimited))
		die_errno("setrlimit");
	sigemptyset(&set);
	sigaddset(&set, SIGNAL);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		die_errno("sigprocmask");
}

/* Send so many signals to ourselves; how many did the kernel have no memory for? */
static size_t send(size_t nr)
{
	const union sigval value = { 0 };
	size_t nr_failed = 0;

	while (nr--) {
		if (!sigqueue(getpid(), SIGNAL, value))
			continue;
		if (errno != EAGAIN)
			die_errno("sigqueue");
		nr_failed++;
	}
	return nr_failed;
}

static void fetch_all(void)
{
	const struct timespec at_once = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGNAL);
	while (sigtimedwait(&set, NULL, &at_once) == SIGNAL)
		;
	if (errno != EAGAIN)
		die_errno("sigtimedwait");
}

/* Does a burst take the memory that it is said to take? */
static void test_load(size_t nr_pages)
{
	long before = vmstat_read("nr_slab_unreclaimable"), taken;
	size_t nr_failed = send(nr_pages * SIGNALS_A_PAGE);

	taken = vmstat_read("nr_slab_unreclaimable") - before;
	fetch_all();
	ktap_ok(!nr_failed && taken >= (long)nr_pages / 2,
		"a burst takes %ld pages of about %zu, %zu requests fail",
		taken, nr_pages, nr_failed);
}

/* One burst; how many requests failed? */
static size_t burst(size_t nr_pages)
{
	static int nr_notes;
	size_t nr_failed = send(nr_pages * SIGNALS_A_PAGE);

	if (nr_failed && nr_notes++ < MAX_NOTES)
		ktap_note("burst %zu, round %zu: %zu failed; free %ld, unmapped %ld, kswapd woken %ld times",
			  shared->nr_bursts, shared->nr_rounds, nr_failed,
			  vmstat_read("nr_free_pages"),
			  vmstat_read("nr_free_unmapped_pages"),
			  vmstat_read("pageoutrun"));
	fetch_all();
	shared->nr_bursts++;
	return nr_failed;
}

static void test_bursts(size_t nr_pages)
{
	pid_t pid = fork_child();
	size_t nr_failed = 0;
	int status;

	if (!pid)
		_exit(take_and_drop_secrets());
	/* A child that dies ends the rounds; its status tells */
	while (!is_over() && !kill(pid, 0)) {
		siginfo_t info = { 0 };

		if (!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
		    info.si_pid == pid)
			break;
		nr_failed += burst(nr_pages);
	}
	status = wait_child(pid);
	ktap_note("bursts=%zu rounds=%zu", shared->nr_bursts, shared->nr_rounds);
	ktap_ok(child_passed(status) && !shared->nr_wrong,
		"secrets came and went %zu times", shared->nr_rounds);
	ktap_ok(!nr_failed && is_over(),
		"%zu of %zu atomic requests failed", nr_failed,
		shared->nr_bursts * nr_pages * SIGNALS_A_PAGE);
}

int main(int argc, char **argv)
{
	const struct number_option options[] = {
		{ "times", &nr_times }, { }
	};
	size_t nr_pages = kfile_number("/proc/sys/vm/min_free_kbytes", 10) * KIB /
			  PAGE_SIZE / 4;
	long nr_kills = vmstat_read("oom_kill");
	size_t size = share_of_ram(100);
	int fd;

	parse_number_options(argc, argv, usage, options);
	ktap_plan(5);
	shared = shared_alloc(sizeof(*shared));
	prepare_signals();
	test_load(nr_pages);
	fd = cachefile_create(size);
	cachefile_read(fd, size);
	test_bursts(nr_pages);
	ktap_ok(vmstat_read("oom_kill") == nr_kills, "nothing was killed");
	validator_report();
	return ktap_finish();
}
