#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# wine.sh [explain] - a real Windows program, Wine's own winemine, in a real Wine, with its services beside it
#
# With "explain" the daemon is left out: --explain is asked instead, on any kernel.
. "$(dirname "$0")/lib.sh"
explain_only=${1:-no}
for program in wine wineserver Xvfb; do
	command -v $program >/dev/null || { echo "ok 1 - real Wine # SKIP $program is not installed"; echo 1..1; exit 0; }
done
mine=$(find /usr/lib /usr/lib64 /usr/share/wine /opt -path '*64-windows/winemine.exe' 2>/dev/null | head -n 1)
[ -n "$mine" ] || { echo "ok 1 - real Wine # SKIP it has no winemine.exe"; echo 1..1; exit 0; }
export WINEPREFIX=$work/prefix WINEDEBUG=-all DISPLAY=:77 HOME=$work
trap 'wineserver -k; kill "$screen" 2>/dev/null; stop_arcade KILL >/dev/null 2>&1; sleep 1; rm -rf "$work"' EXIT
mkdir -p "$work/Games/Mines" && cp "$mine" "$work/Games/Mines/RealGame.exe"
Xvfb :77 >/dev/null 2>&1 & screen=$!

prefix_is_made() {
	local start=$SECONDS
	timeout 280 wine wineboot -i >"$work/boot" 2>&1 || { tail -n 5 "$work/boot"; return 1; }
	figure "Wine's prefix was made in $((SECONDS - start)) s"
}
pids() { pgrep -f 'wine|[.]exe'; }
verdict_of() { "$arcade" --explain "$1" 2>/dev/null | sed -n 's/^verdict *//p'; }
is_up() { pgrep -x RealGame.exe >/dev/null && pgrep -x services.exe >/dev/null; }
is_front() { grep -q "^game: process $1 and its descendants" "$work/err"; }
has_ended() { grep -q "^game: process $1 has ended" "$work/err"; }

only_the_game() {
	local pid game nr=0
	SteamAppId=730 SteamGameId=730 wine "$work/Games/Mines/RealGame.exe" >"$work/game" 2>&1 &
	eventually 120 is_up || { cat "$work/game"; return 1; }
	game=$(pgrep -x RealGame.exe | head -n 1)
	sleep 2
	for pid in $(pids); do
		nr=$((nr + 1))
		if [ "$pid" = "$game" ]; then
			[ "$(verdict_of "$pid")" = game ] || { "$arcade" --explain "$pid"; return 1; }
		elif [ "$(verdict_of "$pid")" = game ]; then
			"$arcade" --explain "$pid"
			return 1
		fi
	done
	figure "of $nr processes of Wine the one that is the game was taken"
	[ $nr -ge 5 ]
}
daemon_finds_it() {
	local game
	game=$(pgrep -x RealGame.exe | head -n 1)
	eventually 20 is_front "$game" || { cat "$work/err"; return 1; }
	[ "$(grep -c 'is a game: score' "$work/err")" -eq 1 ] || { cat "$work/err"; return 1; }
	wineserver -k
	eventually 20 has_ended "$game"
}

check "a prefix" prefix_is_made
[ "$explain_only" = explain ] || start_arcade --verbose || { cat "$work/err"; echo "Bail out!"; exit 1; }
check "a Windows program is the game, Wine's services are not" only_the_game
[ "$explain_only" = explain ] || check "the daemon takes it, and sees its end" daemon_finds_it
finish
