/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of the kernel's that may refuse: where an error is a result and not
 * the end of the program (for that there is write_file()).
 */
#ifndef GUEST_LIB_KFILE_H
#define GUEST_LIB_KFILE_H

#include "util.h"

bool kfile_exists(const char *path);

/* Write @text in one go; 0 or the error of open() or write(). */
int kfile_write(const char *path, const char *text);
/* The same with a number, in decimal. */
int kfile_write_number(const char *path, u64 number);

/* The number that begins @path; dies where there is none. */
u64 kfile_number(const char *path, int base);

/*
 * The first line of @path in @line, without its end; dies where there is none.
 */
void kfile_first_line(const char *path, char *line, size_t size);

#endif
