# SPDX-License-Identifier: GPL-2.0-only
#
# The table of bench/pressure, out of the files KERNEL.CASE in which each run left
# its notes, "# NAME=NUMBER" or "# PREFIX.NAME=NUMBER". Variables: csv, the file
# that is written besides; kernels and cases, lists. Goals hold for the last kernel,
# beside the first one. Ends with 1 if one is not met.

FNR == 1 {
	n = split(FILENAME, path, "/")
	split(path[n], part, ".")
	key = part[1] SUBSEP part[2]
}

/^# [a-z0-9_.]+=-?[0-9]+$/ {
	split($0, pair, "=")
	name = pair[1]
	sub(/^# ([a-z]+[.])?/, "", name)
	value[key, name] = pair[2]
}

# row(WHAT, NAME[, GOAL, MET]): MET is "" where there is nothing to judge by.
function row(what, name, goal, met,    i, a, b, ratio, verdict) {
	a = value[kernel[1], what, name]
	b = value[kernel[nr], what, name]
	verdict = goal == "" ? "" : b == "" || met == "" ? "undecided" : met ? "met" : "NOT MET"
	if (verdict == "NOT MET")
		failed = 1
	printf "%-14s %-22s", what, name
	for (i = 1; i <= nr; i++)
		printf "%14s", value[kernel[i], what, name] == "" ? "-" : value[kernel[i], what, name]
	ratio = a > 0 && b != "" && nr > 1 ? sprintf("%.3f", b / a) : "-"
	printf "%10s  %-20s %s\n", ratio, goal, verdict
	printf "%s,%s,%s,%s,%s,%s\n", what, name, a, b, goal, verdict >csv
}

function of(what, name) { return value[kernel[nr], what, name] }

# Is it at most so many times what the first kernel has? "" if that has no figure.
function at_most(what, name, times,    a) {
	a = value[kernel[1], what, name]
	return nr < 2 || a == "" ? "" : of(what, name) <= times * a
}

function at_least(what, name, times,    a) {
	a = value[kernel[1], what, name]
	return nr < 2 || a == "" ? "" : of(what, name) >= times * a
}

function no_more(what, name, times) {
	row(what, name, times == 1 ? "no more than stock" : "<= " times " of stock",
	    at_most(what, name, times))
}

function mixed(c,    i, n, list) {
	row(c, "granted", "all of " of(c, "asked"), of(c, "granted") == of(c, "asked"))
	no_more(c, "oom_kill", 1)
	n = split("instructions_m allocstall pgscan pgsteal compact_stall refault_file refault_anon pswpout",
		  list, " ")
	for (i = 1; i <= n; i++)
		no_more(c, list[i], 1.03)
	row(c, "pgmigrate_success")
	row(c, "unmapped_flip")
	row(c, "unmapped_fallback")
	row(c, "idle_ms")
}

function demand(c) {
	row(c, "granted", "all of " of(c, "asked"), of(c, "granted") == of(c, "asked"))
	row(c, "oom_kill", "0", of(c, "oom_kill") == 0)
	if (c ~ /^cache/)
		row(c, "pgsteal", "<= 1.1 x granted", of(c, "pgsteal") <= 1.1 * of(c, "granted"))
	else
		no_more(c, "pgsteal", 1)
	if (c == "set")
		no_more(c, "refault_file", 1.02)
	row(c, "allocstall")
	row(c, "pgmigrate_success")
	row(c, "unmapped_fallback")
	row(c, "instructions_a_page")
}

# Blocks that were unmapped, beside those that the pages would fill; a batch more is fine.
function sparse(c, what,    filled) {
	filled = of(c, what "_filled")
	row(c, what "_blocks", "<= " filled " + 8", of(c, what "_blocks") <= filled + 8)
	row(c, what "_mib")
}

function report(c) {
	if (c == "huge") {
		row(c, "fresh")
		row(c, "after", ">= 0.98 of fresh", of(c, "after") >= 0.98 * of(c, "fresh"))
		row(c, "after", ">= 0.98 of stock", at_least(c, "after", 0.98))
		row(c, "fresh_light")
		row(c, "after_light", ">= 0.98 of fresh", of(c, "after_light") >= 0.98 * of(c, "fresh_light"))
		row(c, "after_light", ">= 0.98 of stock", at_least(c, "after_light", 0.98))
		row(c, "pieces_light", ">= 0.98 of stock", at_least(c, "pieces_light", 0.98))
	} else if (c == "available") {
		row(c, "largest_kib", ">= 0.98 of stock", at_least(c, "largest_kib", 0.98))
	} else if (c == "alternate") {
		row(c, "fits_flips")
		row(c, "exceeds_pages")
		row(c, "exceeds_flips")
		row(c, "steps_pages")
		row(c, "steps_flips")
	} else if (c == "sparse") {
		sparse(c, "files")
		sparse(c, "sparse")
		sparse(c, "limit")
	} else if (c == "long") {
		row(c, "free_before")
		row(c, "free_after", ">= 0.99 of before", of(c, "free_after") >= 0.99 * of(c, "free_before"))
	} else if (c ~ /^mixed/) {
		mixed(c)
	} else if (c == "give-back") {
		row(c, "granted", "all of " of(c, "asked"), of(c, "granted") == of(c, "asked"))
		row(c, "oom_kill", "0", of(c, "oom_kill") == 0)
		row(c, "pgmigrate_success")
		row(c, "unmapped_pack")
	} else {
		demand(c)
	}
	row(c, "exit_status", "0", of(c, "exit_status") == 0)
}

END {
	nr = split(kernels, kernel, " ")
	nr_cases = split(cases, list_of_cases, " ")
	printf "%-14s %-22s", "case", "count"
	for (i = 1; i <= nr; i++)
		printf "%14s", kernel[i]
	printf "%10s  %-20s\n", "ratio", "goal"
	print "case,count," kernel[1] "," kernel[nr] ",goal,verdict" >csv
	for (i = 1; i <= nr_cases; i++)
		report(list_of_cases[i])
	exit failed
}
