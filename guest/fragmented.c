// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is free, but in pieces: secrets get it all the same. RAM is
 * filled with anonymous memory, of which all but a few pages of each pageblock is
 * dropped; secrets then ask for most of what is free. There is some page cache
 * too, that could be reclaimed, and should not.
 *
 * With --unmovable there is a page table in so many of the blocks, which nobody
 * can move: where too few blocks are left, single pages are unmapped
 * (unmapped_fallback in /proc/vmstat). With --secrets, it is a secret that was
 * itself unmapped alone, and looks as if it could be moved.
 *
 * Guards against: requests for unmapped pages that fail, reclaim or kill while
 * memory is free; pages moved out of blocks that can never be whole.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cachefile.h"
#include "demand.h"
#include "filling.h"
#include "instr.h"
#include "kpage.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "options.h"
#include "pagemap.h"
#include "profile.h"
#include "toll.h"
#include "validator.h"

static const char usage[] =
	"usage: fragmented [--keep PAGES] [--unmovable PERCENT [--secrets]]\n"
	"                  [--ask PERCENT]\n"
	"  --keep PAGES         kept of each block, a power of two (default 1)\n"
	"  --unmovable PERCENT  of the blocks hold a page table too (default 0)\n"
	"  --secrets            ... or a secret that was unmapped alone\n"
	"  --ask PERCENT        of free memory asked for by secrets (default 60)\n";

#define TABLE_ROUNDS	40
#define HOLES_A_ROUND	2
#define CACHE_BYTES	(16 * MIB)
/*
 * Nothing has to be reclaimed: memory is free. Kswapd that is woken for a block
 * reclaims two blocks' worth of pages before it looks at single pages only.
 */
#define MAX_STOLEN	64
/* Blocks that a round may try in vain: the few that lack a secret of their own. */
#define MAX_VAIN	32
#define SEED_KEPT	1000
#define SEED_SECRET	(1UL << 32)

static u64 nr_keep = 1, unmovable_percent, ask_percent = 60;
static bool with_secrets;

/* What the child, which may be killed, saw. */
static struct result {
	size_t nr_held, nr_whole, nr_chosen, nr_tables;
	long nr_cached;
	size_t nr_asked, nr_granted, nr_wrong_secret, nr_wrong_kept;
	struct toll toll;
	u64 nr_instr;
	bool valid;
} *result;

static void parse_options(int argc, char **argv)
{
	static const struct option table[] = {
		{ "keep", required_argument, NULL, 'k' },
		{ "unmovable", required_argument, NULL, 'u' },
		{ "secrets", no_argument, NULL, 's' },
		{ "ask", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 'k':
			nr_keep = parse_number(optarg);
			break;
		case 'u':
			unmovable_percent = parse_number(optarg);
			break;
		case 's':
			with_secrets = true;
			break;
		case 'a':
			ask_percent = parse_number(optarg);
			break;
		default:
			other_option(c, usage);
		}
	}
	if (!nr_keep || nr_keep & (nr_keep - 1) || nr_keep > PAGES_PER_BLOCK ||
	    unmovable_percent > 100 || ask_percent > 100 ||
	    (with_secrets && !unmovable_percent))
		wrong_use(usage);
}

/* Section: page tables or secrets in the way */

/* Sparse mappings: each read of another 2 MiB makes a page table, no page. */
static char *sparse_next, *sparse_end;

static void sparse_init(void)
{
	size_t size = 64UL << 30;

	sparse_next = mmap(NULL, size, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sparse_next == MAP_FAILED)
		die_errno("mmap of %zu bytes", size);
	sparse_end = sparse_next + size;
	if (madvise(sparse_next, size, MADV_NOHUGEPAGE))
		die_errno("madvise(MADV_NOHUGEPAGE)");
}

static void make_page_table(void)
{
	if (sparse_next >= sparse_end)
		die(EXIT_FAILED, "page tables find no holes");
	(void)*(volatile char *)sparse_next;
	sparse_next += BLOCK_BYTES;
}

/*
 * Secrets that are unmapped alone, as all are while the feature is off. One by
 * one, they go where there is a hole.
 */
static struct area singles;
static size_t nr_singles;

static void singles_init(void)
{
	write_file("/proc/sys/vm/unmapped_alloc", "0");
	singles = secret_area((size_t)meminfo_kb("MemTotal") * KIB / 16 &
			      ~(PAGE_SIZE - 1));
}

static void make_single(void)
{
	if (nr_singles == area_nr_pages(&singles))
		die(EXIT_FAILED, "secrets find no holes");
	*area_page(&singles, nr_singles++) = 1;
}

