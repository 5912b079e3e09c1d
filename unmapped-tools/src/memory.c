// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "kfile.h"
#include "memory.h"

#define NR_ZONES_MAX	4096

static void take_amount(struct amount *amount, const char *word)
{
	if (word && parse_number(word, 10, &amount->value, NULL))
		amount->known = true;
}

bool meminfo_read(struct meminfo *info)
{
	const struct {
		const char *name;
		struct amount *amount;
	} table[] = {
		{ "MemTotal:", &info->total },
		{ "MemFree:", &info->free },
		{ "MemAvailable:", &info->available },
		{ "SecretMem:", &info->secret },
		{ "DirectMap4k:", &info->direct_4k },
		{ "DirectMap2M:", &info->direct_2m },
		{ "DirectMap1G:", &info->direct_1g },
	};
	struct kfile file;

	memset(info, 0, sizeof(*info));
	if (!kfile_read(&file, "/proc/meminfo"))
		return false;
	for (char *line; (line = kfile_line(&file));) {
		const char *name = next_word(&line);

		for (size_t i = 0; name && i < ARRAY_SIZE(table); i++)
			if (!strcmp(name, table[i].name))
				take_amount(table[i].amount, next_word(&line));
	}
	kfile_free(&file);
	return true;
}

/* "Node 0, zone   Normal": the zone that the next lines are about. */
static struct zone *take_zone(struct zones *zones, char *line)
{
	const char *end, *number, *name;
	struct zone zone = { };

	next_word(&line);	/* "Node" */
	number = next_word(&line);
	if (!number || !parse_number(number, 10, &zone.node, &end) || strcmp(end, ","))
		return NULL;
	name = next_word(&line);
	if (!name || strcmp(name, "zone"))
		return NULL;
	name = next_word(&line);
	if (!name || zones->nr == NR_ZONES_MAX)
		return NULL;
	copy_printable(zone.name, name, sizeof(zone.name));
	zones->list = xrealloc(zones->list, zones->nr + 1, sizeof(zone));
	zones->list[zones->nr] = zone;
	return &zones->list[zones->nr++];
}

static void take_zone_line(struct zone *zone, char *line)
{
	const char *name = next_word(&line);

	if (!name)
		return;
	if (!strcmp(name, "pages")) {	/* "pages free N" */
		name = next_word(&line);
		if (name && !strcmp(name, "free"))
			take_amount(&zone->free, next_word(&line));
	} else if (!strcmp(name, "managed")) {
		take_amount(&zone->managed, next_word(&line));
	} else if (!strcmp(name, "nr_free_unmapped_pages") || !strcmp(name, "nr_free_unmapped")) {
		take_amount(&zone->free_unmapped, next_word(&line));
	}
}

static void drop_empty_zones(struct zones *zones)
{
	size_t nr = 0;

	for (size_t i = 0; i < zones->nr; i++)
		if (zones->list[i].managed.known && zones->list[i].managed.value)
			zones->list[nr++] = zones->list[i];
	zones->nr = nr;
}

/* "node 0 zone Normal free_unmapped_pages 0 unmapped_blocks 12" */
static void take_state_line(struct zones *zones, char *line)
{
	const char *word[8];
	u64 node;

	for (size_t i = 0; i < ARRAY_SIZE(word); i++) {
		word[i] = next_word(&line);
		if (!word[i])
			return;
	}
	if (strcmp(word[0], "node") || !parse_number(word[1], 10, &node, NULL) ||
	    strcmp(word[2], "zone") || strcmp(word[6], "unmapped_blocks"))
		return;
	for (size_t i = 0; i < zones->nr; i++)
		if (zones->list[i].node == node && !strcmp(zones->list[i].name, word[3]))
			take_amount(&zones->list[i].unmapped_blocks, word[7]);
}

bool zones_read(struct zones *zones)
{
	struct zone *zone = NULL;
	struct kfile file;

	memset(zones, 0, sizeof(*zones));
	if (!kfile_read(&file, "/proc/zoneinfo"))
		return false;
	for (char *line; (line = kfile_line(&file));) {
		if (!strncmp(line, "Node ", 5))
			zone = take_zone(zones, line);
		else if (zone)
			take_zone_line(zone, line);
	}
	kfile_free(&file);
	drop_empty_zones(zones);
	if (!kfile_read(&file, "/sys/kernel/debug/unmapped/state"))
		return true;
	for (char *line; (line = kfile_line(&file));)
		take_state_line(zones, line);
	kfile_free(&file);
	return true;
}

void zones_free(struct zones *zones)
{
	free(zones->list);
	memset(zones, 0, sizeof(*zones));
}
