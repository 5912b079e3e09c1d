// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much ordinary memory is to be had while secrets come and go? A child holds
 * anonymous memory while another one fills and drops secrets, round after round;
 * a size counts as granted if it is there in the end, whole, although the
 * secrets had all of theirs meanwhile, and nobody was killed.
 *
 * Without --ask it looks for the largest size that is granted, by bisection: a
 * figure to be held beside the one of another kernel. With it, that share of what
 * is available has to be granted.
 *
 * Guards against: unmapped memory that is free and yet not there for others.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demand.h"
#include "kstat.h"
#include "ktap.h"
#include "options.h"
#include "secretload.h"
#include "toll.h"
#include "validator.h"

static const char usage[] =
	"usage: available [--secret PERCENT] [--ask PERCENT]\n"
	"  --secret PERCENT  of RAM that secrets fill (default 25)\n"
	"  --ask PERCENT     of what secrets leave available: only this is tried\n";

#define STEP_BYTES	(1 * MIB)
#define ROUNDS_BESIDE	1	/* of secrets, once all the rest is there */
#define POLL_US		20000
#define SEED		1

static u64 secret_percent = 25, ask_percent;

/* Between the two children and us */
static volatile struct shared {
	bool there;		/* the ordinary memory is */
	bool stop;
	size_t nr_wrong;	/* pages, of both */
	size_t nr_refused;	/* secret ones */
} *shared;

static size_t secret_bytes(void)
{
	return (u64)meminfo_kb("MemTotal") * KIB / 100 * secret_percent &
	       ~(PAGE_SIZE - 1);
}

static int hold_ordinary(size_t size)
{
	struct area area = area_create(AREA_ANON, size);
	size_t nr_pages = demand_words(&area, SEED);

	shared->there = true;
	while (!shared->stop)
		usleep(POLL_US);
	shared->nr_wrong += demand_count_wrong_words(&area, nr_pages, SEED);
	return EXIT_PASSED;
}

static int fill_and_drop_secrets(void)
{
	struct secretload load = { };
	int nr_beside = 0;

	while (nr_beside < ROUNDS_BESIDE && !shared->stop) {
		bool beside = shared->there;

		secretload_round(&load, secret_bytes(), SEED);
		nr_beside += beside;
	}
	shared->nr_wrong += load.nr_wrong;
	shared->nr_refused = load.nr_refused;
	return load.nr_refused ? EXIT_FAILED : EXIT_PASSED;
}

/* Whichever ends first ends the other. */
static bool both_pass(pid_t ordinary, pid_t secrets)
{
	int status, other;
	pid_t first;

	do
		first = waitpid(-1, &status, 0);
	while (first < 0 && errno == EINTR);
	if (first != ordinary && first != secrets)
		die_errno("waitpid");
	shared->stop = true;
	other = wait_child(first == ordinary ? secrets : ordinary);
	return child_passed(status) && child_passed(other);
}

static bool is_granted(size_t size)
{
	long nr_kills = vmstat_read("oom_kill");
	pid_t ordinary, secrets;
	bool passed;

	shared->there = false;
	shared->stop = false;
	ordinary = fork_child();
	if (!ordinary) {
		/* Secrets do not count for whom to kill, so say who. */
		write_file("/proc/self/oom_score_adj", "1000");
		_exit(hold_ordinary(size));
	}
	secrets = fork_child();
	if (!secrets)
		_exit(fill_and_drop_secrets());
	passed = both_pass(ordinary, secrets) && vmstat_read("oom_kill") == nr_kills;
	ktap_note("%zu KiB: %s", size / KIB, passed ? "granted" : "not granted");
	return passed;
}

static size_t bytes_left(void)
{
	return ((size_t)meminfo_kb("MemAvailable") * KIB - secret_bytes()) &
	       ~(PAGE_SIZE - 1);
}

/*
 * Begin with what should be left, go up or down until there is a size that is
 * granted and one that is not, and halve what lies between them.
 */
static size_t find_largest(void)
{
	size_t size = bytes_left(), stride = size / 32 & ~(PAGE_SIZE - 1);
	size_t granted = 0, refused = 0;

	while (size > stride && (!granted || !refused || refused - granted > STEP_BYTES)) {
		if (is_granted(size))
			granted = size;
		else
			refused = size;
		if (!refused)
			size += stride;
		else if (!granted)
			size -= stride;
		else
			size = (granted + refused) / 2 & ~(PAGE_SIZE - 1);
	}
	return granted;
}

static void test_largest(void)
{
	size_t largest = find_largest();

	ktap_note("largest_kib=%zu", largest / KIB);
	ktap_ok(largest, "%zu KiB is the most that is granted", largest / KIB);
	ktap_skip("kills are how the most is found", "nothing was killed");
}

static void test_asked(void)
{
	size_t size = bytes_left() / 100 * ask_percent & ~(PAGE_SIZE - 1);
	long nr_kills = vmstat_read("oom_kill");

	ktap_ok(is_granted(size), "%zu MiB of ordinary memory beside %zu MiB of secrets",
		size / MIB, secret_bytes() / MIB);
	ktap_ok(vmstat_read("oom_kill") == nr_kills, "nothing was killed");
}

static void parse_options(int argc, char **argv)
{
	static const struct number_option options[] = {
		{ "secret", &secret_percent },
		{ "ask", &ask_percent },
		{ }
	};

	parse_number_options(argc, argv, usage, options);
	if (secret_percent > 90 || ask_percent > 100)
		wrong_use(usage);
}

int main(int argc, char **argv)
{
	struct toll toll;

	parse_options(argc, argv);
	shared = shared_alloc(sizeof(*shared));
	ktap_plan(4);
	toll_begin(&toll);
	if (ask_percent)
		test_asked();
	else
		test_largest();
	toll_end(&toll);
	toll_note(&toll, "secrets");
	ktap_ok(!shared->nr_wrong, "memory of both kinds held what was written");
	validator_report();
	return ktap_finish();
}
