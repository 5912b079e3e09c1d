// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hibernation: what is in memory before the suspend is there after the resume,
 * every free unmapped block has gone back to the direct map before the image
 * is made, and afterwards blocks are unmapped as before.  tests/hibernate runs
 * one case of this in a chain of guests: the first is switched off with its
 * image on DISK, the next one resumes it, and this program goes on there.
 *
 * Invariant: nothing is written to stdout or stderr before the last resume.
 * PID 1 counts what it hands to the host, and each guest has a host process of
 * its own, which would miss what went to the one before.  So stdout is kept in
 * memory until the program ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/suspend_ioctls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "frames.h"
#include "kfile.h"
#include "kmsg.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "suspend.h"
#include "validator.h"

#define RESUME		"/sys/power/resume"
#define PM_TEST		"/sys/power/pm_test"
#define POLICY		"/proc/sys/vm/secretmem_hibernation"
#define AUTOSLEEP	"/sys/power/autosleep"
#define SNAPSHOT	"/dev/snapshot"
#define FAIL_NTH	"/proc/self/fail-nth"
#define HOLD		"/sys/kernel/debug/unmapped/hold"

#define NR_WORKERS	2
#define WORKER_PAGES	64
#define WORKER_REST_US	20000		/* holds none: an attempt may begin */
#define NR_RACES	2
#define NR_LATE_TRIES	20
#define DIRTY_BYTES	(32L << 20)
#define LATE_TAKEN	"a late secret is taken"
#define REFUSED		"secretmem: hibernation refused: "
#define LOCKED_DOWN	"PM: hibernation: refused: the kernel is locked down"
#define NR_LARGE	(SECRET_BYTES / PAGE_SIZE)
#define NR_SINGLE	32
#define NR_ALONE	1024		/* more than a block: some must fall back */
#define NR_SLEEPS	2
#define NR_OPENS_MAX	1000
#define NR_KEPT		(NR_LARGE + NR_SINGLE + NR_ALONE)	/* known to tests/hibernate */

static const char usage[] =
	"usage: hibernate CASE\n"
	"  none         suspend; no secret was ever taken\n"
	"  dropped      suspend twice, with free unmapped blocks\n"
	"  pages        suspend twice, with unmapped pages in use by the kernel\n"
	"  held         refused while secrets are held\n"
	"  allow        suspend with secrets, in a kernel that may\n"
	"  snapshot     refuse and allow through /dev/snapshot\n"
	"  lockdown     refused, and the kernel's log says that it is for lockdown\n"
	"  fail         attempts that fail at each step, beside takers of secrets\n"
	"  late         a secret taken when the attempt has begun\n"
	"  autosleep    attempts of a kernel thread, which has no memory map of its own\n"
	"  open-fails   opens of /dev/snapshot that fail for want of memory\n"
	" in the guest after one that suspended:\n"
	"  restore      take and drop secrets, then resume\n"
	"  foreign      the same with an image that the kernel cannot take\n"
	"  not-resumed  say that the kernel did not resume\n";

/* Does a setting say what secrets forbid? On stock an open file of theirs forbids all. */
static bool has_policy(void)
{
	return kfile_exists(POLICY);
}

static bool policy_is(const char *wanted)
{
	char text[20];

	kfile_first_line(POLICY, text, sizeof(text));
	return !strcmp(text, wanted);
}

/* ---------------------------------------------------------------------- cases */

static int run_none(void)
{
	ktap_plan(NR_RESUME_CHECKS);
	suspend_prepare();
	world_fill();
	world_note();
	if (world.nr_flips > 0)
		die(EXIT_FAILED, "%ld blocks were unmapped before anything began", world.nr_flips);
	world_check_resumed(suspend_try());
	return ktap_finish();
}

/*
 * A file of secrets that is open and mapped, but was never touched, does not count:
 * it stays there through both.
 */
static int run_dropped(void)
{
	ktap_plan(2 * NR_RESUME_CHECKS);
	suspend_prepare();
	world_fill();
	if (has_policy())
		secret_area(SECRET_BYTES);
	for (int i = 0; i < 2; i++) {
		secret_leave_blocks();
		world_note();
		world_check_resumed(suspend_try());
	}
	return ktap_finish();
}

