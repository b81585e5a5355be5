# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# lib - arcadetop in a terminal of tmux: type, look, and compare
#
# To be sourced after tests/vm/lib.sh. The terminal runs a shell, so that what
# arcadetop leaves behind can be looked at.

top_program=${ARCADETOP:-$top/build/arcadetop}
term_nr=0
term_user=	# a command that runs another one as somebody else
# A server of its own for every terminal: one that is ending takes no more.
term() { tmux -u -L "arcade-$$-$term_nr" -f /dev/null "$@"; }

# A terminal of that size with a shell in it; the other arguments go into its environment.
open_term() { # COLS ROWS [NAME=VALUE]...
	local cols=$1 rows=$2
	shift 2
	close_term
	term_nr=$((term_nr + 1))
	LC_ALL=C.UTF-8 term new-session -d -x "$cols" -y "$rows" \
		"env LC_ALL=C.UTF-8 TERM=screen-256color PS1='SHELL> ' HISTFILE= $* $term_user bash --norc --noprofile -i" || return 1
	term set-option -g status off
	eventually 10 shows 'SHELL>'
}

close_term() { term kill-server 2>/dev/null; true; }

type_keys() { term send-keys "$@"; }
type_line() { term send-keys -l "$1"; term send-keys Enter; }
screen() { term capture-pane -p; }
screen_with_styles() { term capture-pane -p -e; }
shows() { screen | grep -qF -- "$1"; }
shows_not() { ! shows "$1"; }

# Wait for text on the screen; on failure say what there is.
expect() { # TEXT [SECONDS]
	eventually "${2:-15}" shows "$1" && return 0
	screen
	return 1
}

expect_not() { # TEXT [SECONDS]
	eventually "${2:-15}" shows_not "$1" && return 0
	screen
	return 1
}

# All of them, now.
expect_all() {
	local text
	for text; do expect "$text" || return 1; done
}

# Start it on the terminal. The interval is short, so that tests are.
run_top() { type_line "clear; $top_program --socket $socket -d 0.2 $*"; }

# Answers to a key within that time, whatever the daemon does.
answers_at_once() { # KEY TEXT
	local start=${EPOCHREALTIME/./}
	type_keys "$1"
	until shows "$2"; do
		[ $((${EPOCHREALTIME/./} - start)) -lt "${AT_ONCE_US:-1000000}" ] || { echo "no answer to $1 within ${AT_ONCE_US:-1000000} us"; screen; return 1; }
	done
}

# The terminal is as it was: modes, and the screen of the shell is back.
keep_modes() { type_line "clear; stty -a >$work/modes.before; echo KEPT"; expect KEPT; }
modes_are_kept() {
	expect 'SHELL>' || return 1
	type_line "clear; stty -a >$work/modes.after; echo LOOKED"
	expect LOOKED || return 1
	diff "$work/modes.before" "$work/modes.after"
}

# No line is longer than the terminal, and none of it is anything but ASCII.
is_ascii() { ! screen | LC_ALL=C grep -q '[^ -~]' || { screen; return 1; }; }
