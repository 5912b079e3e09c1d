// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flips and map-backs against everything that takes blocks of memory away from
 * the page allocator, or stops it: memory offline and online, contiguous ranges,
 * compaction, CPU hotplug, frees with interrupts off, the switch, take-back, and
 * each other.
 *
 * Each racer is a process that does its work over and over until all of them have
 * done their share and got through, or tried very often; so the verdict hangs on
 * counts and not on time. Memory where everybody takes some all the time may never
 * have a block that goes offline, or a gigantic page: once all have done their
 * share, those that got through go once for each try of those that did not.
 * Debug kernels dawdle in the windows that a race needs (fault 16 in debugfs). What
 * is checked: secrets are zero when they come and whole until they go, nothing
 * hangs or splats, and the validator is content, meanwhile and at the end.
 *
 * What others may refuse, a memory block with kernel memory for instance, is not
 * an error here; but each racer must have got through, or raced with nobody. What
 * a machine never grants is tried alone, before, and skipped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "area.h"
#include "cpu.h"
#include "dawdle.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "memblock.h"
#include "takers.h"
#include "validator.h"

#define UNMAPPED_DEBUGFS	"/sys/kernel/debug/unmapped"

static const char usage[] =
	"usage: races [--cpu-hotplug]\n"
	"  --cpu-hotplug  CPUs go offline and online as well\n";

struct racer {
	const char *name;
	const char *needs;	/* file without which there is nothing to do */
	bool (*work)(u64 *state);	/* once; did it get through? */
	bool only_on_demand;
	bool try_alone;		/* not every machine can do it at all */
};

/* Written by one racer each, read by all */
struct progress {
	u64 nr_done;
	u64 nr_through;
	u64 nr_broken;		/* secrets that were not what they must be */
};

static volatile struct progress *progress;
static volatile int *stop;

/* The racer that this process is */
static volatile struct progress *own;

static bool take_secret(u64 *state)
{
	bool whole = taker_use_secret(state);

	own->nr_broken += !whole;
	return whole;
}

static bool take_anon(u64 *state)
{
	struct area area = area_create(AREA_ANON, (1 + next_random(state) % 16) * MIB);

	memset(area.start, 0x5a, area.size);
	area_destroy(&area);
	return true;
}

/* Held by the kernel itself, of every order; freed with interrupts off. */
static bool hold_and_free(u64 *state)
{
	char command[32];
	int order = (int)(next_random(state) % 11);
	bool held;

	snprintf(command, sizeof(command), "%d %d", 1 + (1024 >> order), order);
	held = !kfile_write(UNMAPPED_DEBUGFS "/hold", command);
	kfile_write(UNMAPPED_DEBUGFS "/hold", next_random(state) & 1 ? "irqsoff" : "free");
	return held;
}

static bool toggle_switch(u64 *state)
{
	(void)state;
	write_file("/proc/sys/vm/unmapped_alloc", "0");
	usleep(20000);
	write_file("/proc/sys/vm/unmapped_alloc", "1");
	usleep(100000);
	return true;
}

static bool offline_memory(u64 *state)
{
	long nr_blocks = sysconf(_SC_PHYS_PAGES) / (long)memblock_nr_pages();
	u64 block = next_random(state) % (u64)(nr_blocks ? nr_blocks : 1);

	if (memblock_offline(block))
		return false;
	return !memblock_online(block);
}

static bool offline_cpu(u64 *state)
{
	int cpu = 1 + (int)(next_random(state) % 3);

	return !cpu_offline(cpu) && !cpu_online(cpu);
}

static bool compact(u64 *state)
{
	(void)state;
	return !kfile_write("/proc/sys/vm/compact_memory", "1");
}

static bool take_gigantic(u64 *state)
{
	static const char path[] =
		"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages";
	bool taken;

	(void)state;
	kfile_write(path, "1");
	taken = kfile_number(path, 10) > 0;
	kfile_write(path, "0");
	return taken;
}

static bool validate(u64 *state)
{
	(void)state;
	if (!validator_is_content())
		own->nr_broken++;
	return true;
}

