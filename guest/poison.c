// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory failure and soft offline of secret pages and of free pages that
 * secrets left: owners see what they see on stock, nobody else is hurt, no
 * poisoned frame is handed out, and none of it brings a secret to light.
 *
 * The failures are injected and not real: the memory itself is sound. Leaves
 * poisoned frames, and on most kernels a memory block that stays offline.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "dmap.h"
#include "frames.h"
#include "hoard.h"
#include "kcore.h"
#include "kfile.h"
#include "kpage.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "memblock.h"
#include "pagemap.h"
#include "validator.h"

#define HWPOISON_DIR	"/sys/kernel/debug/hwpoison"
#define SOFT_OFFLINE	"/sys/devices/system/memory/soft_offline_page"
#define SWITCH		"/proc/sys/vm/unmapped_alloc"

#define NR_PAGES	64
#define VICTIM		20
#define FREED_BYTES	(64 * MIB)
#define STEP_BYTES	(16 * MIB)
#define NR_POISONED_MAX	8

/* Frames that are poisoned now, as far as we know. */
static u64 poisoned[NR_POISONED_MAX];
static size_t nr_poisoned;

static int poison(u64 pfn)
{
	return kfile_write_number(HWPOISON_DIR "/corrupt-pfn", pfn);
}

static int unpoison(u64 pfn)
{
	return kfile_write_number(HWPOISON_DIR "/unpoison-pfn", pfn);
}

static int soft_offline(u64 pfn)
{
	return kfile_write_number(SOFT_OFFLINE, pfn * PAGE_SIZE);
}

static void note_poisoned(u64 pfn)
{
	if (nr_poisoned == NR_POISONED_MAX)
		die(EXIT_FAILED, "too many frames are poisoned");
	poisoned[nr_poisoned++] = pfn;
}

/* Does the kernel count the frames that we know of, and no others? */
static bool poison_is_counted(void)
{
	long kb = meminfo_kb("HardwareCorrupted");

	for (size_t i = 0; i < nr_poisoned; i++)
		if (!kpage_has_flag(poisoned[i], KPF_HWPOISON))
			ktap_note("frame %#lx is not poisoned", poisoned[i]);
	if (kb != (long)(nr_poisoned * PAGE_SIZE / KIB))
		ktap_note("HardwareCorrupted: %ld kB, of %zu frames", kb,
			  nr_poisoned);
	return kb == (long)(nr_poisoned * PAGE_SIZE / KIB);
}

static bool frame_is_absent(u64 pfn)
{
	struct frames frame = { .pfns = &pfn, .nr = 1 };

	return frames_absent(&frame);
}

/* Section: what the owner sees */

static sigjmp_buf after_touch;
static siginfo_t last_signal;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	last_signal = *info;
	siglongjmp(after_touch, 1);
}

/* Does a touch give SIGBUS for failed memory, at that address? */
static bool touch_is_refused(const volatile u64 *page)
{
	struct sigaction action = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO,
	};
	volatile bool refused = false;

	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(after_touch, 1))
		refused = last_signal.si_code == BUS_MCEERR_AR &&
			  last_signal.si_addr == (void *)page;
	else
		(void)*page;
	signal(SIGBUS, SIG_DFL);
	return refused;
}

/* All but page @but */
static bool others_hold(const struct area *area, u64 seed, size_t but)
{
	size_t nr_wrong = 0;

	for (size_t i = 0; i < area_nr_pages(area); i++) {
		const u64 *page = area_page(area, i);

		if (i != but)
			nr_wrong += page[0] != mark_make(seed, i * WORDS_PER_PAGE) ||
				    page[511] != mark_make(seed, i * WORDS_PER_PAGE + 511);
	}
	return !nr_wrong;
}

