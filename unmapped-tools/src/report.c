// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "report.h"

/* --- one line a moment: a table of columns makes help, header and lines */

enum column_kind { COLUMN_AMOUNT, COLUMN_RATE, COLUMN_COUNT };

struct column {
	const char *name;
	int width, wide;
	enum column_kind kind;
	const char *counter;	/* of a rate */
	struct amount (*get)(const struct snapshot *snapshot);
	const char *help;
};

static struct amount get_free(const struct snapshot *snapshot)
{
	return snapshot->memory.free;
}

static struct amount get_direct_4k(const struct snapshot *snapshot)
{
	return snapshot->memory.direct_4k;
}

static struct amount get_holders(const struct snapshot *snapshot)
{
	return (struct amount) { true, snapshot->holders.nr };
}

static const struct column columns[] = {
	{ "free", 9, 14, COLUMN_AMOUNT, NULL, get_free, "free memory" },
	{ "secret", 8, 14, COLUMN_AMOUNT, NULL, snapshot_secret_kb, "secret memory in use" },
	{ "ufree", 8, 14, COLUMN_AMOUNT, NULL, snapshot_free_unmapped_kb,
	  "free memory in unmapped blocks, part of free" },
	{ "dm4k", 8, 14, COLUMN_AMOUNT, NULL, get_direct_4k,
	  "what the direct map maps by 4 KiB" },
	{ "flip", 6, 10, COLUMN_RATE, "unmapped_flip", NULL, "blocks unmapped, a second" },
	{ "back", 6, 10, COLUMN_RATE, "unmapped_take_back", NULL,
	  "blocks mapped back, a second" },
	{ "evac", 6, 10, COLUMN_RATE, "unmapped_evacuate", NULL,
	  "blocks emptied by moving pages, a second" },
	{ "fall", 6, 10, COLUMN_RATE, "unmapped_fallback", NULL,
	  "pages that the fallback unmapped, a second" },
	{ "flush", 6, 10, COLUMN_RATE, "unmapped_flush", NULL,
	  "TLB flushes for flips, a second" },
	{ "proc", 5, 8, COLUMN_COUNT, NULL, get_holders, "processes that hold secret memory" },
};

static int width_of(const struct column *column, const struct options *opt)
{
	return opt->wide ? column->wide : column->width;
}

void report_header(struct string *out, const struct options *opt)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		string_add(out, "%s%*s", i ? " " : "", width_of(&columns[i], opt),
			   columns[i].name);
	string_add(out, "%s\n", opt->timestamp ? "           timestamp" : "");
}

static void add_cell(struct string *out, const struct column *column,
		     const struct snapshot *snapshot, const struct snapshot *before,
		     const struct options *opt)
{
	int width = width_of(column, opt);
	char buffer[AMOUNT_LENGTH];
	struct rate rate;

	switch (column->kind) {
	case COLUMN_AMOUNT:
		string_add(out, "%*s", width, amount_text(buffer, opt, column->get(snapshot)));
		break;
	case COLUMN_COUNT:
		string_add(out, "%*lu", width, column->get(snapshot).value);
		break;
	case COLUMN_RATE:
		rate = snapshot_rate(snapshot, before,
				     counters_find(&snapshot->counters, column->counter));
		if (rate.known)
			string_add(out, "%*.0f", width, rate.value);
		else
			string_add(out, "%*s", width, "-");
	}
}

void report_line(struct string *out, const struct snapshot *snapshot,
		 const struct snapshot *before, const struct options *opt)
{
	char when[32] = "";
	struct tm tm;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		string_add(out, "%s", i ? " " : "");
		add_cell(out, &columns[i], snapshot, before, opt);
	}
	if (opt->timestamp && localtime_r(&snapshot->when, &tm))
		strftime(when, sizeof(when), " %F %T", &tm);
	string_add(out, "%s\n", when);
}

void report_help(struct string *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		string_add(out, "  %-7s %s\n", columns[i].name, columns[i].help);
}

/* --- key=value */

static void add_amount(struct string *out, const char *key, struct amount amount)
{
	if (amount.known)
		string_add(out, "%s=%lu\n", key, amount.value);
}

static void add_memory(struct string *out, const struct snapshot *snapshot)
{
	const struct meminfo *memory = &snapshot->memory;

	add_amount(out, "mem_total_kb", memory->total);
	add_amount(out, "mem_free_kb", memory->free);
	add_amount(out, "mem_available_kb", memory->available);
	add_amount(out, "secret_kb", snapshot_secret_kb(snapshot));
	add_amount(out, "free_unmapped_kb", snapshot_free_unmapped_kb(snapshot));
	add_amount(out, "direct_map_4k_kb", memory->direct_4k);
	add_amount(out, "direct_map_2m_kb", memory->direct_2m);
	add_amount(out, "direct_map_1g_kb", memory->direct_1g);
}

static void add_pages(struct string *out, const struct zone *zone, const char *key,
		      struct amount pages)
{
	if (pages.known)
		string_add(out, "zone_%lu_%s_%s_kb=%lu\n", zone->node, zone->name, key,
			   pages.value * PAGE_KB);
}

static void add_zones(struct string *out, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->zones.nr; i++) {
		const struct zone *zone = &snapshot->zones.list[i];

		add_pages(out, zone, "total", zone->managed);
		add_pages(out, zone, "free", zone->free);
		add_pages(out, zone, "free_unmapped", zone->free_unmapped);
		if (zone->unmapped_blocks.known)
			string_add(out, "zone_%lu_%s_unmapped_blocks=%lu\n", zone->node,
				   zone->name, zone->unmapped_blocks.value);
	}
}

static void add_holders(struct string *out, const struct snapshot *snapshot)
{
	const struct holders *holders = &snapshot->holders;

	string_add(out, "holders=%zu\nprocesses_hidden=%lu\n", holders->nr, holders->nr_hidden);
	for (size_t i = 0; i < holders->nr; i++) {
		const struct holder *holder = &holders->list[i];

		string_add(out, "holder_%lu_name=%s\n", holder->pid, holder->name);
		if (holder->user.known)
			string_add(out, "holder_%lu_uid=%lu\n", holder->pid,
				   holder->user.value);
		if (holder->resident.known)
			string_add(out, "holder_%lu_resident_kb=%lu\n", holder->pid,
				   holder->resident.value);
		string_add(out, "holder_%lu_mapped_kb=%lu\n", holder->pid, holder->mapped);
		string_add(out, "holder_%lu_files=%lu\n", holder->pid, holder->nr_files);
	}
}

void report_kv(struct string *out, struct snapshot *snapshot, const struct options *opt)
{
	holders_sort(&snapshot->holders, opt->order);
	string_add(out, "version=%s\n", TOOLS_VERSION);
	if (opt->timestamp)
		string_add(out, "time=%ld\n", (long)snapshot->when);
	string_add(out, "kernel=%s\nhas_unmapped=%d\n", snapshot->kernel, snapshot->has_unmapped);
	add_memory(out, snapshot);
	add_zones(out, snapshot);
	for (size_t i = 0; i < snapshot->counters.nr; i++)
		string_add(out, "%s=%lu\n", snapshot->counters.list[i].name,
			   snapshot->counters.list[i].value);
	for (size_t i = 0; i < snapshot->nr_settings; i++)
		string_add(out, "setting_%s=%s\n", snapshot->settings[i].name,
			   snapshot->settings[i].value);
	add_holders(out, snapshot);
	for (size_t i = 0; i < snapshot->nr_missing; i++)
		string_add(out, "not_shown=%s\n", snapshot->missing[i]);
}