/* Which blocks hold such secrets? */
static void find_singles(bool *has_single, size_t nr_blocks)
{
	u64 *pfns = calloc(nr_singles + 1, sizeof(*pfns));

	if (!pfns)
		die_errno("no memory for %zu frames", nr_singles);
	memset(has_single, false, nr_blocks * sizeof(*has_single));
	pagemap_read(singles.start, nr_singles, pfns);
	for (size_t i = 0; i < nr_singles; i++)
		if (pfns[i] / PAGES_PER_BLOCK < nr_blocks)
			has_single[pfns[i] / PAGES_PER_BLOCK] = true;
	free(pfns);
}

/* Which blocks hold page tables? */
static void find_tables(bool *has_table, size_t nr_blocks)
{
	static u64 words[PAGES_PER_BLOCK];
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die_errno("/proc/kpageflags");
	for (size_t block = 0; block < nr_blocks; block++) {
		ssize_t got = pread(fd, words, sizeof(words),
				    (off_t)(block * sizeof(words)));

		has_table[block] = false;
		for (ssize_t i = 0; i < got / (ssize_t)sizeof(*words); i++)
			has_table[block] |= words[i] >> KPF_PGTABLE & 1;
	}
	close(fd);	/* read only: nothing can be lost */
}

/*
 * Which blocks shall hold one? Spread evenly, of those that hold pages of ours;
 * how many are they?
 */
static size_t choose_blocks(const struct filling *filling, bool *chosen)
{
	size_t nr_blocks = filling_nr_blocks(filling), nr = 0, sum = 0;
	bool *ours = calloc(nr_blocks, sizeof(*ours));

	if (!ours)
		die_errno("no memory for %zu blocks", nr_blocks);
	for (size_t i = 0; i < filling->nr_pages; i++)
		ours[filling_block(filling, i)] = true;
	for (size_t block = 0; block < nr_blocks; block++) {
		if (!ours[block])
			continue;
		sum += unmovable_percent;
		if (sum < 100)
			continue;
		sum -= 100;
		chosen[block] = true;
		nr++;
	}
	free(ours);
	return nr;
}

/* Make a few holes in each block that still lacks one; how many do? */
static size_t make_holes(struct filling *filling, const bool *chosen,
			 const bool *has_table)
{
	size_t nr_blocks = filling_nr_blocks(filling), nr_lacking = 0;
	unsigned char *nr_made = calloc(nr_blocks, 1);

	if (!nr_made)
		die_errno("no memory for %zu blocks", nr_blocks);
	for (size_t i = 0; i < filling->nr_pages; i++) {
		size_t block = filling_block(filling, i);

		if (!filling->held[i] || !chosen[block] || has_table[block] ||
		    nr_made[block] == HOLES_A_ROUND)
			continue;
		nr_lacking += !nr_made[block]++;
		filling_drop_page(filling, i);
	}
	free(nr_made);
	return nr_lacking;
}

/*
 * Put a page table, or a secret, into each chosen block, while RAM is full but for holes in
 * these. Holes on the lists of CPUs come in the next round.
 */
static void place_tables(struct filling *filling)
{
	size_t nr_blocks = filling_nr_blocks(filling), nr_chosen;
	size_t nr_lacking = 0;
	bool *has_table = calloc(nr_blocks, sizeof(*has_table));
	bool *chosen = calloc(nr_blocks, sizeof(*chosen));

	if (!has_table || !chosen)
		die_errno("no memory for %zu blocks", nr_blocks);
	nr_chosen = choose_blocks(filling, chosen);
	for (int round = 0; round < TABLE_ROUNDS; round++) {
		if (with_secrets)
			find_singles(has_table, nr_blocks);
		else
			find_tables(has_table, nr_blocks);
		nr_lacking = make_holes(filling, chosen, has_table);
		if (nr_lacking * 50 <= nr_chosen)
			break;
		while (free_pages_now() > FILLING_NR_FREE) {
			if (with_secrets)
				make_single();
			else
				make_page_table();
		}
	}
	result->nr_chosen = nr_chosen;
	result->nr_tables = nr_chosen - nr_lacking;
	free(has_table);
	free(chosen);
}

/* Section: the demand */

static void take_and_thin_out(struct filling *filling)
{
	int fd = cachefile_create(CACHE_BYTES);

	/* kcompactd would tidy up before anybody asks, or not: that is timing. */
	write_file("/proc/sys/vm/compaction_proactiveness", "0");
	if (with_secrets)
		singles_init();
	else if (unmovable_percent)
		sparse_init();
	filling_take(filling, SEED_KEPT);
	if (unmovable_percent)
		place_tables(filling);
	if (with_secrets)
		write_file("/proc/sys/vm/unmapped_alloc", "1");
	filling_thin_out(filling, nr_keep);
	filling_restore(filling);
	/*
	 * ZONE_DMA holds whole blocks, and kswapd would be content with these. So it is
	 * kept for those who ask for it.
	 */
	write_file("/proc/sys/vm/lowmem_reserve_ratio", "1 1 1 1");
	cachefile_read(fd, CACHE_BYTES);
	result->nr_cached = vmstat_read("nr_inactive_file") + vmstat_read("nr_active_file");
	result->nr_held = filling_nr_held(filling);
	result->nr_whole = free_blocks_read();
}

