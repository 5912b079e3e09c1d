/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file that is nothing but page cache: it is one hole in a file system on a
 * small disk, so reading it makes clean, movable, unmapped file pages and asks no
 * device for them.
 */
#ifndef GUEST_LIB_CACHEFILE_H
#define GUEST_LIB_CACHEFILE_H

#include "util.h"

/* Open a new one. Once in a program. */
int cachefile_create(size_t size);

/* Read all of it, or its first @size bytes. */
void cachefile_read(int fd, size_t size);

#endif
