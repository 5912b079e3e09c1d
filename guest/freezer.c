// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks are unmapped and mapped back while all tasks are frozen and thawed again,
 * over and over: takers of secrets are stopped wherever they are, in the midst of a
 * flip as well. It goes only as far as the freezer.
 *
 *   suspend to idle  asks nothing of secrets: it always gets through, up to the
 *                    kernel's test point behind the freezer (debug kernels)
 *   hibernation      by /dev/snapshot, as a program does that writes the image
 *                    itself. While a secret is there it is refused, so attempts are
 *                    made until some have got through. Flips are forbidden meanwhile
 *
 * Guards against: a taker or a worker that cannot be frozen, a lock that is held
 * over the freeze and waited for by the one who freezes, flips that stay forbidden
 * after an attempt.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/suspend_ioctls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "area.h"
#include "dawdle.h"
#include "frames.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "takers.h"
#include "validator.h"

#define STATE		"/sys/power/state"
#define SNAPSHOT	"/dev/snapshot"
#define PM_TEST		"/sys/power/pm_test"
#define TEST_DELAY	"/sys/module/suspend/parameters/pm_test_delay"
#define SWITCH		"/proc/sys/vm/unmapped_alloc"

#define NR_TAKERS	4
#define REST_US		1000000	/* without a secret: hibernation may begin */
#define NR_SUSPENDS	8
#define NR_HIBERNATIONS	8	/* that get through */
#define NEW_BYTES	(8 * MIB)

/* Free blocks go back between attempts, so that flips go on in each of them. */
static void give_blocks_back(void)
{
	write_file(SWITCH, "0");
	write_file(SWITCH, "1");
}

static void stop(struct takers *takers, const char *when)
{
	u64 nr_secrets;
	bool whole = takers_stop(takers, &nr_secrets);

	ktap_ok(whole, "%s: %lu secrets were zero at hand-out and whole", when, nr_secrets);
}

static void test_suspend(void)
{
	struct takers *takers = takers_start(NR_TAKERS, 0);
	int error = 0;

	for (int i = 0; i < NR_SUSPENDS && !error; i++) {
		takers_wait(takers, 1);
		error = kfile_write(STATE, "freeze");
		give_blocks_back();
	}
	ktap_ok(!error, "frozen and thawed %d times by suspend to idle: %s", NR_SUSPENDS,
		strerror(error));
	stop(takers, "suspend to idle");
}

/* 0 or the error. */
static int freeze_and_thaw(void)
{
	int fd = open(SNAPSHOT, O_RDONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return errno;
	if (ioctl(fd, SNAPSHOT_FREEZE))
		error = errno;
	else if (ioctl(fd, SNAPSHOT_UNFREEZE))
		die_errno("SNAPSHOT_UNFREEZE");
	close(fd);	/* nothing was written */
	return error;
}

/* EPERM: there is a secret. */
static void test_hibernation(void)
{
	struct takers *takers = takers_start(NR_TAKERS, REST_US);
	int nr_through = 0, nr_refused = 0, error = 0;

	while (nr_through < NR_HIBERNATIONS) {
		error = freeze_and_thaw();
		if (error && error != EPERM)
			break;
		nr_through += !error;
		nr_refused += error == EPERM;
		if (error) {
			usleep(10000);
			continue;
		}
		takers_wait(takers, 1);
		give_blocks_back();
	}
	ktap_ok(nr_through == NR_HIBERNATIONS, "and %d times by hibernation: %s", nr_through,
		strerror(error));
	ktap_note("%d attempts were refused for a secret", nr_refused);
	stop(takers, "hibernation");
}

static void test_new_secret(void)
{
	long nr_flips = vmstat_read("unmapped_flip");
	long nr_fallbacks = vmstat_read("unmapped_fallback");
	struct area area;

	give_blocks_back();
	area = secret_area(NEW_BYTES);
	mark_fill_pages(area.start, area_nr_pages(&area), 1);
	ktap_ok(area_is_absent(&area), "a new secret is absent");
	ktap_ok(vmstat_read("unmapped_flip") > nr_flips &&
		vmstat_read("unmapped_fallback") == nr_fallbacks,
		"blocks were unmapped for it, no single pages");
	area_destroy(&area);
}

int main(void)
{
	long nr_flips = vmstat_read("unmapped_flip");
	long nr_back = vmstat_read("unmapped_take_back");

	if (!kfile_exists(PM_TEST) || !kfile_exists(SNAPSHOT) || !kfile_exists(SWITCH))
		die(EXIT_CANNOT_RUN, "the kernel has no " PM_TEST ", " SNAPSHOT " or " SWITCH);
	ktap_plan(8);
	write_file(PM_TEST, "freezer");
	write_file(TEST_DELAY, "0");
	dawdle(true);
	test_suspend();
	test_hibernation();
	nr_flips = vmstat_read("unmapped_flip") - nr_flips;
	nr_back = vmstat_read("unmapped_take_back") - nr_back;
	ktap_ok(nr_flips && nr_back, "%ld blocks were unmapped meanwhile, %ld mapped back",
		nr_flips, nr_back);

	dawdle(false);
	write_file(PM_TEST, "none");
	test_new_secret();
	validator_report();
	return ktap_finish();
}
