// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "kfile.h"

/* More than any kernel has: a file that is not the kernel's may be long. */
#define NR_MAX	200

static const char * const event_prefixes[] = {
	"unmapped_", "secretmem_", "direct_map_level",
};

static bool is_event(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(event_prefixes); i++)
		if (!strncmp(name, event_prefixes[i], strlen(event_prefixes[i])))
			return true;
	return false;
}

static void add_event(struct counters *counters, const char *name, u64 value)
{
	struct counter *counter;

	if (counters->nr == NR_MAX || counters_find(counters, name))
		return;
	counters->list = xrealloc(counters->list, counters->nr + 1, sizeof(*counters->list));
	counter = &counters->list[counters->nr++];
	copy_printable(counter->name, name, sizeof(counter->name));
	counter->value = value;
}

static void take_line(struct counters *counters, char *line)
{
	const char *name = next_word(&line);
	const char *word = next_word(&line);
	u64 value;

	if (!name || !word || !parse_number(word, 10, &value, NULL))
		return;
	if (!strcmp(name, "nr_free_unmapped_pages") || !strcmp(name, "nr_free_unmapped"))
		counters->nr_free_unmapped = (struct amount) { true, value };
	else if (!strcmp(name, "nr_secretmem"))
		counters->nr_secretmem = (struct amount) { true, value };
	else if (is_event(name))
		add_event(counters, name, value);
}

bool counters_read(struct counters *counters)
{
	struct kfile file;

	memset(counters, 0, sizeof(*counters));
	if (!kfile_read(&file, "/proc/vmstat"))
		return false;
	for (char *line; (line = kfile_line(&file));)
		take_line(counters, line);
	kfile_free(&file);
	return true;
}

void counters_free(struct counters *counters)
{
	free(counters->list);
	memset(counters, 0, sizeof(*counters));
}

const struct counter *counters_find(const struct counters *counters, const char *name)
{
	for (size_t i = 0; i < counters->nr; i++)
		if (!strcmp(counters->list[i].name, name))
			return &counters->list[i];
	return NULL;
}
