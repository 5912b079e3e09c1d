// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kfile.h"

#define BYTES_MAX	(256 * MIB)
#define FIRST_ROOM	(16 * KIB)

static const char *root = "";

void kfile_set_root(const char *dir)
{
	root = dir;
}

bool kfile_is_live(void)
{
	return !*root;
}

char *kfile_path(const char *path)
{
	char *full;

	if (asprintf(&full, "%s%s", root, path) < 0)
		die(EXIT_CANNOT, "out of memory");
	return full;
}

int kfile_open(const char *path)
{
	char *full = kfile_path(path);
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int error = errno;

	free(full);
	errno = error;
	return fd;
}

DIR *kfile_opendir(const char *path)
{
	char *full = kfile_path(path);
	DIR *dir = opendir(full);
	int error = errno;

	free(full);
	errno = error;
	return dir;
}

/* Files of the kernel have no size: read until the end. */
static bool read_all(int fd, struct kfile *file)
{
	size_t room = FIRST_ROOM;
	ssize_t n;

	file->text = xrealloc(NULL, room, 1);
	while (file->size < BYTES_MAX) {
		if (file->size + 1 >= room) {
			room *= 2;
			file->text = xrealloc(file->text, room, 1);
		}
		n = read(fd, file->text + file->size, room - file->size - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (!n)
			break;
		file->size += (size_t)n;
	}
	file->text[file->size] = '\0';
	file->next = file->text;
	for (size_t i = 0; i < file->size; i++)
		if (!file->text[i])
			file->text[i] = ' ';
	return true;
}

bool kfile_read(struct kfile *file, const char *path)
{
	int fd = kfile_open(path);
	bool done;
	int error;

	memset(file, 0, sizeof(*file));
	if (fd < 0)
		return false;
	done = read_all(fd, file);
	error = errno;
	close(fd);	/* read only: nothing can be lost */
	if (!done)
		kfile_free(file);
	errno = error;
	return done;
}

void kfile_free(struct kfile *file)
{
	free(file->text);
	memset(file, 0, sizeof(*file));
}

char *kfile_line(struct kfile *file)
{
	char *line = file->next;
	char *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	file->next = end ? end + 1 : NULL;
	return line;
}

bool kfile_read_line(const char *path, char *line, size_t size)
{
	struct kfile file;
	char *first;

	if (!kfile_read(&file, path))
		return false;
	first = kfile_line(&file);
	copy_printable(line, first ? first : "", size);
	kfile_free(&file);
	return true;
}

char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t");
	size_t length = strcspn(word, " \t");

	if (!length)
		return NULL;
	*at = word + length;
	if (**at)
		*(*at)++ = '\0';
	return word;
}
