/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A terminal that shows a page of text and reads keys.
 *
 * Plain control sequences, those that every terminal in use knows since the
 * VT100, but for the alternate screen: what a terminal does not know of it, it
 * ignores. So no terminal library and no description of terminals is needed,
 * where there is none, as in a rescue system.
 *
 * However the program ends, but by SIGKILL, the terminal is left as it was found.
 */
#ifndef UNMAPPED_SCREEN_H
#define UNMAPPED_SCREEN_H

#include "util.h"

/* Can stdin and stdout show a screen? */
bool screen_possible(void);

void screen_open(void);
void screen_close(void);

/* @width and @height of the terminal, as it is now. */
void screen_size(size_t *width, size_t *height);

/*
 * Show @text, lines that end in '\n', cut to the terminal's size. Line
 * @header_line is inverse. False where the terminal is gone.
 */
bool screen_show(const char *text, size_t header_line);

enum { KEY_NONE = -1, KEY_END = -2, KEY_REDRAW = -3 };

/*
 * Wait for a key, at most @ms: the key, KEY_NONE, KEY_REDRAW (the terminal's
 * size changed, or it was away) or KEY_END (a signal or a terminal that is gone).
 */
int screen_key(u64 ms);

/* The signal that KEY_END was about, or 0. */
int screen_signal(void);

#endif
