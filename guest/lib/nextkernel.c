// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another kernel, to be started by this one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kfile.h"
#include "nextkernel.h"

#define INITRAMFS	"/tmp/initramfs"
#define RESULTS		"/nextkernel-results"

void nextkernel_leave(const void *results, size_t size)
{
	FILE *file = fopen(RESULTS, "we");

	if (!file || fwrite(results, size, 1, file) != 1 || fclose(file))
		die_errno(RESULTS);
}

bool nextkernel_runs(void)
{
	return kfile_exists(RESULTS);
}

void nextkernel_read(void *results, size_t size)
{
	FILE *file = fopen(RESULTS, "re");

	if (!file || fread(results, size, 1, file) != 1)
		die_errno(RESULTS);
	fclose(file);		/* read only: nothing can be lost */
}

void nextkernel_pack_files(size_t size)
{
	if (system("cd / && find . -xdev ! -path ." NEXTKERNEL_IMAGE
		   " | cpio -o -H newc >" INITRAMFS " 2>/dev/null") ||
	    (size && truncate(INITRAMFS, (off_t)size)))
		die(EXIT_FAILED, "cannot make an initramfs");
}

void nextkernel_load(const char *append, unsigned long flags)
{
	int image = open(NEXTKERNEL_IMAGE, O_RDONLY | O_CLOEXEC);
	int initramfs = open(INITRAMFS, O_RDONLY | O_CLOEXEC);
	char own[2048], next[4096];

	if (image < 0 || initramfs < 0)
		die_errno(NEXTKERNEL_IMAGE " or " INITRAMFS);
	kfile_first_line("/proc/cmdline", own, sizeof(own));
	snprintf(next, sizeof(next), "%s %s", own, append);
	if (syscall(__NR_kexec_file_load, image, initramfs, strlen(next) + 1, next, flags))
		die_errno("kexec_file_load");
	close(image);		/* read only: nothing can be lost */
	close(initramfs);
}
