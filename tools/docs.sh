#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The documents as HTML, by the kernel's own "make htmldocs", in the patched tree.
# Any warning is an error.  Prints the path of the first page.
#
#	tools/docs.sh [--quiet]		--quiet: only what is wrong
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tools/lib.sh
. tools/lib.sh

need_packages_for docs kernel
build=$(tools/kernel.sh --config static --prepare | tail -n 1) || die "no tree"
tree=${build%/*}
out=$RAMSTER_CACHE/docs-${tree##*-}
warnings=$out/warnings.log
status=0

# where the documents are in the tree, and where those of a driver would be
ln -sfn "$RAMSTER_TOP/Documentation" "$tree/Documentation/ramster" || exit 1
mkdir -p "$out" || exit 1
rm -rf "$out/Documentation" "$warnings"
make -s -C "$tree" O="$out" htmldocs SPHINXDIRS=ramster \
	SPHINXOPTS="-q -w $warnings" >"$out/make.log" 2>&1 </dev/null || {
	tail -n 20 "$out/make.log"
	status=1
}
# tools for pictures, of which there are none here
grep -E 'WARNING|ERROR|CRITICAL' "$warnings" "$out/make.log" |
	grep -vE 'dot\(1\) not found|convert\(1\)|no "?dot"?' | sort -u && status=1
"$tree/scripts/get_abi.pl" validate --dir Documentation/ABI 2>&1 | grep . && status=1

# what the how-to has people switch on exists
while read -r option; do
	grep -qrE "^(menu)?config $option\$" --include='Kconfig*' "$tree/init" \
		"$tree/lib" "$tree/fs/configfs" "$tree/certs" \
		"$tree/drivers/staging/Kconfig" Kconfig || {
		echo "howto.rst: there is no option $option"
		status=1
	}
done < <(sed -n '/scripts\/config/,/make/p' Documentation/howto.rst |
	grep -oE -- '--(enable|disable|set-str) [A-Z_0-9]+' | cut -d ' ' -f 2)
page=$out/Documentation/output/ramster/index.html
[ -s "$page" ] || { echo "no $page"; status=1; }
[ $status != 0 ] || [ "${1:-}" = --quiet ] || echo "$page"
exit $status