/* Are the kernel's pages all there and whole? */
static void check_held(unsigned int nr_pages, unsigned int order)
{
	unsigned int nr_held, held_order, nr_wrong;
	char text[100];
	bool whole;

	kfile_first_line(HOLD, text, sizeof(text));
	whole = sscanf(text, "held %u order %u wrong %u", &nr_held, &held_order,
		       &nr_wrong) == 3 &&
		nr_held == nr_pages && held_order == order && !nr_wrong;
	ktap_ok(whole, "the kernel's %u pages of order %u are whole: %s", nr_pages, order, text);
}

/*
 * Pages in use keep their blocks unmapped through the image; the free pages
 * beside them, which the image leaves out, must be zero nevertheless: the
 * validator looks, and the new secrets are of them.
 */
#define NR_HOLD_CHECKS	(NR_RESUME_CHECKS + 3)
static void suspend_holding(unsigned int nr_pages, unsigned int order)
{
	char request[40];

	secret_leave_blocks();
	snprintf(request, sizeof(request), "%u %u", nr_pages, order);
	write_file(HOLD, request);
	world.blocks_in_use = true;
	check_held(nr_pages, order);
	world_note();
	world_check_resumed(suspend_try());
	check_held(nr_pages, order);
	write_file(HOLD, "free");
	validator_result("the validator finds nothing");
}

static int run_pages(void)
{
	if (!kfile_exists(HOLD)) {
		printf("KTAP version 1\n1..0 # SKIP this kernel has no " HOLD "\n");
		return EXIT_PASSED;
	}
	ktap_plan(2 * NR_HOLD_CHECKS);
	suspend_prepare();
	world_fill();
	suspend_holding(700, 0);	/* a whole block, and part of one */
	suspend_holding(70, 4);
	return ktap_finish();
}

/*
 * Stock's errno; it looks before it begins, so that nothing is frozen. Where a
 * setting decides, the attempt is logged with what there is to know, @nr_pages and
 * the setting's name, and who only asks is not.
 */
#define NR_REFUSED_CHECKS	3
static void check_refused(const char *what, size_t nr_pages)
{
	int nr_said, error, fd = kmsg_open(true);
	char text[200];

	error = suspend_try();
	ktap_ok(error == EPERM, "refused while a secret is %s: %s", what, suspend_error(error));
	ktap_ok(!suspend_offered(), "and " STATE " does not offer it");
	snprintf(text, sizeof(text), REFUSED
		 "%zu kB of secret memory are in use and vm.secretmem_hibernation=refuse\n",
		 nr_pages * (PAGE_SIZE / KIB));
	nr_said = kmsg_count(fd, text);
	if (has_policy())
		ktap_ok(nr_said == 1, "the log has %d lines of %zu pages", nr_said, nr_pages);
	else
		ktap_skip("this kernel does not say why", "the log says why");
}

/* Files that hold no page. */
static void check_empty(void)
{
	struct area area;
	int fd = secret_create(0);

	if (has_policy())
		ktap_ok(suspend_offered(), STATE " offers it with an open and empty file");
	else
		check_refused("open and empty", 0);
	close(fd);		/* nothing was written */

	area = secret_area(SECRET_BYTES);
	if (has_policy())
		ktap_ok(suspend_offered(), STATE " offers it with a mapping without pages");
	else
		check_refused("mapped and not there", 0);
	area_destroy(&area);
}

