// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a load cost the rest of the system.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"
#include "toll.h"

#define REST_US		200000
#define REST_TRIES	50

/* Shown as @name: the sum of all lines of /proc/vmstat that begin with @line. */
static const struct counter {
	const char *name;
	const char *line;
	bool is_prefix;
} counters[] = {
	{ "pgsteal", "pgsteal_kswapd", false },
	{ "pgsteal", "pgsteal_direct", false },
	{ "pgsteal", "pgsteal_khugepaged", false },
	{ "pgsteal_direct", "pgsteal_direct", false },
	{ "pgscan", "pgscan_kswapd", false },
	{ "pgscan", "pgscan_direct", false },
	{ "pgscan", "pgscan_khugepaged", false },
	{ "allocstall", "allocstall_", true },
	{ "compact_stall", "compact_stall", false },
	{ "pgmigrate_success", "pgmigrate_success", false },
	{ "refault_file", "workingset_refault_file", false },
	{ "refault_anon", "workingset_refault_anon", false },
	{ "pswpout", "pswpout", false },
	{ "thp_fault_alloc", "thp_fault_alloc", false },
	{ "thp_fault_fallback", "thp_fault_fallback", false },
	{ "unmapped_flip", "unmapped_flip", false },
	{ "unmapped_take_back", "unmapped_take_back", false },
	{ "unmapped_flush", "unmapped_flush", false },
	{ "unmapped_kswapd_wait", "unmapped_kswapd_wait", false },
	{ "unmapped_fallback", "unmapped_fallback", false },
	{ "unmapped_evacuate", "unmapped_evacuate", false },
	{ "unmapped_evacuate_fail", "unmapped_evacuate_fail", false },
	{ "oom_kill", "oom_kill", false },
};

_Static_assert(ARRAY_SIZE(counters) <= TOLL_MAX, "TOLL_MAX is too small");

static bool is_line_of(const struct counter *counter, const char *line)
{
	size_t len = strlen(counter->line);

	return !strncmp(line, counter->line, len) &&
	       (counter->is_prefix || line[len] == ' ');
}

static void read_all(long *values)
{
	FILE *file = fopen("/proc/vmstat", "re");
	char line[128];

	if (!file)
		die_errno("/proc/vmstat");
	memset(values, 0, TOLL_MAX * sizeof(*values));
	while (fgets(line, sizeof(line), file))
		for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
			if (is_line_of(&counters[i], line))
				values[i] += strtol(strchr(line, ' '), NULL, 10);
	fclose(file);	/* read only: nothing can be lost */
}

void toll_begin(struct toll *toll)
{
	read_all(toll->before);
}

void toll_end(struct toll *toll)
{
	long last;

	read_all(toll->after);
	for (int i = 0; i < REST_TRIES; i++) {
		last = toll_of(toll, "pgscan");
		usleep(REST_US);
		read_all(toll->after);
		if (toll_of(toll, "pgscan") == last)
			break;
	}
}

long toll_of(const struct toll *toll, const char *name)
{
	bool found = false;
	long sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		if (strcmp(counters[i].name, name))
			continue;
		sum += toll->after[i] - toll->before[i];
		found = true;
	}
	if (!found)
		die(EXIT_USAGE, "no counter %s in toll.c", name);
	return sum;
}

void toll_note(const struct toll *toll, const char *prefix)
{
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		if (!i || strcmp(counters[i].name, counters[i - 1].name))
			ktap_note("%s.%s=%ld", prefix, counters[i].name,
				  toll_of(toll, counters[i].name));
}
