// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kcore.h"
#include "kfile.h"

#define KERNEL_IMAGE	0xffffffff80000000ULL
#define NO_PHYS		(~0ULL)

static bool read_exactly(int fd, void *buffer, size_t size, u64 offset)
{
	return pread(fd, buffer, size, (off_t)offset) == (ssize_t)size;
}

static void take_segment(struct kcore *kcore, const Elf64_Phdr *header)
{
	if (header->p_type != PT_LOAD || header->p_paddr == NO_PHYS ||
	    header->p_vaddr >= KERNEL_IMAGE || header->p_paddr > NO_PHYS - header->p_memsz)
		return;
	kcore->segments = xrealloc(kcore->segments, kcore->nr + 1, sizeof(*kcore->segments));
	kcore->segments[kcore->nr++] = (struct kcore_segment) {
		.start = header->p_paddr,
		.end = header->p_paddr + header->p_memsz,
		.offset = header->p_offset,
	};
}

bool kcore_open(struct kcore *kcore, const char **why)
{
	Elf64_Phdr segment;
	Elf64_Ehdr header;

	memset(kcore, 0, sizeof(*kcore));
	kcore->fd = kfile_open("/proc/kcore");
	if (kcore->fd < 0) {
		*why = errno == EPERM || errno == EACCES ?
		       "/proc/kcore may not be read (root, no lockdown)" :
		       "no /proc/kcore (CONFIG_PROC_KCORE)";
		return false;
	}
	*why = "/proc/kcore does not show where RAM is";
	if (!read_exactly(kcore->fd, &header, sizeof(header), 0)) {
		*why = "/proc/kcore cannot be read (lockdown?)";
		header.e_phnum = 0;
	}
	for (unsigned int i = 0; i < header.e_phnum; i++)
		if (read_exactly(kcore->fd, &segment, sizeof(segment),
				 header.e_phoff + i * sizeof(segment)))
			take_segment(kcore, &segment);
	if (!kcore->nr)
		kcore_close(kcore);
	return kcore->nr;
}

void kcore_close(struct kcore *kcore)
{
	close(kcore->fd);	/* read only: nothing can be lost */
	free(kcore->segments);
	memset(kcore, 0, sizeof(*kcore));
}

bool kcore_word(const struct kcore *kcore, u64 phys, u64 *word)
{
	for (size_t i = 0; i < kcore->nr; i++) {
		const struct kcore_segment *segment = &kcore->segments[i];

		if (phys >= segment->start && phys < segment->end)
			return read_exactly(kcore->fd, word, sizeof(*word),
					    segment->offset + phys - segment->start);
	}
	return false;
}
