// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's log: /dev/kmsg, one record a read, "NUMBERS;TEXT".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "klog.h"
#include "util.h"

int klog_count(const char *start, const char *text)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192];
	const char *begin;
	int nr = 0;
	ssize_t n;

	if (fd < 0)
		die_errno("/dev/kmsg");
	/* EPIPE: records were overwritten, the next read goes on behind them */
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		record[n] = '\0';
		begin = strchr(record, ';');
		nr += begin && !strncmp(begin + 1, start, strlen(start)) &&
		      strstr(begin + 1 + strlen(start), text);
	}
	close(fd);	/* read only: nothing can be lost */
	return nr;
}
