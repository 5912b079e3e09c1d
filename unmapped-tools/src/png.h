/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A picture of at most 256 colours, and its PNG file.
 */
#ifndef UNMAPPED_PNG_H
#define UNMAPPED_PNG_H

#include <stdio.h>

#include "util.h"

struct colour {
	unsigned char red, green, blue;
};

struct picture {
	unsigned int width, height;
	const struct colour *palette;
	unsigned int nr_colours;
	unsigned char *pixels;		/* indices of the palette, line by line */
};

/* A picture that is all of colour 0. */
void picture_create(struct picture *picture, unsigned int width, unsigned int height,
		    const struct colour *palette, unsigned int nr_colours);
void picture_free(struct picture *picture);

/* What lies outside the picture is not drawn. */
void picture_fill(struct picture *picture, unsigned int x, unsigned int y, unsigned int width,
		  unsigned int height, unsigned char colour);
void picture_text(struct picture *picture, unsigned int x, unsigned int y, const char *text,
		  unsigned char colour);

/* False where it could not all be written. */
bool png_write(const struct picture *picture, FILE *file);

#endif
