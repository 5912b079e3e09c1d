// SPDX-License-Identifier: GPL-2.0-only
/*
 * EFI's runtime services run on page tables of their own, which share the direct map
 * with the kernel's: what is absent there is absent here, held or free. In their lower
 * half, where memory has its physical address, they map nothing that the page allocator
 * has: boot services' memory has left it before it was free. And they work.
 *
 * Kernels with config/efi.config, started by tools/vm --efi.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "frames.h"
#include "kfile.h"
#include "kpage.h"
#include "ktap.h"
#include "mark.h"
#include "validator.h"

#define EFI		"/sys/firmware/efi/efivars"	/* with runtime services only */
#define VARIABLES	"/tmp/efivars"
#define SWITCH		"/proc/sys/vm/unmapped_alloc"
#define SIZE		(16 * MIB)
#define NR_PAGES	(SIZE / PAGE_SIZE)
#define NR_MAP_PAGES	16	/* of EFI's memory map, at most */

/* Where runtime services have their memory (asm/pgtable_64_types.h) */
#define EFI_VA_END	0xffffffef00000000UL
#define EFI_VA_START	0xffffffff00000000UL
#define LOW_END		(1UL << 47)

/* How many of the frames do EFI's tables map, in either half? */
static size_t count_present(const struct frames *frames)
{
	struct dmap efi;
	size_t nr;

	dmap_load_efi(&efi);
	nr = dmap_count_present(&efi, frames->pfns, frames->nr);
	for (size_t i = 0; i < frames->nr; i++)
		nr += dmap_identity_present(&efi, frames->pfns[i]);
	dmap_free(&efi);
	return nr;
}

/*
 * Of pages that are free, slab's, or a program's it can be told that the page allocator
 * has handed them out. Some in use cannot be told from EFI's own, as of its memory map.
 */
static bool allocator_has(u64 pfn)
{
	static const int flags[] = { KPF_BUDDY, KPF_SLAB, KPF_LRU, KPF_ANON, KPF_MMAP };
	bool has = false;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		has |= kpage_has_flag(pfn, flags[i]);
	return has;
}

static void test_identity(void)
{
	u64 nr = 0, nr_wrong = 0, nr_all = dmap_nr_frames();
	struct dmap efi;

	dmap_load_efi(&efi);
	for (u64 pfn = 0; pfn < nr_all; pfn++) {
		if (!dmap_identity_present(&efi, pfn))
			continue;
		nr++;
		nr_wrong += allocator_has(pfn);
	}
	dmap_free(&efi);
	ktap_ok(nr && !nr_wrong,
		"of %lu pages at their physical addresses %lu are the page allocator's",
		nr, nr_wrong);
}

/* Each region has two addresses, and EFI's memory map its own only. */
static void test_second_addresses(void)
{
	struct dmap efi;
	u64 nr_low, nr_high;

	dmap_load_efi(&efi);
	nr_low = dmap_count_pages(&efi, 0, LOW_END);
	nr_high = dmap_count_pages(&efi, EFI_VA_END, EFI_VA_START);
	dmap_free(&efi);
	ktap_ok(nr_low >= nr_high && nr_low - nr_high <= NR_MAP_PAGES,
		"%lu pages are at the addresses that the firmware was told, %lu at physical ones",
		nr_high, nr_low);
}

/* Reading one is a call of GetVariable(). */
static size_t read_variables(void)
{
	struct dirent *entry;
	size_t nr = 0;
	DIR *dir;

	if (mkdir(VARIABLES, 0755) || mount("efivarfs", VARIABLES, "efivarfs", 0, NULL))
		die_errno("efivarfs");
	dir = opendir(VARIABLES);
	if (!dir)
		die_errno(VARIABLES);
	while ((entry = readdir(dir))) {
		char value[64];
		int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		nr += read(fd, value, sizeof(value)) > 0;
		close(fd);	/* read only: nothing can be lost */
	}
	closedir(dir);
	return nr;
}

static void test_frames(const struct frames *frames, const char *state, bool wanted)
{
	size_t nr = count_present(frames), nr_kernel = frames_count_present(frames);

	ktap_ok(nr == nr_kernel && (wanted ? nr > frames->nr / 2 : !nr),
		"%s: EFI's tables map %zu of %zu pages, the kernel's %zu", state, nr,
		frames->nr, nr_kernel);
}

int main(void)
{
	struct area secret, ordinary;
	struct frames secrets, others;
	size_t nr_variables;

	if (!kfile_exists(EFI) || !kfile_exists(SWITCH))
		die(EXIT_CANNOT_RUN, "no EFI runtime services: tools/vm --kernel ours+efi --efi");
	ktap_plan(9);
	secret = secret_area(SIZE);
	ordinary = area_create(AREA_ANON, SIZE);
	mark_fill_pages(secret.start, NR_PAGES, 1);
	mark_fill_pages(ordinary.start, NR_PAGES, 2);
	secrets = frames_of_area(&secret);
	others = frames_of_area(&ordinary);
	test_frames(&secrets, "held", false);
	test_frames(&others, "ordinary memory", true);
	test_identity();
	test_second_addresses();
	nr_variables = read_variables();
	ktap_ok(nr_variables, "EFI tells %zu variables meanwhile", nr_variables);
	ktap_ok(!mark_count_wrong_pages(secret.start, NR_PAGES, 1), "the secret is what it was");
	area_destroy(&secret);
	test_frames(&secrets, "dropped", false);
	write_file(SWITCH, "0");
	test_frames(&secrets, "mapped back", true);
	write_file(SWITCH, "1");
	frames_free(&secrets);
	frames_free(&others);
	area_destroy(&ordinary);
	validator_report();
	return ktap_finish();
}