static void test_in_use(void)
{
	struct area area = secret_area(NR_PAGES * PAGE_SIZE);
	struct frames frames;
	int error;
	u64 pfn;

	mark_fill_pages(area.start, NR_PAGES, 1);
	frames = frames_of_area(&area);
	pfn = frames.pfns[VICTIM];
	error = poison(pfn);
	note_poisoned(pfn);
	/* EBUSY: it stays in the page cache, as on stock. */
	ktap_ok((!error || error == EBUSY) && poison_is_counted(),
		"a secret page in use fails: %s", strerror(error));
	ktap_ok(touch_is_refused(area_page(&area, VICTIM)),
		"its owner gets SIGBUS with BUS_MCEERR_AR");
	ktap_ok(others_hold(&area, 1, VICTIM) && frames_absent(&frames),
		"the pages beside it are what they were, and all are absent");
	error = unpoison(pfn);
	ktap_ok(error == EBUSY, "it cannot be unpoisoned in use: %s",
		strerror(error));
	area_destroy(&area);
	if (kernel_unmaps_blocks())
		ktap_ok(frame_is_absent(pfn), "it stays absent without an owner");
	else
		ktap_skip("this kernel unmaps no blocks",
			  "it stays absent without an owner");
	validator_report();
	frames_free(&frames);
}

/* Section: free pages */

/*
 * Apply @action to a frame that secrets have left and that is free. Some may
 * wait in a per-CPU list, which is refused, or have a new owner: the next one
 * then. Returns the frame, or PFN_NONE.
 */
static u64 act_on_free_page(int (*action)(u64 pfn))
{
	struct area area = secret_area(FREED_BYTES);
	struct frames frames;
	u64 pfn = PFN_NONE;

	mark_fill_pages(area.start, area_nr_pages(&area), 2);
	frames = frames_of_area(&area);
	area_destroy(&area);
	for (size_t i = 0; i < frames.nr; i++) {
		int error;

		if (!kpage_has_flag(frames.pfns[i], KPF_BUDDY))
			continue;
		error = action(frames.pfns[i]);
		if (!error) {
			pfn = frames.pfns[i];
			break;
		}
		ktap_note("frame %#lx: %s", frames.pfns[i], strerror(error));
	}
	frames_free(&frames);
	return pfn;
}

static void test_free_page(const char *name, int (*action)(u64 pfn))
{
	u64 pfn = act_on_free_page(action);

	if (pfn == PFN_NONE) {
		ktap_ok(false, "%s of a free page that a secret left", name);
	} else {
		note_poisoned(pfn);
		ktap_ok(poison_is_counted() &&
			(!kernel_unmaps_blocks() || frame_is_absent(pfn)),
			"%s of a free page that a secret left", name);
	}
	validator_report();
}

/* Section: soft offline in use */

/* On stock secrets do not migrate, and it is refused. */
static void test_soft_offline_in_use(void)
{
	struct area area = secret_area(NR_PAGES * PAGE_SIZE);
	struct frames frames;
	int error;

	mark_fill_pages(area.start, NR_PAGES, 3);
	frames = frames_of_area(&area);
	error = soft_offline(frames.pfns[VICTIM]);
	if (!error)
		note_poisoned(frames.pfns[VICTIM]);
	ktap_ok((!error || (error == EBUSY && !kernel_unmaps_blocks())) &&
		poison_is_counted(),
		"soft offline of a secret page in use: %s", strerror(error));
	ktap_ok(!mark_count_wrong_pages(area.start, NR_PAGES, 3) &&
		area_is_absent(&area), "the secret is what it was, and absent");
	area_destroy(&area);
	frames_free(&frames);
}

/* Section: afterwards */

static size_t count_handed_out(enum area_kind kind, unsigned int percent)
{
	static struct hoard hoard;
	size_t nr = 0;

	hoard = (struct hoard) { .kind = kind, .seed = 10 };
	hoard_take_share(&hoard, STEP_BYTES, percent);
	for (size_t i = 0; i < nr_poisoned; i++)
		nr += hoard_count_in(&hoard, poisoned[i], poisoned[i] + 1);
	hoard_drop(&hoard);
	return nr;
}

/*
 * Unpoison them all. Of an unmapped block a page that was free stays out of
 * use, since nobody knows what it holds; else there must be no refusal.
 */
static bool unpoison_all(void)
{
	size_t nr_left = 0;
	bool passed = true;

	for (size_t i = 0; i < nr_poisoned; i++) {
		int error = unpoison(poisoned[i]);

		ktap_note("unpoison frame %#lx: %s", poisoned[i],
			  strerror(error));
		if (!error)
			continue;
		passed &= error == EBUSY && frame_is_absent(poisoned[i]);
		poisoned[nr_left++] = poisoned[i];
	}
	nr_poisoned = nr_left;
	return passed && poison_is_counted();
}

