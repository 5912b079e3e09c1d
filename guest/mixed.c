// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets beside everything else: stress-ng's vm, memfd, fault, fork and hdd
 * stressors do a fixed number of operations while secrets grow and are dropped a
 * fixed number of times. All of them together ask for a share of RAM that may be
 * more than there is: /dev/vda becomes swap, and files are on /dev/vdb.
 *
 * What it cost is counted, to be held beside another kernel; here it is judged
 * that all of it is done, nobody is killed, and data is as it was written.
 *
 *	tools/vm --disk SWAP --disk FILES --add /usr/bin/stress-ng -- mixed
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "area.h"
#include "instr.h"
#include "kstat.h"
#include "ktap.h"
#include "mark.h"
#include "options.h"
#include "secretload.h"
#include "toll.h"
#include "validator.h"

static const char usage[] =
	"usage: mixed [--memory PERCENT] [--scale N]\n"
	"  --memory PERCENT  of RAM that all of them ask for (default 60)\n"
	"  --scale N         times the usual number of operations (default 1)\n";

#define STRESS_NG	"/usr/bin/stress-ng"
#define NR_ARGS		40
#define SECRET_ROUNDS	6
#define KEPT_BYTES	(4 * MIB)
#define SEED		1

/* Shares of the memory that is asked for, percent */
#define VM_SHARE	45
#define MEMFD_SHARE	20
#define FILE_SHARE	15
#define SECRET_SHARE	20

static u64 memory_percent = 60, scale = 1;

static size_t bytes_of(unsigned int share)
{
	u64 ram = (u64)meminfo_kb("MemTotal") * KIB;

	return ram / 100 * memory_percent / 100 * share & ~(PAGE_SIZE - 1);
}

static void make_disks(void)
{
	if (system("mkswap /dev/vda >/dev/null && swapon /dev/vda"))
		die(EXIT_CANNOT_RUN, "no swap on /dev/vda");
	if (system("mke2fs -F -b 4096 /dev/vdb >/dev/null && "
		   "mount -t ext4 -o noatime /dev/vdb /mnt"))
		die(EXIT_CANNOT_RUN, "no files on /dev/vdb");
}

/* Section: the load */

struct args {
	const char *list[NR_ARGS];
	size_t nr;
};

static void add(struct args *args, const char *arg)
{
	if (args->nr == NR_ARGS - 1)
		die(EXIT_FAILED, "more than %d arguments", NR_ARGS);
	args->list[args->nr++] = arg;
}

static void add_number(struct args *args, const char *option, u64 number)
{
	char *text;

	if (asprintf(&text, "%lu", number) < 0)
		die_errno("no memory for an argument");
	add(args, option);
	add(args, text);	/* until the exec */
}

/*
 * With one seed, until the operations are done. Without --oomable a stressor
 * that was killed would be started again, and nobody would know.
 */
static void __attribute__((noreturn)) exec_stress_ng(void)
{
	struct args args = { };

	add(&args, STRESS_NG);
	add(&args, "--no-rand-seed");
	add(&args, "--oomable");
	add(&args, "--verify");
	add_number(&args, "--timeout", 0);
	add(&args, "--temp-path");
	add(&args, "/mnt");
	add_number(&args, "--vm", 1);
	add_number(&args, "--vm-bytes", bytes_of(VM_SHARE));
	add(&args, "--vm-method");
	add(&args, "incdec");
	add(&args, "--vm-keep");
	add_number(&args, "--vm-ops", 160 * scale);
	add_number(&args, "--memfd", 1);
	add_number(&args, "--memfd-bytes", bytes_of(MEMFD_SHARE));
	add_number(&args, "--memfd-fds", 16);
	add_number(&args, "--memfd-ops", 4 * scale);
	add_number(&args, "--fault", 1);
	add_number(&args, "--fault-ops", 1000 * scale);
	add_number(&args, "--fork", 1);
	add_number(&args, "--fork-ops", 200 * scale);
	add_number(&args, "--hdd", 1);
	add_number(&args, "--hdd-bytes", bytes_of(FILE_SHARE));
	add_number(&args, "--hdd-ops", 3 * bytes_of(FILE_SHARE) / (64 * KIB) * scale);
	/* Its report has a stream of its own, and must not be taken for results. */
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		die_errno("dup2");
	execv(STRESS_NG, (char **)args.list);
	die_errno(STRESS_NG);
}

