# SPDX-License-Identifier: GPL-2.0-only
#
# The table of bench/cost, out of the files KERNEL.NAME in which each run left its
# figures, NAME=NUMBER. Variables: csv, the file that is written besides; quick, set
# where the long runs were left out. Ends with 1 if a target is missed.
#
# A figure has bounds, of the best and of the worst of its rounds, and is judged by
# them. One that counts events has none, and one of a single boot that counts
# instructions has what such boots differ by. What is not there is undecided.

BEGIN { BOOTS_DIFFER = 0.001 }

FNR == 1 { n = split(FILENAME, path, "/"); file = path[n] }
/^[a-z0-9_]+=-?[0-9.]+$/ { v[file, $1] = $2 }

function num(file, key) { return v[file, key] }

# A quotient, or "" where a figure is missing.
function of(a, b) { return a == "" || b == "" || b == 0 ? "" : a / b }

function shown(value, format) { return value == "" ? "-" : sprintf(format, value) }

function verdict_of(o, lo, hi, target) {
	if (target == "")
		return ""
	if (o == "" || lo == "" || hi == "")
		return "undecided"
	return hi <= target ? "met" : lo > target ? "MISSED" : "undecided"
}

# row(TEXT, STOCK, OURS, LO, HI[, TARGET])
function row(text, stock, ours, lo, hi, target,    verdict) {
	verdict = verdict_of(ours, lo, hi, target)
	if (verdict == "MISSED")
		failed = 1
	printf "  %-48s %9s %10s %17s %9s  %s\n", text, shown(stock, "%.3f"), shown(ours, "%.4f"),
		lo == "" || lo == hi ? "" : sprintf("%.4f-%.4f", lo, hi), target == "" ? "" : sprintf("<= %.3f", target), verdict
	printf "\"%s\",%s,%s,%s,%s,%s,%s\n", text, stock, ours, lo, hi, target, verdict >csv
}

# Of one boot that counts instructions.
function boot_row(text, stock, ours, target) {
	if (ours == "")
		row(text, stock, "", "", "", target)
	else
		row(text, stock, ours, ours * (1 - BOOTS_DIFFER), ours * (1 + BOOTS_DIFFER), target)
}

function count_row(text, stock, ours, target) { row(text, stock, ours, ours, ours, target) }

# Lives of one kind of memory against another's, warm.
function ratio_row(text, run, key, against, target,    a) {
	a = num("ours." run, against "_life_warm")
	row(text, of(num("stock." run, key "_life_warm"), num("stock." run, against "_life_warm")),
	    of(num("ours." run, key "_life_warm"), a),
	    of(num("ours." run, key "_life_min"), num("ours." run, against "_life_max")),
	    of(num("ours." run, key "_life_max"), num("ours." run, against "_life_min")), target)
}

function cold_row(text, key, against, target) {
	boot_row(text, of(num("stock.cost", key "_life_cold"), num("stock.cost", against "_life_warm")),
		 of(num("ours.cost", key "_life_cold"), num("ours.cost", against "_life_warm")), target)
}

function plain(text, key, file, format,    s, o) {
	s = num("stock." file, key); o = num("ours." file, key)
	printf "  %-48s %9s %10s\n", text, shown(s, format), shown(o, format)
	printf "\"%s\",%s,%s,,,,\n", text, s, o >csv
}

# Of ours alone, beside anonymous memory.
function beside_row(text, secret, anon, format) {
	printf "  %-48s %9s %10s   anonymous memory %s\n", text, "-", shown(secret, format), shown(anon, format)
	printf "\"%s\",%s,%s,,,,\n", text, anon, secret >csv
}

function ordinary_rows(    i, j, k, f, g, nr, load, state, text) {
	nr = split("anon tmpfs slab forkexec read", load, " ")
	split("none free used", state, " ")
	split("no unmapped memory,half of RAM unmapped and free,half of RAM unmapped in use", text, ",")
	for (i = 1; i <= 3; i++) {
		for (j = 1; j <= nr; j++) {
			k = load[j]; f = "ours." state[i]; g = "stock." state[i]
			row(k ", " text[i], 1, of(num(f, k), num(g, k)),
			    of(num(f, k "_min"), num(g, k "_max")),
			    of(num(f, k "_max"), num(g, k "_min")), 1.005)
		}
	}
	if (quick != "")
		return
	print "An ordinary page: instructions of mm/page_alloc.c to allocate and free it"
	k = num("stock.pair-none", "pair")
	for (i = 1; i <= 3; i++)
		boot_row("pair, " text[i], k, num("ours.pair-" state[i], "pair"), k == "" ? "" : k + 8)
}

function growth_rows(    i, nr, b, f, size) {
	print "Life of a secret page by size, warm, of what it is at 16 MiB (flat within 5 %)"
	nr = split(quick == "" ? "64M 1G 8G" : "64M 1G", size, " ")
	for (i = 1; i <= nr; i++) {
		b = num("ours.size-16M", "secret_life_warm"); f = "ours.size-" size[i]
		row(size[i], "", of(num(f, "secret_life_warm"), b), of(num(f, "secret_life_min"), b),
		    of(num(f, "secret_life_max"), b), 1.05)
	}
	print "Shootdowns for flips"
	f = "ours.size-1G"
	count_row("first block: shootdowns for 512 pages", "", of(num("ours.cost", "secret_flushes_cold"), 16), 1)
	count_row("1 GiB, growing: shootdowns for 2048 pages", "", of(num(f, "secret_flushes_cold"), 128), 1)
	count_row("1 GiB, steady: shootdowns", "", num(f, "secret_flushes_warm"), 0)
	print "Direct map after that, kB of new 4 KiB entries"
	count_row("all kinds of memory, 32 MiB", num("stock.cost", "direct_map_4k_grown_kb"), num("ours.cost", "direct_map_4k_grown_kb"), 0)
	count_row("secrets of " size[nr], "", num("ours.size-" size[nr], "direct_map_4k_grown_kb"), 0)
}

