// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map as letters: the letter says how a block is mapped, its case how much
 * of it is used; colours say the first once more. What both ways of drawing
 * share is here too.
 */
#include <string.h>

#include "map_draw.h"

#define LABEL_WIDTH	11
#define CELLS_MAX	128

/* By use: not known, free, partly used, full. */
static const char symbols[NR_MAPPINGS][NR_USES + 1] = {
	[MAPPING_UNKNOWN] = "?-oO",
	[MAPPING_1G]	= "G,gG",
	[MAPPING_2M]	= "M.mM",
	[MAPPING_4K]	= "S:sS",
	[MAPPING_HOLES]	= "X!xX",
	[MAPPING_NONE]	= "U_uU",
};

static const char * const colours[NR_MAPPINGS] = {
	[MAPPING_UNKNOWN] = "\033[47;30m",
	[MAPPING_1G]	= "\033[44;97m",
	[MAPPING_2M]	= "\033[46;30m",
	[MAPPING_4K]	= "\033[43;30m",
	[MAPPING_HOLES]	= "\033[41;97m",
	[MAPPING_NONE]	= "\033[100;97m",
};

#define PLAIN	"\033[0m"

size_t map_blocks_a_cell(const struct map *map, size_t nr_columns, size_t nr_rows_max)
{
	size_t blocks_a_cell = 1, nr_rows;

	for (;; blocks_a_cell *= 2) {
		nr_rows = 0;
		for (size_t i = 0; i < map->nr_spans; i++)
			nr_rows += (map_nr_cells(&map->spans[i], blocks_a_cell) + nr_columns - 1) /
				   nr_columns;
		/* Many spans may need more lines than there are: then one a span. */
		if (nr_rows <= nr_rows_max || nr_rows == map->nr_spans)
			return blocks_a_cell;
	}
}

struct block map_cell(const struct span *span, size_t index, size_t blocks_a_cell)
{
	size_t first = index * blocks_a_cell;
	size_t nr = span->nr - first < blocks_a_cell ? span->nr - first : blocks_a_cell;

	return blocks_join(span->blocks + first, nr);
}

void map_describe_cell(const struct map *map, struct string *out, size_t blocks_a_cell)
{
	u64 kb = map->block_bytes * blocks_a_cell / KIB;

	string_add(out, "a cell is %lu %s of physical memory", kb % 1024 ? kb : kb / 1024,
		   kb % 1024 ? "KiB" : "MiB");
}

void map_describe_missing(const struct map *map, struct string *out)
{
	if (map->missing_mapping)
		string_add(out, "not shown: how blocks are mapped: %s\n", map->missing_mapping);
	if (map->missing_use)
		string_add(out, "not shown: what is used: %s\n", map->missing_use);
}

static void draw_cell(struct string *out, const struct block *cell, bool colour, int *last)
{
	int mapping = cell->no_ram ? -1 : cell->mapping;

	if (colour && mapping != *last)
		string_add(out, "%s", mapping < 0 ? PLAIN : colours[mapping]);
	*last = mapping;
	string_add(out, "%c", cell->no_ram ? ' ' : symbols[cell->mapping][block_use(cell)]);
}

static void draw_span(const struct map *map, const struct span *span, struct string *out,
		      size_t nr_columns, size_t blocks_a_cell, bool colour)
{
	size_t nr_cells = map_nr_cells(span, blocks_a_cell);
	int last = -1;		/* the mapping whose colour is on */

	for (size_t i = 0; i < nr_cells; i++) {
		struct block cell = map_cell(span, i, blocks_a_cell);

		if (!(i % nr_columns)) {
			last = -1;
			string_add(out, "%9luM ",
				   (span->start + i * blocks_a_cell * map->block_bytes) / MIB);
		}
		draw_cell(out, &cell, colour, &last);
		if (i % nr_columns == nr_columns - 1 || i == nr_cells - 1)
			string_add(out, "%s\n", colour && last >= 0 ? PLAIN : "");
	}
}

static void draw_legend(const struct map *map, struct string *out, bool colour)
{
	for (int i = 0; i < NR_MAPPINGS; i++)
		if (map->nr_by_mapping[i])
			string_add(out, "%s %c %c %c %s %-20s %8lu blocks\n",
				   colour ? colours[i] : "", symbols[i][USE_FREE],
				   symbols[i][USE_PARTLY], symbols[i][USE_FULL],
				   colour ? PLAIN : "", mapping_names[i], map->nr_by_mapping[i]);
	string_add(out, "free %lu, partly used %lu, full %lu (the three letters of a line)",
		   map->nr_by_use[USE_FREE], map->nr_by_use[USE_PARTLY],
		   map->nr_by_use[USE_FULL]);
	if (map->nr_by_use[USE_UNKNOWN])
		string_add(out, ", not known %lu", map->nr_by_use[USE_UNKNOWN]);
	string_add(out, "\n");
}

void map_draw_text(const struct map *map, struct string *out, size_t width, size_t nr_rows_max,
		   bool colour)
{
	size_t nr_columns = CELLS_MAX, blocks_a_cell;

	while (nr_columns > 8 && nr_columns + LABEL_WIDTH > width)
		nr_columns /= 2;
	blocks_a_cell = map_blocks_a_cell(map, nr_columns, nr_rows_max);
	string_add(out, "kernel %s: ", map->kernel);
	map_describe_cell(map, out, blocks_a_cell);
	string_add(out, "\n");
	for (size_t i = 0; i < map->nr_spans; i++)
		draw_span(map, &map->spans[i], out, nr_columns, blocks_a_cell, colour);
	draw_legend(map, out, colour);
	map_describe_missing(map, out);
}
