#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# several.sh COMMAND… - runs one after the other, each a line for the shell; fails if one fails, for jobs that share a guest
status=0
[ $# -gt 0 ] || { echo "error: no command" >&2; exit 2; }
for command; do
	bash -c "$command" || status=$?
done
exit $status