/* The kernel was booted with a word that is none. What is written may be one. */
#define BAD_BOOT_WORD	"secretmem_hibernation= is refuse or allow"
#define NR_POLICY_CHECKS	4
static void check_policy(void)
{
	static const char * const bad_words[] = {
		"", "maybe", "Allow", "allowed", "refuse allow", "1",
		"a word that is longer than all others",
	};
	int nr_said = kmsg_count(kmsg_open(false), BAD_BOOT_WORD);
	int nr_malformed = kmsg_count(kmsg_open(false), "Malformed early option");
	int nr_taken = 0;

	ktap_ok(nr_said == 1 && !nr_malformed, "a bad word at boot gives a line of log: %d, %d",
		nr_said, nr_malformed);
	for (size_t i = 0; i < ARRAY_SIZE(bad_words); i++) {
		char line[60];

		snprintf(line, sizeof(line), "%s\n", bad_words[i]);
		nr_taken += kfile_write(POLICY, line) != EINVAL;
	}
	ktap_ok(!nr_taken && policy_is("refuse"),
		"of %zu bad words %d are taken, it is refused as before",
		ARRAY_SIZE(bad_words), nr_taken);
	write_file(POLICY, "allow\n");
	ktap_ok(policy_is("allow") && suspend_offered(), STATE " offers it where it is allowed");
	write_file(POLICY, "refuse");
	ktap_ok(policy_is("refuse") && !suspend_offered(), "and not where it is not");
}

static int run_held(void)
{
	struct area area;

	ktap_plan((has_policy() ? 2 + NR_POLICY_CHECKS : 2 * NR_REFUSED_CHECKS) +
		  2 * NR_REFUSED_CHECKS + 2 + 3 + NR_SECRET_CHECKS + 1 + 1);
	suspend_prepare();
	world_fill();
	check_empty();

	area = secret_area(SECRET_BYTES);
	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	check_refused("open and mapped", area_nr_pages(&area));
	close(area.fd);		/* the mapping keeps the secret */
	area.fd = -1;
	check_refused("mapped", area_nr_pages(&area));
	if (has_policy())
		check_policy();

	ktap_ok(!area_count_wrong(&area, SEED_SECRET), "the secret is what it was");
	ktap_ok(area_is_absent(&area), "and absent");
	world_check_memory();
	world_note();
	secret_check_new(world.nr_flips);
	validator_result("the validator finds nothing");
	area_destroy(&area);
	ktap_ok(suspend_offered(), STATE " offers it once the secret is gone");
	return ktap_finish();
}

/* --------------------------------------------------------- images that hold secrets */

