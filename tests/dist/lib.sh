# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# lib - for tests of what is installed: TAP lines, a folder of one's own

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top" || exit 1
work=$(mktemp -d)
tests=0 failed=0
trap 'rm -rf "$work"' EXIT

check() { # NAME FUNCTION [ARG]...
	local name=$1
	shift
	tests=$((tests + 1))
	if "$@" >"$work/said" 2>&1; then
		printf 'ok %d - %s\n' "$tests" "$name"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n' "$tests" "$name"
		sed 's/^/#   /' "$work/said" | tail -n 40
	fi
	grep '^figure:' "$work/said" | sed 's/^/# /'
}

finish() {
	printf '1..%d\n' "$tests"
	exit $((failed > 0))
}
