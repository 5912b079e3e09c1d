// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kfile.h"
#include "ptdump.h"

#define DUMP_FILE	"/sys/kernel/debug/page_tables/kernel"
#define DIRECT_MAP	"---[ Low Kernel Mapping ]---"
#define PHYS_MAX	(1ULL << 52)
#define GIB		(1ULL << 30)

static bool parse_level(const char *word, enum pt_level *level)
{
	static const struct {
		const char *name;
		enum pt_level level;
	} table[] = {
		{ "pte", LEVEL_PTE }, { "pmd", LEVEL_PMD }, { "pud", LEVEL_PUD },
		{ "p4d", LEVEL_ABOVE }, { "pgd", LEVEL_ABOVE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(word, table[i].name))
			continue;
		*level = table[i].level;
		return true;
	}
	return false;
}

static bool parse_range(char *line, struct pt_range *range)
{
	char *word = next_word(&line);
	const char *end, *last = NULL;

	if (!word || strncmp(word, "0x", 2) || !parse_number(word + 2, 16, &range->start, &end) ||
	    strncmp(end, "-0x", 3) || !parse_number(end + 3, 16, &range->end, &end) || *end)
		return false;
	range->present = false;
	for (; (word = next_word(&line)); last = word)
		if (!strcmp(word, "RW") || !strcmp(word, "ro"))
			range->present = true;
	return last && parse_level(last, &range->level) && range->end > range->start;
}

/*
 * False at the end of the direct map, or where the order of the lines is broken.
 *
 * The marker comes a line late where another one stands before it, and so the
 * first line may be missing, of frame 0 and others that are no RAM. Where the
 * direct map begins is a multiple of 1 GiB, with KASLR too.
 */
static bool add_range(struct ptdump *dump, struct pt_range range)
{
	u64 last = dump->nr ? dump->ranges[dump->nr - 1].end : 0;

	if (!dump->nr)
		dump->base = range.start & ~(GIB - 1);
	if (range.start < dump->base)
		return false;
	range.start -= dump->base;
	range.end -= dump->base;
	if (range.start < last || range.end > PHYS_MAX)
		return false;
	/* Room doubles whenever the number of ranges is a power of two. */
	if (!(dump->nr & (dump->nr - 1)))
		dump->ranges = xrealloc(dump->ranges, dump->nr ? 2 * dump->nr : 1, sizeof(range));
	dump->ranges[dump->nr++] = range;
	return true;
}

bool ptdump_read(struct ptdump *dump, const char **why)
{
	struct pt_range range;
	bool inside = false;
	struct kfile file;

	memset(dump, 0, sizeof(*dump));
	if (!kfile_read(&file, DUMP_FILE)) {
		*why = errno == EACCES || errno == EPERM ? "only root may read " DUMP_FILE :
		       "no " DUMP_FILE " (CONFIG_PTDUMP_DEBUGFS, debugfs mounted)";
		return false;
	}
	for (char *line; (line = kfile_line(&file));) {
		if (!strncmp(line, "---[", 4)) {
			if (inside)
				break;
			inside = !strcmp(line, DIRECT_MAP);
		} else if (inside && parse_range(line, &range) && !add_range(dump, range)) {
			break;
		}
	}
	kfile_free(&file);
	*why = DUMP_FILE " does not show the direct map";
	return dump->nr;
}

void ptdump_free(struct ptdump *dump)
{
	free(dump->ranges);
	memset(dump, 0, sizeof(*dump));
}

const struct pt_range *ptdump_find(const struct ptdump *dump, u64 phys)
{
	size_t low = 0, high = dump->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (dump->ranges[middle].end <= phys)
			low = middle + 1;
		else
			high = middle;
	}
	return low < dump->nr ? &dump->ranges[low] : NULL;
}
