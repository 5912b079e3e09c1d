# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # the E_ codes of lib.sh are numbers
#
# The patch series and the git tree that is made from it, for tools/tree,
# tools/patches and tools/check; to be sourced after lib.sh.
# Owns: build/src/linux/.git/made-from, one line `VERSION HASH HEAD`: the source
# package, the series and the commit that the tree was made as. A tree whose
# HEAD differs, or that has changes, holds work that is nowhere else.

SERIES=$TOP/patches/6.12
LINUX=$BUILD/src/linux
# shellcheck disable=SC2034
STOCK=$BUILD/src/stock
MADE_FROM=$LINUX/.git/made-from
SCRATCH=$BUILD/src/.scratch

# Nothing of the caller's git settings gets into the series; `git commit` by
# hand in the tree is not concerned.
kgit() {
	env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE \
		GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null \
		GIT_COMMITTER_NAME=series GIT_COMMITTER_EMAIL=series@localhost \
		git -c gc.auto=0 -c advice.detachedHead=false -C "$@"
}

# The patches in their order, as paths.
series_patches() {
	[ ! -f "$SERIES/series" ] ||
		awk -v dir="$SERIES/" '!/^#/ && NF { print dir $1 }' "$SERIES/series"
}

series_hash() {
	local list
	mapfile -t list < <(series_patches)
	cat "${list[@]}" /dev/null | sha256sum | cut -d' ' -f1
}

series_files() {
	local list
	mapfile -t list < <(series_patches)
	sed -n 's,^\(---\|+++\) [ab]/,,p' "${list[@]}" /dev/null | sort -u
}

record_made_from() { # VERSION DIR
	printf '%s %s %s\n' "$1" "$(series_hash)" "$(kgit "$2" rev-parse HEAD)" >"$2/.git/made-from.new" &&
		mv "$2/.git/made-from.new" "$2/.git/made-from"
}

# made_from N: field N of the record (1 version, 2 hash of the series, 3 HEAD).
made_from() { cut -d' ' -f"$1" "$MADE_FROM" 2>/dev/null; }

tree_is_clean() { [ -z "$(kgit "$LINUX" status --porcelain 2>&1)" ]; }

# apply_series DIR: git am each patch; no fuzz is allowed, offsets are.
apply_series() {
	local patch file out
	while read -r patch; do
		[ -f "$patch" ] || die $E_BUILD "$(short_path "$patch") is missing but stands in the series: restore it, or drop its line from patches/6.12/series"
		out=$(kgit "$1" am -q --no-3way --keep-non-patch --no-scissors --whitespace=nowarn \
			--committer-date-is-author-date "$patch" 2>&1) && continue
		file=$(sed -n 's/^error: patch failed: \(.*\):[0-9]*$/\1/p; s/^error: \(.*\): \(does not exist\|already exists\|No such\).*/\1/p' <<<"$out" | head -n1)
		kgit "$1" am --abort >/dev/null 2>&1
		die $E_BUILD "${patch##*/} does not apply to ${file:-anything (is it a mail that git am reads?)} of Linux $(base_version "$1"): port it (docs/porting.md), or install linux-source-6.12 $(cat "$SERIES/BASE")"
	done < <(series_patches)
}

makefile_version() {
	awk '/^(VERSION|PATCHLEVEL|SUBLEVEL) =/ { v = v sep $3; sep = "." } END { print v }'
}

# What the Makefile of the unpatched tree in a repository says.
base_version() { kgit "$1" show base:Makefile 2>/dev/null | makefile_version; }

# scratch_open COMMIT: a second work tree that holds only the files on stdin,
# so that commits can be made without touching the tree that is built. It goes
# away with the shell, so this must not be called in a pipe.
scratch_open() {
	scratch_close
	trap scratch_close EXIT
	kgit "$LINUX" worktree add -q --no-checkout --detach "$SCRATCH" "$1" &&
		sed 's,^,/,' | kgit "$SCRATCH" sparse-checkout set --no-cone --stdin &&
		kgit "$SCRATCH" read-tree -mu HEAD ||
		die $E_BUILD "cannot make a work tree at $SCRATCH"
}

scratch_close() {
	rm -rf "$SCRATCH"
	kgit "$LINUX" worktree prune
}