static bool switch_off_and_on(void)
{
	if (!kfile_exists(SWITCH))
		return true;
	return !kfile_write(SWITCH, "0") && validator_is_content() &&
	       !kfile_write(SWITCH, "1") && validator_is_content();
}

static bool new_secret_works(void)
{
	struct area area = secret_area(STEP_BYTES);
	size_t nr_dirty = 0;
	bool passed;

	for (size_t i = 0; i < area_nr_pages(&area); i++)
		nr_dirty += !page_is_zero_from(area_page(&area, i), 0);
	mark_fill_pages(area.start, area_nr_pages(&area), 4);
	passed = !nr_dirty && area_is_absent(&area) &&
		 !mark_count_wrong_pages(area.start, area_nr_pages(&area), 4);
	area_destroy(&area);
	return passed;
}

/* Poison a secret in that memory block and leave it; its frame. */
static u64 leave_poisoned_secret(u64 block, u64 seed)
{
	static struct hoard hoard = { .kind = AREA_SECRET };
	u64 pfn = PFN_NONE;
	struct area *area;
	struct frames frames;

	if (!hoard_take_until_in(&hoard, STEP_BYTES, 85, 1,
				 memblock_start_pfn(block),
				 memblock_end_pfn(block)))
		die(EXIT_FAILED, "no secret comes to lie in the memory block");
	/* Only the area that matters holds the marks that are sought. */
	area = &hoard.areas[hoard.nr - 1];
	mark_fill_pages(area->start, area_nr_pages(area), seed);
	frames = frames_of_area(area);
	for (size_t i = 0; i < frames.nr && pfn == PFN_NONE; i++)
		if (frames.pfns[i] >= memblock_start_pfn(block) &&
		    frames.pfns[i] < memblock_end_pfn(block))
			pfn = frames.pfns[i];
	poison(pfn);	/* it may say EBUSY and be done: see poison_is_counted() */
	note_poisoned(pfn);
	frames_free(&frames);
	hoard_drop(&hoard);
	return pfn;
}

static u64 count_marks_found(u64 seed)
{
	return kcore_search_marks(KCORE, seed, STEP_BYTES / sizeof(u64)).nr_marks;
}

/*
 * Where secrets split the direct map, a page table may have come to lie in the
 * block, which then does not go offline.
 */
static void test_memory_block(u64 block)
{
	const u64 seed = 1000000;
	u64 pfn = leave_poisoned_secret(block, seed);
	int error;

	ktap_ok(poison_is_counted() && !count_marks_found(seed),
		"a poisoned secret that was left does not come to light");
	error = memblock_offline(block);
	ktap_ok(!error || (error == EBUSY && !kernel_unmaps_blocks()),
		"its memory block goes offline: %s", strerror(error));
	if (kernel_unmaps_blocks())
		ktap_ok(frame_is_absent(pfn), "its frame stays absent");
	else
		ktap_skip("this kernel unmaps no blocks",
			  "its frame stays absent");
	validator_report();
	error = memblock_online(block);
	/* EINVAL: it is not offline. */
	ktap_ok(!error || error == EHWPOISON || error == EINVAL,
		"it comes back or is refused: %s", strerror(error));
	ktap_ok(!count_marks_found(seed), "the secret did not come to light");
}

int main(void)
{
	u64 block;

	if (!kfile_exists(HWPOISON_DIR))
		die(EXIT_CANNOT_RUN, "this kernel injects no memory failures");
	ktap_plan(25);
	block = memblock_find_movable();
	ktap_ok(poison_is_counted(), "nothing is poisoned yet");
	test_in_use();
	test_free_page("failure", poison);
	test_soft_offline_in_use();
	test_free_page("soft offline", soft_offline);

	ktap_ok(!count_handed_out(AREA_SECRET, 30) &&
		!count_handed_out(AREA_ANON, 40),
		"poisoned frames are handed out to nobody");
	ktap_ok(unpoison_all(), "they are unpoisoned, or stay out of use");
	validator_report();
	ktap_ok(switch_off_and_on(), "unmapped blocks are mapped back");
	ktap_ok(new_secret_works(), "a new secret is zero, absent, and holds");
	test_memory_block(block);
	ktap_ok(new_secret_works(), "and so is another one in the end");
	return ktap_finish();
}
