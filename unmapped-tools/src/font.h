/* SPDX-License-Identifier: GPL-2.0-only */
/* Letters for pictures. */
#ifndef UNMAPPED_FONT_H
#define UNMAPPED_FONT_H

#include <stdbool.h>

#define FONT_WIDTH	6
#define FONT_HEIGHT	10

/* Is this pixel of printable character @c set? */
bool font_pixel(char c, unsigned int x, unsigned int y);

#endif
