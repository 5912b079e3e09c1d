// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's log, record by record.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "kmsg.h"

int kmsg_open(bool from_here)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (from_here && lseek(fd, 0, SEEK_END) < 0))
		die_errno("/dev/kmsg");
	return fd;
}

void kmsg_read(int fd, char record[KMSG_BYTES])
{
	ssize_t n = read(fd, record, KMSG_BYTES - 1);

	/* EPIPE: records were overwritten, the next read goes on behind them */
	if (n < 0 && errno != EPIPE)
		die_errno("/dev/kmsg");
	record[n < 0 ? 0 : n] = '\0';
}

bool kmsg_more(int fd)
{
	struct pollfd more = { .fd = fd, .events = POLLIN };

	return poll(&more, 1, 0) == 1;
}

int kmsg_count(int fd, const char *text)
{
	char record[KMSG_BYTES];
	int nr = 0;

	while (kmsg_more(fd)) {
		kmsg_read(fd, record);
		nr += !!strstr(record, text);
	}
	close(fd);	/* read only: nothing can be lost */
	return nr;
}

int kmsg_count_lines(const char *start, const char *text)
{
	char record[KMSG_BYTES], *line;
	int fd = kmsg_open(false), nr = 0;

	while (kmsg_more(fd)) {
		kmsg_read(fd, record);
		line = strchr(record, ';');
		nr += line && !strncmp(line + 1, start, strlen(start)) &&
		      strstr(line + 1 + strlen(start), text);
	}
	close(fd);	/* read only: nothing can be lost */
	return nr;
}
