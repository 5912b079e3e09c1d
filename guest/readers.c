// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers of physical memory and of what the kernel knows about it, beside
 * secrets that are held, that are dropped, and that are mapped back: they read
 * everything, crash nothing, and find no word of a secret.
 *
 * Everything is searched, where guest/refuse asks for one word. Ordinary memory
 * beside it is found: the search is able to find.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "frames.h"
#include "kcore.h"
#include "kfile.h"
#include "kpage.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"

#define SIZE		(16 * MIB)
#define NR_PAGES	(SIZE / PAGE_SIZE)
#define NR_MARKS	(SIZE / sizeof(u64))
#define SAMPLE_STRIDE	61
#define SEED_SECRET	1
#define SEED_ORDINARY	2
#define SWITCH		"/proc/sys/vm/unmapped_alloc"

/* How many marks are found? All RAM must have been read, without an error. */
static u64 count_found(u64 seed)
{
	struct kcore_search found = kcore_search_marks(KCORE, seed, NR_MARKS);
	u64 ram = (u64)meminfo_kb("MemTotal") * KIB;

	ktap_note("/proc/kcore: %lu MiB read, %lu pages refused, %lu marks",
		  found.nr_bytes / MIB, found.nr_unreadable, found.nr_marks);
	if (found.nr_bytes < ram || found.nr_unreadable)
		die(EXIT_FAILED, "/proc/kcore does not show all RAM");
	return found.nr_marks;
}

/* Section: words about each frame */

static const char *const kpage_files[] = {
	"/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup",
};

/* To the end, with room for all of RAM; how many words? */
static size_t read_all_words(const char *path)
{
	static u64 words[64 * KIB / sizeof(u64)];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t nr = 0;
	ssize_t n;

	if (fd < 0)
		die_errno("%s", path);
	while ((n = read(fd, words, sizeof(words))) > 0)
		nr += (size_t)n / sizeof(u64);
	if (n < 0)
		die_errno("%s", path);
	close(fd);	/* read only: nothing can be lost */
	return nr;
}

static bool all_words_are_read(void)
{
	size_t nr_min = (size_t)meminfo_kb("MemTotal") * KIB / PAGE_SIZE;
	bool passed = true;

	for (size_t i = 0; i < ARRAY_SIZE(kpage_files); i++)
		passed &= read_all_words(kpage_files[i]) >= nr_min;
	return passed;
}

/* A page in use that one process maps; not free, not failed. */
static bool described_in_use(u64 pfn)
{
	return kpage_count(pfn) == 1 && kpage_has_flag(pfn, KPF_MMAP) &&
	       !kpage_has_flag(pfn, KPF_BUDDY) &&
	       !kpage_has_flag(pfn, KPF_HWPOISON);
}

/* Per-CPU lists hold free pages that are not yet KPF_BUDDY. */
static bool described_free(u64 pfn)
{
	return !kpage_count(pfn) && !kpage_has_flag(pfn, KPF_MMAP);
}

/* Of a sample of the frames; how many in a hundred? */
static size_t percent_described(const struct frames *frames,
				bool (*described)(u64 pfn))
{
	size_t nr = 0, nr_asked = 0;

	for (size_t i = 0; i < frames->nr; i += SAMPLE_STRIDE) {
		nr_asked++;
		nr += described(frames->pfns[i]);
	}
	return nr * 100 / nr_asked;
}

/* How many of the frames does the kernel say are in unmapped blocks? */
static size_t count_said_unmapped(const struct frames *frames)
{
	size_t nr = 0;

	for (size_t i = 0; i < frames->nr; i++)
		nr += kpage_has_flag(frames->pfns[i], KPF_UNMAPPED);
	return nr;
}

/* Where blocks are not unmapped, secrets are, one by one. */
static void test_said_unmapped(const struct frames *frames, const char *state)
{
	size_t nr = count_said_unmapped(frames);
	size_t nr_absent = frames->nr - frames_count_present(frames);

	ktap_ok(nr == (kernel_unmaps_blocks() ? nr_absent : 0),
		"%s: %zu frames are said to be unmapped, %zu are absent", state, nr,
		nr_absent);
}

/* Section: /dev/mem */

static int error_of_mem_read(u64 pfn)
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	u64 word;
	int error = 0;

	if (fd < 0)
		die_errno("/dev/mem");
	if (pread(fd, &word, sizeof(word), (off_t)(pfn * PAGE_SIZE)) < 0)
		error = errno;
	close(fd);	/* read only: nothing can be lost */
	return error;
}

static int error_of_mem_map(u64 pfn)
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	int error = 0;
	void *page;

	if (fd < 0)
		die_errno("/dev/mem");
	page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, fd,
		    (off_t)(pfn * PAGE_SIZE));
	if (page == MAP_FAILED)
		error = errno;
	else
		munmap(page, PAGE_SIZE);	/* only address space */
	close(fd);	/* read only: nothing can be lost */
	return error;
}

/* RAM is refused by CONFIG_STRICT_DEVMEM; the first MiB is not. */
static bool dev_mem_refuses(const struct frames *frames)
{
	bool passed = !error_of_mem_read(0);

	for (size_t i = 0; i < frames->nr; i += 512)
		passed &= error_of_mem_read(frames->pfns[i]) == EPERM &&
			  error_of_mem_map(frames->pfns[i]) == EPERM;
	return passed;
}

/* Section: free lists */

