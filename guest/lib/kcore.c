// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory as a kernel shows it in a file that is an ELF core.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kcore.h"
#include "mark.h"

#define KERNEL_IMAGE	0xffffffff80000000ULL
#define NO_PHYS		(~0ULL)
#define SPARSE_BYTES	(256UL << 30)	/* RAM and its struct pages are smaller */
#define CHUNK_BYTES	(256 * KIB)

static void read_exactly(const struct kcore *kcore, void *buffer, size_t size, u64 offset)
{
	if (pread(kcore->fd, buffer, size, (off_t)offset) != (ssize_t)size)
		die_errno("%s", kcore->path);
}

static void take_header(struct kcore *kcore, const Elf64_Phdr *header)
{
	if (header->p_type == PT_NOTE) {
		kcore->notes_offset = header->p_offset;
		kcore->notes_size = header->p_filesz;
	}
	if (header->p_type != PT_LOAD)
		return;
	kcore->segments[kcore->nr_segments++] = (struct kcore_segment) {
		.vaddr = header->p_vaddr,
		.size = header->p_memsz,
		.offset = header->p_offset,
		.is_ram = header->p_paddr != NO_PHYS &&
			  header->p_vaddr < KERNEL_IMAGE,
		/* Modules have a segment of a GiB or more behind the image. */
		.is_sparse = header->p_paddr == NO_PHYS &&
			     (header->p_memsz >= SPARSE_BYTES ||
			      header->p_vaddr >= KERNEL_IMAGE),
	};
}

void kcore_open(struct kcore *kcore, const char *path)
{
	Elf64_Ehdr header;

	memset(kcore, 0, sizeof(*kcore));
	kcore->path = path;
	kcore->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (kcore->fd < 0)
		die_errno("%s", path);
	read_exactly(kcore, &header, sizeof(header), 0);
	kcore->segments = calloc(header.e_phnum, sizeof(*kcore->segments));
	if (!kcore->segments)
		die_errno("calloc");
	for (int i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment;

		read_exactly(kcore, &segment, sizeof(segment),
			     header.e_phoff + i * sizeof(segment));
		take_header(kcore, &segment);
	}
}

void kcore_close(struct kcore *kcore)
{
	close(kcore->fd);	/* read only: nothing can be lost */
	free(kcore->segments);
	memset(kcore, 0, sizeof(*kcore));
}

static u64 count_marks(const u64 *words, size_t nr_words, u64 seed, u64 nr_marks)
{
	u64 nr = 0;

	for (size_t i = 0; i < nr_words; i++)
		nr += mark_index(seed, words[i]) < nr_marks;
	return nr;
}

/*
 * [start, start + size) of a segment, in pieces. The kernel may refuse a piece
 * or a part of it: then on behind that page.
 */
static void search_range(const struct kcore *kcore, u64 offset, u64 size,
			 u64 seed, u64 nr_marks, struct kcore_search *found)
{
	static u64 buffer[CHUNK_BYTES / sizeof(u64)];

	for (u64 done = 0; done < size;) {
		u64 rest = size - done;
		size_t want = rest < CHUNK_BYTES ? rest : CHUNK_BYTES;
		ssize_t n = pread(kcore->fd, buffer, want,
				  (off_t)(offset + done));

		if (n <= 0) {
			found->nr_unreadable++;
			done += PAGE_SIZE;
			continue;
		}
		found->nr_marks += count_marks(buffer, (size_t)n / sizeof(u64),
					       seed, nr_marks);
		found->nr_bytes += (u64)n;
		done += (u64)n;
	}
}

/* The areas in use, "0xSTART-0xEND SIZE ...", that lie in @segment. */
static void search_vmalloc(const struct kcore *kcore,
			   const struct kcore_segment *segment, u64 seed,
			   u64 nr_marks, struct kcore_search *found)
{
	FILE *file;
	char line[512];
	u64 start, end;

	/* Addresses are shown as they are to root only with this. */
	write_file("/proc/sys/kernel/kptr_restrict", "1");
	file = fopen("/proc/vmallocinfo", "re");
	if (!file)
		die_errno("/proc/vmallocinfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "0x%lx-0x%lx", &start, &end) != 2 ||
		    start < segment->vaddr ||
		    end > segment->vaddr + segment->size)
			continue;
		search_range(kcore, segment->offset + start - segment->vaddr,
			     end - start, seed, nr_marks, found);
	}
	fclose(file);	/* read only: nothing can be lost */
}

struct kcore_search kcore_search_marks(const char *path, u64 seed, u64 nr_marks)
{
	struct kcore_search found = { };
	struct kcore kcore;

	mark_scrub_cpus();
	kcore_open(&kcore, path);
	for (size_t i = 0; i < kcore.nr_segments; i++) {
		const struct kcore_segment *segment = &kcore.segments[i];

		if (segment->is_sparse)
			search_vmalloc(&kcore, segment, seed, nr_marks, &found);
		else
			search_range(&kcore, segment->offset, segment->size,
				     seed, nr_marks, &found);
	}
	kcore_close(&kcore);
	return found;
}

/* The note is lines of text; it stands behind others, which are binary. */
long kcore_vmcoreinfo(const char *path, const char *key)
{
	struct kcore kcore;
	char *notes, *at, wanted[64];
	long value = -1;

	kcore_open(&kcore, path);
	notes = calloc(1, kcore.notes_size + 1);
	if (!notes)
		die_errno("calloc");
	read_exactly(&kcore, notes, kcore.notes_size, kcore.notes_offset);
	snprintf(wanted, sizeof(wanted), "\n%s=", key);
	at = memmem(notes, kcore.notes_size, wanted, strlen(wanted));
	if (at)
		value = strtol(at + strlen(wanted), NULL, 0);
	free(notes);
	kcore_close(&kcore);
	return value;
}
