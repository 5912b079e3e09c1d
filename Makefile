# SPDX-License-Identifier: GPL-2.0-only
# The commands of this project; `make` alone lists them.

KERNEL ?= ours
FLAVOUR ?= tiny
export SIGN_KEY SIGN_CERT
MAKEFLAGS += --no-print-directory

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | \
		while IFS="	" read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

run: setup ## boot stock and ours with the same program, print what differs
	@tools/demo

test: setup ## all tests of the kernels ours, stock and debug; ends with "N passed, N failed"
	@tests/run

test-all: setup ## the same, and the tests that take long or need the kernel off
	@tests/run all

bench: setup ## measure stock and ours beside each other; QUICK=1 is short
	@worst=0; for bench in $(if $(QUICK),'cost -q' 'pressure keep-64 huge',cost run pressure); do \
		bench/$$bench || worst=$$?; done; exit $$worst

kernel: ## build one kernel: KERNEL=ours|stock|off|debug
	@tools/kernel '$(KERNEL)'

shell: setup ## an interactive guest: KERNEL=ours|stock|off|debug
	@tools/vm --kernel '$(KERNEL)' -- /bin/busybox sh

patches: ## make patches/6.12 anew from the commits of build/src/linux
	@tools/patches

check: setup ## scripts, patches and code style; off is compared with stock
	@tools/check

docs: ## what the kernel's Documentation says of this, as HTML in build/docs
	@tools/docs

deb: ## Debian packages: FLAVOUR=tiny|cloud-amd64|amd64, SIGN_KEY= SIGN_CERT=
	@tools/deb '$(FLAVOUR)'

clean: ## remove build/, unless work is in it that stands in no patch
	@tools/tree -w && rm -rf build

setup:
	@tools/setup

.PHONY: help run test test-all bench kernel shell patches check docs deb clean setup
