#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The archive of tools/testing/initramfs.sh, and a second one after it in the same
# file with what only the benchmark needs: its program, its guest scripts, and
# Debian's nbd-server with the libraries that it loads.  Prints its path.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tools/lib.sh
. tools/lib.sh

need_packages_for bench >&2
first=$(tools/testing/initramfs.sh)
server=$(PATH=$PATH:/bin:/usr/bin command -v nbd-server) ||
	die "no nbd-server; install it"
here=tools/bench
sources=("$here"/load/* "$here"/guest/*)
hash=$({ cat "$0" "$first" "$server"; for f in "${sources[@]}"; do
	echo "$f"; cat "$f"; done; } | short_hash)
out=$RAMSTER_CACHE/initramfs-bench-$hash.cpio
if [ ! -s "$out" ]; then
	say "packing the benchmark's initramfs"
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	r=$tmp/root
	mkdir -p "$r"/{bin,bench,srv}
	gcc -static -s -O2 -Wall -Wextra -o "$r/bin/bench" "$here"/load/*.c >&2
	cp "$here"/guest/* "$r/bench/"
	chmod 755 "$r"/bench/*
	cp "$server" "$r/bin/"
	ldd "$server" | sed -n 's,[^/]*\(/[^ ]*\) (.*,\1,p' |
		while read -r lib; do
			mkdir -p "$r${lib%/*}"
			cp -L "$lib" "$r$lib"
		done
	(cd "$r" && find . | sort | cpio -o -H newc -R 0:0 --quiet) >"$tmp/second"
	# the kernel looks for the next archive where four bytes end
	cp "$first" "$tmp/out"
	truncate -s %4 "$tmp/out"
	cat "$tmp/second" >>"$tmp/out"
	mv "$tmp/out" "$out"
fi
echo "$out"
