// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin of QEMU's TCG that counts instructions by address, between two marks:
 * the guest's calls of two functions of its own.
 *
 *   -plugin FILE,begin=ADDRESS,end=ADDRESS,out=FILE
 *
 * Writes a line "ADDRESS INSTRUCTIONS TIMES" for each run of instructions (translation
 * block) that began at that address, and how often it did, at the end of the guest. A
 * run that a fault ends is counted whole. A line "!NAME TIMES" says how often an instruction ran
 * that is cheap to count and dear to run.
 *
 * The declarations are those of QEMU's plugin interface, version 1: Debian ships no
 * header for it.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
		void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
		void (*cb)(unsigned int vcpu, void *data), int flags, void *data);
extern void qemu_plugin_register_atexit_cb(uint64_t id,
		void (*cb)(uint64_t id, void *data), void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

int qemu_plugin_version = 1;
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

#define NR_BUCKETS	(1U << 16)

enum dear { DEAR_INVLPG, DEAR_INVPCID, DEAR_CR3, NR_DEAR };

static const char * const dear_names[NR_DEAR] = { "INVLPG", "INVPCID", "CR3" };

/* Blocks are translated anew now and then: one entry for each address and length. */
struct run {
	uint64_t address, nr_insns, nr_times;
	uint64_t nr_dear[NR_DEAR];
	struct run *next;
};

static struct run *runs[NR_BUCKETS];
static uint64_t begin, end;
static const char *out;
static bool counting;

static void run_begins(unsigned int vcpu, void *data)
{
	struct run *run = data;

	(void)vcpu;
	if (run->address == begin)
		counting = true;
	else if (run->address == end)
		counting = false;
	if (counting)
		__atomic_fetch_add(&run->nr_times, 1, __ATOMIC_RELAXED);
}

/* CPUs translate at the same time. */
static struct run *find_run(uint64_t address, uint64_t nr_insns)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct run **link = &runs[(address ^ address >> 16) % NR_BUCKETS];

	pthread_mutex_lock(&lock);
	while (*link && ((*link)->address != address || (*link)->nr_insns != nr_insns))
		link = &(*link)->next;
	if (!*link) {
		*link = calloc(1, sizeof(**link));
		if (!*link)
			abort();
		(*link)->address = address;
		(*link)->nr_insns = nr_insns;
	}
	pthread_mutex_unlock(&lock);
	return *link;
}

/* Which of the dear ones is it? NR_DEAR: none. */
static enum dear dear_kind(const unsigned char *code, size_t size)
{
	unsigned int reg;

	while (size > 3 && (*code == 0x66 || (*code & 0xf0) == 0x40)) {
		code++;
		size--;
	}
	if (size < 3 || code[0] != 0x0f)
		return NR_DEAR;
	reg = code[2] >> 3 & 7;
	if (code[1] == 0x01 && reg == 7 && code[2] < 0xc0)
		return DEAR_INVLPG;
	if (code[1] == 0x38 && code[2] == 0x82)
		return DEAR_INVPCID;
	if (code[1] == 0x22 && reg == 3)
		return DEAR_CR3;
	return NR_DEAR;
}

static void count_dear(struct run *run, const struct qemu_plugin_tb *tb)
{
	memset(run->nr_dear, 0, sizeof(run->nr_dear));
	for (size_t i = 0; i < run->nr_insns; i++) {
		const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		enum dear kind = dear_kind(qemu_plugin_insn_data(insn),
					   qemu_plugin_insn_size(insn));

		if (kind != NR_DEAR)
			run->nr_dear[kind]++;
	}
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	struct run *run = find_run(qemu_plugin_tb_vaddr(tb), qemu_plugin_tb_n_insns(tb));

	(void)id;
	count_dear(run, tb);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, run_begins, 0, run);
}

static void write_counts(uint64_t id, void *data)
{
	uint64_t nr_dear[NR_DEAR] = { 0 };
	FILE *file = fopen(out, "w");

	(void)id;
	(void)data;
	for (unsigned int i = 0; file && i < NR_BUCKETS; i++) {
		for (struct run *run = runs[i]; run; run = run->next) {
			if (run->nr_times)
				fprintf(file, "%016" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
					run->address, run->nr_times * run->nr_insns,
					run->nr_times);
			for (int kind = 0; kind < NR_DEAR; kind++)
				nr_dear[kind] += run->nr_times * run->nr_dear[kind];
		}
	}
	for (int kind = 0; file && kind < NR_DEAR; kind++)
		fprintf(file, "!%s %" PRIu64 "\n", dear_names[kind], nr_dear[kind]);
	if (!file || fclose(file))
		perror(out);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "begin=", 6))
			begin = strtoull(argv[i] + 6, NULL, 16);
		else if (!strncmp(argv[i], "end=", 4))
			end = strtoull(argv[i] + 4, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
	}
	if (!begin || !end || !out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, write_counts, NULL);
	return 0;
}