/* How many lines of @path begin with "Node 0, zone NAME", for the first NAME. */
static long count_zone_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[1024], zone[32] = "", name[32];
	long nr = 0;

	if (!file)
		die_errno("%s", path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node 0, zone %31[^,], type", name) != 1 ||
		    !strstr(line, ", type "))
			continue;
		if (!*zone)
			strcpy(zone, name);
		nr += !strcmp(zone, name);
	}
	fclose(file);	/* read only: nothing can be lost */
	return nr;
}

/* The sum of a row "Node 0, zone NAME N0 N1 ..." of /proc/buddyinfo, in pages. */
static long pages_of_row(const char *line)
{
	char *next = strstr(line, "zone");
	long sum = 0;

	next += strlen("zone");
	next += strspn(next, " ");
	next += strcspn(next, " \n");	/* the zone's name */
	for (int order = 0; *next && *next != '\n'; order++) {
		sum += strtol(next, &next, 10) << order;
		next += strspn(next, " ");
	}
	return sum;
}

/* Free pages, unmapped ones included, as the lists have them. */
static long buddy_pages(void)
{
	FILE *file = fopen("/proc/buddyinfo", "re");
	char line[1024];
	long sum = 0;

	if (!file)
		die_errno("/proc/buddyinfo");
	while (fgets(line, sizeof(line), file))
		sum += pages_of_row(line);
	fclose(file);	/* read only: nothing can be lost */
	return sum;
}

/* Both count the same pages at not quite the same time. */
static bool buddyinfo_agrees(void)
{
	long listed = buddy_pages(), counted = vmstat_read("nr_free_pages");
	long off = listed > counted ? listed - counted : counted - listed;

	ktap_note("/proc/buddyinfo: %ld pages, nr_free_pages: %ld", listed,
		  counted);
	return off < (long)(8 * MIB / PAGE_SIZE);
}

/* What crash dump tools go by: lists that they do not know hide free pages. */
static void test_free_lists(void)
{
	long nr_lists = count_zone_lines("/proc/pagetypeinfo");
	long length = kcore_vmcoreinfo(KCORE, "LENGTH(free_area.free_list)");

	ktap_ok(nr_lists > 0 && length == nr_lists,
		"VMCOREINFO knows all %ld free lists: %ld", nr_lists, length);
	ktap_ok(kcore_vmcoreinfo(KCORE, "PAGESIZE") == (long)PAGE_SIZE,
		"(it is read right: the page size is %ld)",
		kcore_vmcoreinfo(KCORE, "PAGESIZE"));
	ktap_ok(buddyinfo_agrees(), "/proc/buddyinfo shows all free pages");
}

/* Section: the three states */

static struct frames test_held(struct area *secret)
{
	struct frames frames;
	size_t percent;

	mark_fill_pages(secret->start, NR_PAGES, SEED_SECRET);
	frames = frames_of_area(secret);
	ktap_ok(!count_found(SEED_SECRET), "held: no word of it is found");
	percent = percent_described(&frames, described_in_use);
	ktap_ok(all_words_are_read() && percent == 100,
		"held: %zu %% of its frames are described as in use", percent);
	ktap_ok(!kernel_unmaps_blocks() || count_said_unmapped(&frames) == NR_PAGES,
		"held: all of its frames are said to be unmapped");
	test_said_unmapped(&frames, "held");
	ktap_ok(dev_mem_refuses(&frames), "held: /dev/mem refuses them");
	ktap_ok(!mark_count_wrong_pages(secret->start, NR_PAGES, SEED_SECRET),
		"held: it is what it was");
	return frames;
}

static void test_dropped(const struct frames *frames)
{
	size_t percent = percent_described(frames, described_free);

	ktap_ok(!count_found(SEED_SECRET), "dropped: no word of it is found");
	/* Some have a new owner. */
	ktap_ok(all_words_are_read() && percent >= 50,
		"dropped: %zu %% of its frames are described as free", percent);
	test_said_unmapped(frames, "dropped");
	ktap_ok(dev_mem_refuses(frames), "dropped: /dev/mem refuses them");
}

static void test_mapped_back(const struct frames *frames)
{
	if (!kernel_unmaps_blocks()) {
		ktap_skip("this kernel unmaps no blocks",
			  "mapped back: no word of it is found");
		ktap_skip("this kernel unmaps no blocks", "mapped back: frames");
		return;
	}
	write_file(SWITCH, "0");
	ktap_ok(frames_count_present(frames) > frames->nr / 2 &&
		!count_found(SEED_SECRET),
		"mapped back: no word of it is found");
	test_said_unmapped(frames, "mapped back");
	write_file(SWITCH, "1");
}

/* Each word of ordinary memory is found once at least. */
static void test_control(void)
{
	struct area area = area_create(AREA_ANON, SIZE);
	struct frames frames;
	u64 nr_found;

	mark_fill_pages(area.start, NR_PAGES, SEED_ORDINARY);
	nr_found = count_found(SEED_ORDINARY);
	ktap_ok(nr_found >= NR_MARKS, "ordinary memory: %lu of %lu words found",
		nr_found, NR_MARKS);
	frames = frames_of_area(&area);
	ktap_ok(!count_said_unmapped(&frames),
		"ordinary memory: none of its frames is said to be unmapped");
	frames_free(&frames);
	area_destroy(&area);
}

int main(void)
{
	struct area secret = secret_area(SIZE);
	struct frames frames;

	ktap_plan(17);
	frames = test_held(&secret);
	test_free_lists();
	area_destroy(&secret);
	test_dropped(&frames);
	test_mapped_back(&frames);
	test_control();
	frames_free(&frames);
	return ktap_finish();
}
