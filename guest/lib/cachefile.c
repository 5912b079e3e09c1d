// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file that is nothing but page cache.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cachefile.h"

/* The loop device is not open for writing when it is mounted: a kernel may refuse. */
#define MAKE_DISK \
	"truncate -s 64M /tmp/cachefile.disk && " \
	"mke2fs -F -b 4096 /tmp/cachefile.disk >/dev/null && " \
	"losetup /dev/loop0 /tmp/cachefile.disk && " \
	"mount -t ext4 -o noatime /dev/loop0 /mnt"
#define FILE_NAME	"/mnt/file"
#define READ_BYTES	(256 * KIB)

int cachefile_create(size_t size)
{
	int fd;

	if (system(MAKE_DISK))
		die(EXIT_CANNOT_RUN, "cannot make a file system on a loop device");
	fd = open(FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size) || fsync(fd))
		die_errno(FILE_NAME);
	return fd;
}

void cachefile_read(int fd, size_t size)
{
	static char buffer[READ_BYTES];

	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, buffer, sizeof(buffer), (off_t)done);

		if (n <= 0)
			die_errno(FILE_NAME);
		done += (size_t)n;
	}
}
