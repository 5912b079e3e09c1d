// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holders.h"
#include "kfile.h"

#define SECRET_FILE	"/secretmem (deleted)"

const char * const holder_order_names[NR_ORDERS] = {
	[ORDER_RESIDENT] = "resident",
	[ORDER_MAPPED]	= "mapped",
	[ORDER_FILES]	= "files",
	[ORDER_PID]	= "pid",
	[ORDER_NAME]	= "name",
};

/*
 * "START-END PERMS OFFSET DEV INODE   PATH", of maps and smaps; true for a
 * mapping of secret memory, whose size is added to @mapped. The device tells it
 * from a file of that name: it has no major number.
 */
static bool take_mapping(char *line, bool *is_mapping, u64 *mapped)
{
	const char *end;
	u64 start, stop, major;
	char *word = next_word(&line);

	*is_mapping = word && parse_number(word, 16, &start, &end) && *end == '-' &&
		      parse_number(end + 1, 16, &stop, &end) && !*end && stop > start;
	if (!*is_mapping)
		return false;
	next_word(&line);	/* permissions */
	next_word(&line);	/* offset */
	word = next_word(&line);
	if (!word || !parse_number(word, 16, &major, &end) || *end != ':' || major)
		return false;
	next_word(&line);	/* inode */
	line += strspn(line, " \t");
	if (strcmp(line, SECRET_FILE))
		return false;
	*mapped += (stop - start) / KIB;
	return true;
}

/* False where we may not look. */
static bool read_maps(const char *path, struct holder *holder)
{
	struct kfile file;
	bool is_mapping;

	if (!kfile_read(&file, path))
		return errno != EACCES && errno != EPERM;
	for (char *line; (line = kfile_line(&file));)
		take_mapping(line, &is_mapping, &holder->mapped);
	kfile_free(&file);
	return true;
}

/* smaps walks the page tables: only read of those that hold something. */
static void read_resident(const char *path, struct holder *holder)
{
	struct kfile file;
	bool is_mapping, secret, is_secret = false;
	u64 mapped = 0, kb;	/* mapped: known already */

	if (!kfile_read(&file, path))
		return;
	holder->resident.known = true;
	for (char *line; (line = kfile_line(&file));) {
		if (!strncmp(line, "Rss:", 4)) {
			line += 4;
			line += strspn(line, " \t");
			if (is_secret && parse_number(line, 10, &kb, NULL))
				holder->resident.value += kb;
			continue;
		}
		secret = take_mapping(line, &is_mapping, &mapped);
		if (is_mapping)
			is_secret = secret;
	}
	kfile_free(&file);
}

static bool count_files(const char *path, struct holder *holder)
{
	DIR *dir = kfile_opendir(path);
	char target[sizeof(SECRET_FILE)];

	if (!dir)
		return errno != EACCES && errno != EPERM;
	for (struct dirent *entry; (entry = readdir(dir));) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target));

		holder->nr_files += n == sizeof(SECRET_FILE) - 1 &&
				    !memcmp(target, SECRET_FILE, (size_t)n);
	}
	closedir(dir);
	return true;
}

/* "Uid:	REAL	EFFECTIVE ..." of status. */
static struct amount read_user(u64 pid)
{
	struct amount user = { };
	char path[64];
	struct kfile file;

	snprintf(path, sizeof(path), "/proc/%lu/status", pid);
	if (!kfile_read(&file, path))
		return user;
	for (char *line, *word; (line = kfile_line(&file));) {
		word = next_word(&line);
		if (!word || strcmp(word, "Uid:"))
			continue;
		next_word(&line);
		word = next_word(&line);
		user.known = word && parse_whole_number(word, 0, UINT32_MAX, &user.value);
		break;
	}
	kfile_free(&file);
	return user;
}

static void identify(u64 pid, struct holder *holder)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%lu/comm", pid);
	if (!kfile_read_line(path, holder->name, sizeof(holder->name)))
		copy_printable(holder->name, "?", sizeof(holder->name));
	holder->user = read_user(pid);
}

/*
 * Kernel threads and the dead have no address space, and so hold nothing; the
 * 23rd field of stat says so to everybody. The name, in brackets, may hold any
 * character.
 */
static bool has_memory(u64 pid)
{
	char path[64];
	struct kfile file;
	u64 size = 1;
	char *at, *word = NULL;

	snprintf(path, sizeof(path), "/proc/%lu/stat", pid);
	if (!kfile_read(&file, path))
		return errno != ENOENT && errno != ESRCH;
	at = strrchr(file.text, ')');
	if (at) {
		at++;
		for (int field = 3; field <= 23; field++)
			word = next_word(&at);
		if (word && !parse_number(word, 10, &size, NULL))
			size = 1;
	}
	kfile_free(&file);
	return size;
}

static void read_process(struct holders *holders, u64 pid)
{
	struct holder holder = { .pid = pid };
	char path[64];
	bool may;

	if (!has_memory(pid))
		return;
	holders->nr_seen++;
	snprintf(path, sizeof(path), "/proc/%lu/maps", pid);
	may = read_maps(path, &holder);
	snprintf(path, sizeof(path), "/proc/%lu/fd", pid);
	may &= count_files(path, &holder);
	holders->nr_hidden += !may;
	if (!holder.mapped && !holder.nr_files)
		return;
	if (holder.mapped) {
		snprintf(path, sizeof(path), "/proc/%lu/smaps", pid);
		read_resident(path, &holder);
	}
	identify(pid, &holder);
	holders->list = xrealloc(holders->list, holders->nr + 1, sizeof(holder));
	holders->list[holders->nr++] = holder;
}

bool holders_read(struct holders *holders)
{
	DIR *dir = kfile_opendir("/proc");
	u64 pid;

	memset(holders, 0, sizeof(*holders));
	if (!dir)
		return false;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (parse_whole_number(entry->d_name, 1, INT32_MAX, &pid))
			read_process(holders, pid);
	closedir(dir);
	return true;
}

void holders_free(struct holders *holders)
{
	free(holders->list);
	memset(holders, 0, sizeof(*holders));
}

static int compare_u64(u64 a, u64 b)
{
	return (a > b) - (a < b);
}

/* Largest first, but by pid and by name smallest first; the pid decides ties. */
static int compare(const void *first, const void *second, void *order)
{
	const struct holder *a = first, *b = second;
	int result = 0;

	switch (*(enum holder_order *)order) {
	case ORDER_RESIDENT:
		result = compare_u64(b->resident.value, a->resident.value);
		break;
	case ORDER_MAPPED:
		result = compare_u64(b->mapped, a->mapped);
		break;
	case ORDER_FILES:
		result = compare_u64(b->nr_files, a->nr_files);
		break;
	case ORDER_NAME:
		result = strcmp(a->name, b->name);
		break;
	default:
		break;
	}
	return result ? result : compare_u64(a->pid, b->pid);
}

void holders_sort(struct holders *holders, enum holder_order order)
{
	if (holders->nr)
		qsort_r(holders->list, holders->nr, sizeof(*holders->list), compare, &order);
}
