// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map as a picture: a cell has the colour of how it is mapped, full from
 * below as far as it is used, and pale above.
 */
#include <stdlib.h>
#include <string.h>

#include "font.h"
#include "map_draw.h"
#include "png.h"

#define NR_COLUMNS	128U
#define NR_ROWS_MAX	512U
#define CELL		8U	/* with its border of one pixel */
#define PITCH		9U
#define MARGIN		12U
#define LABEL		(10 * FONT_WIDTH)
#define TEXT_LINE	(FONT_HEIGHT + 4U)
#define SPAN_GAP	6U
#define LEGEND_WIDTH	300U
#define LEGEND_COLUMNS	4U

/* White, black, then two for each mapping: full and pale. */
enum { COLOUR_PAPER, COLOUR_INK, COLOUR_FIRST };

static const struct colour palette[] = {
	{ 255, 255, 255 }, { 30, 30, 30 },
	[COLOUR_FIRST + 2 * MAPPING_UNKNOWN] = { 150, 150, 150 }, { 228, 228, 228 },
	[COLOUR_FIRST + 2 * MAPPING_1G] = { 33, 97, 140 }, { 195, 215, 228 },
	[COLOUR_FIRST + 2 * MAPPING_2M] = { 93, 173, 226 }, { 219, 238, 250 },
	[COLOUR_FIRST + 2 * MAPPING_4K] = { 243, 156, 18 }, { 253, 233, 202 },
	[COLOUR_FIRST + 2 * MAPPING_HOLES] = { 203, 67, 53 }, { 246, 208, 203 },
	[COLOUR_FIRST + 2 * MAPPING_NONE] = { 40, 40, 40 }, { 172, 178, 176 },
};

static unsigned char colour_of(unsigned int mapping, bool pale)
{
	return (unsigned char)(COLOUR_FIRST + 2 * mapping + pale);
}

static void draw_cell(struct picture *picture, unsigned int x, unsigned int y,
		      const struct block *cell)
{
	unsigned int inner = CELL - 2, height = inner;

	if (cell->no_ram)
		return;
	/* Whatever is used, and be it a page, shows. */
	if (cell->use_known)
		height = cell->nr_pages ? (cell->nr_used * inner + cell->nr_pages - 1U) /
					  cell->nr_pages : 0;
	picture_fill(picture, x, y, CELL, CELL, colour_of(cell->mapping, false));
	picture_fill(picture, x + 1, y + 1, inner, inner - height,
		     colour_of(cell->mapping, true));
}

static unsigned int span_rows(const struct span *span, size_t blocks_a_cell)
{
	return (unsigned int)((map_nr_cells(span, blocks_a_cell) + NR_COLUMNS - 1) / NR_COLUMNS);
}

/* Returns where the next one begins. */
static unsigned int draw_span(struct picture *picture, const struct map *map,
			      const struct span *span, unsigned int top, size_t blocks_a_cell)
{
	size_t nr_cells = map_nr_cells(span, blocks_a_cell);
	struct string label = { };

	for (size_t i = 0; i < nr_cells; i++) {
		struct block cell = map_cell(span, i, blocks_a_cell);
		unsigned int y = top + (unsigned int)(i / NR_COLUMNS) * PITCH;

		draw_cell(picture, MARGIN + LABEL + (unsigned int)(i % NR_COLUMNS) * PITCH, y,
			  &cell);
		/* Letters are higher than a line: label every second. */
		if (i % (2 * NR_COLUMNS))
			continue;
		string_free(&label);
		string_add(&label, "%7lu M",
			   (span->start + i * blocks_a_cell * map->block_bytes) / MIB);
		picture_text(picture, MARGIN, y, label.text, COLOUR_INK);
	}
	string_free(&label);
	return top + span_rows(span, blocks_a_cell) * PITCH + SPAN_GAP;
}

/* One cell and what it means; returns the number of the next place. */
static unsigned int draw_key(struct picture *picture, unsigned int top, unsigned int place,
			     const struct block *cell, const char *name, u64 nr)
{
	unsigned int x = MARGIN + place % LEGEND_COLUMNS * LEGEND_WIDTH;
	unsigned int y = top + place / LEGEND_COLUMNS * TEXT_LINE;
	struct string text = { };

	string_add(&text, "%s: %lu block%s", name, nr, nr == 1 ? "" : "s");
	draw_cell(picture, x, y + 1, cell);
	picture_text(picture, x + CELL + FONT_WIDTH, y, text.text, COLOUR_INK);
	string_free(&text);
	return place + 1;
}

static void draw_legend(struct picture *picture, const struct map *map, unsigned int top)
{
	unsigned int place = 0;

	for (unsigned char i = 0; i < NR_MAPPINGS; i++) {
		struct block cell = { .mapping = i };

		if (map->nr_by_mapping[i])
			place = draw_key(picture, top, place, &cell, mapping_names[i],
					 map->nr_by_mapping[i]);
	}
	place = (place + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS * LEGEND_COLUMNS;
	for (unsigned int use = USE_FREE; use < NR_USES; use++) {
		struct block cell = {
			.use_known = true, .nr_pages = 2,
			.nr_used = (unsigned short)(use - USE_FREE),
		};

		place = draw_key(picture, top, place, &cell, use_names[use],
				 map->nr_by_use[use]);
	}
}

static void describe(const struct map *map, struct string *out, const char *title,
		     size_t blocks_a_cell)
{
	if (title)
		string_add(out, "%s; ", title);
	string_add(out, "kernel %s; ", map->kernel);
	map_describe_cell(map, out, blocks_a_cell);
	string_add(out, "\n");
	map_describe_missing(map, out);
}

/* Returns where the next line begins. */
static unsigned int draw_lines(struct picture *picture, char *text, unsigned int y)
{
	char *next = NULL;

	for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		picture_text(picture, MARGIN, y, line, COLOUR_INK);
		y += TEXT_LINE;
	}
	return y;
}

bool map_draw_png(const struct map *map, FILE *file, const char *title)
{
	size_t blocks_a_cell = map_blocks_a_cell(map, NR_COLUMNS, NR_ROWS_MAX);
	unsigned int height = 2 * MARGIN + 6 * TEXT_LINE + SPAN_GAP, y = MARGIN;
	struct string text = { };
	struct picture picture;
	bool written;

	describe(map, &text, title, blocks_a_cell);
	for (size_t i = 0; i < map->nr_spans; i++)
		height += span_rows(&map->spans[i], blocks_a_cell) * PITCH + SPAN_GAP;
	picture_create(&picture, 2 * MARGIN + LABEL + NR_COLUMNS * PITCH, height, palette,
		       ARRAY_SIZE(palette));
	y = draw_lines(&picture, text.text, y) + SPAN_GAP;
	for (size_t i = 0; i < map->nr_spans; i++)
		y = draw_span(&picture, map, &map->spans[i], y, blocks_a_cell);
	draw_legend(&picture, map, y);
	picture.height = y + 3 * TEXT_LINE + MARGIN < height ? y + 3 * TEXT_LINE + MARGIN : height;
	written = png_write(&picture, file);
	string_free(&text);
	picture_free(&picture);
	return written;
}
