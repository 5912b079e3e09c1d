// SPDX-License-Identifier: GPL-2.0-only
/*
 * The events of trace/events/unmapped tell, one by one, what /proc/vmstat counts:
 * everything that moves a counter is done here, and the sums over the trace must
 * be what the counters moved by. And they tell the order: a block is mapped back
 * only after it was unmapped, and is not unmapped twice.
 *
 * Guards against: paths that count without an event, or the other way round; words
 * that are wrong for what they stand for.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "demand.h"
#include "filling.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "memblock.h"
#include "secretload.h"
#include "validator.h"

#define TRACING		"/sys/kernel/tracing"
#define EVENTS		TRACING "/events/unmapped"
#define RETURN_SWITCH	"/proc/sys/vm/unmapped_return_seconds"
#define FLIP_SWITCH	"/proc/sys/vm/unmapped_alloc"
#define FOLIO_SWITCH	"/sys/kernel/mm/secretmem/large_folios"
#define FAULTS		"/sys/kernel/debug/unmapped/faults"
#define FAULT_UNMAP	"1"
#define FAULT_CLAIMED	"2"
#define FAULT_TABLE	"32"
#define FAULT_POISON	"64"
#define SIZE		(16 * MIB)
#define NR_BLOCKS	((long)(SIZE / BLOCK_BYTES))
#define NR_PAGES	((long)(SIZE / PAGE_SIZE))
#define BLOCK_ORDER	9
#define NR_KEPT		64	/* pages of each block that stay in use */
#define ASK_PERCENT	60	/* of what is free in pieces */
#define MOST_PERCENT	85	/* of what is free: more than lies in other memory blocks */
#define NR_BLOCKS_MAX	4096UL	/* 8 GiB */
#define GIVE_UP_SECONDS	120
#define NR_STEPS	16	/* of a block each, of which one page is kept */

/*
 * What the kernel may say, the counter that it moves, and by how much it did: by
 * blocks, pages or tries, as that counter.
 */
static struct word {
	const char *event, *word, *counter;
	long sum;
} words[] = {
	{ "unmapped_flip", "unmapped", "unmapped_flip", 0 },
	{ "unmapped_flip", "fail_entry", "unmapped_flip_fail_entry", 0 },
	{ "unmapped_flip", "fail_table", "unmapped_flip_fail_table", 0 },
	{ "unmapped_flip", "fail_claimed", "unmapped_flip_fail_claimed", 0 },
	{ "unmapped_flip", "fail_poison", "unmapped_flip_fail_poison", 0 },
	{ "unmapped_map_back", "request", "unmapped_take_back", 0 },
	{ "unmapped_map_back", "kswapd", "unmapped_take_back", 0 },
	{ "unmapped_map_back", "oom", "unmapped_take_back", 0 },
	{ "unmapped_map_back", "pack", "unmapped_take_back", 0 },
	{ "unmapped_map_back", "idle", "unmapped_take_back", 0 },
	{ "unmapped_map_back", "range", "unmapped_take_back", 0 },
	{ "unmapped_map_back", "switch", "unmapped_take_back", 0 },
	{ "unmapped_map_back", "hibernation", "unmapped_take_back", 0 },
	{ "unmapped_evacuate", "emptied", "unmapped_evacuate", 0 },
	{ "unmapped_evacuate", "busy", "unmapped_evacuate_fail_busy", 0 },
	{ "unmapped_evacuate", "no_room", "unmapped_evacuate_fail_no_room", 0 },
	{ "unmapped_clear", "run", "unmapped_clear", 0 },
	{ "unmapped_clear", "batch", "unmapped_clear", 0 },
	{ "unmapped_clear", "refused", "none", 0 },
};

static const char * const counters[] = {
	"unmapped_flip", "unmapped_flip_fail_entry", "unmapped_flip_fail_table",
	"unmapped_flip_fail_claimed", "unmapped_flip_fail_poison",
	"unmapped_take_back", "unmapped_evacuate", "unmapped_evacuate_fail_busy",
	"unmapped_evacuate_fail_no_room", "unmapped_clear",
};

static long moved[ARRAY_SIZE(counters)];	/* at first: where they stood */
static bool block_unmapped[NR_BLOCKS_MAX];
static long nr_events, nr_strange, nr_out_of_turn;

/* Section: the trace */

static struct word *find_word(const char *event, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].event, event) && !strcmp(words[i].word, word))
			return &words[i];
	return NULL;
}

static long sum_of(const char *event, const char *word)
{
	const struct word *found = find_word(event, word);

	if (!found)
		die(EXIT_FAILED, "%s is never said of %s", word, event);
	return found->sum;
}

