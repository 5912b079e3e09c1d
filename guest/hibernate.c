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
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "frames.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "validator.h"

#define DISK		"/dev/vda"	/* swap, made by the host */
#define STATE		"/sys/power/state"
#define MODE		"/sys/power/disk"
#define RESUME		"/sys/power/resume"
#define PM_TEST		"/sys/power/pm_test"
#define SWITCH		"/proc/sys/vm/unmapped_alloc"
#define AUTOSLEEP	"/sys/power/autosleep"
#define SNAPSHOT	"/dev/snapshot"
#define FAIL_NTH	"/proc/self/fail-nth"
#define HOLD		"/sys/kernel/debug/unmapped/hold"

#define DROPPED_BYTES	(128 * MIB)
#define SECRET_BYTES	(8 * MIB)
#define BLOCK_ORDER	9
#define NR_ORDERS	11
#define NR_WORKERS	2
#define WORKER_PAGES	64
#define WORKER_REST_US	20000		/* holds none: an attempt may begin */
#define NR_RACES	2
#define NR_LATE_TRIES	20
#define DIRTY_BYTES	(32L << 20)
#define LATE_TAKEN	"a late secret is taken"
#define NR_SLEEPS	2
#define NR_OPENS_MAX	1000
#define RECORD_BYTES	2000
/* Known to tests/hibernate, which looks for these marks in images. */
#define SEED_WORLD	100
#define SEED_SECRET	200

static const char usage[] =
	"usage: hibernate CASE\n"
	"  none         suspend; no secret was ever taken\n"
	"  dropped      suspend twice, with free unmapped blocks\n"
	"  pages        suspend twice, with unmapped pages in use by the kernel\n"
	"  held         refused while secrets are held\n"
	"  fail         attempts that fail at each step, beside takers of secrets\n"
	"  late         a secret taken when the attempt has begun\n"
	"  autosleep    attempts of a kernel thread, which has no memory map of its own\n"
	"  open-fails   opens of /dev/snapshot that fail for want of memory\n"
	" in the guest after one that suspended:\n"
	"  restore      take and drop secrets, then resume\n"
	"  foreign      the same with an image that the kernel cannot take\n"
	"  not-resumed  say that the kernel did not resume\n";

/* ----------------------------------------------------- output, kept until the end */

static int real_stdout = -1;
static pid_t reporter;

static void release_output(void)
{
	char buf[PAGE_SIZE];
	ssize_t n;

	if (getpid() != reporter)
		return;
	fflush(stdout);
	if (lseek(STDOUT_FILENO, 0, SEEK_SET) < 0)
		_exit(EXIT_CANNOT_RUN);
	while ((n = read(STDOUT_FILENO, buf, sizeof(buf))) > 0)
		if (write(real_stdout, buf, (size_t)n) != n)
			_exit(EXIT_CANNOT_RUN);
}

static void keep_output(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	reporter = getpid();
	real_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || real_stdout < 0 || dup2(fd, STDOUT_FILENO) < 0 || atexit(release_output))
		die_errno("cannot keep the output");
}

/* Into the kernel's log, where it stands between the kernel's own lines. */
static void say_in_log(const char *text)
{
	char line[200];

	snprintf(line, sizeof(line), "hibernate: %s\n", text);
	write_file("/dev/kmsg", line);
}

/* --------------------------------------------------------- the kernel's files */

static bool unmaps_blocks(void)
{
	return kfile_exists(SWITCH);
}

/* The switch of unmapped memory; "" where there is none. */
static void read_switch(char *text, size_t size)
{
	*text = '\0';
	if (unmaps_blocks())
		kfile_first_line(SWITCH, text, size);
}

/*
 * Try to hibernate; 0 once we are back, or the error. The image holds the CPUs'
 * entry stacks, and tests/hibernate looks for marks in it.
 */
static int hibernate(void)
{
	int error;

	mark_scrub_cpus();
	say_in_log("begin");
	error = kfile_write(STATE, "disk");
	say_in_log(error ? strerror(error) : "went on");
	return error;
}

static const char *error_name(int error)
{
	return error ? strerror(error) : "done";
}

static void prepare_suspend(void)
{
	write_file(MODE, "shutdown");
	if (swapon(DISK, 0))
		die_errno("swapon " DISK);
}

