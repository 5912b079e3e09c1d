// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: off-reason TEXT
 *
 * For boots in which the feature switches itself off: the kernel log says why,
 * with TEXT, it cannot be switched on, and secrets work as on stock.
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
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "validator.h"

#define SWITCH		"/proc/sys/vm/unmapped_alloc"
#define LOG_OFF		"unmapped: off: "
#define NR_PAGES	1024

/* How many records of the kernel log begin with @start? */
static int count_records(const char *start)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192];
	const char *text;
	int nr = 0;
	ssize_t n;

	if (fd < 0)
		die_errno("/dev/kmsg");
	/*
	 * One record a read, "NUMBERS;TEXT"; EPIPE: some were overwritten, on
	 * with the next.
	 */
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		record[n] = '\0';
		text = strchr(record, ';');
		nr += text && !strncmp(text + 1, start, strlen(start));
	}
	close(fd);	/* read only: nothing can be lost */
	return nr;
}

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

int main(int argc, char **argv)
{
	char line[512];
	int error;

	if (argc != 2) {
		fputs("usage: off-reason TEXT\n", stderr);
		return EXIT_USAGE;
	}
	if (!kfile_exists(SWITCH))
		die(EXIT_CANNOT_RUN, "this kernel has no " SWITCH);
	snprintf(line, sizeof(line), LOG_OFF "%s\n", argv[1]);
	ktap_plan(8);
	ktap_ok(count_records(line) == 1, "the log says: off: %s", argv[1]);
	ktap_ok(count_records(LOG_OFF) == 1, "and gives no other reason");
	ktap_ok(!kfile_number(SWITCH, 10), "vm.unmapped_alloc reads 0");
	error = kfile_write(SWITCH, "1");
	ktap_ok(error == EOPNOTSUPP && !kfile_number(SWITCH, 10) &&
		count_records(line) == 2,
		"it cannot be switched on, and the log says so again: %s",
		strerror(error));
	test_secrets();
	test_control();
	ktap_ok(!vmstat_read("unmapped_flip") &&
		!vmstat_read("nr_free_unmapped_pages") &&
		validator_is_content(), "no block was ever unmapped");
	return ktap_finish();
}
