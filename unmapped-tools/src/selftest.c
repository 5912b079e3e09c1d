// SPDX-License-Identifier: GPL-2.0-only
/*
 * unmapped-selftest: does secret memory do on this machine what it promises?
 *
 * Takes secret memory, looks for it where the kernel could reach it, drops it,
 * takes it again, and holds what was counted against what was done. The last
 * part of the output is a block for a report.
 *
 * What is checked holds on a kernel without unmapped blocks too, but for what
 * these promise more: there it is a SKIP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kfile.h"
#include "machine.h"
#include "ptdump.h"
#include "readers.h"
#include "secret.h"
#include "snapshot.h"

#define VALIDATE	"/sys/kernel/debug/unmapped/validate"
#define SIZE_MAX_MIB	(64 * 1024UL)

static const char usage[] =
	"usage: unmapped-selftest [-m MIB] [--ordinary]\n"
	"\n"
	"Checks secret memory on this machine, as root: that the kernel cannot reach it,\n"
	"that it comes zeroed, that it splits no mapping of the direct map, and what it\n"
	"cost. Ends with PASS or FAIL and a block to paste into a report.\n"
	"  -m, --mib N     MiB of secret memory to take (64)\n"
	"      --ordinary  ordinary memory in its place: this must FAIL\n"
	"  -h, --help\n"
	"  -V, --version\n"
	"\n"
	"Exit codes: 0 PASS, 1 FAIL, 2 wrong use, 4 it could not be checked here.\n";

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_SKIP, VERDICT_NOTE, NR_VERDICTS };

static const char * const verdict_names[NR_VERDICTS] = { "PASS", "FAIL", "SKIP", "NOTE" };

/* All that is known while the test runs. */
struct test {
	enum secret_kind kind;
	size_t nr_pages;
	struct string report;		/* the results, for the block at the end */
	unsigned int nr[NR_VERDICTS];
	bool absence_shown;		/* by one way at least */
	struct snapshot before, after;
	struct secret secret;
};

static void __attribute__((format(printf, 4, 5)))
judge(struct test *test, enum verdict verdict, const char *name, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("%s  %-10s %s\n", verdict_names[verdict], name, text);
	fflush(stdout);		/* someone waits */
	string_add(&test->report, "%s %s: %s\n", verdict_names[verdict], name, text);
	test->nr[verdict]++;
}

static enum verdict pass_if(bool passed)
{
	return passed ? VERDICT_PASS : VERDICT_FAIL;
}

/* Are unmapped blocks there, and switched on? */
static bool has_blocks(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->nr_settings; i++)
		if (!strcmp(snapshot->settings[i].name, "unmapped_alloc"))
			return snapshot->has_unmapped && !strcmp(snapshot->settings[i].value, "1");
	return false;
}

static u64 growth(const struct test *test, const char *name)
{
	const struct counter *then = counters_find(&test->before.counters, name);
	const struct counter *now = counters_find(&test->after.counters, name);

	return then && now && now->value > then->value ? now->value - then->value : 0;
}

/* Why memfd_secret() fails with ENOSYS */
static const char *why_no_secrets(void)
{
	char value[8];

	if (!kfile_read_line("/sys/module/secretmem/parameters/enable", value, sizeof(value)))
		return "this kernel has no CONFIG_SECRETMEM";
	return strcmp(value, "N") ? "refused by a filter, as containers have: secretmem.enable is Y" :
				    "this kernel was booted with secretmem.enable=0";
}

/* --- the checks, in their order */

