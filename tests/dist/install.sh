#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make install and make uninstall: what one adds the other takes away, and nothing else changes.
. "$(dirname "$0")/lib.sh"

# Every name with kind, mode and content, but not the times.
list() { (cd "$1" && find . -printf '%y %m %l %p\n' | sort && find . -type f -exec sha256sum {} + | sort -k 2); }
run_make() { make --no-print-directory "$@" </dev/null; }

installed() { # ROOT PREFIX
	local file
	for file in bin/scx_arcade share/scx_arcade/programs.conf share/scx_arcade/scx_arcade_focus.js share/man/man8/scx_arcade.8 \
		share/man/man5/scx_arcade.conf.5 lib/systemd/system/scx_arcade.service lib/sysusers.d/scx_arcade.conf \
		share/bash-completion/completions/scx_arcade share/zsh/site-functions/_scx_arcade \
		share/fish/vendor_completions.d/scx_arcade.fish share/scx_arcade/scx_arcade.conf.example; do
		[ -s "$1$2/$file" ] || { echo "$1$2/$file is missing"; return 1; }
	done
	[ -x "$1$2/bin/scx_arcade" ] && ! find "$1" -name '*.new-*' | grep .
}

# Into folders as they are, and back.
there_and_back() { # NAME PREFIX
	local root=$work/$1 prefix=$2
	list "$root" >"$work/before"
	run_make install DESTDIR="$root" PREFIX="$prefix" && installed "$root" "$prefix" || return 1
	list "$root" >"$work/installed"
	# Once more, over itself: the same.
	run_make install DESTDIR="$root" PREFIX="$prefix" && list "$root" | diff "$work/installed" - || return 1
	run_make uninstall DESTDIR="$root" PREFIX="$prefix" && list "$root" | diff "$work/before" -
}

empty_root() { mkdir "$work/empty" && there_and_back empty /usr; }
local_root() { mkdir "$work/local" && there_and_back local /usr/local; }
deep_prefix() { mkdir "$work/deep" && there_and_back deep /opt/games/scx_arcade-1.0; }

# Folders that others have made stay, also empty ones.
with_folders() {
	mkdir -p "$work"/folders/usr/{bin,share/man/man8,share/man/man1,share/scx_arcade,lib/systemd/system,share/fish/vendor_completions.d}
	there_and_back folders /usr
}

with_files() {
	mkdir -p "$work"/files/usr/{bin,share/scx_arcade,lib/systemd/system}
	echo mine >"$work/files/usr/bin/mine"
	echo mine >"$work/files/usr/share/scx_arcade/mine"
	echo mine >"$work/files/usr/lib/systemd/system/mine.service"
	there_and_back files /usr
}

# Something of somebody else's that came into a folder of ours keeps that folder.
files_that_came_later() {
	local root=$work/later
	mkdir "$root"
	run_make install DESTDIR="$root" PREFIX=/usr && echo mine >"$root/usr/share/scx_arcade/mine" &&
		run_make uninstall DESTDIR="$root" PREFIX=/usr || return 1
	[ "$(cd "$root" && find . -type f)" = ./usr/share/scx_arcade/mine ]
}

# A link in the place of a file is replaced, what it points to stays.
links_are_not_followed() {
	local root=$work/links
	mkdir -p "$root/usr/bin"
	echo precious >"$root/precious"
	ln -s "$root/precious" "$root/usr/bin/scx_arcade"
	run_make install DESTDIR="$root" PREFIX=/usr && [ ! -L "$root/usr/bin/scx_arcade" ] && [ "$(cat "$root/precious")" = precious ] &&
		run_make uninstall DESTDIR="$root" PREFIX=/usr && [ "$(cat "$root/precious")" = precious ]
}

