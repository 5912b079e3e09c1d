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
 * part leaves the tables here. What boot allocated there, and frees later, does not.
 *
 * Invariants:
 *  - No block of which efi_mm maps a page besides the direct map is ever unmapped.
 *  - efi_mm maps no memory that the page allocator has from the start, so that the
 *    fallback does not get it either.
 * Firmware of 32 bits under a kernel of 64 needs all memory mapped (mixed mode):
 * arch_unmapped_unsupported() says so.
 */
#define pr_fmt(fmt) "unmapped: " fmt

#include <linux/efi.h>
#include <linux/memblock.h>

#include <asm/efi.h>
#include <asm/pgtable.h>
#include <asm/unmapped.h>

static u64 region_end(const efi_memory_desc_t *md)
{
	return md->phys_addr + (md->num_pages << EFI_PAGE_SHIFT);
}

/* The page allocator has no page of which a part is reserved. */
static bool __init is_owned(u64 addr)
{
	return !memblock_is_memory(addr) || memblock_is_region_reserved(addr, PAGE_SIZE);
}

static bool __init unmap_pages(unsigned long addr, unsigned long nr_pages)
{
	return !kernel_unmap_pages_in_pgd(efi_mm.pgd, addr, nr_pages);
}

/* [start, end) of the region */
static void __init unmap_range(const efi_memory_desc_t *md, u64 start, u64 end)
{
	unsigned long nr_pages = (end - start) >> PAGE_SHIFT;
	u64 va = md->virt_addr + start - md->phys_addr;
	bool done = unmap_pages(start, nr_pages);

	/* What did not fit below EFI_VA_START has no second address */
	if (va >= EFI_VA_END && va < EFI_VA_START)
		done &= unmap_pages(va, nr_pages);
	if (!done)
		pr_warn("memory at %#llx-%#llx stays mapped for EFI\n", start, end - 1);
}

static void __init unmap_unowned(const efi_memory_desc_t *md)
{
	u64 end = region_end(md), addr = md->phys_addr, start;

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

bool arch_efi_maps_block(unsigned long pfn)
{
	u64 start = PFN_PHYS(pfn), end = start + PMD_SIZE;
	efi_memory_desc_t *md;

	if (!efi_enabled(EFI_RUNTIME_SERVICES))
		return false;
	for_each_efi_memory_desc(md) {
		if (md->attribute & EFI_MEMORY_RUNTIME &&
		    md->phys_addr < end && region_end(md) > start)
			return true;
	}
	return false;
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
