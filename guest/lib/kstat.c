// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters that the kernel shows in /proc.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kstat.h"

static FILE *open_or_die(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		die_errno("%s", path);
	return file;
}

/* The number after the first word of @path that equals @name. */
static long read_value(const char *path, const char *name)
{
	FILE *file = open_or_die(path);
	size_t len = strlen(name);
	long value = KSTAT_ABSENT;
	char line[256];

	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, len) || !strchr(": ", line[len]))
			continue;
		value = strtol(line + len + 1, NULL, 10);
		break;
	}
	fclose(file);	/* read only: nothing can be lost */
	return value;
}

long meminfo_kb(const char *name)
{
	long value = read_value("/proc/meminfo", name);

	return value == KSTAT_ABSENT ? 0 : value;
}

long vmstat_read(const char *name)
{
	return read_value("/proc/vmstat", name);
}

/* "BYTES CALLS FILE:LINE func:NAME"; a header comes first. */
long allocinfo_bytes(const char *name)
{
	char line[256], path[128], *end;
	long sum = 0, value;
	FILE *info;

	if (access("/proc/allocinfo", F_OK))
		return KSTAT_ABSENT;
	info = open_or_die("/proc/allocinfo");
	while (fgets(line, sizeof(line), info)) {
		if (sscanf(line, " %ld %*u %127[^:]:", &value, path) != 2)
			continue;
		end = strstr(path, name);
		if (end && !strcmp(end, name))
			sum += value;
	}
	fclose(info);	/* read only: nothing can be lost */
	return sum;
}

/* "nr_free_pages N" of each zone, "count: N" of each CPU in it. */
long free_pages_read(void)
{
	FILE *file = open_or_die("/proc/zoneinfo");
	char line[256];
	long sum = 0, value;

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " nr_free_pages %ld", &value) == 1 ||
		    sscanf(line, " count: %ld", &value) == 1)
			sum += value;
	fclose(file);	/* read only: nothing can be lost */
	return sum;
}

struct direct_map direct_map_read(void)
{
	return (struct direct_map) {
		.kb_1g = meminfo_kb("DirectMap1G"),
		.kb_2m = meminfo_kb("DirectMap2M"),
		.kb_4k = meminfo_kb("DirectMap4k"),
	};
}

/* The sum over all CPUs of one line of /proc/interrupts. */
static long sum_interrupts(const char *name)
{
	FILE *file = open_or_die("/proc/interrupts");
	char *line = NULL;
	size_t size = 0;
	long sum = 0;

	while (getline(&line, &size, file) > 0) {
		char *next = strstr(line, name);

		if (!next)
			continue;
		next += strlen(name);
		for (char *at = next; (strtol(at, &next, 10), next != at);
		     at = next)
			sum += strtol(at, NULL, 10);
		break;
	}
	free(line);
	fclose(file);	/* read only: nothing can be lost */
	return sum;
}

long kernel_ipis_read(void)
{
	return sum_interrupts("CAL:") - sum_interrupts("TLB:");
}