/* Map a file of secrets at @start, and touch all of it. */
static char *put_secret(char *start, size_t nr_pages)
{
	size_t size = nr_pages * PAGE_SIZE;
	int fd = secret_create_sized(size);

	if (mmap(start, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != start)
		die_errno("mmap of a secret");
	close(fd);	/* nothing was written; the mapping keeps the secret */
	for (size_t i = 0; i < nr_pages; i++)
		start[i * PAGE_SIZE] = 1;
	return start + size;
}

/*
 * Pages that leave the direct map alone: no more blocks may be unmapped, and what is
 * free of those that are does not suffice.
 */
static char *put_secret_alone(char *start)
{
	long nr_fallbacks = vmstat_read("unmapped_fallback");
	bool switch_off = unmaps_blocks();

	if (switch_off)
		write_file(SWITCH, "0");
	start = put_secret(start, NR_ALONE);
	if (switch_off) {
		write_file(SWITCH, "1");
		if (vmstat_read("unmapped_fallback") <= nr_fallbacks)
			die(EXIT_FAILED, "no page of %d was unmapped alone", NR_ALONE);
	}
	return start;
}

/* Secrets of each kind, side by side: large folios, single pages of blocks, pages alone. */
static struct area keep_secrets(void)
{
	/* Huge pages, for a start that is aligned; they make room for the secrets. */
	struct area area = area_create(AREA_ANON_HUGE, NR_KEPT * PAGE_SIZE);
	char *end = put_secret(area.start, NR_LARGE);

	for (int i = 0; i < NR_SINGLE; i++)
		end = put_secret(end, 1);
	end = put_secret_alone(end);
	if (end != (char *)area.start + area.size)
		die(EXIT_FAILED, "secrets of another size than was meant");
	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	return area;
}

/* Two results. */
#define NR_KEPT_CHECKS	2
static void check_kept(const struct area *secrets)
{
	size_t nr_wrong = area_count_wrong(secrets, SEED_SECRET);

	ktap_ok(!nr_wrong, "secrets are what they were: %zu of %zu pages are not",
		nr_wrong, area_nr_pages(secrets));
	ktap_ok(area_is_absent(secrets), "and absent");
}

/* Four results: what they were in comes back, and is zero. */
#define NR_DROP_CHECKS	4
static void drop_kept(struct area *secrets)
{
	struct area again;
	size_t nr_nonzero;

	area_destroy(secrets);
	ktap_ok(suspend_offered(), STATE " offers it once the secrets are gone");
	validator_result("the validator finds nothing");
	again = secret_area(2 * NR_KEPT * PAGE_SIZE);
	nr_nonzero = area_count_nonzero(&again);
	ktap_ok(!nr_nonzero, "pages of dropped secrets are zero: %zu are not", nr_nonzero);
	area_destroy(&again);
	validator_result("the validator finds nothing");
}

/* An image is made that goes nowhere; what held it becomes free memory. One result. */
static void suspend_without_swap(void)
{
	int error;

	if (swapoff(DISK))
		die_errno("swapoff " DISK);
	error = suspend_try();
	ktap_ok(error == ENOSPC || error == ENODEV, "nowhere to write an image: %s",
		suspend_error(error));
	if (swapon(DISK, 0))
		die_errno("swapon " DISK);
}

/*
 * The kernel was booted with the setting. Blocks that secrets share with free pages
 * stay as they are, which the image leaves out.
 */
static int run_allow(void)
{
	struct area secrets;

	if (!has_policy()) {
		printf("KTAP version 1\n1..0 # SKIP this kernel has no " POLICY "\n");
		return EXIT_PASSED;
	}
	ktap_plan(2 + NR_RESUME_CHECKS + NR_KEPT_CHECKS + NR_REFUSED_CHECKS + NR_DROP_CHECKS);
	ktap_ok(policy_is("allow"), POLICY " is what was asked for at boot");
	suspend_prepare();
	world_fill();
	secrets = keep_secrets();
	suspend_without_swap();
	world.blocks_in_use = true;
	secret_leave_blocks();
	world_note();
	world_check_resumed(suspend_try());
	check_kept(&secrets);
	write_file(POLICY, "refuse");
	check_refused("held since before the resume", NR_KEPT);
	drop_kept(&secrets);
	return ktap_finish();
}

/* ------------------------------------------------------ user space makes the image */

/* An image is made in memory and goes nowhere; or the error. */
static int make_snapshot(int fd)
{
	int error = 0, made = 0;

	if (ioctl(fd, SNAPSHOT_FREEZE, 0))
		die_errno("SNAPSHOT_FREEZE");
	if (ioctl(fd, SNAPSHOT_CREATE_IMAGE, &made))
		error = errno;
	if (ioctl(fd, SNAPSHOT_FREE, 0) || ioctl(fd, SNAPSHOT_UNFREEZE, 0))
		die_errno("SNAPSHOT_UNFREEZE");
	return error || made ? error : ENODATA;
}

/* The same rule, when it is opened and when the image is to be made. */
static int run_snapshot(void)
{
	struct area area;
	int fd, log, error;

	if (!kfile_exists(SNAPSHOT) || !has_policy()) {
		printf("KTAP version 1\n1..0 # SKIP this kernel has no " SNAPSHOT " or " POLICY "\n");
		return EXIT_PASSED;
	}
	ktap_plan(5 + 3 + 2 + 1);
	world_fill();
	fd = open(SNAPSHOT, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die_errno(SNAPSHOT);
	area = secret_area(SECRET_BYTES);
	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	log = kmsg_open(true);
	error = make_snapshot(fd);
	ktap_ok(error == EBUSY, "refused with a secret taken since the open: %s", suspend_error(error));
	ktap_ok(kmsg_count(log, REFUSED "8192 kB ") == 1, "the log says why");
	write_file(POLICY, "allow");
	error = make_snapshot(fd);
	ktap_ok(!error, "an image with the secret, where that is allowed: %s", suspend_error(error));
	close(fd);		/* read only: nothing can be lost */
	write_file(POLICY, "refuse");

	log = kmsg_open(true);
	error = open(SNAPSHOT, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
	ktap_ok(error == EPERM, "an open is refused while the secret is there: %s", suspend_error(error));
	ktap_ok(kmsg_count(log, REFUSED "8192 kB ") == 1, "the log says why");
	world_check_memory();
	check_kept(&area);
	area_destroy(&area);
	validator_result("the validator finds nothing");
	return ktap_finish();
}

/* ----------------------------------------------------------------------- lockdown */

/* Two results. */
static void check_locked_down(const char *policy)
{
	int nr_said, nr_wrong, error, fd;

	write_file(POLICY, policy);
	fd = kmsg_open(true);
	error = suspend_try();
	ktap_ok(error == EPERM, "refused with %s: %s", policy, suspend_error(error));
	nr_said = kmsg_count(fd, LOCKED_DOWN);
	nr_wrong = kmsg_count(kmsg_open(false), REFUSED);
	ktap_ok(nr_said == 1 && !nr_wrong,
		"the log has %d lines of lockdown and %d of secrets", nr_said, nr_wrong);
}

static int run_lockdown(void)
{
	struct area area;

	if (!has_policy() || !kmsg_count(kmsg_open(false), "Kernel is locked down from")) {
		printf("KTAP version 1\n1..0 # SKIP this kernel has no lockdown or no " POLICY "\n");
		return EXIT_PASSED;
	}
	ktap_plan(2 * 2);
	area = secret_area(SECRET_BYTES);
	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	check_locked_down("refuse");
	check_locked_down("allow");
	area_destroy(&area);
	return ktap_finish();
}

/* ------------------------------------- attempts that fail, beside takers of secrets */

/* Shared with the workers. */
static struct crew {
	volatile int pause, stop;
	struct {
		volatile int paused;
		volatile unsigned long nr_taken, nr_bad;
	} worker[NR_WORKERS];
} *crew;

/* Does a secret come as it must? Taken, checked and dropped. */
static bool use_secret(void)
{
	struct area area = secret_area(WORKER_PAGES * PAGE_SIZE);
	bool good = !area_count_nonzero(&area);

	mark_fill_pages(area.start, WORKER_PAGES, SEED_SECRET);
	good &= !area_count_wrong(&area, SEED_SECRET);
	mark_scrub_cpus();	/* as long as it is held no image can be made */
	area_destroy(&area);
	return good;
}

static void __attribute__((noreturn)) work(int id)
{
	pin_to_cpu(id % nr_cpus_online());
	while (!crew->stop) {
		crew->worker[id].paused = crew->pause;
		if (crew->pause) {
			usleep(1000);
			continue;
		}
		crew->worker[id].nr_bad += !use_secret();
		crew->worker[id].nr_taken++;
		usleep(WORKER_REST_US);
	}
	_exit(EXIT_PASSED);
}

static void start_crew(pid_t *pids)
{
	crew = shared_alloc(sizeof(*crew));
	for (int i = 0; i < NR_WORKERS; i++) {
		pids[i] = fork_child();
		if (!pids[i])
			work(i);
	}
}

/* For the others, unless one has died: that wait would have no end. */
static void wait_a_little(void)
{
	usleep(1000);
	if (waitpid(-1, NULL, WNOHANG))
		die(EXIT_FAILED, "a taker of secrets is gone");
}

/* Returns once no worker holds a secret, and none will take one. */
static void pause_crew(void)
{
	crew->pause = 1;
	for (int i = 0; i < NR_WORKERS; i++)
		while (!crew->worker[i].paused)
			wait_a_little();
}

/* Returns once each worker has taken a secret anew. */
static void wake_crew(void)
{
	unsigned long before[NR_WORKERS];

	for (int i = 0; i < NR_WORKERS; i++)
		before[i] = crew->worker[i].nr_taken;
	crew->pause = 0;
	for (int i = 0; i < NR_WORKERS; i++)
		while (crew->worker[i].nr_taken < before[i] + 1)
			wait_a_little();
}

/*
 * Attempts in mid-work, where it is chance what the workers hold: refused for
 * that, or else what it always comes to.
 */
static bool race(int expected)
{
	int errors[NR_RACES];
	bool good = true;

	for (int i = 0; i < NR_RACES; i++) {
		wake_crew();
		errors[i] = suspend_try();
		good &= errors[i] == expected || errors[i] == EPERM || errors[i] == EBUSY;
		ktap_note("in mid-work: %s", suspend_error(errors[i]));
	}
	wake_crew();
	return good;
}

/* Two results. */
#define NR_ATTEMPT_CHECKS	2
static void attempt(const char *what, int expected)
{
	int error;

	pause_crew();
	error = suspend_try();
	ktap_ok(error == expected, "%s: %s", what, suspend_error(error));
	ktap_ok(race(expected), "%s, while secrets are taken and dropped", what);
}

static const char * const pm_tests[] = {
	"freezer", "devices", "platform", "processors", "core"
};

/* Each of them goes one step further than the one before. */
static void attempt_pm_tests(void)
{
	if (!kfile_exists(PM_TEST)) {
		for (size_t i = 0; i < ARRAY_SIZE(pm_tests) * NR_ATTEMPT_CHECKS; i++)
			ktap_skip("this kernel has no " PM_TEST, "as far as a step of it");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(pm_tests); i++) {
		write_file(PM_TEST, pm_tests[i]);
		attempt(pm_tests[i], 0);
	}
	write_file(PM_TEST, "none");
}

static bool end_crew(const pid_t *pids)
{
	bool passed = true;

	crew->stop = 1;
	for (int i = 0; i < NR_WORKERS; i++)
		passed &= child_passed(wait_child(pids[i])) && !crew->worker[i].nr_bad;
	return passed;
}

/*
 * Without swap the image is made, with everything that belongs to it, and then
 * there is nowhere to put it. test_resume writes it, and takes it right back.
 */
static int run_fail(void)
{
	pid_t pids[NR_WORKERS];

	ktap_plan((2 + (int)ARRAY_SIZE(pm_tests)) * NR_ATTEMPT_CHECKS + 1 + 3 +
		  NR_SECRET_CHECKS + 1);
	world_fill();
	write_file(MODE, "shutdown");
	start_crew(pids);
	attempt_pm_tests();
	attempt("no swap to write to", ENODEV);
	pause_crew();
	write_file(MODE, "test_resume");
	if (swapon(DISK, 0))
		die_errno("swapon " DISK);
	attempt("written and taken right back", 0);
	ktap_ok(end_crew(pids), "all secrets were zero at hand-out and whole");
	world_check_memory();
	world_note();
	secret_check_new(world.nr_flips);
	validator_result("the validator finds nothing");
	return ktap_finish();
}

/* ------------------------------------------- a secret after the attempt has begun */

/* Shared with the taker. */
static struct late {
	volatile int ready, taken, drop;
} *late;

/* Waits for the kernel's word that it begins, which comes after it has looked. */
static void __attribute__((noreturn)) take_late(void)
{
	for (;;) {
		char record[KMSG_BYTES] = "";
		int fd = kmsg_open(true);
		struct area area;

		late->ready = 1;
		while (!strstr(record, "hibernation entry"))
			kmsg_read(fd, record);
		close(fd);	/* read only: nothing can be lost */
		area = secret_area(PAGE_SIZE);
		mark_fill_pages(area.start, 1, SEED_SECRET);
		suspend_say(LATE_TAKEN);
		late->taken = 1;
		while (!late->drop)
			usleep(1000);
		area_destroy(&area);
		late->ready = late->taken = late->drop = 0;
	}
}

/* What became of an attempt beside a taker of secrets. */
struct outcome {
	bool in_time;		/* the secret was there when tasks were frozen */
	bool made;		/* an image, all the same */
	bool said;		/* the log tells that it was refused */
};

/* What the log says of an attempt, by its order and not by time. */
static struct outcome read_outcome(int fd)
{
	struct outcome outcome = {};
	char record[KMSG_BYTES];
	bool taken = false;

	while (kmsg_more(fd)) {
		kmsg_read(fd, record);
		taken |= !!strstr(record, LATE_TAKEN);
		if (strstr(record, "user space processes completed"))
			outcome.in_time = taken;
		outcome.made |= !!strstr(record, "Image created");
		outcome.said |= !!strstr(record, REFUSED "4 kB ");
	}
	return outcome;
}

/* Between its look and the freeze the kernel writes back what is dirty. */
static void dirty_disk(void)
{
	int fd = open(DISK, O_WRONLY | O_CLOEXEC);
	char *data = calloc(1, DIRTY_BYTES);

	if (!data || fd < 0 || pwrite(fd, data, DIRTY_BYTES, DIRTY_BYTES) != DIRTY_BYTES)
		die_errno(DISK);
	free(data);
	/* Left open: the last close writes back. */
}

static struct outcome attempt_late(void)
{
	struct outcome outcome;
	int fd;

	while (!late->ready)
		wait_a_little();
	dirty_disk();
	fd = kmsg_open(true);
	ktap_note("beside a late secret: %s", suspend_error(suspend_try()));
	outcome = read_outcome(fd);
	close(fd);		/* read only: nothing can be lost */
	while (!late->taken)
		wait_a_little();
	late->drop = 1;
	while (late->drop)
		wait_a_little();
	return outcome;
}

/*
 * Stock looks for secrets when an attempt begins, and tasks run on until they
 * freeze. Nobody can make the taker come in time: it mostly does.
 */
static int run_late(void)
{
	struct outcome outcome = {};

	ktap_plan(3);
	late = shared_alloc(sizeof(*late));
	write_file(MODE, "shutdown");
	if (!fork_child())
		take_late();
	for (int i = 0; i < NR_LATE_TRIES && !outcome.in_time; i++)
		outcome = attempt_late();
	if (!outcome.in_time)
		ktap_skip("the taker never came in time", "no image holds a late secret");
	else if (outcome.made && !unmaps_blocks())
		ktap_skip("stock's does", "no image holds a late secret");
	else
		ktap_ok(!outcome.made, "no image holds a late secret");
	if (!outcome.in_time || !has_policy())
		ktap_skip("it was not refused for that", "the log says why");
	else
		ktap_ok(outcome.said, "the log says why");
	validator_result("the validator finds nothing");
	return ktap_finish();
}

/* ------------------------------------------------------ from a kernel thread */

static void wait_for_images(int fd, int nr_images)
{
	char record[KMSG_BYTES];

	while (nr_images) {
		kmsg_read(fd, record);
		nr_images -= !!strstr(record, "Image created");
	}
}

/*
 * Pages in use go into the image through the mermap, while the CPU's state is saved
 * and will be restored. A kernel thread runs on the address space of whoever was
 * there before it. Without swap nothing is written, and the system goes on.
 */
static int run_autosleep(void)
{
	int fd;

	if (!kfile_exists(HOLD) || !kfile_exists(AUTOSLEEP)) {
		printf("KTAP version 1\n1..0 # SKIP this kernel has no " HOLD " or " AUTOSLEEP "\n");
		return EXIT_PASSED;
	}
	ktap_plan(2 + 1 + 3 + NR_SECRET_CHECKS + 1);
	world_fill();
	write_file(MODE, "shutdown");
	write_file(HOLD, "700 0");
	check_held(700, 0);
	fd = kmsg_open(true);
	write_file(AUTOSLEEP, "disk");
	wait_for_images(fd, NR_SLEEPS);
	write_file(AUTOSLEEP, "off");
	close(fd);		/* read only: nothing can be lost */
	ktap_ok(true, "the kernel made %d images by itself", NR_SLEEPS);
	check_held(700, 0);
	write_file(HOLD, "free");
	world_check_memory();
	world_note();
	secret_check_new(world.nr_flips);
	validator_result("the validator finds nothing");
	return ktap_finish();
}

/* ------------------------------------------------- attempts that end at the start */

static void prepare_failures(void)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	char path[100];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/ignore-gfp-wait", kinds[i]);
		write_file(path, "N");
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", kinds[i]);
		write_file(path, "0");
	}
	write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
}

static void set_nth(int fd, int nth)
{
	char text[20];
	int len = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(fd, text, (size_t)len, 0) != len)
		die_errno(FAIL_NTH);
}

