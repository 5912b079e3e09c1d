/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of the kernel (/proc, /sys), below a directory that can be set: the
 * tests and whoever got a recording read another machine's that way.
 *
 * No reader of these files may rely on their form: a file can be cut, of another
 * version of the kernel, or not the kernel's at all.
 */
#ifndef UNMAPPED_KFILE_H
#define UNMAPPED_KFILE_H

#include <dirent.h>
#include <sys/types.h>

#include "util.h"

/* Read DIR/proc in place of /proc, and so on. */
void kfile_set_root(const char *dir);

/* Are we reading this machine's? */
bool kfile_is_live(void);

/* @path below the root; the caller frees it. */
char *kfile_path(const char *path);

int kfile_open(const char *path);
DIR *kfile_opendir(const char *path);

/* A file's text, NUL-terminated, and how far its lines were handed out. */
struct kfile {
	char *text, *next;
	size_t size;
};

/*
 * Read all of @path; false with errno where that fails. NULs in it become
 * spaces. What is longer than 256 MiB is cut.
 */
bool kfile_read(struct kfile *file, const char *path);
void kfile_free(struct kfile *file);

/* The next line without its newline, which may be written to; NULL at the end. */
char *kfile_line(struct kfile *file);

/* The first line of @path, printable, in @line; false with errno. */
bool kfile_read_line(const char *path, char *line, size_t size);

/* The next word of *@at, ended by a NUL there; NULL when there is none. */
char *next_word(char **at);

#endif
