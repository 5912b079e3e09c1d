// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of the kernel's that may refuse.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kfile.h"

bool kfile_exists(const char *path)
{
	return !access(path, F_OK);
}

int kfile_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);	/* nothing is buffered that could be lost */
	return error;
}

int kfile_write_number(const char *path, u64 number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", number);
	return kfile_write(path, text);
}

void kfile_first_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, (int)size, file))
		die_errno("%s", path);
	fclose(file);	/* read only: nothing can be lost */
	line[strcspn(line, "\n")] = '\0';
}

u64 kfile_number(const char *path, int base)
{
	char line[64], *end;
	u64 value;

	kfile_first_line(path, line, sizeof(line));
	value = strtoull(line, &end, base);
	if (end == line)
		die(EXIT_CANNOT_RUN, "%s holds no number: %s", path, line);
	return value;
}