static int get_nth(int fd)
{
	char text[20] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		die_errno(FAIL_NTH);
	return atoi(text);
}

/*
 * Open it and let the @nth allocation on the way fail. False if there were fewer.
 * The file that rules it stays open, for its own open allocates as well.
 */
static bool open_failing(int nth_fd, int nth, bool *opened)
{
	int fd, nth_left;

	set_nth(nth_fd, nth);
	fd = open(SNAPSHOT, O_WRONLY | O_CLOEXEC);
	nth_left = get_nth(nth_fd);
	set_nth(nth_fd, 0);
	*opened = fd >= 0;
	if (*opened)
		close(fd);	/* nothing was written */
	return !nth_left;
}

/* Whatever fails, flips are allowed again: secrets need no fallback. */
static int run_open_fails(void)
{
	long nr_fallbacks = vmstat_read("unmapped_fallback");
	int nth, nth_fd, nr_failed = 0;
	bool opened;

	if (!kfile_exists(FAIL_NTH) || !kfile_exists(SNAPSHOT)) {
		printf("KTAP version 1\n1..0 # SKIP this kernel has no " FAIL_NTH " or " SNAPSHOT "\n");
		return EXIT_PASSED;
	}
	ktap_plan(4);
	prepare_failures();
	nth_fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		die_errno(FAIL_NTH);
	for (nth = 1; nth < NR_OPENS_MAX && open_failing(nth_fd, nth, &opened); nth++) {
		nr_failed += !opened;
		secret_take_and_drop(PAGE_SIZE);
	}
	close(nth_fd);		/* each write was looked at */
	ktap_ok(nth < NR_OPENS_MAX && opened, SNAPSHOT " opens if nothing fails");
	ktap_ok(nr_failed, "%d of %d opens failed", nr_failed, nth);
	nr_fallbacks = vmstat_read("unmapped_fallback") - nr_fallbacks;
	ktap_ok(!nr_fallbacks, "blocks were unmapped after each: %ld fallbacks", nr_fallbacks);
	validator_result("the validator finds nothing");
	return ktap_finish();
}

