// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: off-reason [--for-now] TEXT
 *
 * For boots in which the feature is off: the kernel log says why, with TEXT,
 * secrets work as on stock, and it cannot be switched on; or, --for-now, it can.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "frames.h"
#include "kfile.h"
#include "kmsg.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "validator.h"

#define SWITCH		"/proc/sys/vm/unmapped_alloc"
#define LOG_OFF		"unmapped: off: "
#define LOG_ON		"unmapped: on: "
#define NR_PAGES	1024

static void test_secrets(void)
{
	struct area area = secret_area(NR_PAGES * PAGE_SIZE);
	size_t nr_dirty = 0;

	for (size_t i = 0; i < NR_PAGES; i++)
		nr_dirty += !page_is_zero_from(area_page(&area, i), 0);
	mark_fill_pages(area.start, NR_PAGES, 1);
	ktap_ok(!nr_dirty && !mark_count_wrong_pages(area.start, NR_PAGES, 1),
		"secrets are zero at hand-out, and hold what is written");
	ktap_ok(area_is_absent(&area), "they are absent");
	area_destroy(&area);
}

/* An ordinary page in its place is found: the proof above is not empty. */
static void test_control(void)
{
	struct area area = area_create(AREA_ANON, PAGE_SIZE);

	mark_fill_pages(area.start, 1, 2);
	ktap_ok(!area_is_absent(&area), "ordinary memory is present");
	area_destroy(&area);
}

static void test_stays_off(const char *line)
{
	int error = kfile_write(SWITCH, "1");

	ktap_ok(error == EOPNOTSUPP && !kfile_number(SWITCH, 10) &&
		kmsg_count_lines(line, "") == 2,
		"it cannot be switched on, and the log says so again: %s",
		strerror(error));
}

static void test_switched_on(void)
{
	struct area area;

	ktap_ok(!kmsg_count_lines(LOG_ON, "") && !kfile_write(SWITCH, "1") &&
		kfile_number(SWITCH, 10) == 1 && kmsg_count_lines(LOG_ON, "") == 1,
		"it can be switched on, and the log says so");
	area = secret_area(2 * BLOCK_BYTES);
	mark_fill_pages(area.start, area_nr_pages(&area), 3);
	ktap_ok(vmstat_read("unmapped_flip") > 0 && area_is_absent(&area) &&
		validator_is_content(), "blocks are unmapped then");
	area_destroy(&area);
}

int main(int argc, char **argv)
{
	bool for_now = argc == 3 && !strcmp(argv[1], "--for-now");
	char line[512];

	if (argc != 2 + for_now) {
		fputs("usage: off-reason [--for-now] TEXT\n", stderr);
		return EXIT_USAGE;
	}
	if (!kfile_exists(SWITCH))
		die(EXIT_CANNOT_RUN, "this kernel has no " SWITCH);
	snprintf(line, sizeof(line), LOG_OFF "%s\n", argv[argc - 1]);
	ktap_plan(for_now ? 9 : 8);
	ktap_ok(kmsg_count_lines(line, "") == 1, "the log says: off: %s", argv[argc - 1]);
	ktap_ok(kmsg_count_lines(LOG_OFF, "") == 1, "and gives no other reason");
	ktap_ok(!kfile_number(SWITCH, 10), "vm.unmapped_alloc reads 0");
	if (!for_now)
		test_stays_off(line);
	test_secrets();
	test_control();
	ktap_ok(!vmstat_read("unmapped_flip") &&
		!vmstat_read("nr_free_unmapped_pages") &&
		validator_is_content(), "no block was ever unmapped");
	if (for_now)
		test_switched_on();
	return ktap_finish();
}
