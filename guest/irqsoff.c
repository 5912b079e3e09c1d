// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long interrupts stay off in a visit of the mermap, by the events of the
 * IRQs-off tracer (kernels with config/irqsoff.config). Under tools/vm --icount
 * the times are instructions, those of the tracer itself included.
 *
 * A visit is known by the function that turns interrupts off. Which one that is
 * hangs on what the compiler puts into what, so visits that are seen are held
 * against the mermap's own count of them: none drops out of the measurement.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "instr.h"
#include "kfile.h"
#include "kstat.h"
#include "ktap.h"

#define TRACING		"/sys/kernel/debug/tracing"
#define HOLD		"/sys/kernel/debug/unmapped/hold"
#define STATE		"/sys/kernel/debug/unmapped/state"
#define FOLIO_SWITCH	"/sys/kernel/mm/secretmem/large_folios"

/* Nobody is kept waiting for longer. */
#define MAX_INSTRUCTIONS	10000

#define VISIT_PAGES	16	/* at most */
#define DEFER_ORDER	4	/* UNMAPPED_DEFER_ORDER */
#define NR_PAGES	64
#define NR_HELD		2
#define NR_STEPS	48	/* of a block each, of which one page is kept; 16 are taken at a time */

/*
 * Who may turn interrupts off for a visit: mermap_enter(), mermap_next(), and all
 * that call them in mm/mermap.c, as the compiler may inline.
 */
static const char *const visitors[] = {
	"mermap_enter", "mermap_next",
	"clear_pages_visit", "clear_run_visit", "clear_block_loaded", "clear_block",
	"mermap_clear_pages", "mermap_clear_each",
	"mermap_copy_page", "mermap_copy_from", "mermap_copy_to", "mermap_end_lazy",
};

struct longest {
	u64 nr;
	u64 max;	/* instructions */
};

/* Who frees held pages with interrupts off, mm/unmapped_hold.c: one visit is part of it. */
static const char *const holders[] = { "free_held", "hold_command", "hold_write" };

/* Those whose time is measured now */
static const char *const *watched = visitors;
static size_t nr_watched = ARRAY_SIZE(visitors);

/* "... caller=NAME+0x12/0x34 parent=...", or NAME.constprop.0 where it is a copy */
static bool by_watched(const char *line)
{
	for (size_t i = 0; i < nr_watched; i++) {
		char word[64], *at;

		snprintf(word, sizeof(word), "caller=%s", watched[i]);
		at = strstr(line, word);
		if (at && strchr("+.", at[strlen(word)]))
			return true;
	}
	return false;
}

/* "task-pid [cpu] flags cycles: event: ..." */
static bool parse_time(const char *line, const char *event, u64 *cycles)
{
	const char *at = strstr(line, event);
	unsigned long long number;

	if (!at)
		return false;
	while (at > line && at[-1] != ':')
		at--;
	at--;
	while (at > line && at[-1] != ' ')
		at--;
	if (sscanf(at, "%llu:", &number) != 1)
		return false;
	*cycles = number;
	return true;
}

/* It is emptied when it is opened so; what is written does not matter. */
static void clear_trace(void)
{
	int fd = open(TRACING "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		die_errno(TRACING "/trace");
	close(fd);	/* nothing is buffered that could be lost */
}

static void trace(bool on)
{
	write_file(TRACING "/events/preemptirq/enable", on ? "1" : "0");
}

static struct longest read_trace(void)
{
	struct longest longest = { 0, 0 };
	FILE *file = fopen(TRACING "/trace", "re");
	bool inside = false;
	char line[512];
	u64 start = 0, now;

	if (!file)
		die_errno(TRACING "/trace");
	while (fgets(line, sizeof(line), file)) {
		if (parse_time(line, " irq_disable:", &now)) {
			inside = by_watched(line);
			start = now;
		} else if (inside && parse_time(line, " irq_enable:", &now)) {
			longest.nr++;
			if (now - start > longest.max)
				longest.max = now - start;
			inside = false;
		}
	}
	fclose(file);	/* read only: nothing can be lost */
	return longest;
}

static void set_up(void)
{
	if (access(TRACING "/events/preemptirq/enable", F_OK))
		die(EXIT_CANNOT_RUN, "the kernel has no events for interrupts off and on: tools/vm --kernel ours+irqsoff");
	if (!instr_is_exact())
		die(EXIT_CANNOT_RUN, "the clock does not count instructions: tools/vm --icount");
	write_file(TRACING "/trace_clock", "x86-tsc");
	write_file(TRACING "/buffer_size_kb", "16384");
}

/* What the mermap itself counts; 0 where nothing shows it */
static u64 visits_counted(void)
{
	FILE *file = fopen(STATE, "re");
	unsigned long long nr = 0;
	char line[128];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "mermap_visits %llu", &nr) == 1)
			break;
	fclose(file);	/* read only: nothing can be lost */
	return nr;
}

static void check(const char *what, struct longest longest, u64 nr_min, u64 nr_counted)
{
	ktap_note("%s: %llu visits, the longest %llu instructions; %llu counted, at least %llu",
		  what, (unsigned long long)longest.nr, (unsigned long long)longest.max,
		  (unsigned long long)nr_counted, (unsigned long long)nr_min);
	ktap_ok(longest.nr >= nr_min && longest.max <= MAX_INSTRUCTIONS &&
		(!kfile_exists(STATE) || longest.nr == nr_counted), "%s", what);
}

