// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "kfile.h"
#include "view.h"

#define USER_LENGTH	32

static void add_title(struct view *view, const struct snapshot *snapshot,
		      const struct options *opt)
{
	char when[32] = "";
	struct tm tm;

	if (opt->timestamp && localtime_r(&snapshot->when, &tm))
		strftime(when, sizeof(when), " - %F %T", &tm);
	string_add(&view->text, "unmappedtop%s - kernel %s - unit %s\n", when, snapshot->kernel,
		   opt->unit == 'k' ? "1000 bytes" : opt->unit == 'K' ? "KiB" :
		   opt->unit == 'm' ? "1000000 bytes" : "MiB");
}

static void add_amount(struct view *view, const struct options *opt, const char *name,
		       struct amount kb)
{
	char buffer[AMOUNT_LENGTH];

	string_add(&view->text, " %11s %s,", amount_text(buffer, opt, kb), name);
}

/* The comma behind the last amount becomes the end of the line. */
static void end_amounts(struct view *view)
{
	view->text.text[view->text.length - 1] = '\n';
}

static void add_summary(struct view *view, const struct snapshot *snapshot,
			const struct options *opt)
{
	const struct meminfo *memory = &snapshot->memory;

	string_add(&view->text, "Memory    :");
	add_amount(view, opt, "total", memory->total);
	add_amount(view, opt, "free", memory->free);
	add_amount(view, opt, "available", memory->available);
	end_amounts(view);
	string_add(&view->text, "Secret    :");
	add_amount(view, opt, "in use", snapshot_secret_kb(snapshot));
	add_amount(view, opt, "free and unmapped", snapshot_free_unmapped_kb(snapshot));
	end_amounts(view);
	string_add(&view->text, "Direct map:");
	add_amount(view, opt, "by 4 KiB", memory->direct_4k);
	add_amount(view, opt, "by 2 MiB", memory->direct_2m);
	add_amount(view, opt, "by 1 GiB", memory->direct_1g);
	end_amounts(view);
}

static void add_settings(struct view *view, const struct snapshot *snapshot)
{
	if (!snapshot->nr_settings)
		return;
	string_add(&view->text, "Settings  :");
	for (size_t i = 0; i < snapshot->nr_settings; i++)
		string_add(&view->text, " %s=%s", snapshot->settings[i].name,
			   snapshot->settings[i].value);
	string_add(&view->text, "\n");
}

static struct amount pages_kb(struct amount pages)
{
	pages.value *= PAGE_KB;
	return pages;
}

static struct amount difference(struct amount a, struct amount b)
{
	return (struct amount) {
		a.known && b.known, a.value > b.value ? a.value - b.value : 0
	};
}

static void add_zone(struct view *view, const struct zone *zone, const struct options *opt)
{
	struct amount used = difference(zone->managed, zone->free);
	struct amount free_mapped = zone->free;
	char buffer[AMOUNT_LENGTH];

	if (zone->free_unmapped.known)
		free_mapped = difference(zone->free, zone->free_unmapped);
	string_add(&view->text, "%4lu %-8s %11s", zone->node, zone->name,
		   amount_text(buffer, opt, pages_kb(zone->managed)));
	string_add(&view->text, " %11s", amount_text(buffer, opt, pages_kb(used)));
	string_add(&view->text, " %11s", amount_text(buffer, opt, pages_kb(free_mapped)));
	string_add(&view->text, " %13s",
		   amount_text(buffer, opt, pages_kb(zone->free_unmapped)));
	if (zone->unmapped_blocks.known)
		string_add(&view->text, " %15lu\n", zone->unmapped_blocks.value);
	else
		string_add(&view->text, " %15s\n", "-");
}

static void add_zones(struct view *view, const struct snapshot *snapshot,
		      const struct options *opt)
{
	string_add(&view->text, "\n%4s %-8s %11s %11s %11s %13s %15s\n", "NODE", "ZONE", "TOTAL",
		   "USED", "FREE-MAPPED", "FREE-UNMAPPED", "UNMAPPED-BLOCKS");
	for (size_t i = 0; i < snapshot->zones.nr; i++)
		add_zone(view, &snapshot->zones.list[i], opt);
}

