/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page that unmappedtop shows, as lines of printable ASCII: the screen cuts
 * them, --once prints them.
 */
#ifndef UNMAPPED_VIEW_H
#define UNMAPPED_VIEW_H

#include "options.h"
#include "snapshot.h"

struct view {
	struct string text;	/* lines, each ended by '\n' */
	size_t nr_lines;
	size_t header_line;	/* that of the holders' columns, to stand out */
};

/* @before may be NULL: then there are no rates. Sorts the holders. */
void view_build(struct view *view, struct snapshot *snapshot, const struct snapshot *before,
		const struct options *opt);
void view_free(struct view *view);

#endif