/* False where there is no secret memory to check. */
static bool take_secret(struct test *test, const char *when)
{
	struct secret_touch touch;

	if (!secret_create(&test->secret, test->kind, test->nr_pages)) {
		judge(test, errno == ENOSYS ? VERDICT_SKIP : VERDICT_FAIL, when,
		      "memfd_secret: %s", errno == ENOSYS ? why_no_secrets() :
							    strerror(errno));
		return false;
	}
	touch = secret_fill(&test->secret);
	if (touch.nr_touched < test->nr_pages) {
		judge(test, VERDICT_FAIL, when, "SIGBUS at page %zu of %zu", touch.nr_touched,
		      test->nr_pages);
		secret_drop(&test->secret);
		return false;
	}
	judge(test, pass_if(!touch.nr_nonzero), when, "%zu of %zu pages were zero",
	      test->nr_pages - touch.nr_nonzero, test->nr_pages);
	return true;
}

static bool is_present(const struct ptdump *dump, u64 pfn)
{
	const struct pt_range *range = ptdump_find(dump, pfn * PAGE_BYTES);

	return range && range->start <= pfn * PAGE_BYTES && range->present;
}

/* An ordinary page must be found, or not finding a secret says nothing. */
static bool ordinary_is_present(const struct ptdump *dump)
{
	u64 *page = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
	u64 pfn = PFN_NONE;

	if (!page)
		die(EXIT_CANNOT, "out of memory");
	*(volatile u64 *)page = 1;
	find_frames(page, 1, &pfn);
	free(page);
	return pfn != PFN_NONE && is_present(dump, pfn);
}

static void check_page_tables(struct test *test)
{
	const struct secret *secret = &test->secret;
	size_t nr_known = 0, nr_present = 0;
	u64 first = PFN_NONE;
	struct ptdump dump;
	const char *why;

	if (!ptdump_read(&dump, &why)) {
		judge(test, VERDICT_SKIP, "tables", "%s", why);
		return;
	}
	for (size_t i = 0; i < secret->nr_pages; i++) {
		if (secret->pfns[i] == PFN_NONE)
			continue;
		nr_known++;
		if (!is_present(&dump, secret->pfns[i]))
			continue;
		nr_present++;
		if (first == PFN_NONE)
			first = secret->pfns[i];
	}
	if (!ordinary_is_present(&dump))
		judge(test, VERDICT_SKIP, "tables", "the dump does not show an ordinary page");
	else if (nr_present)
		judge(test, VERDICT_FAIL, "tables",
		      "%zu of %zu secret pages have an entry in the direct map, "
		      "the first is frame %#lx", nr_present, nr_known, first);
	else
		judge(test, pass_if(nr_known == secret->nr_pages), "tables",
		      "0 of %zu secret pages have an entry in the direct map", nr_known);
	test->absence_shown |= nr_known == secret->nr_pages && !nr_present;
	ptdump_free(&dump);
}

static void check_readers(struct test *test, struct readers *readers, const char *why)
{
	struct string tlb = { };
	struct readers_result result;

	if (!readers) {
		judge(test, VERDICT_SKIP, "stale", "%s", why);
		return;
	}
	result = readers_finish(readers, &test->secret);
	machine_describe_tlb(&tlb);
	if (!result.nr_cpus || result.nr_blind || !result.nr_reads) {
		judge(test, VERDICT_SKIP, "stale",
		      "/proc/kcore does not show an ordinary page to %u readers on %u CPUs",
		      result.nr_blind, result.nr_cpus);
	} else {
		judge(test, pass_if(!result.nr_seen), "stale",
		      "%lu of %lu reads saw a secret, CPUs %u (%s)", result.nr_seen,
		      result.nr_reads, result.nr_cpus, tlb.text);
		test->absence_shown |= !result.nr_seen;
	}
	string_free(&tlb);
}

static void check_contents(struct test *test)
{
	size_t nr_wrong = secret_count_wrong(&test->secret);

	judge(test, pass_if(!nr_wrong), "contents", "%zu of %zu pages hold what was written",
	      test->nr_pages - nr_wrong, test->nr_pages);
}