static const struct racer racers[] = {
	{ "secrets", "/proc/self", .work = take_secret },
	{ "more secrets", "/proc/self", .work = take_secret },
	{ "anonymous memory", "/proc/self", .work = take_anon },
	{ "pages held by the kernel", UNMAPPED_DEBUGFS "/hold", .work = hold_and_free },
	{ "the switch", "/proc/sys/vm/unmapped_alloc", .work = toggle_switch },
	{ "memory offline", "/sys/devices/system/memory/block_size_bytes",
	  .work = offline_memory, .try_alone = true },
	{ "CPU offline", "/sys/devices/system/cpu/cpu1/online",
	  .work = offline_cpu, .only_on_demand = true },
	{ "compaction", "/proc/sys/vm/compact_memory", .work = compact },
	{ "gigantic pages", "/sys/kernel/mm/hugepages/hugepages-1048576kB",
	  .work = take_gigantic, .try_alone = true },
	{ "the validator", UNMAPPED_DEBUGFS "/validate", .work = validate },
};

/* Why a racer stays at home; NULL if it does not. Known before any of them starts */
static const char *reasons[ARRAY_SIZE(racers)];

/* How often each racer has to do its work */
#define NR_ROUNDS	8
/* ... until it got through, but no more often than this */
#define NR_ROUNDS_MAX	200
/* How often something is tried that a machine may not be able to do */
#define NR_ALONE	32

static bool has_done_its_share(const volatile struct progress *p)
{
	return p->nr_done >= (p->nr_through ? NR_ROUNDS : NR_ROUNDS_MAX);
}

static bool all_have_done_their_share(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++)
		if (!reasons[i] && !has_done_its_share(&progress[i]))
			return false;
	return true;
}

/* How often those have tried that did not get through; 0 once all of them did */
static u64 nr_vain_tries(void)
{
	u64 sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(racers); i++)
		if (!progress[i].nr_through)
			sum += progress[i].nr_done;
	return sum;
}

static bool all_have_tried(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++)
		if (!reasons[i] && progress[i].nr_done < NR_ROUNDS)
			return false;
	return true;
}

static void let_others_try(void)
{
	u64 nr = nr_vain_tries();

	while (nr && !*stop && nr_vain_tries() == nr)
		usleep(10000);
}

static void race(size_t index)
{
	u64 state = index + 1;

	own = &progress[index];
	while (!*stop) {
		own->nr_through += racers[index].work(&state);
		own->nr_done++;
		if (own->nr_through && all_have_tried())
			let_others_try();
	}
	_exit(EXIT_PASSED);
}

static const char *reason_to_skip(const struct racer *racer, bool with_cpus)
{
	u64 state = 1;

	if (access(racer->needs, F_OK))
		return "not in this kernel";
	if (racer->only_on_demand && !with_cpus)
		return "not asked for";
	for (int i = 0; racer->try_alone && i < NR_ALONE; i++)
		if (racer->work(&state))
			return NULL;
	return racer->try_alone ? "this machine refuses it even when nobody else does anything" :
				  NULL;
}

static void run_race(pid_t *pids)
{
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++) {
		if (reasons[i])
			continue;
		pids[i] = fork_child();
		if (!pids[i])
			race(i);
	}
	while (!all_have_done_their_share())
		usleep(100000);
	*stop = 1;
}

int main(int argc, char **argv)
{
	bool with_cpus = argc == 2 && !strcmp(argv[1], "--cpu-hotplug");
	pid_t pids[ARRAY_SIZE(racers)];
	long nr_flips = vmstat_read("unmapped_flip");
	long nr_back = vmstat_read("unmapped_take_back");

	if (argc > 1 && !with_cpus) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	progress = shared_alloc(sizeof(*progress) * ARRAY_SIZE(racers));
	stop = shared_alloc(sizeof(*stop));
	ktap_plan(ARRAY_SIZE(racers) + 2);
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++)
		reasons[i] = reason_to_skip(&racers[i], with_cpus);
	dawdle(true);

	run_race(pids);
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++) {
		const volatile struct progress *p = &progress[i];

		if (reasons[i]) {
			ktap_skip(reasons[i], "%s", racers[i].name);
			continue;
		}
		ktap_ok(child_passed(wait_child(pids[i])) && !p->nr_broken &&
			p->nr_through, "%s", racers[i].name);
		ktap_note("%s: %llu times, %llu got through", racers[i].name,
			  (unsigned long long)p->nr_done, (unsigned long long)p->nr_through);
	}

	dawdle(false);
	ktap_note("%ld blocks unmapped, %ld mapped back", vmstat_read("unmapped_flip") - nr_flips,
		  vmstat_read("unmapped_take_back") - nr_back);
	ktap_ok(nr_flips == KSTAT_ABSENT || (vmstat_read("unmapped_flip") > nr_flips &&
		vmstat_read("unmapped_take_back") > nr_back), "blocks went both ways");
	validator_result("the validator is content at the end");
	return ktap_finish();
}
