// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kfile.h"
#include "machine.h"

#define NR_LOG_LINES_MAX	20

/* What TLB, direct map and clearing hang on. */
static const char * const flags[] = {
	"pcid", "invpcid", "pti", "pdpe1gb", "la57", "pge", "invlpgb", "erms", "fsrm",
	"hypervisor",
};

static const char * const vulnerabilities[] = { "meltdown", "l1tf", "mds", "itlb_multihit" };

/* Arguments of the kernel that have a say; others are nobody's business. */
static const char * const arguments[] = {
	"unmapped_alloc", "secretmem", "pti", "nopti", "nopcid", "noinvpcid", "mitigations",
	"init_on_alloc", "init_on_free", "debug_pagealloc", "page_poison", "nogbpages",
	"no5lvl", "lockdown", "hugepages", "hugetlb_cma", "page_reporting",
};

/* The line "NAME : VALUE" of the first CPU in /proc/cpuinfo; the caller frees it. */
static char *cpu_line(const char *name)
{
	size_t length = strlen(name);
	char *value = NULL;
	struct kfile file;

	if (!kfile_read(&file, "/proc/cpuinfo"))
		return NULL;
	for (char *line; !value && (line = kfile_line(&file));) {
		if (strncmp(line, name, length))
			continue;
		line += length + strspn(line + length, " \t");
		if (*line == ':')
			value = strdup(line + 1 + strspn(line + 1, " \t"));
	}
	kfile_free(&file);
	return value;
}

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += length)
		if ((at == text || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

static void add_flags(struct string *out)
{
	char *line = cpu_line("flags");

	string_add(out, "cpu flags:");
	for (size_t i = 0; line && i < ARRAY_SIZE(flags); i++)
		if (has_word(line, flags[i]))
			string_add(out, " %s", flags[i]);
	string_add(out, "\n");
	free(line);
}

static void add_vulnerabilities(struct string *out)
{
	char path[128], value[128];

	for (size_t i = 0; i < ARRAY_SIZE(vulnerabilities); i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/vulnerabilities/%s",
			 vulnerabilities[i]);
		if (kfile_read_line(path, value, sizeof(value)))
			string_add(out, "%s: %s\n", vulnerabilities[i], value);
	}
}

static void add_arguments(struct string *out)
{
	struct kfile file;
	char *line, *word;

	string_add(out, "kernel arguments:");
	if (kfile_read(&file, "/proc/cmdline")) {
		line = kfile_line(&file);
		while (line && (word = next_word(&line)))
			for (size_t i = 0; i < ARRAY_SIZE(arguments); i++)
				if (!strncmp(word, arguments[i], strlen(arguments[i])))
					string_add(out, " %s", word);
		kfile_free(&file);
	}
	string_add(out, "\n");
}

void machine_describe(struct string *out)
{
	char *model = cpu_line("model name");
	struct utsname name;

	if (!uname(&name))
		string_add(out, "kernel: %s %s %s\n", name.release, name.version, name.machine);
	string_add(out, "cpu: %s, %ld online\n", model ? model : "unknown",
		   sysconf(_SC_NPROCESSORS_ONLN));
	add_flags(out);
	add_vulnerabilities(out);
	add_arguments(out);
	free(model);
}

void machine_describe_tlb(struct string *out)
{
	char *line = cpu_line("flags");

	string_add(out, "PCID %s, INVPCID %s, PTI %s",
		   line && has_word(line, "pcid") ? "yes" : "no",
		   line && has_word(line, "invpcid") ? "yes" : "no",
		   line && has_word(line, "pti") ? "on" : "off");
	free(line);
}

int klog_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool reports_fault(const char *text)
{
	static const char * const signs[] = {
		"WARNING:", "BUG:", "Oops:", "general protection fault", "unmapped: invalid",
		"INFO: task", "rcu: INFO", "KASAN:", "mermap: call refused",
	};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (strstr(text, signs[i]))
			return true;
	return false;
}

/* "PRIORITY,NUMBER,TIME,FLAGS;TEXT", a record each read. */
long klog_finish(int fd, struct string *lines)
{
	char record[8192], text[160];
	long nr_faults = 0, nr_lines = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	for (;;) {
		n = read(fd, record, sizeof(record) - 1);
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;	/* EPIPE: records were overwritten */
		if (n <= 0)
			break;
		record[n] = '\0';
		record[strcspn(record, "\n")] = '\0';
		copy_printable(text, strchr(record, ';') ? strchr(record, ';') + 1 : record,
			       sizeof(text));
		nr_faults += reports_fault(text);
		if ((reports_fault(text) || !strncmp(text, "unmapped: ", 10)) &&
		    nr_lines++ < NR_LOG_LINES_MAX)
			string_add(lines, "log: %s\n", text);
	}
	close(fd);	/* read only: nothing can be lost */
	return nr_faults;
}
