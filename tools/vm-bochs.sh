# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # the rest of the variables are those of tools/vm
#
# The machine `bochs` of tools/vm; sourced by it, and by tests that want to know
# whether Bochs is here. BOCHS=PATH names another binary than Debian's.
#
# Bochs keeps what its TLB holds, global entries across writes of CR3 too, until
# the kernel flushes it: QEMU's TCG does not (docs/testing.md). It interprets,
# and has no virtio. So the kernel comes from a CD, and the program's streams
# and the verdict (guest/init.c) leave through UARTs, each into a file.
# Its exit status says nothing: a clean power-off, too, ends with 1. Whatever
# resets the machine must end it: hence reboot=t, a triple fault that is fatal.

BOCHS=${BOCHS:-bochs}
BOCHS_BIOS=/usr/share/bochs/BIOS-bochs-latest
BOCHS_VGA_BIOS=/usr/share/vgabios/vgabios.bin
ISOLINUX=/usr/lib/ISOLINUX/isolinux.bin
ISOLINUX_LIB=/usr/lib/syslinux/modules/bios/ldlinux.c32
# Guest time is a count of instructions: so many a second. Less makes the UARTs
# faster, and timer interrupts and the kernel's time-outs come sooner.
BOCHS_IPS=50000000

# bochs_lacks: the first thing that is needed and missing, if any.
bochs_lacks() {
	local need
	for need in "$BOCHS" genisoimage; do
		type -P -- "$need" >/dev/null || { echo "$need" && return; }
	done
	for need in "$BOCHS_BIOS" "$BOCHS_VGA_BIOS" "$ISOLINUX" "$ISOLINUX_LIB"; do
		[ -r "$need" ] || { echo "$need" && return; }
	done
}

bochs_packages() { sed 's/#.*//' "$TOP/tools/packages-bochs" | xargs; }

# check_for_bochs: refuses what this machine cannot do, and a host without it.
check_for_bochs() {
	local lack
	[ -z "$icount$ram$balloon$virtio_mem$monitor" ] && [ "$numa" = 1 ] && [ ${#disks[@]} = 0 ] ||
		usage_error "--machine bochs has none of --icount, --ram, --numa, --disk, --balloon, --virtio-mem, --monitor"
	[ "$mem_mib" -le 2048 ] || usage_error "--machine bochs has --mem 2G at most"
	[ "$what" = run ] || return 0
	[ /dev/stdin -ef /dev/null ] || [ -t 0 ] || usage_error "--machine bochs has no stdin: add </dev/null"
	lack=$(bochs_lacks)
	[ -z "$lack" ] || die "$E_NOTHING" "--machine bochs needs $lack: run tools/setup -b, or as root: apt-get install --no-install-recommends $(bochs_packages)"
}

# bochs_can WHAT: whether the binary has the output named so.
bochs_can() {
	! TERM=vt100 timeout -s KILL 20 "$BOCHS" -q -f /dev/null "display_library: $1" 'romimage: file=/nonexistent' \
		</dev/null 2>&1 | grep -q "display library '$1' not available"
}

# make_bochs_command: to be run in $tmp, so that no file name needs quoting.
make_bochs_command() {
	local port display name=$BOCHS cores=$cpus
	# A package of one core is malformed: the kernel says so with a WARN. See make_cd.
	[ "$cpus" -gt 1 ] || cores=2
	BOCHS=$(type -P -- "$name") || BOCHS=$name
	bochs=("$(realpath -ms -- "$BOCHS")" -q -f /dev/null -log bochs.log)
	# A binary with the debugger waits for a command.
	! "$BOCHS" --help 2>&1 </dev/null | grep -q '^ *-rc ' || bochs+=(-rc commands)
	for display in nogui term 'rfb, options="timeout=0"'; do
		! bochs_can "${display%%,*}" || break
	done
	bochs+=("display_library: $display" 'panic: action=fatal' 'error: action=ignore'
		"romimage: file=$BOCHS_BIOS" "vgaromimage: file=$BOCHS_VGA_BIOS"
		"cpu: model=broadwell_ult, count=1:$cores:1, ips=$BOCHS_IPS, ignore_bad_msrs=1, reset_on_triple_fault=0"
		"megs: $mem_mib" 'boot: cdrom' 'ata0-master: type=cdrom, path=boot.iso, status=inserted')
	for port in 0 1 2 3; do
		bochs+=("com$((port + 1)): enabled=1, mode=file, dev=ttyS$port")
	done
}

# make_cd: kernel, initramfs and command line; sets nothing.
make_cd() {
	local serial=ttyS0,115200 cd=$tmp/cd more=''
	case $cpus in
	1) more=' nr_cpus=1' ;;
	2) ;;
	*) more=' nohz=off highres=off' ;; # else the guest hangs
	esac
	# Half of the instructions of such a boot are stack traces for these two.
	case $kernel in debug*) more+=' kmemleak=off stack_depot_disable=on' ;; esac
	# isolinux.bin is copied: its table of the disc is written into it.
	mkdir "$cd" && cp "$ISOLINUX" "$ISOLINUX_LIB" "$cd" && ln -s "$dir/bzImage" "$cd/kernel" &&
		ln -s "$tmp/initramfs" "$cd/initrd" || return
	printf '%s\n' 'DEFAULT guest' 'LABEL guest' 'KERNEL /kernel' 'INITRD /initrd' \
		"APPEND console=$serial earlyprintk=$serial ignore_loglevel panic=-1 oops=panic reboot=t no_timer_check tsc=reliable$more${append//$'\n'/ }" \
		>"$cd/isolinux.cfg" &&
		run genisoimage -quiet -f -o "$tmp/boot.iso" -b isolinux.bin -c boot.cat \
			-no-emul-boot -boot-load-size 4 -boot-info-table "$cd"
}