/* ---------------------------------------------- in the guest after a suspended one */

static int run_not_resumed(void)
{
	fprintf(stderr, "hibernate: the kernel booted afresh, it did not resume\n");
	return EXIT_FAILED;
}

/*
 * Where images may hold secrets: the kernel of this one knows nothing of those that
 * are held here, and nobody would clear them. If it comes back nevertheless, they are
 * left in RAM, which is searched.
 */
static void try_restore_with_secrets(void)
{
	struct area area = secret_area(SECRET_BYTES);

	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	write_file(POLICY, "allow");
	kfile_write(RESUME, DISK);	/* stock says nothing of a refusal either */
	write_file(POLICY, "refuse");
	area_destroy(&area);
	mark_scrub_cpus();
}

/* This kernel has free unmapped blocks of its own while it takes the image. */
static int run_restore(void)
{
	secret_leave_blocks();
	if (has_policy())
		try_restore_with_secrets();
	write_file(RESUME, DISK);
	return run_not_resumed();
}

/* The image is refused after all was frozen: everything goes on here. */
static int run_foreign(void)
{
	ktap_plan(2 + 3 + NR_SECRET_CHECKS + 1);
	world_fill();
	secret_leave_blocks();
	world_note();
	write_file(RESUME, DISK);
	world_check_mapped_back();
	world_check_memory();
	secret_check_new(world.nr_flips);
	validator_result("the validator finds nothing");
	return ktap_finish();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} cases[] = {
		{ "none", run_none },
		{ "dropped", run_dropped },
		{ "pages", run_pages },
		{ "held", run_held },
		{ "allow", run_allow },
		{ "snapshot", run_snapshot },
		{ "lockdown", run_lockdown },
		{ "fail", run_fail },
		{ "late", run_late },
		{ "autosleep", run_autosleep },
		{ "open-fails", run_open_fails },
		{ "restore", run_restore },
		{ "foreign", run_foreign },
		{ "not-resumed", run_not_resumed },
	};
	int status;

	if (argc == 2 && !strcmp(argv[1], "-h")) {
		fputs(usage, stdout);
		return EXIT_PASSED;
	}
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(cases); i++) {
		if (strcmp(argv[1], cases[i].name))
			continue;
		suspend_keep_output();
		status = cases[i].run();
		mark_scrub_cpus();	/* RAM is searched next */
		return status;
	}
	fputs(usage, stderr);
	return EXIT_USAGE;
}