function hidden_rows() {
	print "Besides instructions, a page, warm"
	plain("INVLPG, one CPU", "invlpg", "profile-secret", "%.4f")
	plain("INVPCID, one CPU", "invpcid", "profile-secret", "%.4f")
	plain("writes of CR3, one CPU", "cr3", "profile-secret", "%.4f")
	plain("flushes sent to all CPUs, 2 CPUs", "broadcasts_a_page", "wall", "%.5f")
	plain("flushes sent to others, 2 CPUs", "secret_remote_flushes", "counts", "%.5f")
	plain("flushes of all of the own TLB, 2 CPUs", "secret_local_flushes", "counts", "%.5f")
	plain("flushes of one page in the own TLB, 2 CPUs", "secret_local_flushes_of_one", "counts", "%.5f")
	plain("interrupts to call a function, 2 CPUs", "secret_calls_of_others", "counts", "%.5f")
	plain("page tables, in pages", "secret_tables", "counts", "%.5f")
	print "Where the instructions of a secret page go, warm"
	plain("all", "all", "profile-secret", "%.1f")
	plain("the clear", "clear", "profile-secret", "%.1f")
	print "The kernel itself"
	plain("text, bytes", "text", "footprint", "%d")
	plain("data, bytes", "data", "footprint", "%d")
	plain("bss, bytes", "bss", "footprint", "%d")
	plain("MemTotal of 8 GiB, kB", "memory_kb", "boot", "%d")
	plain("boot to init, thousand instructions", "boot_us", "boot", "%d")
	print "Wall time, EMULATED: 1 GiB on 2 CPUs"
	plain("a page, ns, fault", "wall_fault_warm_ns", "wall", "%d")
	plain("a page, ns, free", "wall_free_warm_ns", "wall", "%d")
}

function cpu_rows(    i, nr, n, f, s, cpus) {
	nr = split("1 2 4 8", cpus, " ")
	print "Wall time, EMULATED, all CPUs at a time, against anonymous memory"
	for (i = 1; i <= nr; i++) {
		n = cpus[i]; f = "ours.cpus-" n; s = "stock.cpus-" n
		row("wall time, " n " CPUs", of(num(s, "secret_wall_ns"), num(s, "anon_wall_ns")),
		    of(num(f, "secret_wall_ns"), num(f, "anon_wall_ns")),
		    of(num(f, "secret_wall_ns_min"), num(f, "anon_wall_ns_max")),
		    of(num(f, "secret_wall_ns_max"), num(f, "anon_wall_ns_min")), n == 2 ? 0.5 : "")
	}
	print "Locks and instructions on ours, a page, all CPUs at a time"
	for (i = 1; i <= nr; i++) {
		n = cpus[i]; f = "ours.profile-" n
		beside_row(n " CPUs: spinlocks taken", num(f "-secret", "lock"), num(f "-anon", "lock"), "%.4f")
		beside_row(n " CPUs: waits for a lock", num("ours.cpus-" n, "secret_contended"), num("ours.cpus-" n, "anon_contended"), "%.6f")
		beside_row(n " CPUs: instructions", num(f "-secret", "all"), num(f "-anon", "all"), "%.0f")
	}
}

END {
	print "what,stock,ours,least,most,target,verdict" >csv
	printf "%-50s %9s %10s %17s %9s\n", "", "stock", "ours", "spread", "target"
	print "Life of a secret page, 32 MiB, warm, init_on_alloc=0, against"
	ratio_row("anonymous memory", "cost", "secret", "anon", 0.25)
	ratio_row("tmpfs", "cost", "secret", "tmpfs", 0.15)
	ratio_row("anonymous 2 MiB pages", "cost", "secret", "huge", 1.00)
	print "The same cold (two clears a page), against"
	cold_row("anonymous memory, cold", "secret", "anon", 0.45)
	cold_row("tmpfs, cold", "secret", "tmpfs", 0.25)
	cold_row("anonymous 2 MiB pages, cold", "secret", "huge", 2.00)
	print "Single pages"
	ratio_row("large folios off, warm, against tmpfs", "cost", "secret_small", "tmpfs", 0.95)
	ratio_row("one page, create to close, against tmpfs", "cost", "secret_one", "tmpfs_one", 1.00)
	print "With Debian's init_on_alloc=1, warm, against"
	ratio_row("anonymous memory, init_on_alloc=1", "debian", "secret", "anon")
	ratio_row("tmpfs, init_on_alloc=1", "debian", "secret", "tmpfs")
	ratio_row("anonymous 2 MiB pages, init_on_alloc=1", "debian", "secret", "huge")
	print "Instructions a page"
	plain("secret, life, warm", "secret_life_warm", "cost", "%.0f")
	plain("secret, life, cold", "secret_life_cold", "cost", "%.0f")
	plain("secret, large folios off, life, warm", "secret_small_life_warm", "cost", "%.0f")
	plain("anonymous, life, warm", "anon_life_warm", "cost", "%.0f")
	plain("anonymous 2 MiB, life, warm", "huge_life_warm", "cost", "%.0f")
	plain("tmpfs, life, warm", "tmpfs_life_warm", "cost", "%.0f")
	print "Ordinary work on ours, of what it costs on stock"
	ordinary_rows()
	growth_rows()
	if (quick == "") {
		hidden_rows()
		cpu_rows()
	}
	exit failed
}