/* What others on this machine do meanwhile can split too: modules, BPF, tracing. */
static void check_splits(struct test *test)
{
	const struct amount *then = &test->before.memory.direct_4k;
	const struct amount *now = &test->after.memory.direct_4k;
	long kb = (long)now->value - (long)then->value;

	if (!then->known || !now->known)
		judge(test, VERDICT_SKIP, "splits", "/proc/meminfo has no DirectMap4k");
	else if (!has_blocks(&test->after))
		judge(test, VERDICT_SKIP, "splits",
		      "DirectMap4k grew by %ld kB; without unmapped blocks it does", kb);
	else if (kb > 0 && growth(test, "unmapped_fallback"))
		judge(test, VERDICT_NOTE, "splits", "DirectMap4k grew by %ld kB, by the fallback",
		      kb);
	else
		judge(test, pass_if(kb <= 0), "splits", "DirectMap4k grew by %ld kB", kb);
}

static void check_counters(struct test *test)
{
	u64 nr_flips = growth(test, "unmapped_flip"), nr_flushes = growth(test, "unmapped_flush");
	u64 nr_fallbacks = growth(test, "unmapped_fallback");

	if (!has_blocks(&test->after)) {
		judge(test, VERDICT_SKIP, "flushes", "this kernel has no unmapped blocks, or "
		      "they are switched off");
		return;
	}
	if (!nr_flips)
		judge(test, VERDICT_NOTE, "flushes", "no block was unmapped: free ones sufficed, "
		      "and \"stale\" says little (take more: -m)");
	else
		judge(test, pass_if(nr_flushes <= nr_flips), "flushes",
		      "%lu flushes for %lu blocks unmapped, %zu pages taken twice", nr_flushes,
		      nr_flips, test->nr_pages);
	judge(test, nr_fallbacks ? VERDICT_NOTE : VERDICT_PASS, "fallback",
	      "%lu pages were unmapped one by one%s", nr_fallbacks,
	      nr_fallbacks ? ": no block could be had" : "");
}

static void check_validator(struct test *test)
{
	char line[128];

	if (!kfile_read_line(VALIDATE, line, sizeof(line)))
		judge(test, VERDICT_SKIP, "validator",
		      "this kernel has none (CONFIG_DEBUG_PAGE_ALLOC_UNMAPPED)");
	else
		judge(test, pass_if(!strcmp(line, "0 faults")), "validator", "%s", line);
}

static void check_log(struct test *test, int klog)
{
	long nr = klog_finish(klog, &test->report);

	if (nr < 0)
		judge(test, VERDICT_SKIP, "log", "the kernel's log cannot be read");
	else
		judge(test, pass_if(!nr), "log", "%ld faults reported meanwhile", nr);
}

/* --- */

/*
 * What stands unmapped already is handed out first: take that much more, so that
 * blocks are unmapped while the readers read.
 */
static void add_warm_pages(struct test *test)
{
	const struct snapshot *before = &test->before;
	u64 nr_warm = before->counters.nr_free_unmapped.value;
	u64 nr_available = before->memory.available.value / PAGE_KB;

	if (test->kind == KIND_SECRET && has_blocks(before) &&
	    test->nr_pages + nr_warm < nr_available / 2)
		test->nr_pages += nr_warm;
}

static void run_checks(struct test *test)
{
	int klog = klog_open();
	struct readers *readers;
	const char *why = NULL;

	snapshot_take(&test->before);
	add_warm_pages(test);
	readers = readers_start(test->nr_pages, &why);
	if (take_secret(test, "zero")) {
		find_frames(test->secret.start, test->nr_pages, test->secret.pfns);
		check_readers(test, readers, why);
		check_page_tables(test);
		check_contents(test);
		secret_drop(&test->secret);
		/* The pages that come now held marks a moment ago. */
		if (take_secret(test, "zero-again"))
			secret_drop(&test->secret);
	} else if (readers) {
		readers_finish(readers, &test->secret);
	}
	snapshot_take(&test->after);
	check_splits(test);
	check_counters(test);
	check_validator(test);
	check_log(test, klog);
}