static int demand(void)
{
	struct filling filling;
	struct area secret;

	take_and_thin_out(&filling);
	result->nr_asked = (size_t)free_pages_read() * ask_percent / 100;
	secret = secret_area(result->nr_asked * PAGE_SIZE);
	toll_begin(&result->toll);
	result->nr_instr = instr_now();
	profile_begin();
	result->nr_granted = demand_pages(&secret, SEED_SECRET);
	profile_end();
	result->nr_instr = instr_now() - result->nr_instr;
	toll_end(&result->toll);
	result->nr_wrong_secret =
		mark_count_wrong_pages(secret.start, result->nr_granted,
				       SEED_SECRET);
	result->nr_wrong_kept = filling_count_wrong(&filling);
	result->valid = validator_is_content();
	area_destroy(&secret);
	return EXIT_PASSED;
}

static void report_fragments(void)
{
	size_t nr_blocks = (size_t)meminfo_kb("MemTotal") * KIB / BLOCK_BYTES;

	ktap_note("pages_kept=%zu", result->nr_held);
	ktap_note("blocks_unmovable=%zu", result->nr_tables);
	ktap_ok(result->nr_held && result->nr_whole * 20 <= nr_blocks &&
		result->nr_cached * 10 >= (long)(CACHE_BYTES / PAGE_SIZE) * 9,
		"free memory is in pieces: %zu of %zu blocks are whole, beside %ld file pages",
		result->nr_whole, nr_blocks, result->nr_cached);
	if (!unmovable_percent)
		ktap_skip("none are asked for", "page tables in blocks");
	else
		ktap_ok(result->nr_tables * 10 >= result->nr_chosen * 9,
			"%s in %zu of the %zu blocks chosen",
			with_secrets ? "secrets" : "page tables",
			result->nr_tables, result->nr_chosen);
}

/* Single pages are for blocks that hold what cannot be moved. */
static void report_fallback(void)
{
	long nr = toll_of(&result->toll, "unmapped_fallback");

	if (vmstat_read("unmapped_fallback") == KSTAT_ABSENT)
		ktap_skip("this kernel unmaps no blocks", "single pages");
	else
		ktap_ok(unmovable_percent ? true : !nr,
			"%ld single pages were unmapped", nr);
}

/* With a page that stays in every block, that is why requests get nothing. */
static void report_reason(void)
{
	long nr = vmstat_read("unmapped_alloc_fail");
	long nr_no_block = vmstat_read("unmapped_alloc_fail_no_block");

	if (nr == KSTAT_ABSENT || unmovable_percent < 100)
		ktap_skip("not asked for", "why requests got nothing");
	else
		ktap_ok(nr > 0 && nr_no_block == nr,
			"%ld requests got nothing, %ld because no block could be made",
			nr, nr_no_block);
}

/* What cannot become whole is not emptied, as far as that can be seen. */
static void report_vain(void)
{
	long nr = toll_of(&result->toll, "unmapped_evacuate_fail");

	if (with_secrets)
		ktap_ok(nr <= MAX_VAIN, "%ld blocks were emptied in vain", nr);
	else
		ktap_skip("not asked for", "blocks emptied in vain");
}

static void report(bool survived, bool none_killed)
{
	ktap_note("asked=%zu", result->nr_asked);
	ktap_note("granted=%zu", result->nr_granted);
	/* Under tools/vm --icount; the marks are included. */
	if (instr_is_exact() && result->nr_granted)
		ktap_note("instructions_a_page=%lu",
			  result->nr_instr / result->nr_granted);
	toll_note(&result->toll, "secrets");
	ktap_ok(survived && result->nr_granted == result->nr_asked,
		"%zu pages granted of %zu that secrets asked for",
		result->nr_granted, result->nr_asked);
	report_fallback();
	report_reason();
	report_vain();
	ktap_ok(toll_of(&result->toll, "pgsteal") <= MAX_STOLEN,
		"%ld pages were reclaimed", toll_of(&result->toll, "pgsteal"));
	ktap_ok(survived && !result->nr_wrong_secret,
		"the secrets hold what was written");
	ktap_ok(survived && !result->nr_wrong_kept,
		"so do the pages that were kept");
	ktap_ok(none_killed, "nothing was killed");
	if (validator_exists())
		ktap_ok(survived && result->valid, "the validator is content");
	else
		ktap_skip("not in this kernel", "the validator is content");
}

int main(int argc, char **argv)
{
	long nr_kills = vmstat_read("oom_kill");
	bool survived;

	parse_options(argc, argv);
	result = shared_alloc(sizeof(*result));
	ktap_plan(11);
	survived = demand_in_child(demand);
	report_fragments();
	report(survived, vmstat_read("oom_kill") == nr_kills);
	return ktap_finish();
}
