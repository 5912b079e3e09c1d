// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long interrupts stay off in a visit of the mermap, by the events of the
 * IRQs-off tracer (kernels with config/irqsoff.config). Under tools/vm --icount
 * the times are instructions, those of the tracer itself included.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "instr.h"
#include "kfile.h"
#include "ktap.h"

#define TRACING		"/sys/kernel/debug/tracing"
#define HOLD		"/sys/kernel/debug/unmapped/hold"

/* Nobody is kept waiting for longer. */
#define MAX_INSTRUCTIONS	10000

/* What the mermap's functions are called, whatever of them got inlined */
static const char *const visitors[] = {
	"mermap_enter", "mermap_clear_pages", "mermap_copy_page",
	"mermap_copy_from", "mermap_copy_to", "clear_pages_visit", "clear_block",
};

struct longest {
	u64 nr;
	u64 max;	/* instructions */
};

static bool by_visitor(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(visitors); i++) {
		char word[64];

		snprintf(word, sizeof(word), "caller=%s+", visitors[i]);
		if (strstr(line, word))
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
			inside = by_visitor(line);
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

static struct longest measure(void (*work)(int arg), int arg)
{
	write_file(TRACING "/trace", "");
	trace(true);
	work(arg);
	trace(false);
	return read_trace();
}

static void drop_secret(int nr_pages)
{
	struct area area = secret_area((size_t)nr_pages * PAGE_SIZE);

	for (int i = 0; i < nr_pages; i++)
		*area_page(&area, (size_t)i) = 1;
	area_destroy(&area);
}

static void hold_and_free(int order)
{
	char command[32];

	snprintf(command, sizeof(command), "2 %d", order);
	write_file(HOLD, command);
	write_file(HOLD, "free");
}

static void hold_and_free_irqs_off(int order)
{
	char command[32];

	snprintf(command, sizeof(command), "2 %d", order);
	write_file(HOLD, command);
	write_file(HOLD, "irqsoff");
	/* The worker has to have been there. */
	write_file("/proc/sys/vm/unmapped_alloc", "0");
	write_file("/proc/sys/vm/unmapped_alloc", "1");
}

static void check(const char *what, struct longest longest)
{
	ktap_note("%s: %llu visits, the longest %llu instructions", what,
		  (unsigned long long)longest.nr, (unsigned long long)longest.max);
	ktap_ok(longest.nr && longest.max <= MAX_INSTRUCTIONS, "%s", what);
}

int main(void)
{
	static const int orders[] = { 4, 5, 9, 10 };
	bool hold = !access(HOLD, F_OK);
	char what[64];

	set_up();
	ktap_plan(1 + 2 * ARRAY_SIZE(orders));
	check("a secret is dropped", measure(drop_secret, 64));
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		for (int irqs_off = 0; irqs_off < 2; irqs_off++) {
			snprintf(what, sizeof(what), "order %d is freed%s", orders[i],
				 irqs_off ? " with interrupts off" : "");
			if (!hold)
				ktap_skip("needs CONFIG_DEBUG_PAGE_ALLOC_UNMAPPED", "%s", what);
			else if (irqs_off && orders[i] < 5)
				ktap_skip("the caller's own time counts", "%s", what);
			else
				check(what, measure(irqs_off ? hold_and_free_irqs_off :
						    hold_and_free, orders[i]));
		}
	}
	return ktap_finish();
}
