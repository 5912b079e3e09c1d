// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel prints of memory when it is used up, or when sysrq asks for it,
 * says how much secrets hold on each node, and how much of a zone's free memory
 * stands unmapped; and the numbers are those of /proc.
 *
 * Guards against: numbers in the wrong unit or of the wrong zone, and a report that
 * calls memory free and does not say that it is unmapped.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "kmsg.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"

#define SYSRQ		"/proc/sysrq-trigger"
#define SCORE		"/proc/self/oom_score_adj"
#define RETURN_SWITCH	"/proc/sys/vm/unmapped_return_seconds"
#define SIZE		(16 * MIB)
#define SIZE_KB		((long)(SIZE / KIB))

/* A report, summed up over nodes and zones, in kB */
struct report {
	int nr_nodes, nr_zones, nr_lists;
	long secret_kb, free_unmapped_kb;
	int nr_wrong;		/* lines whose numbers contradict each other */
};

/* The number behind " NAME:" in a line; -1 where there is none. */
static long field(const char *line, const char *name)
{
	char word[32];
	const char *at;

	snprintf(word, sizeof(word), " %s:", name);
	at = strstr(line, word);
	return at ? strtol(at + strlen(word), NULL, 10) : -1;
}

static void contradicts(struct report *report, const char *line)
{
	ktap_note("contradicts itself: %s", line);
	report->nr_wrong++;
}

/* "Node 0 active_anon:0kB ... secretmem:16384kB all_unreclaimable? no" */
static void note_node(struct report *report, const char *line)
{
	report->nr_nodes++;
	report->secret_kb += field(line, "secretmem");
	if (field(line, "secretmem") < 0 ||
	    field(line, "secretmem") > field(line, "unevictable"))
		contradicts(report, line);
}

/* "Node 0 DMA32 free:1945440kB ... managed:2029688kB ... free_unmapped:1024kB" */
static void note_zone(struct report *report, const char *line)
{
	long kb = field(line, "free_unmapped");

	report->nr_zones++;
	report->free_unmapped_kb += kb;
	if (kb < 0 || kb > field(line, "free") || field(line, "free") > field(line, "managed"))
		contradicts(report, line);
}

/* "Node 0 DMA32: 3*4kB (UM) 1*8kB (U) ... 475*4096kB (M) = 1945440kB" */
static void note_lists(struct report *report, const char *line)
{
	long nr, kb, total = 0;
	const char *at;

	report->nr_lists++;
	for (at = line; (at = strchr(at, '*')); at++) {
		const char *start = at;

		while (start > line && start[-1] >= '0' && start[-1] <= '9')
			start--;
		if (sscanf(start, "%ld*%ldkB", &nr, &kb) == 2)
			total += nr * kb;
	}
	at = strstr(line, "= ");
	if (!at || strtol(at + 2, NULL, 10) != total)
		contradicts(report, line);
}

static void read_report(int fd, struct report *report)
{
	char record[KMSG_BYTES], *line;

	memset(report, 0, sizeof(*report));
	while (kmsg_more(fd)) {
		kmsg_read(fd, record);
		line = strchr(record, ';');
		if (!line || strncmp(++line, "Node ", 5))
			continue;
		if (strstr(line, " all_unreclaimable? "))
			note_node(report, line);
		else if (strstr(line, " free:"))
			note_zone(report, line);
		else if (strstr(line, "*4kB "))
			note_lists(report, line);
	}
	close(fd);	/* read only: nothing can be lost */
}

/* A counter of /proc/vmstat in kB, once all CPUs have added what they know of. */
static long counter_kb(const char *name)
{
	write_file("/proc/sys/vm/stat_refresh", "1");
	return vmstat_read(name) * (long)(PAGE_SIZE / KIB);
}

static void ask(struct report *report, const char *when, long secret_kb)
{
	long held_kb, free_kb;
	int fd;

	drain_lru_batches();
	held_kb = counter_kb("nr_secretmem");
	free_kb = counter_kb("nr_free_unmapped_pages");
	fd = kmsg_open(true);
	write_file(SYSRQ, "m");
	read_report(fd, report);
	ktap_ok(report->nr_nodes > 0 && report->nr_zones > 0 &&
		report->nr_lists == report->nr_zones && !report->nr_wrong,
		"%s: %d nodes and %d zones agree with themselves", when,
		report->nr_nodes, report->nr_zones);
	ktap_ok(report->secret_kb == held_kb && held_kb == secret_kb,
		"%s: %ld kB held, nr_secretmem %ld, taken %ld", when,
		report->secret_kb, held_kb, secret_kb);
	ktap_ok(report->free_unmapped_kb == free_kb,
		"%s: %ld kB free and unmapped, nr_free_unmapped_pages %ld", when,
		report->free_unmapped_kb, free_kb);
}

static void take(struct area *area)
{
	*area = secret_area(SIZE);
	mark_fill_pages(area->start, area_nr_pages(area), 1);
}

/* A child that is killed when memory is said to be used up holds what is reported. */
static void test_killer(void)
{
	int fd = kmsg_open(true);
	struct report report;
	struct area area;
	char ready;
	pid_t pid;
	int ends[2], status;

	if (pipe(ends))
		die_errno("pipe");
	pid = fork_child();
	if (!pid) {
		write_file(SCORE, "1000");
		take(&area);
		if (write(ends[1], "", 1) != 1)
			die_errno("write");
		for (;;)
			pause();
	}
	if (read(ends[0], &ready, 1) != 1)
		die_errno("read");
	/* What each CPU keeps to itself is not in the report */
	counter_kb("nr_secretmem");
	write_file(SYSRQ, "f");
	status = wait_child(pid);
	read_report(fd, &report);
	ktap_ok(child_killed_by(status, SIGKILL), "whoever is to be killed is");
	ktap_ok(report.nr_nodes > 0 && !report.nr_wrong && report.secret_kb == SIZE_KB,
		"killed: %ld kB held of %ld", report.secret_kb, SIZE_KB);
}

int main(void)
{
	struct report before, during, after;
	struct area area;

	ktap_plan(13);
	write_file(RETURN_SWITCH, "0");
	ask(&before, "none held", 0);
	take(&area);
	ask(&during, "held", SIZE_KB);
	area_destroy(&area);
	ask(&after, "dropped", 0);
	ktap_ok(after.free_unmapped_kb - during.free_unmapped_kb == SIZE_KB,
		"what was dropped, %ld kB, stands free and unmapped",
		after.free_unmapped_kb - during.free_unmapped_kb);
	/* Taken from blocks that were mapped: at most a part of a block was there */
	ktap_ok(after.free_unmapped_kb - before.free_unmapped_kb >= SIZE_KB,
		"before that it was not");
	test_killer();
	return ktap_finish();
}