/* The pages of a list, which shows a count for each order, from @min_order on. */
static long count_pages(const char *counts, int min_order)
{
	long nr_pages = 0;

	for (int order = 0; order < NR_ORDERS; order++) {
		char *end;
		long nr = strtol(counts, &end, 10);

		if (end == counts)
			die(EXIT_CANNOT_RUN, "/proc/pagetypeinfo: cannot read a line");
		if (order >= min_order)
			nr_pages += nr << order;
		counts = end;
	}
	return nr_pages;
}

/*
 * Free unmapped pages as the lists hold them: the counter of /proc/vmstat lags
 * behind by what the CPUs have not folded in yet.
 */
static long free_unmapped_read(int min_order)
{
	FILE *file = fopen("/proc/pagetypeinfo", "re");
	long nr_pages = 0;
	char line[400];

	if (!file)
		die_errno("/proc/pagetypeinfo");
	/* The table after the lists counts blocks, in columns of types. */
	while (fgets(line, sizeof(line), file) && !strstr(line, "Number of blocks")) {
		char *type = strstr(line, " u:");

		if (type)
			nr_pages += count_pages(type + 1 + strcspn(type + 1, " "), min_order);
	}
	fclose(file);	/* read only: nothing can be lost */
	return nr_pages;
}

static long free_blocks_read(void)
{
	return free_unmapped_read(BLOCK_ORDER) >> BLOCK_ORDER;
}

/* -------------------------------------------------------------------- secrets */

static size_t count_nonzero(const struct area *area)
{
	size_t nr = 0;

	for (size_t i = 0; i < area_nr_pages(area); i++)
		nr += !page_is_zero_from(area_page(area, i), 0);
	return nr;
}

static size_t count_wrong(const struct area *area, u64 seed)
{
	return mark_count_wrong_pages(area->start, area_nr_pages(area), seed);
}

/*
 * The last pages that a CPU took wait in a batch of its own on their way to the
 * LRU lists, and are not free while they do. Who drops them empties the batch of
 * the CPU that it runs on: another one, so that some are left for the kernel.
 */
static void take_and_drop(size_t size)
{
	struct area area = secret_area(size);

	pin_to_cpu(0);
	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	pin_to_cpu(nr_cpus_online() - 1);
	area_destroy(&area);
	pin_to_cpu(0);
}

/* Free unmapped blocks, or the case that needs them shows nothing. */
static void leave_free_blocks(void)
{
	long nr_blocks;

	take_and_drop(DROPPED_BYTES);
	nr_blocks = free_blocks_read();
	if (unmaps_blocks() && nr_blocks < (long)(DROPPED_BYTES / BLOCK_BYTES / 2))
		die(EXIT_FAILED, "only %ld free unmapped blocks after %lu MiB of secrets",
		    nr_blocks, DROPPED_BYTES / MIB);
}

/* Four results: secrets are what they must be, and blocks flip. */
#define NR_SECRET_CHECKS	4
static void check_new_secret(long nr_flips)
{
	struct area area = secret_area(SECRET_BYTES);
	size_t nr_nonzero = count_nonzero(&area), nr_wrong;

	ktap_ok(!nr_nonzero, "a new secret is zero: %zu pages are not", nr_nonzero);
	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	ktap_ok(area_is_absent(&area), "it is absent");
	nr_wrong = count_wrong(&area, SEED_SECRET);
	ktap_ok(!nr_wrong, "it holds what was written: %zu pages do not", nr_wrong);
	if (unmaps_blocks())
		ktap_ok(vmstat_read("unmapped_flip") > nr_flips, "blocks were unmapped for it");
	else
		ktap_skip("this kernel unmaps no blocks", "blocks were unmapped for it");
	area_destroy(&area);
}

static void check_validator(void)
{
	if (validator_exists())
		validator_result("the validator finds nothing");
	else
		ktap_skip("this kernel has no validator", "the validator finds nothing");
}

/* ---------------------------------------------------- the state around a suspend */

/* What is there before, and must be there afterwards. */
static struct world {
	struct area memory[3];
	long nr_flips;
	long nr_take_backs;
	long nr_free_blocks;
	bool kernel_holds;	/* unmapped pages */
	long kb_4k;
	char switched[8];
} world;