/* Blocks go down and up in turns. */
static void note_turn(u64 pfn, long nr_blocks, bool unmapped)
{
	for (u64 block = pfn >> BLOCK_ORDER; nr_blocks--; block++) {
		if (block >= NR_BLOCKS_MAX)
			die(EXIT_FAILED, "there is no frame %#lx", pfn);
		nr_out_of_turn += block_unmapped[block] == unmapped;
		block_unmapped[block] = unmapped;
	}
}

/* "... unmapped_flip: pfn=0x8200 order=9 result=unmapped" */
static bool note_event(const char *text)
{
	char event[32], unit[16], kind[16], name[32];
	struct word *word;
	u64 pfn;
	long nr;

	if (sscanf(text, "%31[a-z_]: pfn=%lx %15[a-z_]=%ld %15[a-z]=%31[a-z_]",
		   event, &pfn, unit, &nr, kind, name) != 6)
		return false;
	word = find_word(event, name);
	if (!word)
		return false;
	if (strcmp(unit, "nr_pages"))
		nr = 1L << (nr - BLOCK_ORDER);
	/* Tries that fail count once, whatever their size */
	if (strstr(word->counter, "fail"))
		nr = 1;
	else if (!strcmp(event, "unmapped_flip"))
		note_turn(pfn, nr, true);
	else if (!strcmp(event, "unmapped_map_back"))
		note_turn(pfn, nr, false);
	else if (!strcmp(event, "unmapped_evacuate"))
		nr = 1;
	word->sum += nr;
	return true;
}

static void read_trace(void)
{
	FILE *file = fopen(TRACING "/trace", "re");
	char line[512], *text;

	if (!file)
		die_errno(TRACING "/trace");
	while (fgets(line, sizeof(line), file)) {
		if (*line == '#')
			continue;
		nr_events++;
		text = strstr(line, ": unmapped_");
		if (text && note_event(text + 2))
			continue;
		ktap_note("not understood: %s", line);
		nr_strange++;
	}
	fclose(file);	/* read only: nothing can be lost */
}

/*
 * Pages that are freed may wait in batches of CPUs, and kswapd may be at work; then
 * nothing moves a counter until somebody does something.
 */
static void settle(void)
{
	drain_lru_batches();
	sleep(1);
}

static void trace_begin(void)
{
	write_file(TRACING "/buffer_size_kb", "8192");
	/* Not a time: the order, also between CPUs */
	write_file(TRACING "/trace_clock", "counter");
	write_file(TRACING "/trace", "");
	settle();
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		moved[i] = vmstat_read(counters[i]);
	write_file(EVENTS "/enable", "1");
}

static void trace_end(void)
{
	settle();
	write_file(EVENTS "/enable", "0");
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		moved[i] = vmstat_read(counters[i]) - moved[i];
	read_trace();
}

/* Section: what moves counters */

static void take_and_drop(size_t size)
{
	struct area area = secret_area(size);

	mark_fill_pages(area.start, area_nr_pages(&area), 1);
	area_destroy(&area);
	settle();
}

static void free_large_and_small(void)
{
	take_and_drop(SIZE);
	write_file(FOLIO_SWITCH, "never");
	take_and_drop(SIZE);
	write_file(FOLIO_SWITCH, "always");
}

/* The blocks that were unmapped by now stand free, and go back. */
static long let_idle_blocks_go(void)
{
	long nr = vmstat_read("unmapped_return");

	write_file(RETURN_SWITCH, "1");
	for (int i = 0; i < GIVE_UP_SECONDS &&
	     vmstat_read("unmapped_return") - nr < NR_BLOCKS; i++)
		sleep(1);
	write_file(RETURN_SWITCH, "0");
	return vmstat_read("unmapped_return") - nr;
}

static void switch_off_and_on(void)
{
	take_and_drop(SIZE);
	write_file(FLIP_SWITCH, "0");
	write_file(FLIP_SWITCH, "1");
}

/*
 * Others need all memory, free unmapped blocks are in their way; then secrets do, and
 * what is free is in pieces.
 */
static int take_back_and_evacuate(void)
{
	struct filling filling;
	struct area secret;
	size_t nr_asked;

	take_and_drop(4 * SIZE);
	write_file("/proc/sys/vm/compaction_proactiveness", "0");
	filling_take(&filling, 2);
	filling_thin_out(&filling, NR_KEPT);
	filling_restore(&filling);
	nr_asked = (size_t)free_pages_read() * ASK_PERCENT / 100;
	secret = secret_area(nr_asked * PAGE_SIZE);
	nr_asked -= demand_pages(&secret, 3);
	area_destroy(&secret);
	return nr_asked ? EXIT_FAILED : EXIT_PASSED;
}

