#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs from Debian what building, demonstrating and testing need.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tools/lib.sh
. tools/lib.sh
need_packages_for kernel qemu static docs fuzz model filesystems bench
say "everything needed is installed"