static const struct {
	const char *name;
	enum area_kind kind;
	size_t size;
} memory_kinds[] = {
	{ "anonymous memory", AREA_ANON, 16 * MIB },
	{ "huge pages", AREA_ANON_HUGE, 8 * MIB },
	{ "tmpfs", AREA_TMPFS, 8 * MIB },
};

static void fill_memory(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(memory_kinds); i++) {
		struct area *area = &world.memory[i];

		*area = area_create(memory_kinds[i].kind, memory_kinds[i].size);
		mark_fill_pages(area->start, area_nr_pages(area), SEED_WORLD + i);
	}
}

static void note_world(void)
{
	world.nr_flips = vmstat_read("unmapped_flip");
	world.nr_take_backs = vmstat_read("unmapped_take_back");
	world.nr_free_blocks = free_blocks_read();
	world.kb_4k = direct_map_read().kb_4k;
	read_switch(world.switched, sizeof(world.switched));
}

static void check_memory(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(memory_kinds); i++) {
		size_t nr_wrong = count_wrong(&world.memory[i], SEED_WORLD + i);

		ktap_ok(!nr_wrong, "%s is what it was: %zu pages are not",
			memory_kinds[i].name, nr_wrong);
	}
}

/*
 * Nobody has taken a secret since the image was made, so that what the lists
 * hold now is what they held then. Blocks that are partly in use stay, but in
 * use they are only where the kernel holds pages.
 */
static void check_mapped_back(void)
{
	long nr_taken_back = vmstat_read("unmapped_take_back") - world.nr_take_backs;
	long nr_left = free_unmapped_read(world.kernel_holds ? BLOCK_ORDER : 0);

	if (!unmaps_blocks()) {
		ktap_skip("this kernel unmaps no blocks", "free blocks went back before the image");
		ktap_skip("this kernel unmaps no blocks", "none was unmapped for it");
		return;
	}
	ktap_ok(!nr_left && nr_taken_back >= world.nr_free_blocks,
		"free blocks went back before the image: %ld of %ld, %ld pages are left",
		nr_taken_back, world.nr_free_blocks, nr_left);
	ktap_ok(vmstat_read("unmapped_flip") == world.nr_flips, "none was unmapped for it");
}

/* The results of one suspend that came back with @error. */
#define NR_RESUME_CHECKS	(3 + 5 + NR_SECRET_CHECKS + 1)
static void check_resumed(int error)
{
	char text[8];
	long kb_4k = direct_map_read().kb_4k;

	ktap_ok(!error, "suspended and resumed: %s", error_name(error));
	check_mapped_back();
	read_switch(text, sizeof(text));
	ktap_ok(!strcmp(text, world.switched), "vm.unmapped_alloc is '%s' as before", text);
	ktap_ok(kb_4k == world.kb_4k, "no mapping was split: DirectMap4k %ld kB, was %ld",
		kb_4k, world.kb_4k);
	check_memory();
	check_new_secret(world.nr_flips);
	check_validator();
}

/* ---------------------------------------------------------------------- cases */

static int run_none(void)
{
	ktap_plan(NR_RESUME_CHECKS);
	prepare_suspend();
	fill_memory();
	note_world();
	if (world.nr_flips > 0)
		die(EXIT_FAILED, "%ld blocks were unmapped before anything began", world.nr_flips);
	check_resumed(hibernate());
	return ktap_finish();
}