/* @work returns how many visits there must have been at least. */
static void measure(const char *what, u64 (*work)(int arg), int arg)
{
	u64 nr_counted, nr_min;

	clear_trace();
	nr_counted = visits_counted();
	trace(true);
	nr_min = work(arg);
	trace(false);
	nr_counted = visits_counted() - nr_counted;
	check(what, read_trace(), nr_min, nr_counted);
}

static u64 nr_visits(u64 nr_pages)
{
	return (nr_pages + VISIT_PAGES - 1) / VISIT_PAGES;
}

static struct area take(size_t size)
{
	struct area area = secret_area(size);

	for (size_t i = 0; i < area_nr_pages(&area); i++)
		*area_page(&area, i) = 1;
	return area;
}

static u64 drop_secret(int nr_pages)
{
	struct area area = take((size_t)nr_pages * PAGE_SIZE);

	area_destroy(&area);
	return nr_visits((u64)nr_pages);
}

/* Pages of blocks that are in use sparsely move together. */
static u64 migrate(int nr_steps)
{
	struct area kept[NR_STEPS];
	long nr_moved;

	for (int i = 0; i < nr_steps; i++) {
		struct area dropped;

		kept[i] = take(PAGE_SIZE);
		dropped = take(BLOCK_BYTES - PAGE_SIZE);
		area_destroy(&dropped);
	}
	nr_moved = vmstat_read("unmapped_migrate");
	write_file("/proc/sys/vm/compact_memory", "1");
	nr_moved = vmstat_read("unmapped_migrate") - nr_moved;
	for (int i = 0; i < nr_steps; i++)
		area_destroy(&kept[i]);
	ktap_note("%ld pages moved", nr_moved);
	/* If none did it shall be missed. */
	return nr_moved > 0 ? (u64)nr_moved : UINT64_MAX;
}

static void hold(int order)
{
	char command[32];

	snprintf(command, sizeof(command), "%d %d", NR_HELD, order);
	write_file(HOLD, command);
}

/* The kernel writes to each page, and reads it twice. */
static u64 hold_and_look(int order)
{
	char line[128];

	hold(order);
	kfile_first_line(HOLD, line, sizeof(line));
	return 3ULL * NR_HELD << order;
}

static u64 hold_and_free(int order)
{
	hold(order);
	write_file(HOLD, "free");
	/* It wrote to each page, and has cleared them. */
	return (NR_HELD << order) + nr_visits(NR_HELD << order);
}

static u64 hold_and_free_irqs_off(int order)
{
	hold(order);
	write_file(HOLD, "irqsoff");
	/* The worker has to have been there. */
	write_file("/proc/sys/vm/unmapped_alloc", "0");
	write_file("/proc/sys/vm/unmapped_alloc", "1");
	return (NR_HELD << order) + nr_visits(NR_HELD << order);
}

static void measure_secrets(void)
{
	measure("a secret is dropped", drop_secret, NR_PAGES);
	write_file(FOLIO_SWITCH, "never");
	measure("single pages are dropped", drop_secret, NR_PAGES);
	write_file(FOLIO_SWITCH, "always");
	measure("sparse secrets move", migrate, NR_STEPS);
}

/*
 * Few pages are cleared at once also for who has interrupts off, and that is all of
 * that caller's time here. Visits within it turn nothing off and are not seen.
 */
static void measure_holder(const char *what, int order)
{
	struct longest longest;

	watched = holders;
	nr_watched = ARRAY_SIZE(holders);
	clear_trace();
	trace(true);
	hold_and_free_irqs_off(order);
	trace(false);
	longest = read_trace();
	watched = visitors;
	nr_watched = ARRAY_SIZE(visitors);
	ktap_note("%s: %llu times, the longest %llu instructions", what,
		  (unsigned long long)longest.nr, (unsigned long long)longest.max);
	ktap_ok(longest.nr == NR_HELD && longest.max <= MAX_INSTRUCTIONS, "%s", what);
}

static void measure_held(int order, bool irqs_off)
{
	char what[64];

	snprintf(what, sizeof(what), "order %d is freed%s", order,
		 irqs_off ? " with interrupts off" : "");
	if (!kfile_exists(HOLD))
		ktap_skip("needs CONFIG_DEBUG_PAGE_ALLOC_UNMAPPED", "%s", what);
	else if (irqs_off && order < DEFER_ORDER)
		measure_holder(what, order);
	else
		measure(what, irqs_off ? hold_and_free_irqs_off : hold_and_free, order);
}

int main(void)
{
	static const int orders[] = { 0, 3, 4, 9, 10 };

	set_up();
	ktap_plan(4 + 2 * ARRAY_SIZE(orders));
	measure_secrets();
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		measure_held(orders[i], false);
		measure_held(orders[i], true);
	}
	if (kfile_exists(HOLD)) {
		measure("held pages are written and read", hold_and_look, 2);
		write_file(HOLD, "free");
	} else {
		ktap_skip("needs CONFIG_DEBUG_PAGE_ALLOC_UNMAPPED",
			  "held pages are written and read");
	}
	return ktap_finish();
}
