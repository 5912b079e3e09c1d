// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapped pages: EFI's page tables.
 *
 * Runtime services run on tables of their own, efi_mm. They share the direct map with
 * the kernel's, and so follow flips. What they map besides is the firmware's, twice: at
 * its physical address and at one below EFI_VA_START. Boot services' memory is among
 * that until the firmware has been told of its new addresses, and leaves the tables
 * before it is free.
 *
 * But a region of it stays as a whole if somebody has reserved a part of it, and then
 * the rest, which nobody has reserved, went to the page allocator all the same. That
 * part leaves the tables here.
 *
 * Invariant: efi_mm maps no memory that the page allocator has, but for the direct map
 * and what was allocated for EFI itself. Firmware of 32 bits under a kernel of 64 needs
 * all memory mapped (mixed mode): arch_unmapped_unsupported() says so.
 */
#define pr_fmt(fmt) "unmapped: " fmt

#include <linux/efi.h>
#include <linux/memblock.h>

#include <asm/efi.h>
#include <asm/pgtable.h>
#include <asm/unmapped.h>

static bool __init is_owned(u64 addr)
{
	return !memblock_is_memory(addr) || memblock_is_reserved(addr);
}

/* [start, end) of the region */
static void __init unmap_range(const efi_memory_desc_t *md, u64 start, u64 end)
{
	unsigned long nr_pages = (end - start) >> PAGE_SHIFT;
	u64 va = md->virt_addr + start - md->phys_addr;

	if (kernel_unmap_pages_in_pgd(efi_mm.pgd, start, nr_pages) ||
	    kernel_unmap_pages_in_pgd(efi_mm.pgd, va, nr_pages))
		pr_warn("memory at %#llx-%#llx stays mapped for EFI\n", start, end - 1);
}

static void __init unmap_unowned(const efi_memory_desc_t *md)
{
	u64 end = md->phys_addr + (md->num_pages << EFI_PAGE_SHIFT);
	u64 addr = md->phys_addr, start;

	while (addr < end) {
		while (addr < end && is_owned(addr))
			addr += PAGE_SIZE;
		start = addr;
		while (addr < end && !is_owned(addr))
			addr += PAGE_SIZE;
		if (start < addr)
			unmap_range(md, start, addr);
	}
}

bool arch_efi_maps_all(void)
{
	return efi_enabled(EFI_RUNTIME_SERVICES) && efi_is_mixed();
}

void __init arch_drop_efi_alias(void)
{
	efi_memory_desc_t *md;

	if (!efi_enabled(EFI_RUNTIME_SERVICES) || arch_efi_maps_all())
		return;
	for_each_efi_memory_desc(md) {
		/* Set by efi_reserve_boot_services() where somebody owns a part */
		if ((md->type == EFI_BOOT_SERVICES_CODE ||
		     md->type == EFI_BOOT_SERVICES_DATA) &&
		    md->attribute & EFI_MEMORY_RUNTIME)
			unmap_unowned(md);
	}
}