static int run_dropped(void)
{
	ktap_plan(2 * NR_RESUME_CHECKS);
	prepare_suspend();
	fill_memory();
	for (int i = 0; i < 2; i++) {
		leave_free_blocks();
		note_world();
		check_resumed(hibernate());
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

	leave_free_blocks();
	snprintf(request, sizeof(request), "%u %u", nr_pages, order);
	write_file(HOLD, request);
	world.kernel_holds = true;
	check_held(nr_pages, order);
	note_world();
	check_resumed(hibernate());
	check_held(nr_pages, order);
	write_file(HOLD, "free");
	check_validator();
}

static int run_pages(void)
{
	if (!kfile_exists(HOLD)) {
		printf("KTAP version 1\n1..0 # SKIP this kernel has no " HOLD "\n");
		return EXIT_PASSED;
	}
	ktap_plan(2 * NR_HOLD_CHECKS);
	prepare_suspend();
	fill_memory();
	suspend_holding(700, 0);	/* a whole block, and part of one */
	suspend_holding(70, 4);
	return ktap_finish();
}

static bool offers_hibernation(void)
{
	char states[100];

	kfile_first_line(STATE, states, sizeof(states));
	return strstr(states, "disk");
}

/* Stock's errno; it looks before it begins, so that nothing is frozen. */
static void check_refused(const char *what)
{
	int error = hibernate();

	ktap_ok(error == EPERM, "refused while a secret is %s: %s", what, error_name(error));
	ktap_ok(!offers_hibernation(), "and " STATE " does not offer it");
}

static int run_held(void)
{
	struct area area;
	int fd;

	ktap_plan(3 * 2 + 2 + 3 + NR_SECRET_CHECKS + 1 + 1);
	prepare_suspend();
	fill_memory();
	fd = secret_create(0);
	check_refused("open and empty");
	close(fd);		/* nothing was written */

	area = secret_area(SECRET_BYTES);
	mark_fill_pages(area.start, area_nr_pages(&area), SEED_SECRET);
	check_refused("open and mapped");
	close(area.fd);		/* the mapping keeps the secret */
	area.fd = -1;
	check_refused("mapped");

	ktap_ok(!count_wrong(&area, SEED_SECRET), "the secret is what it was");
	ktap_ok(area_is_absent(&area), "and absent");
	check_memory();
	note_world();
	check_new_secret(world.nr_flips);
	check_validator();
	area_destroy(&area);
	ktap_ok(offers_hibernation(), STATE " offers it once the secret is gone");
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
	bool good = !count_nonzero(&area);

	mark_fill_pages(area.start, WORKER_PAGES, SEED_SECRET);
	good &= !count_wrong(&area, SEED_SECRET);
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
		errors[i] = hibernate();
		good &= errors[i] == expected || errors[i] == EPERM || errors[i] == EBUSY;
		ktap_note("in mid-work: %s", error_name(errors[i]));
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
	error = hibernate();
	ktap_ok(error == expected, "%s: %s", what, error_name(error));
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
	fill_memory();
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
	check_memory();
	note_world();
	check_new_secret(world.nr_flips);
	check_validator();
	return ktap_finish();
}

/* ------------------------------------------- a secret after the attempt has begun */

/* Shared with the taker. */
static struct late {
	volatile int ready, taken, drop;
} *late;

/* The kernel's log from here on; a read gives one record. */
static int open_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || lseek(fd, 0, SEEK_END) < 0)
		die_errno("/dev/kmsg");
	return fd;
}

static void read_record(int fd, char record[RECORD_BYTES])
{
	ssize_t n = read(fd, record, RECORD_BYTES - 1);

	/* EPIPE: records were overwritten, the next read goes on behind them */
	if (n < 0 && errno != EPIPE)
		die_errno("/dev/kmsg");
	record[n < 0 ? 0 : n] = '\0';
}

/* Waits for the kernel's word that it begins, which comes after it has looked. */
static void __attribute__((noreturn)) take_late(void)
{
	for (;;) {
		char record[RECORD_BYTES] = "";
		int fd = open_log();
		struct area area;

		late->ready = 1;
		while (!strstr(record, "hibernation entry"))
			read_record(fd, record);
		close(fd);	/* read only: nothing can be lost */
		area = secret_area(PAGE_SIZE);
		mark_fill_pages(area.start, 1, SEED_SECRET);
		say_in_log(LATE_TAKEN);
		late->taken = 1;
		while (!late->drop)
			usleep(1000);
		area_destroy(&area);
		late->ready = late->taken = late->drop = 0;
	}
}