static void add_counts(const struct test *test, struct string *out)
{
	const struct counters *after = &test->after.counters;

	for (size_t i = 0; i < after->nr; i++) {
		const struct counter *then = counters_find(&test->before.counters,
							   after->list[i].name);

		string_add(out, "%s: %lu -> %lu\n", after->list[i].name, then ? then->value : 0,
			   after->list[i].value);
	}
}

static void add_memory(struct string *out, const char *when, const struct snapshot *snapshot)
{
	const struct meminfo *memory = &snapshot->memory;

	string_add(out, "%s, kB: MemTotal %lu MemFree %lu DirectMap4k %lu 2M %lu 1G %lu\n", when,
		   memory->total.value, memory->free.value, memory->direct_4k.value,
		   memory->direct_2m.value, memory->direct_1g.value);
}

/* Returns the exit code. */
static int print_report(const struct test *test)
{
	bool failed = test->nr[VERDICT_FAIL];
	struct string out = { };

	string_add(&out, "\n---- for a report, from here ----\nunmapped-selftest %s, %zu %s pages\n",
		   TOOLS_VERSION, test->nr_pages,
		   test->kind == KIND_SECRET ? "secret" : "ordinary");
	machine_describe(&out);
	for (size_t i = 0; i < test->after.nr_settings; i++)
		string_add(&out, "%s: %s\n", test->after.settings[i].name,
			   test->after.settings[i].value);
	add_memory(&out, "before", &test->before);
	add_memory(&out, "after", &test->after);
	add_counts(test, &out);
	string_add_bytes(&out, test->report.text, test->report.length);
	string_add(&out, "---- to here ----\n\n");
	string_add(&out, "%s: %u passed, %u failed, %u skipped, %u notes\n", failed ? "FAIL" :
		   test->absence_shown ? "PASS" : "NOT CHECKED: absence could not be looked at",
		   test->nr[VERDICT_PASS], test->nr[VERDICT_FAIL], test->nr[VERDICT_SKIP],
		   test->nr[VERDICT_NOTE]);
	fputs(out.text, stdout);
	string_free(&out);
	if (fflush(stdout))
		die(EXIT_CANNOT, "cannot write: %s", strerror(errno));
	if (failed)
		return EXIT_FAILED;
	return test->absence_shown ? EXIT_OK : EXIT_CANNOT;
}

static void parse_options(struct test *test, int argc, char **argv)
{
	static const struct option table[] = {
		{ "mib", required_argument, NULL, 'm' },
		{ "ordinary", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	u64 mib = 64;
	int c;

	while ((c = getopt_long(argc, argv, "m:hV", table, NULL)) != -1) {
		switch (c) {
		case 'm':
			if (!parse_whole_number(optarg, 1, SIZE_MAX_MIB, &mib))
				die(EXIT_USAGE, "-m needs 1 to %lu MiB, not '%s'", SIZE_MAX_MIB,
				    optarg);
			break;
		case 'o':
			test->kind = KIND_ORDINARY;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_OK);
		case 'V':
			printf("unmapped-selftest %s\n", TOOLS_VERSION);
			exit(EXIT_OK);
		default:
			/* getopt_long() has said what is wrong. */
			exit(EXIT_USAGE);
		}
	}
	if (optind != argc)
		die(EXIT_USAGE, "no argument '%s' is expected; see unmapped-selftest --help",
		    argv[optind]);
	test->nr_pages = mib * (MIB / PAGE_BYTES);
}

int main(int argc, char **argv)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct test test = { .kind = KIND_SECRET };
	int code;

	parse_options(&test, argc, argv);
	if (geteuid())
		die(EXIT_CANNOT, "only root sees whether the kernel reaches a page: be root");
	/* Secrets count against it for root too; what fails here shows as a SIGBUS. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	run_checks(&test);
	code = print_report(&test);
	snapshot_free(&test.before);
	snapshot_free(&test.after);
	string_free(&test.report);
	return code;
}