static int fill_and_drop_secrets(struct secretload *load)
{
	for (u64 i = 0; i < SECRET_ROUNDS * scale; i++)
		secretload_round(load, bytes_of(SECRET_SHARE), SEED + i);
	return EXIT_PASSED;
}

/* Section: what it costs */

/* Where one CPU serves, its clock moves by one each instruction and when it idles. */
struct cost {
	struct toll toll;
	u64 nr_instr;
	u64 idle_ms;
};

/* Time that CPU 0 had nothing to do, waiting for disks included. */
static u64 idle_ms_read(void)
{
	unsigned long user, nice, system, idle, wait;
	FILE *file = fopen("/proc/stat", "re");

	if (!file || fscanf(file, "cpu %lu %lu %lu %lu %lu", &user, &nice, &system,
			    &idle, &wait) != 5)
		die_errno("/proc/stat");
	fclose(file);	/* read only: nothing can be lost */
	return (idle + wait) * 1000 / (u64)sysconf(_SC_CLK_TCK);
}

static void cost_begin(struct cost *cost)
{
	toll_begin(&cost->toll);
	cost->idle_ms = idle_ms_read();
	cost->nr_instr = instr_now();
}

static void cost_end(struct cost *cost)
{
	cost->nr_instr = instr_now() - cost->nr_instr;
	cost->idle_ms = idle_ms_read() - cost->idle_ms;
	toll_end(&cost->toll);
}

static void cost_note(const struct cost *cost)
{
	if (instr_is_exact())
		ktap_note("instructions_m=%lu", cost->nr_instr / 1000000 - cost->idle_ms);
	ktap_note("idle_ms=%lu", cost->idle_ms);
	toll_note(&cost->toll, "mixed");
}

/* Section: the verdict */

static void parse_options(int argc, char **argv)
{
	static const struct number_option options[] = {
		{ "memory", &memory_percent },
		{ "scale", &scale },
		{ }
	};

	parse_number_options(argc, argv, usage, options);
}

/* The secrets of one child and the stressors of the other. */
static void run_load(struct secretload *load)
{
	pid_t secrets, stressors;
	bool filled;
	int status;

	stressors = fork_child();
	if (!stressors)
		exec_stress_ng();
	secrets = fork_child();
	if (!secrets)
		_exit(fill_and_drop_secrets(load));
	filled = child_passed(wait_child(secrets));
	ktap_ok(filled && !load->nr_refused, "%zu secret pages granted, %zu refused",
		load->nr_granted, load->nr_refused);
	ktap_ok(!load->nr_wrong, "secrets that come and go hold what was written");
	status = wait_child(stressors);
	ktap_ok(child_passed(status), "stress-ng did its work (wait status %x)", status);
}

int main(int argc, char **argv)
{
	struct secretload *load = shared_alloc(sizeof(*load));
	long nr_kills = vmstat_read("oom_kill");
	struct area kept;
	struct cost cost;

	parse_options(argc, argv);
	make_disks();
	ktap_plan(6);
	kept = secret_area(KEPT_BYTES);
	mark_fill_pages(kept.start, area_nr_pages(&kept), SEED);
	cost_begin(&cost);
	run_load(load);
	cost_end(&cost);
	ktap_note("asked=%zu", load->nr_granted + load->nr_refused);
	ktap_note("granted=%zu", load->nr_granted);
	cost_note(&cost);
	ktap_ok(!mark_count_wrong_pages(kept.start, area_nr_pages(&kept), SEED),
		"a secret that stays holds what was written");
	ktap_ok(vmstat_read("oom_kill") == nr_kills, "nothing was killed");
	validator_report();
	return ktap_finish();
}
