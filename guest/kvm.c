// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual machine whose memory is secret memory, as a KVM memory slot: the slot is
 * accepted, and what the machine does to it is refused, as on stock, since KVM pins
 * pages as others do (GUP). A slot of ordinary memory beside it works, so that the
 * machine is able to do what is refused. The secret is absent and whole all the time.
 *
 * Kernels with config/kvm.config; a processor with AMD's SVM, such as QEMU's TCG.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "frames.h"
#include "ktap.h"
#include "mark.h"
#include "validator.h"

#define SLOT_BYTES	(64 * KIB)
#define SLOT_PAGES	(SLOT_BYTES / PAGE_SIZE)
#define PORT		0x10
#define SEED_SECRET	1
#define SEED_ORDINARY	2

/* Where the machine has what: a real-mode segment each, of a whole slot. */
enum slot { SLOT_CODE, SLOT_ORDINARY, SLOT_SECRET };

struct machine {
	int vm, cpu;
	struct kvm_run *run;
	size_t run_size;
};

/* What became of the machine's code. */
struct outcome {
	int error;		/* of KVM_RUN */
	bool ended;		/* at its last instruction */
	unsigned char byte;	/* that it put out before */
};

static long checked_ioctl(int fd, unsigned long request, void *argument, const char *name)
{
	int result = ioctl(fd, request, argument);

	if (result < 0)
		die_errno("%s", name);
	return result;
}

#define CHECKED(fd, request, argument) checked_ioctl(fd, request, argument, #request)

static u64 guest_address(enum slot slot)
{
	return slot * SLOT_BYTES;
}

