#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The manual pages: well-formed, complete, and true to the program.
. "$(dirname "$0")/lib.sh"

pages=(build/dist/*.[1-9])
text_of() { MANWIDTH=100 man -l "$1" 2>/dev/null | col -b; }

# Line lengths of the source are ours to choose.
well_formed() {
	local page lines
	for page in "${pages[@]}"; do
		lines=$(mandoc -T lint -W warning "$page" 2>&1; MANWIDTH=80 man -l --warnings "$page" 2>&1 >/dev/null)
		[ -z "$lines" ] || { printf '%s:\n%s\n' "$page" "$lines"; return 1; }
	done
}
filled_in() { ! grep -nE '@[A-Z]+@' "${pages[@]}"; }
all_there() {
	local page
	for page in scx_arcade.8 scx_arcade.conf.5; do [ -s build/dist/$page ] || return 1; done
}

# Each option of --help, also that of a negation.
every_option() {
	local option
	text_of build/dist/scx_arcade.8 >"$work/page"
	build/scx_arcade --help | grep -oE '^ +(-[a-zA-Z], )?--(\[no-\])?[a-z-]+' | sed -E 's/.*--(\[no-\])?/--/' >"$work/options"
	[ "$(wc -l <"$work/options")" -ge 15 ] || return 1
	while read -r option; do
		grep -qE -- "$option\b" "$work/page" || { echo "scx_arcade(8) lacks $option"; return 1; }
	done <"$work/options"
}
every_key() {
	local key
	text_of build/dist/scx_arcade.conf.5 >"$work/page"
	for key in $(build/option-list keys); do
		grep -qE "^ +$key = " "$work/page" || { echo "scx_arcade.conf(5) lacks $key"; return 1; }
	done
}

every_command() {
	local command
	text_of build/dist/scx_arcade.8 | sed -n '/^COMMANDS/,/^RUN IT/p' >"$work/page"
	build/scx_arcade ctl --help | sed -nE 's/^  ([a-z]+) .*/\1/p' >"$work/commands"
	[ "$(wc -l <"$work/commands")" -ge 5 ] || return 1
	while read -r command; do
		grep -qE "^ +$command( |\$)" "$work/page" || { echo "scx_arcade(8) lacks ctl $command"; return 1; }
		[[ " $(sed -n 's/^CTL_WORDS := //p' tools/install.mk) " == *" $command "* ]] ||
			{ echo "the completions lack ctl $command"; return 1; }
	done <"$work/commands"
}

# What the code can end with is what the page explains.
every_status() {
	local status
	text_of build/dist/scx_arcade.8 | sed -n '/^EXIT STATUS/,/^ENVIRONMENT/p' >"$work/page"
	for status in $(grep -oE 'STATUS_[A-Z_]+ = [0-9]+' src/status.h | grep -oE '[0-9]+$'); do
		grep -qE "^ +$status( |\$)" "$work/page" || { echo "status $status is not explained"; return 1; }
	done
}

example_is_accepted() {
	build/scx_arcade --check-config build/dist/scx_arcade.conf.example &&
		sed -E 's/^#([a-z-]+ = )/\1/' build/dist/scx_arcade.conf.example >"$work/all.conf" &&
		[ "$(grep -cE '^[a-z-]+ = ' "$work/all.conf")" -eq "$(build/option-list keys | wc -w)" ] &&
		build/scx_arcade --check-config "$work/all.conf"
}
page_example_is_accepted() {
	text_of build/dist/scx_arcade.conf.5 | sed -n '/^EXAMPLES/,/^FILES/p' | grep -v '^[A-Z]' | sed 's/^[[:space:]]*//' >"$work/example.conf"
	grep -q '^\[game' "$work/example.conf" && build/scx_arcade --check-config "$work/example.conf"
}

check 'all are there' all_there
check 'they are well-formed' well_formed
check 'everything is filled in' filled_in
check 'every option of --help is explained' every_option
check 'every key of the configuration is explained' every_key
check 'every command of ctl is explained and completed' every_command
check 'every exit status is explained' every_status
check 'the example of a configuration is accepted, and has every key' example_is_accepted
check 'that of the manual page, too' page_example_is_accepted
finish
