#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The unit tests and the daemon's refusals under valgrind, which sees what sanitizers do not: uninitialised memory.
cd "$(dirname "$0")/.." || exit 1
nr=0 failed=0
# The tests must pass there as well; the daemon refuses by right, and crashes above 99.
grind() { # NAME HIGHEST-STATUS COMMAND…
	local name=$1 highest=$2 status=0
	shift 2
	nr=$((nr + 1))
	valgrind -q --fair-sched=try --leak-check=full --show-leak-kinds=all --error-exitcode=99 --child-silent-after-fork=yes \
		"$@" >build/tests/valgrind.out 2>&1 || status=$?
	if [ $status -le "$highest" ]; then
		echo "ok $nr - valgrind: $name"
	else
		failed=$((failed + 1))
		echo "not ok $nr - valgrind: $name (status $status)"
		tail -n 40 build/tests/valgrind.out | sed 's/^/#   /'
	fi
}
for test in build/unit-plain/test_*; do
	# test_own_file copies the program that runs, which would be valgrind.
	case $test in *.d | */test_failalloc | */test_own_file) continue ;; esac
	grind "$(basename "$test")" 0 "$test"
done
for flags in --check --help --help-stats --version "--slice-us 7" "--stats 0" "fast"; do
	# shellcheck disable=SC2086 # words
	grind "scx_arcade $flags" 98 build/scx_arcade $flags
done
echo "1..$nr"
exit $((failed > 0))