static void add_counter(struct view *view, const struct snapshot *snapshot,
			const struct snapshot *before, const struct counter *counter)
{
	struct rate rate = snapshot_rate(snapshot, before, counter);

	string_add(&view->text, "%-28s %10lu", counter->name, counter->value);
	if (rate.known)
		string_add(&view->text, " %8.1f/s", rate.value);
	else
		string_add(&view->text, " %8s/s", "-");
}

/*
 * The holders have to stay in sight: what was never counted is left out, and there
 * are two in a line where the terminal has room for it.
 */
static void add_counters(struct view *view, const struct snapshot *snapshot,
			 const struct snapshot *before, const struct options *opt)
{
	const struct counters *counters = &snapshot->counters;
	size_t columns = opt->wide || opt->two_columns ? 2 : 1, nr_shown = 0;

	for (size_t i = 0; i < counters->nr; i++) {
		if (!counters->list[i].value && !opt->wide)
			continue;
		string_add(&view->text, nr_shown++ % columns ? "   " : "\n");
		add_counter(view, snapshot, before, &counters->list[i]);
	}
	if (nr_shown)
		string_add(&view->text, "\n");
	if (nr_shown < counters->nr)
		string_add(&view->text, "%s%zu other counter%s 0\n", nr_shown ? "" : "\n",
			   counters->nr - nr_shown,
			   counters->nr - nr_shown == 1 ? " is" : "s are");
}

static const char *user_name(char *buffer, struct amount uid)
{
	const struct passwd *user = NULL;

	if (!uid.known)
		return "?";
	if (kfile_is_live())	/* another machine's users are not ours */
		user = getpwuid((uid_t)uid.value);
	if (user)
		copy_printable(buffer, user->pw_name, USER_LENGTH);
	else
		snprintf(buffer, USER_LENGTH, "%lu", uid.value);
	return buffer;
}

static void add_holders(struct view *view, const struct snapshot *snapshot,
			const struct options *opt)
{
	char buffer[AMOUNT_LENGTH], user[USER_LENGTH];

	string_add(&view->text, "\n%8s %-10s %11s %11s %6s %s\n", "PID", "USER", "RESIDENT",
		   "MAPPED", "FILES", "NAME");
	for (size_t i = 0; i < snapshot->holders.nr; i++) {
		const struct holder *holder = &snapshot->holders.list[i];
		struct amount mapped = { true, holder->mapped };

		string_add(&view->text, "%8lu %-10.10s %11s", holder->pid,
			   user_name(user, holder->user),
			   amount_text(buffer, opt, holder->resident));
		string_add(&view->text, " %11s %6lu %s\n", amount_text(buffer, opt, mapped),
			   holder->nr_files, holder->name);
	}
	if (!snapshot->holders.nr)
		string_add(&view->text, "%8s no process that can be seen holds secret memory\n",
			   "-");
}

static void add_missing(struct view *view, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->nr_missing; i++)
		string_add(&view->text, "not shown : %s\n", snapshot->missing[i]);
}

static size_t count_lines(const struct string *text)
{
	size_t nr = 0;

	for (size_t i = 0; i < text->length; i++)
		nr += text->text[i] == '\n';
	return nr;
}

void view_build(struct view *view, struct snapshot *snapshot, const struct snapshot *before,
		const struct options *opt)
{
	memset(view, 0, sizeof(*view));
	holders_sort(&snapshot->holders, opt->order);
	add_title(view, snapshot, opt);
	add_summary(view, snapshot, opt);
	add_settings(view, snapshot);
	add_missing(view, snapshot);
	add_zones(view, snapshot, opt);
	add_counters(view, snapshot, before, opt);
	view->header_line = count_lines(&view->text) + 1;
	add_holders(view, snapshot, opt);
	view->nr_lines = count_lines(&view->text);
}

void view_free(struct view *view)
{
	string_free(&view->text);
}