static void add_slot(const struct machine *machine, enum slot slot, const struct area *area)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = guest_address(slot),
		.memory_size = area->size,
		.userspace_addr = (u64)area->start,
	};

	CHECKED(machine->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static struct machine machine_create(void)
{
	struct machine machine;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		die(EXIT_CANNOT_RUN, "no /dev/kvm: tools/vm --kernel ours+kvm, on a processor with SVM");
	machine.vm = (int)CHECKED(kvm, KVM_CREATE_VM, NULL);
	machine.cpu = (int)CHECKED(machine.vm, KVM_CREATE_VCPU, NULL);
	machine.run_size = (size_t)CHECKED(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	machine.run = mmap(NULL, machine.run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   machine.cpu, 0);
	if (machine.run == MAP_FAILED)
		die_errno("mmap of the vCPU");
	close(kvm);	/* the machine stays */
	return machine;
}

static void machine_destroy(struct machine *machine)
{
	munmap(machine->run, machine->run_size);	/* only address space */
	close(machine->cpu);
	close(machine->vm);
}

/* Real mode, at the start of a slot; %ds is another's. */
static void set_registers(const struct machine *machine, enum slot code, enum slot data)
{
	struct kvm_regs regs = { .rflags = 2, .rax = 0x5a };
	struct kvm_sregs sregs;

	CHECKED(machine->cpu, KVM_GET_SREGS, &sregs);
	sregs.cs.base = guest_address(code);
	sregs.cs.selector = (unsigned short)(guest_address(code) >> 4);
	sregs.ds.base = guest_address(data);
	sregs.ds.selector = (unsigned short)(guest_address(data) >> 4);
	CHECKED(machine->cpu, KVM_SET_SREGS, &sregs);
	CHECKED(machine->cpu, KVM_SET_REGS, &regs);
}

/* Until the machine halts, or is refused something. */
static struct outcome run(const struct machine *machine, enum slot code, enum slot data)
{
	struct kvm_run *run = machine->run;
	struct outcome outcome = { };

	set_registers(machine, code, data);
	for (;;) {
		if (ioctl(machine->cpu, KVM_RUN, NULL) < 0) {
			if (errno == EINTR)
				continue;
			outcome.error = errno;
			return outcome;
		}
		if (run->exit_reason != KVM_EXIT_IO || run->io.port != PORT)
			break;
		outcome.byte = *((unsigned char *)run + run->io.data_offset);
	}
	outcome.ended = run->exit_reason == KVM_EXIT_HLT;
	if (!outcome.ended)
		ktap_note("exit reason %u", run->exit_reason);
	return outcome;
}

static const unsigned char code_read[] = {
	0xa0, 0x00, 0x00,	/* mov (0), %al */
	0xe6, PORT,		/* out %al, $PORT */
	0xf4,			/* hlt */
};

static const unsigned char code_write[] = {
	0xa2, 0x00, 0x00,	/* mov %al, (0) */
	0xe6, PORT,		/* out %al, $PORT */
	0xf4,			/* hlt */
};

static void test_data(const struct machine *machine, struct area *code, struct area *ordinary)
{
	unsigned char first = *(unsigned char *)ordinary->start;
	struct outcome outcome;

	memcpy(code->start, code_read, sizeof(code_read));
	outcome = run(machine, SLOT_CODE, SLOT_ORDINARY);
	ktap_ok(outcome.ended && outcome.byte == first,
		"the machine reads ordinary memory: 0x%02x is 0x%02x", outcome.byte, first);
	outcome = run(machine, SLOT_CODE, SLOT_SECRET);
	ktap_ok(outcome.error == EFAULT, "it does not read secrets: %s",
		strerror(outcome.error));

	memcpy(code->start, code_write, sizeof(code_write));
	outcome = run(machine, SLOT_CODE, SLOT_ORDINARY);
	ktap_ok(outcome.ended && *(unsigned char *)ordinary->start == 0x5a,
		"it writes ordinary memory");
	*(unsigned char *)ordinary->start = first;
	outcome = run(machine, SLOT_CODE, SLOT_SECRET);
	ktap_ok(outcome.error == EFAULT, "it does not write secrets: %s",
		strerror(outcome.error));
}

/* What runs in the machine, and its page tables, would be KVM's to read as well. */
static void test_code(const struct machine *machine, struct area *code, struct area *secret)
{
	static const unsigned char halt = 0xf4;
	u64 first = *area_page(secret, 0);
	struct outcome outcome;

	memcpy(code->start, &halt, sizeof(halt));
	memcpy(secret->start, &halt, sizeof(halt));
	outcome = run(machine, SLOT_CODE, SLOT_ORDINARY);
	ktap_ok(outcome.ended, "it runs ordinary memory");
	outcome = run(machine, SLOT_SECRET, SLOT_ORDINARY);
	ktap_ok(outcome.error == EFAULT, "it does not run secrets: %s",
		strerror(outcome.error));
	*area_page(secret, 0) = first;
}

static void test_secret(struct area *secret, const char *when)
{
	ktap_ok(area_is_absent(secret), "%s: secrets are absent", when);
	ktap_ok(!mark_count_wrong_pages(secret->start, SLOT_PAGES, SEED_SECRET),
		"%s: they are what they were", when);
}

int main(void)
{
	struct machine machine = machine_create();
	struct area code = area_create(AREA_ANON, SLOT_BYTES);
	struct area ordinary = area_create(AREA_ANON, SLOT_BYTES);
	struct area secret = secret_area(SLOT_BYTES);

	ktap_plan(11);
	mark_fill_pages(ordinary.start, SLOT_PAGES, SEED_ORDINARY);
	mark_fill_pages(secret.start, SLOT_PAGES, SEED_SECRET);
	add_slot(&machine, SLOT_CODE, &code);
	add_slot(&machine, SLOT_ORDINARY, &ordinary);
	add_slot(&machine, SLOT_SECRET, &secret);
	test_data(&machine, &code, &ordinary);
	test_code(&machine, &code, &secret);
	test_secret(&secret, "as slots of a machine");
	machine_destroy(&machine);
	test_secret(&secret, "the machine is gone");
	area_destroy(&secret);
	validator_report();
	return ktap_finish();
}
