// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel says about single page frames.
 */
#include <fcntl.h>
#include <unistd.h>

#include "kpage.h"

u64 kpage_word(const char *path, u64 pfn)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	u64 word;

	if (fd < 0)
		die_errno("%s", path);
	if (pread(fd, &word, sizeof(word), (off_t)(pfn * sizeof(word))) !=
	    sizeof(word))
		die(EXIT_FAILED, "%s has no frame %#lx", path, pfn);
	close(fd);	/* read only: nothing can be lost */
	return word;
}
