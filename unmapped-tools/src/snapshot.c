// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kfile.h"
#include "snapshot.h"

#define NR_SETTINGS_MAX	100

static void __attribute__((format(printf, 2, 3)))
add_missing(struct snapshot *snapshot, const char *fmt, ...)
{
	char line[sizeof(*snapshot->missing)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	snapshot->missing = xrealloc(snapshot->missing, snapshot->nr_missing + 1, sizeof(line));
	copy_printable(snapshot->missing[snapshot->nr_missing++], line, sizeof(line));
}

static void add_setting(struct snapshot *snapshot, const char *name, const char *path)
{
	struct setting setting;

	if (snapshot->nr_settings == NR_SETTINGS_MAX ||
	    !kfile_read_line(path, setting.value, sizeof(setting.value)))
		return;
	copy_printable(setting.name, name, sizeof(setting.name));
	snapshot->settings = xrealloc(snapshot->settings, snapshot->nr_settings + 1,
				      sizeof(setting));
	snapshot->settings[snapshot->nr_settings++] = setting;
}

static int compare_settings(const void *a, const void *b)
{
	return strcmp(((const struct setting *)a)->name, ((const struct setting *)b)->name);
}

static void read_settings(struct snapshot *snapshot)
{
	DIR *dir = kfile_opendir("/proc/sys/vm");
	char path[512];

	add_setting(snapshot, "secretmem_enable", "/sys/module/secretmem/parameters/enable");
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (strncmp(entry->d_name, "unmapped_", 9) &&
		    strncmp(entry->d_name, "secretmem_", 10))
			continue;
		snprintf(path, sizeof(path), "/proc/sys/vm/%s", entry->d_name);
		add_setting(snapshot, entry->d_name, path);
	}
	if (dir)
		closedir(dir);
	if (snapshot->nr_settings)
		qsort(snapshot->settings, snapshot->nr_settings, sizeof(*snapshot->settings),
		      compare_settings);
}

static void read_clocks(struct snapshot *snapshot)
{
	struct timespec now;

	snapshot->when = time(NULL);
	clock_gettime(CLOCK_MONOTONIC, &now);	/* cannot fail with this clock */
	snapshot->when_ns = (u64)now.tv_sec * 1000000000 + (u64)now.tv_nsec;
}

/* One line for a kernel that lacks the feature, or is older than this program. */
static void note_kernel(struct snapshot *snapshot)
{
	if (!snapshot->has_unmapped)
		add_missing(snapshot, "unmapped blocks: this kernel has none "
			    "(secrets leave the direct map page by page)");
	else if (!snapshot->counters.nr_secretmem.known && !snapshot->memory.secret.known)
		add_missing(snapshot, "the kernel's own count of secret memory: "
			    "this kernel has none, the holders' is shown");
}

static void note_hidden(struct snapshot *snapshot)
{
	const struct holders *holders = &snapshot->holders;

	if (holders->nr_hidden)
		add_missing(snapshot, "holders among %lu of %lu processes, which "
			    "we may not look into",
			    holders->nr_hidden, holders->nr_seen);
}

void snapshot_take(struct snapshot *snapshot)
{
	memset(snapshot, 0, sizeof(*snapshot));
	if (!meminfo_read(&snapshot->memory))
		die(EXIT_CANNOT, "cannot read /proc/meminfo: %s", strerror(errno));
	read_clocks(snapshot);
	if (!kfile_read_line("/proc/sys/kernel/osrelease", snapshot->kernel,
			     sizeof(snapshot->kernel)))
		copy_printable(snapshot->kernel, "unknown", sizeof(snapshot->kernel));
	if (!zones_read(&snapshot->zones))
		add_missing(snapshot, "zones: cannot read /proc/zoneinfo: %s", strerror(errno));
	if (!counters_read(&snapshot->counters))
		add_missing(snapshot, "counters: cannot read /proc/vmstat: %s", strerror(errno));
	if (!holders_read(&snapshot->holders))
		add_missing(snapshot, "holders: cannot read /proc: %s", strerror(errno));
	read_settings(snapshot);
	snapshot->has_unmapped = snapshot->counters.nr_free_unmapped.known;
	note_kernel(snapshot);
	note_hidden(snapshot);
}

void snapshot_free(struct snapshot *snapshot)
{
	zones_free(&snapshot->zones);
	counters_free(&snapshot->counters);
	holders_free(&snapshot->holders);
	free(snapshot->settings);
	free(snapshot->missing);
	memset(snapshot, 0, sizeof(*snapshot));
}

struct amount snapshot_secret_kb(const struct snapshot *snapshot)
{
	const struct holders *holders = &snapshot->holders;
	struct amount sum = { true, 0 };

	if (snapshot->memory.secret.known)
		return snapshot->memory.secret;
	if (snapshot->counters.nr_secretmem.known)
		return (struct amount) {
			true, snapshot->counters.nr_secretmem.value * PAGE_KB
		};
	for (size_t i = 0; i < holders->nr; i++)
		sum.value += holders->list[i].resident.value;
	sum.known = !holders->nr_hidden;
	return sum;
}

struct amount snapshot_free_unmapped_kb(const struct snapshot *snapshot)
{
	const struct amount *pages = &snapshot->counters.nr_free_unmapped;

	return (struct amount) { pages->known, pages->value * PAGE_KB };
}

struct rate snapshot_rate(const struct snapshot *snapshot, const struct snapshot *before,
			  const struct counter *now)
{
	const struct counter *then;

	if (!before || !now || snapshot->when_ns <= before->when_ns)
		return (struct rate) { };
	then = counters_find(&before->counters, now->name);
	if (!then || then->value > now->value)
		return (struct rate) { };
	return (struct rate) {
		true, (double)(now->value - then->value) * 1e9 /
		      (double)(snapshot->when_ns - before->when_ns)
	};
}