/* Blocks that are in use sparsely are emptied into others, and mapped back. */
static void pack_sparse(void)
{
	struct area kept[NR_STEPS];

	secretload_sparse(kept, NR_STEPS, 1);
	settle();
	write_file("/proc/sys/vm/compact_memory", "1");
	for (int i = 0; i < NR_STEPS; i++)
		area_destroy(&kept[i]);
	settle();
}

/* Free unmapped blocks stand nearly everywhere when memory goes offline. It comes back. */
static void take_memory_offline(void)
{
	take_and_drop((size_t)free_pages_read() * MOST_PERCENT / 100 * PAGE_SIZE);
	memblock_find_movable();
}

/* Debug kernels can make flips fail: one that finds nothing unmapped beforehand. */
static void plant_fault(const char *fault)
{
	struct area area;

	write_file(FLIP_SWITCH, "0");
	write_file(FLIP_SWITCH, "1");
	write_file(FAULTS, fault);
	area = secret_area(PAGE_SIZE);
	*area_page(&area, 0) = 1;
	area_destroy(&area);
	write_file(FAULTS, "0");
}

static void plant_faults(void)
{
	plant_fault(FAULT_UNMAP);
	plant_fault(FAULT_CLAIMED);
	plant_fault(FAULT_TABLE);
	plant_fault(FAULT_POISON);
}

/* Section: the results */

static void report_words(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		ktap_note("%-18s %-12s %ld", words[i].event, words[i].word, words[i].sum);
	ktap_ok(nr_events && !nr_strange, "all of %ld events are understood", nr_events);
	ktap_ok(!nr_out_of_turn, "%ld blocks were unmapped twice or mapped twice",
		nr_out_of_turn);
}

static void report_counter(const char *counter, long nr)
{
	long sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].counter, counter))
			sum += words[i].sum;
	ktap_ok(sum == nr, "%s moved by %ld, events say %ld", counter, nr, sum);
}

static void report_reasons(long nr_returned)
{
	long nr_taken = sum_of("unmapped_map_back", "request") +
			sum_of("unmapped_map_back", "kswapd") +
			sum_of("unmapped_map_back", "oom");

	ktap_ok(nr_returned && sum_of("unmapped_map_back", "idle") == nr_returned,
		"%ld blocks were idle, events say %ld", nr_returned,
		sum_of("unmapped_map_back", "idle"));
	ktap_ok(sum_of("unmapped_map_back", "switch") >= NR_BLOCKS,
		"the switch mapped %ld blocks back", sum_of("unmapped_map_back", "switch"));
	ktap_ok(nr_taken > 0, "others took %ld back", nr_taken);
	ktap_ok(sum_of("unmapped_map_back", "pack") > 0, "%ld went back packed",
		sum_of("unmapped_map_back", "pack"));
	ktap_ok(sum_of("unmapped_map_back", "range") > 0, "%ld went offline",
		sum_of("unmapped_map_back", "range"));
	ktap_ok(sum_of("unmapped_evacuate", "emptied") > 0, "%ld blocks were emptied",
		sum_of("unmapped_evacuate", "emptied"));
	ktap_ok(sum_of("unmapped_clear", "run") >= NR_PAGES &&
		sum_of("unmapped_clear", "batch") >= NR_PAGES,
		"%ld pages were cleared in runs, %ld in batches",
		sum_of("unmapped_clear", "run"), sum_of("unmapped_clear", "batch"));
	if (!kfile_exists(FAULTS))
		ktap_skip("faults cannot be planted here", "flips that fail say why");
	else
		ktap_ok(sum_of("unmapped_flip", "fail_entry") > 0 &&
			sum_of("unmapped_flip", "fail_claimed") > 0 &&
			sum_of("unmapped_flip", "fail_table") > 0 &&
			sum_of("unmapped_flip", "fail_poison") > 0,
			"flips that fail say why");
}

int main(void)
{
	long nr_returned;
	bool granted;

	if (!kfile_exists(EVENTS "/enable"))
		die(EXIT_CANNOT_RUN, "this kernel has no events of unmapped pages");
	ktap_plan(12 + ARRAY_SIZE(counters));
	write_file(RETURN_SWITCH, "0");
	trace_begin();
	free_large_and_small();
	nr_returned = let_idle_blocks_go();
	switch_off_and_on();
	pack_sparse();
	take_memory_offline();
	if (kfile_exists(FAULTS))
		plant_faults();
	granted = demand_in_child(take_back_and_evacuate);
	trace_end();

	ktap_ok(granted, "secrets got memory that was in pieces");
	report_words();
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		report_counter(counters[i], moved[i]);
	report_reasons(nr_returned);
	validator_report();
	return ktap_finish();
}
