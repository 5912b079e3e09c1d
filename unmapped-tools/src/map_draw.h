/* SPDX-License-Identifier: GPL-2.0-only */
/* Two ways to draw a map. */
#ifndef UNMAPPED_MAP_DRAW_H
#define UNMAPPED_MAP_DRAW_H

#include <stdio.h>

#include "map.h"

/*
 * For a terminal of @width columns. A cell is one block, or as many as make the
 * picture not higher than @nr_rows_max. @colour: with control sequences.
 */
void map_draw_text(const struct map *map, struct string *out, size_t width, size_t nr_rows_max,
		   bool colour);

/* As a PNG; false where it could not all be written. */
bool map_draw_png(const struct map *map, FILE *file, const char *title);

/*
 * How many blocks are a cell, so that all spans in lines of @nr_columns cells
 * make at most @nr_rows_max lines: a power of two.
 */
size_t map_blocks_a_cell(const struct map *map, size_t nr_columns, size_t nr_rows_max);

/* Cell @index of @span, in cells of @blocks_a_cell. */
struct block map_cell(const struct span *span, size_t index, size_t blocks_a_cell);

static inline size_t map_nr_cells(const struct span *span, size_t blocks_a_cell)
{
	return (span->nr + blocks_a_cell - 1) / blocks_a_cell;
}

/* "1 cell is 2 MiB"; what is missing, a line each, in @out. */
void map_describe_cell(const struct map *map, struct string *out, size_t blocks_a_cell);
void map_describe_missing(const struct map *map, struct string *out);

#endif