# A program that runs can be replaced.
while_it_runs() {
	local root=$work/runs pid
	mkdir -p "$root/usr/bin"
	cp "$(command -v sleep)" "$root/usr/bin/scx_arcade"
	"$root/usr/bin/scx_arcade" 60 & pid=$!
	run_make install DESTDIR="$root" PREFIX=/usr
	local status=$?
	kill -0 $pid && kill $pid
	return $status
}

uninstall_nothing() {
	mkdir "$work/nothing"
	run_make uninstall DESTDIR="$work/nothing" PREFIX=/usr && [ -z "$(ls -A "$work/nothing")" ]
}

# Nothing of the prefix is built in: what is installed under another one finds its files, and the unit its program.
other_prefix_only_at_install() {
	local root=$work/other
	mkdir "$root"
	run_make install PREFIX="$root/place" DESTDIR= && grep -qx "ExecStart=$root/place/bin/scx_arcade" "$root/place/lib/systemd/system/scx_arcade.service" &&
		grep -q "$root/place/share/scx_arcade" "$root/place/share/man/man8/scx_arcade.8" || return 1
	# Of texts: among the bytes of a program something like it may be by chance.
	! grep -rlIE '@[A-Z]+@' "$root/place" || return 1
	sleep 60 &
	"$root/place/bin/scx_arcade" --explain $! | grep '^verdict *not a game' || { kill $!; return 1; }
	printf '[game]\nsleep\n' >"$root/place/share/scx_arcade/programs.conf"
	"$root/place/bin/scx_arcade" --explain $! | grep '^verdict *game'
	local status=$?
	kill $!
	return $status
}

refused() { # WORD VARIABLE...
	local word=$1
	shift
	! run_make install "$@" 2>"$work/err" && cat "$work/err" && [ "$(grep -c 'error:' "$work/err")" -ge 1 ] && grep -q "$word" "$work/err"
}
odd_prefixes() {
	refused 'absolute path' PREFIX=usr DESTDIR="$work/odd" && refused 'absolute path' PREFIX= DESTDIR="$work/odd" &&
		refused 'letters, digits' PREFIX='/usr/my games' DESTDIR="$work/odd" &&
		refused 'letters, digits' PREFIX='/usr/$x;y' DESTDIR="$work/odd" && refused 'letters, digits' PREFIX=/usr/../etc DESTDIR="$work/odd" &&
		refused 'absolute path' PREFIX=/usr DESTDIR=odd && [ ! -e "$work/odd" ]
}

no_room() {
	[ "$(id -u)" -eq 0 ] || return 0
	mkdir "$work/full" && mount -t tmpfs -o size=64k tmpfs "$work/full" || return 1
	! run_make install DESTDIR="$work/full" PREFIX=/usr 2>"$work/err"
	local status=$?
	grep -q 'install: error: cannot write' "$work/err" && ! find "$work/full" -name '*.new-*' | grep . || status=1
	umount "$work/full"
	return $status
}

script_usage() {
	local args
	for args in '' 'add' 'move / /x 755:a:/b' 'add relative /x 755:README.md:/b' 'add / /x 7777:README.md:/b' 'add / /x 755:README.md:relative'; do
		# shellcheck disable=SC2086
		! tools/install $args 2>"$work/err" && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -q '^install: error: ' "$work/err" ||
			{ echo "tools/install $args:"; cat "$work/err"; return 1; }
	done
}

check 'into an empty root and back' empty_root
check 'below /usr/local and back' local_root
check 'below a prefix that does not exist and back' deep_prefix
check 'folders of others stay, also empty ones' with_folders
check 'files of others stay' with_files
check 'what came later stays' files_that_came_later
check 'links are replaced, not followed' links_are_not_followed
check 'a program that runs is replaced' while_it_runs
check 'uninstall where nothing is' uninstall_nothing
check 'a prefix that only install is told' other_prefix_only_at_install
check 'odd prefixes are refused' odd_prefixes
check 'a full disk: said, nothing half written' no_room
check 'the script itself: bad usage' script_usage
finish