/* What the log says of an attempt, by its order and not by time. */
static bool image_with_late_secret(int fd, bool *in_time)
{
	struct pollfd more = { .fd = fd, .events = POLLIN };
	bool taken = false, made = false;
	char record[RECORD_BYTES];

	*in_time = false;
	while (poll(&more, 1, 0) == 1) {
		read_record(fd, record);
		taken |= !!strstr(record, LATE_TAKEN);
		if (strstr(record, "user space processes completed"))
			*in_time = taken;
		made |= !!strstr(record, "Image created");
	}
	return *in_time && made;
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

/* True if the taker came in time. */
static bool attempt_late(bool *leaked)
{
	bool in_time;
	int fd;

	while (!late->ready)
		wait_a_little();
	dirty_disk();
	fd = open_log();
	ktap_note("beside a late secret: %s", error_name(hibernate()));
	*leaked = image_with_late_secret(fd, &in_time);
	close(fd);		/* read only: nothing can be lost */
	while (!late->taken)
		wait_a_little();
	late->drop = 1;
	while (late->drop)
		wait_a_little();
	return in_time;
}

/*
 * Stock looks for secrets when an attempt begins, and tasks run on until they
 * freeze. Nobody can make the taker come in time: it mostly does.
 */
static int run_late(void)
{
	bool in_time = false, leaked = false;

	ktap_plan(2);
	late = shared_alloc(sizeof(*late));
	write_file(MODE, "shutdown");
	if (!fork_child())
		take_late();
	for (int i = 0; i < NR_LATE_TRIES && !in_time; i++)
		in_time = attempt_late(&leaked);
	if (!in_time)
		ktap_skip("the taker never came in time", "no image holds a late secret");
	else if (leaked && !unmaps_blocks())
		ktap_skip("stock's does", "no image holds a late secret");
	else
		ktap_ok(!leaked, "no image holds a late secret");
	check_validator();
	return ktap_finish();
}

/* ------------------------------------------------------ from a kernel thread */

static void wait_for_images(int fd, int nr_images)
{
	char record[RECORD_BYTES];

	while (nr_images) {
		read_record(fd, record);
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
	fill_memory();
	write_file(MODE, "shutdown");
	write_file(HOLD, "700 0");
	check_held(700, 0);
	fd = open_log();
	write_file(AUTOSLEEP, "disk");
	wait_for_images(fd, NR_SLEEPS);
	write_file(AUTOSLEEP, "off");
	close(fd);		/* read only: nothing can be lost */
	ktap_ok(true, "the kernel made %d images by itself", NR_SLEEPS);
	check_held(700, 0);
	write_file(HOLD, "free");
	check_memory();
	note_world();
	check_new_secret(world.nr_flips);
	check_validator();
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
		take_and_drop(PAGE_SIZE);
	}
	close(nth_fd);		/* each write was looked at */
	ktap_ok(nth < NR_OPENS_MAX && opened, SNAPSHOT " opens if nothing fails");
	ktap_ok(nr_failed, "%d of %d opens failed", nr_failed, nth);
	nr_fallbacks = vmstat_read("unmapped_fallback") - nr_fallbacks;
	ktap_ok(!nr_fallbacks, "blocks were unmapped after each: %ld fallbacks", nr_fallbacks);
	check_validator();
	return ktap_finish();
}

/* ---------------------------------------------- in the guest after a suspended one */

static int run_not_resumed(void)
{
	fprintf(stderr, "hibernate: the kernel booted afresh, it did not resume\n");
	return EXIT_FAILED;
}

/* This kernel has free unmapped blocks of its own while it takes the image. */
static int run_restore(void)
{
	leave_free_blocks();
	write_file(RESUME, DISK);
	return run_not_resumed();
}

/* The image is refused after all was frozen: everything goes on here. */
static int run_foreign(void)
{
	ktap_plan(2 + 3 + NR_SECRET_CHECKS + 1);
	fill_memory();
	leave_free_blocks();
	note_world();
	write_file(RESUME, DISK);
	check_mapped_back();
	check_memory();
	check_new_secret(world.nr_flips);
	check_validator();
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
		{ "fail", run_fail },
		{ "late", run_late },
		{ "autosleep", run_autosleep },
		{ "open-fails", run_open_fails },
		{ "restore", run_restore },
		{ "foreign", run_foreign },
		{ "not-resumed", run_not_resumed },
	};

	if (argc == 2 && !strcmp(argv[1], "-h")) {
		fputs(usage, stdout);
		return EXIT_PASSED;
	}
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(cases); i++) {
		if (strcmp(argv[1], cases[i].name))
			continue;
		keep_output();
		return cases[i].run();
	}
	fputs(usage, stderr);
	return EXIT_USAGE;
}
