// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets and anonymous memory in turns: how many blocks are unmapped for it?
 *
 *   fits     both fit into RAM side by side: once blocks are unmapped they stay so,
 *            and the turns after the first unmap none
 *   exceeds  one only fits where the other was: in each turn as many blocks as
 *            secrets fill, and none of them twice
 *   steps    both grow a little in turns until RAM is nearly full, and then
 *            shrink so: no more blocks either, although each takes its memory next
 *            to where the other wants some
 *
 * Guards against: blocks that are mapped back for one and unmapped again at once
 * for the other (ping-pong).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "demand.h"
#include "filling.h"
#include "kstat.h"
#include "ktap.h"
#include "options.h"
#include "toll.h"
#include "validator.h"

static const char usage[] =
	"usage: alternate [--turns N]\n"
	"  --turns N  of each case (default 6)\n";

#define FITS_PERCENT	30	/* of RAM, for each of the two */
#define EXCEEDS_PERCENT	60
#define STEPS_PERCENT	44
#define STEP_BYTES	(1 * MIB)
#define NR_STEPS_MAX	1024
#define BATCH_BLOCKS	8	/* that are mapped back at a time, at first */
#define SEED		1

enum { FITS, EXCEEDS, STEPS, NR_CASES };

static u64 nr_turns = 6;

static const char * const case_name[NR_CASES] = { "fits", "exceeds", "steps" };

/* What the child, which may be killed, saw. */
static struct result {
	size_t nr_asked, nr_granted, nr_wrong;
	long nr_flips[NR_CASES], nr_back[NR_CASES];
	size_t nr_pages[NR_CASES];	/* secret ones, of all turns */
	u64 ns[NR_CASES];
	struct toll toll;
} *result;

static size_t share_of_ram(u64 percent)
{
	return (u64)meminfo_kb("MemTotal") * KIB / 100 * percent &
	       ~(STEP_BYTES - 1);
}

static long flips_now(void)
{
	long nr = vmstat_read("unmapped_flip");

	return nr == KSTAT_ABSENT ? 0 : nr;
}

static long back_now(void)
{
	long nr = vmstat_read("unmapped_take_back");

	return nr == KSTAT_ABSENT ? 0 : nr;
}

/* Section: memory of both kinds */

static void fill_secret(struct area *area, u64 seed)
{
	size_t nr = demand_words(area, seed);

	result->nr_asked += area_nr_pages(area);
	result->nr_granted += nr;
	result->nr_wrong += demand_count_wrong_words(area, nr, seed);
}

static void fill_ordinary(struct area *area, u64 seed)
{
	demand_words(area, seed);	/* never refused: somebody is killed instead */
}

static void check(const struct area *area, u64 seed)
{
	result->nr_wrong += demand_count_wrong_words(area, area_nr_pages(area), seed);
}

/* Section: the cases */

static void take_turn(size_t size, u64 seed)
{
	struct area area = secret_area(size);

	fill_secret(&area, seed);
	area_destroy(&area);
	area = area_create(AREA_ANON, size);
	fill_ordinary(&area, seed);
	check(&area, seed);
	area_destroy(&area);
}

static void alternate(size_t size)
{
	for (u64 turn = 0; turn < nr_turns; turn++)
		take_turn(size, SEED + turn);
}

static void grow_and_shrink(size_t size, u64 seed)
{
	static struct area secret[NR_STEPS_MAX], ordinary[NR_STEPS_MAX];
	size_t nr = size / STEP_BYTES;

	if (nr > NR_STEPS_MAX)
		nr = NR_STEPS_MAX;
	for (size_t i = 0; i < nr; i++) {
		secret[i] = secret_area(STEP_BYTES);
		fill_secret(&secret[i], seed + i);
		ordinary[i] = area_create(AREA_ANON, STEP_BYTES);
		fill_ordinary(&ordinary[i], seed + i);
	}
	for (size_t i = 0; i < nr; i++) {
		check(&secret[i], seed + i);
		check(&ordinary[i], seed + i);
		area_destroy(&secret[i]);
		area_destroy(&ordinary[i]);
	}
}

static void step_by_step(size_t size)
{
	for (u64 turn = 0; turn < nr_turns; turn++)
		grow_and_shrink(size, (turn + 1) << 32);
}

static void run_case(int i, void (*work)(size_t size), size_t size)
{
	long nr_flips = flips_now(), nr_back = back_now();
	size_t nr_before = result->nr_granted;
	u64 start = now_ns();

	work(size);
	result->ns[i] = now_ns() - start;
	result->nr_flips[i] = flips_now() - nr_flips;
	result->nr_back[i] = back_now() - nr_back;
	result->nr_pages[i] = result->nr_granted - nr_before;
}

static int run_cases(void)
{
	toll_begin(&result->toll);
	/* The first turn may unmap what it likes, the others are judged. */
	take_turn(share_of_ram(FITS_PERCENT), SEED);
	run_case(FITS, alternate, share_of_ram(FITS_PERCENT));
	run_case(EXCEEDS, alternate, share_of_ram(EXCEEDS_PERCENT));
	run_case(STEPS, step_by_step, share_of_ram(STEPS_PERCENT));
	toll_end(&result->toll);
	return EXIT_PASSED;
}

/* Section: the verdict */

static long max_flips(int i)
{
	if (i == FITS)
		return BATCH_BLOCKS;
	return (long)(result->nr_pages[i] / PAGES_PER_BLOCK) + (long)nr_turns * BATCH_BLOCKS;
}

static void report_case(int i)
{
	const char *name = case_name[i];
	u64 ms = result->ns[i] / 1000000;

	ktap_note("%s_pages=%zu", name, result->nr_pages[i]);
	ktap_note("%s_flips=%ld", name, result->nr_flips[i]);
	ktap_note("%s_take_backs=%ld", name, result->nr_back[i]);
	if (ms)
		ktap_note("%s: %lu flips in a second of the guest", name,
			  (u64)result->nr_flips[i] * 1000 / ms);
	if (vmstat_read("unmapped_flip") == KSTAT_ABSENT)
		ktap_skip("this kernel unmaps no blocks", "%s", name);
	else
		ktap_ok(result->nr_flips[i] <= max_flips(i),
			"%s: %ld blocks unmapped for %zu secret pages, at most %ld",
			name, result->nr_flips[i], result->nr_pages[i], max_flips(i));
}

static void parse_options(int argc, char **argv)
{
	static const struct number_option options[] = {
		{ "turns", &nr_turns },
		{ }
	};

	parse_number_options(argc, argv, usage, options);
}

int main(int argc, char **argv)
{
	long nr_kills = vmstat_read("oom_kill");
	bool survived;

	parse_options(argc, argv);
	result = shared_alloc(sizeof(*result));
	ktap_plan(NR_CASES + 4);
	survived = demand_in_child(run_cases);
	for (int i = 0; i < NR_CASES; i++)
		report_case(i);
	ktap_note("asked=%zu", result->nr_asked);
	ktap_note("granted=%zu", result->nr_granted);
	toll_note(&result->toll, "turns");
	ktap_ok(survived && result->nr_granted == result->nr_asked,
		"%zu secret pages granted of %zu", result->nr_granted, result->nr_asked);
	ktap_ok(survived && !result->nr_wrong,
		"memory of both kinds held what was written");
	ktap_ok(vmstat_read("oom_kill") == nr_kills, "nothing was killed");
	validator_report();
	return ktap_finish();
}