# bochs_verdict: prints it, if it is whole and every byte that it announces came.
bochs_verdict() {
	local line how status nr_out nr_err
	IFS= read -r line 2>/dev/null <"$tmp/ttyS3" || return
	read -r how status nr_out nr_err <<<"$line"
	[ "$how" != exit ] || { [ "$nr_out" = "$(stat -c %s "$tmp/ttyS1")" ] &&
		[ "$nr_err" = "$(stat -c %s "$tmp/ttyS2")" ]; } || return
	printf '%s\n' "$line"
}

# run_bochs: a guest from $tmp/initramfs; its streams, then `status`, and how it
# ended in $tmp/state (as tools/vmhost.c writes it).
run_bochs() {
	local state reason
	make_bochs_command
	make_cd || die "$E_NOTHING" "cannot write the CD below $tmp"
	echo c >"$tmp/commands"
	ln -s "$(realpath -s -- "$log")" "$tmp/ttyS0" && touch "$tmp"/ttyS{1,2,3} || exit "$E_NOTHING"
	# Whatever ends us or `timeout` ends Bochs.
	run env -C "$tmp" TERM=vt100 LC_ALL=C setpriv --pdeathsig TERM timeout -v -k 1 -s KILL "$timeout" \
		setpriv --pdeathsig KILL "${bochs[@]}" </dev/null >"$tmp/bochs.out" 2>&1
	cat "$tmp/ttyS1" && cat "$tmp/ttyS2" >&2 || exit "$E_NOTHING"
	if state=$(bochs_verdict); then
		case $state in exit*) status=${state#exit } && status=${status%% *} ;; *) status=4 ;; esac
	elif grep -q '^timeout: sending signal' "$tmp/bochs.out"; then
		state=timeout status=124
	elif [ -s "$log" ]; then
		state=died status=125
	else
		reason=$(cat "$tmp/bochs.out" "$tmp/bochs.log" 2>/dev/null | grep -am 1 -o '>>PANIC<<.*')
		die "$E_NOTHING" "Bochs: ${reason:-$(tail -n 1 "$tmp/bochs.out")}"
	fi
	echo "$state" >"$tmp/state"
}
