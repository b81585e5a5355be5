#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# games.sh [explain|churn] - real process trees, as launchers make them: the game is found, nothing else is
#
# The programs are played by build/vm/actor, linked to the names and places that the real ones have; shells, Python
# and namespaces are real. With "explain" the daemon is left out: it asks --explain instead, on any kernel. With "churn"
# only the many short processes are tried.
. "$(dirname "$0")/lib.sh"
[ "${1:-}" = explain ] && explain_only=yes || explain_only=no
home=$work/home/p
steam=$home/.local/share/Steam
flatpak=$home/.var/app/com.valvesoftware.Steam/.local/share/Steam
runtime=$steam/steamapps/common/SteamLinuxRuntime_sniper
wine="$steam/steamapps/common/Proton 9.0/files/bin/wine64-preloader"
cgroups=/sys/fs/cgroup
[ $explain_only = yes ] || mountpoint -q $cgroups || mount -t cgroup2 none $cgroups
mkdir -p "$home" && cp "$top/build/vm/actor" "$work/actor"
slowest_ms=0 found=0 taken=0 left_alone=0 stage=

# ---- the stage ----

actor() { # PATH...: the program at this path is played
	local path
	for path in "$@"; do
		[ -e "$path" ] || { mkdir -p "${path%/*}" && ln "$work/actor" "$path"; } || return 1
	done
}
library() { # NAME...: files to be mapped
	local name
	mkdir -p "$work/lib"
	for name in "$@"; do echo x >"$work/lib/$name"; done
}
library libSDL2-2.0.so.0 libGL.so.1 libvulkan.so.1 d3d11.dll xinput1_3.dll libMangoHud.so libgtk-4.so.1 \
	v8_context_snapshot.bin libgamemodeauto.so.0
sdl=map=$work/lib/libSDL2-2.0.so.0,map=$work/lib/libGL.so.1
dxvk=map=$work/lib/d3d11.dll,map=$work/lib/xinput1_3.dll

script() { # PATH: made of standard input
	mkdir -p "${1%/*}" && cat >"$1" && chmod +x "$1"
}

in_scope() { # SCOPE COMMAND...
	local group=$cgroups/user.slice/user-1000.slice/user@1000.service/app.slice/$1
	mkdir -p "$group" && echo "$BASHPID" >"$group/cgroup.procs" && shift && exec "$@"
}

# A Windows program: Wine's loader, which calls itself by the program's name and path.
windows() { # LOADER WINDOWS-PATH [ARG]...
	local loader=$1 path=$2 shape=${ACTOR:-}
	shift 2
	actor "$loader" || return 1
	case $shape in
	detach*) shape=detach,comm=${path##*\\}${shape#detach} ;;
	*) shape=comm=${path##*\\},$shape ;;
	esac
	ACTOR=$shape exec -a "$path" "$loader" "$@"
}
export -f windows actor
export work

script "$work/bin/lutris" <<'PY'
#!/usr/bin/env python3
import subprocess, sys
sys.exit(subprocess.call(sys.argv[1:]))
PY
cp "$work/bin/lutris" "$work/bin/lutris-wrapper"
cp "$work/bin/lutris" "$work/bin/legendary"
cp "$work/bin/lutris" "$work/bin/umu-run"
script "$steam/steamapps/common/Proton 9.0/proton" <<'PY'
#!/usr/bin/env python3
# Starts Wine's services as Proton does, and then the program; all of them leave it and live with init.
import os, subprocess, sys
loader, game, others = sys.argv[2], sys.argv[3], sys.argv[4:]
def start(path, shape):
    name = path.split("\\")[-1]
    words = shape.split(",")
    at = 1 if words[0] == "detach" else 0
    env = dict(os.environ, ACTOR=",".join(words[:at] + ["comm=" + name] + words[at:]))
    subprocess.Popen([path], executable=loader, env=env)
subprocess.Popen([os.path.dirname(loader) + "/wineserver"], env=dict(os.environ, ACTOR="detach"))
for service in ("services.exe", "winedevice.exe", "plugplay.exe", "svchost.exe", "rpcss.exe"):
    start("C:\\windows\\system32\\" + service, "detach,threads=4")
start("C:\\windows\\system32\\explorer.exe", "detach")
for other in others:
    start(other, "detach,threads=20")
waiter = subprocess.Popen(["c:\\windows\\system32\\steam.exe"], executable=loader,
                          env=dict(os.environ, ACTOR="comm=steam.exe"))
start(game, os.environ.get("GAME_SHAPE", "detach"))
waiter.wait()
PY
script "$runtime/_v2-entry-point" <<'SH'
#!/bin/bash
while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
"${@:2}"
SH
mkdir -p "$runtime/pressure-vessel/bin" && cp "$(command -v unshare)" "$runtime/pressure-vessel/bin/pv-bwrap"
actor "$runtime/pressure-vessel/bin/pv-adverb" "${wine%/*}/wineserver" "$wine" "$steam/ubuntu12_32/reaper" \
	"$steam/ubuntu12_32/steam" "$steam/ubuntu12_32/steam-launch-wrapper"

# What Steam puts before every command; the container has namespaces of its own.
by_steam() { # APPID COMMAND...
	local id=$1
	shift
	env SteamAppId="$id" SteamGameId="$id" "$steam/ubuntu12_32/steam" -- "$steam/ubuntu12_32/reaper" SteamLaunch \
		"AppId=$id" -- "$steam/ubuntu12_32/steam-launch-wrapper" -- "$@"
}
in_container() {
	"$runtime/_v2-entry-point" --verb=waitforexitandrun -- "$runtime/pressure-vessel/bin/pv-bwrap" --user --map-root-user \
		--pid --fork --mount "$runtime/pressure-vessel/bin/pv-adverb" --exit-with-parent -- "$@"
}
export -f in_container
export steam runtime

# ---- the games: each a function that starts the tree ----

native=$steam/steamapps/common
steam_native() { actor "$native/Half-Life 2/hl2_linux" && by_steam 220 "$native/Half-Life 2/hl2_linux" -game hl2; }
steam_script() {
	actor "$native/Stardew/StardewVal_x64"
	printf '#!/bin/sh\n"${0%%/*}/StardewVal_x64"\necho\n' | script "$native/Stardew/start.sh"
	by_steam 413150 "$native/Stardew/start.sh"
}
steam_container() { actor "$native/Dota/dota2" && by_steam 570 bash -c 'in_container "$@"' bash "$native/Dota/dota2"; }
steam_renamed() { actor "$native/Factorio/bin/factorio" && ACTOR=comm=GameThread,threads=30 by_steam 427520 "$native/Factorio/bin/factorio"; }
proton() {
	by_steam 1091500 bash -c 'in_container "$@"' bash python3 "$native/Proton 9.0/proton" waitforexitandrun "$wine" \
		"Z:\\${native//\//\\}\\Cyberpunk\\Cyberpunk.exe" "Z:\\x\\UnityCrashHandler64.exe" "Z:\\x\\CrashReportClient.exe"
}
proton_launcher() {
	GAME_SHAPE=detach,threads=60,$dxvk by_steam 1174180 python3 "$native/Proton 9.0/proton" waitforexitandrun "$wine" \
		"Z:\\x\\RDR2.exe" "Z:\\x\\RDR2Launcher.exe" "Z:\\x\\prelaunch.exe" "Z:\\x\\EasyAntiCheat_EOS.exe"
}
proton_shortcut() {
	env SteamAppId=0 SteamGameId=13835058055282163712 STEAM_COMPAT_DATA_PATH=/x python3 "$native/Proton 9.0/proton" \
		waitforexitandrun "$wine" "C:\\Shortcut\\Shortcut.exe"
}
flatpak_native() {
	actor "$flatpak/steamapps/common/Celeste/Celeste"
	(ACTOR=detach SteamAppId=504230 in_scope app-flatpak-com.valvesoftware.Steam-4711.scope \
		"$flatpak/steamapps/common/Celeste/Celeste")
}
flatpak_proton() {
	export ACTOR=detach SteamAppId=1145360 STEAM_COMPAT_DATA_PATH=/x
	(in_scope app-flatpak-com.valvesoftware.Steam-4712.scope bash -c 'windows "$@"' bash \
		"$flatpak/steamapps/common/Proton 8.0/dist/bin/wine64-preloader" 'S:\common\Hades\Hades.exe')
}
steam_scope() { # needs the unified hierarchy
	actor "$native/Portal/portal_linux"
	(in_scope app-steam-app400-99.scope "$native/Portal/portal_linux")
}
lutris_wine() {
	LUTRIS_GAME_UUID=1234 ACTOR=detach "$work/bin/lutris" "$work/bin/lutris-wrapper" bash -c 'windows "$@"' bash \
		"$home/.local/share/lutris/runners/wine/bin/wine64-preloader" 'C:\Program Files\Overwatch\Overwatch.exe'
}
lutris_native() {
	actor "$home/Games/openmw/openmw-lutris"
	LUTRIS_GAME_UUID=1234 "$work/bin/lutris" "$work/bin/lutris-wrapper" "$home/Games/openmw/openmw-lutris"
}
heroic_wine() {
	actor "$work/opt/Heroic/heroic"
	HEROIC_APP_NAME=abc HEROIC_APP_RUNNER=legendary ACTOR=detach "$work/opt/Heroic/heroic" -- "$work/bin/legendary" \
		bash -c 'windows "$@"' bash "$home/.config/heroic/tools/wine/GE/bin/wine64" 'Z:\home\p\Games\Heroic\Fall\Fall.exe'
}
heroic_native() {
	actor "$work/opt/Heroic/heroic" "$home/Games/Heroic/Hollow/Hollow.x86_64"
	HEROIC_APP_NAME=abc "$work/opt/Heroic/heroic" -- "$home/Games/Heroic/Hollow/Hollow.x86_64"
}
bottles() {
	export ACTOR=detach WINEPREFIX=$home/.var/app/com.usebottles.bottles/data/bottles/bottles/Gaming
	(in_scope app-flatpak-com.usebottles.bottles-88.scope bash -c 'windows "$@"' bash \
		"$home/.var/app/com.usebottles.bottles/data/bottles/runners/soda/bin/wine64" 'C:\Games\Witcher3.exe')
}
gog_native() {
	actor "$home/GOG Games/Baldur/game/Baldur.x86_64"
	printf '#!/bin/bash\n"${0%%/*}/game/Baldur.x86_64"\necho\n' | script "$home/GOG Games/Baldur/start.sh"
	ACTOR=$sdl "$home/GOG Games/Baldur/start.sh"
}
by_gamemoderun() {
	actor "$work/opt/xonotic/mygame-sdl"
	ACTOR=$sdl LD_PRELOAD=$work/lib/libgamemodeauto.so.0 "$work/opt/xonotic/mygame-sdl" 2>/dev/null
}
itch() {
	actor "$work/opt/itch/itch" "$home/.config/itch/apps/celeste/Quake.x86_64"
	ITCHIO_OFFLINE_MODE=1 "$work/opt/itch/itch" -- "$home/.config/itch/apps/celeste/Quake.x86_64"
}
minecraft() {
	actor "$work/opt/PrismLauncher/bin/prismlauncher" "$work/usr/lib/jvm/bin/java"
	INST_MC_DIR=/x "$work/opt/PrismLauncher/bin/prismlauncher" -- "$work/usr/lib/jvm/bin/java" -Xmx4096m -cp \
		"$home/.local/share/PrismLauncher/libraries/x.jar" net.minecraft.client.main.Main
}
emulator() { actor "$work/usr/bin/retroarch" && "$work/usr/bin/retroarch" -L core rom; }
plain_wine() {
	ACTOR=detach,$dxvk,threads=20 bash -c 'windows "$@"' bash "$work/usr/lib/wine/wine64" 'Z:\home\p\Doom\Doom2016.exe'
}
umu() {
	UMU_ID=umu-default PROTONPATH=/x ACTOR=detach,map=$work/lib/libvulkan.so.1 "$work/bin/umu-run" bash -c 'windows "$@"' \
		bash "$wine" 'Z:\home\p\Ori\Ori.exe'
}
with_mangohud() {
	actor "$work/opt/native/native-vk"
	ACTOR=$sdl,map=$work/lib/libMangoHud.so,threads=60 MANGOHUD=1 "$work/opt/native/native-vk"
}

# FUNCTION, and the comm of the process that is the game.
games=(
	steam_native:hl2_linux steam_script:StardewVal_x64 steam_container:dota2 steam_renamed:GameThread
	proton:Cyberpunk.exe proton_launcher:RDR2.exe proton_shortcut:Shortcut.exe flatpak_native:Celeste
	flatpak_proton:Hades.exe steam_scope:portal_linux lutris_wine:Overwatch.exe lutris_native:openmw-lutris
	heroic_wine:Fall.exe heroic_native:Hollow.x86_64 bottles:Witcher3.exe gog_native:Baldur.x86_64
	by_gamemoderun:mygame-sdl itch:Quake.x86_64 minecraft:java emulator:retroarch plain_wine:Doom2016.exe umu:Ori.exe
	with_mangohud:native-vk
)

# ---- asking ----

# A test that has failed has ended the daemon.
ensure_arcade() { [ -n "$arcade_pid" ] || { clear_stage && start_arcade; }; }

# A zombie that nobody has waited for yet is none.
exec_pid() { pgrep -x -r R,S,D "$1" | head -n 1; }
# Not one that only forks and goes.
has_started() {
	local pid
	pid=$(exec_pid "$1")
	[ -n "$pid" ] && sleep 0.3 && [ "$(exec_pid "$1")" = "$pid" ]
}
log_lines() { wc -l <"$work/err"; }
since() { tail -n +$(($1 + 1)) "$work/err"; }
is_front() { since "$2" | grep -q "^game: process $1 and its descendants"; }
has_ended() { since "$2" | grep -q "^game: process $1 has ended"; }
# Since its start; a detached one has its exec right after.
age_ms() { awk -v ticks="$(sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20)" '{ print int($1 * 1000 - ticks * 10) }' /proc/uptime; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# Everything that the actor plays, and what is between.
clear_stage() {
	local exe pid
	for exe in /proc/[0-9]*/exe; do
		pid=${exe#/proc/} pid=${pid%/exe}
		case $(readlink "$exe" 2>/dev/null) in "$work"/home/* | "$work"/opt/* | "$work"/usr/*) kill -KILL "$pid" 2>/dev/null ;; esac
	done
	for pid in $(jobs -p); do
		[ "$pid" = "$arcade_pid" ] || { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null
	done
	true
}

verdict_of() { "$arcade" --explain "$1" | sed -n 's/^verdict *//p'; }

finds() { # FUNCTION:COMM
	local comm=${1#*:} pid ms before status=0 other
	if [ $explain_only = no ]; then
		ensure_arcade || return 1
		before=$(log_lines)
	fi
	"${1%%:*}" >"$work/stage" 2>&1 & stage=$!
	eventually 20 has_started "$comm" || { cat "$work/stage"; return 1; }
	pid=$(exec_pid "$comm")
	if [ $explain_only = yes ]; then
		sleep 0.5
		[ "$(verdict_of "$pid")" = game ] || status=1
		"$arcade" --explain "$pid"
		for other in $(pgrep -f "$home|$work/opt|windows.system32"); do
			[ "$other" = "$pid" ] || [ "$(verdict_of "$other")" != game ] || "$arcade" --explain "$other"
		done
	else
		eventually 15 is_front "$pid" "$before" || status=1
		ms=$(age_ms "$pid")
		sleep 1.5
		since "$before"
		# Nothing of the tree has come to the front since.
		[ "$(since "$before" | sed -n 's/^game: process \([0-9]*\) and its .*/\1/p' | tail -n 1)" = "$pid" ] || status=1
	fi
	kill -KILL "$pid"
	[ $explain_only = yes ] || eventually 10 has_ended "$pid" "$before" || status=1
	clear_stage
	[ $status -eq 0 ] || return 1
	found=$((found + 1))
	[ $explain_only = yes ] && return 0
	[ $ms -le $slowest_ms ] || slowest_ms=$ms
	[ $ms -le 5000 ] || { echo "only after $ms ms"; return 1; }
}

# ---- the others: all the signs that are to be had, and still no games ----

extra() { # PATH [ARG]...: with the environment of a Steam game, many threads and graphics
	actor "$1" && SteamAppId=730 ACTOR=$sdl,threads=20 "$@" &
}
plain() { # SHAPE PATH [ARG]...: without that environment
	local shape=$1
	shift
	actor "$1" && ACTOR=$shape "$@" &
}
wine_service() { # WINDOWS-PATH
	SteamAppId=730 ACTOR=detach,threads=20,$dxvk bash -c 'windows "$@"' bash "$wine" "$1" &
}

start_others() {
	local name
	for name in firefox chromium steamwebhelper steam code mpv vlc obs Discord spotify thunderbird blender gimp \
		kwin_wayland plasmashell konsole gameoverlayui fossilize_replay cc1plus rustc ld.lld ninja wineserver \
		heroic lutris pv-adverb reaper gdb htop nautilus; do
		extra "$work/usr/bin/$name"
	done
	extra "$native/steam-tools/chrome-sandboxed" --type=renderer
	for name in services winedevice explorer plugplay rpcss svchost; do wine_service "C:\\windows\\system32\\$name.exe"; done
	wine_service 'Z:\x\UnityCrashHandler64.exe'
	wine_service 'Z:\x\EpicGamesLauncher.exe'
	# Programs that no list has.
	plain "$sdl,threads=60,mem=300" "$work/usr/bin/cad-tool"
	plain "map=$work/lib/libgtk-4.so.1,map=$work/lib/libvulkan.so.1,map=$work/lib/libMangoHud.so,threads=60" "$work/usr/bin/viewer"
	plain "map=$work/lib/v8_context_snapshot.bin,$sdl,threads=60" "$work/usr/bin/chat"
	plain "threads=60" "$work/usr/bin/database"
	actor "$work/opt/modtool/modtool-cli"
	SteamAppId=730 ACTOR=threads=20 "$work/opt/modtool/modtool-cli" &
	SteamAppId=730 python3 -c 'import time; time.sleep(100)' &
	SteamAppId=730 bash -c 'sleep 100; true' &
	sleep 2
}

takes_no_other() {
	local before pid exe said
	if [ $explain_only = no ]; then
		ensure_arcade || return 1
		before=$(log_lines)
	fi
	start_others >"$work/stage" 2>&1
	if [ $explain_only = no ]; then
		# All four looks at each.
		sleep 17
		since "$before"
		taken=$(since "$before" | grep -c 'is a game: score')
		since "$before" | grep -q '^background: process .*fossilize' || { echo "fossilize is not marked"; taken=$((taken + 1)); }
	fi
	for exe in /proc/[0-9]*/exe; do
		pid=${exe#/proc/} pid=${pid%/exe}
		case $(readlink "$exe" 2>/dev/null) in "$work"/usr/* | "$work"/opt/* | "$work"/home/*) ;; *) continue ;; esac
		said=$(verdict_of "$pid")
		left_alone=$((left_alone + 1))
		[ "$said" != game ] || { taken=$((taken + 1)); "$arcade" --explain "$pid"; }
	done
	clear_stage 2>/dev/null
	figure "$taken of $left_alone others taken"
	[ $left_alone -ge 30 ] && [ "$taken" -eq 0 ]
}

# ---- the daemon's own ----

named_game() {
	local pid before
	stop_arcade
	start_arcade --game my-editor || return 1
	grep -q "named 'my-editor' is the game" "$work/err" || return 1
	before=$(log_lines)
	actor "$work/usr/bin/my-editor"
	"$work/usr/bin/my-editor" & stage=$!
	pid=$stage
	eventually 10 is_front "$pid" "$before" || { cat "$work/err"; return 1; }
	kill -KILL "$pid"
	eventually 10 has_ended "$pid" "$before" || return 1
	wait "$pid" 2>/dev/null
	stop_arcade && start_arcade
}

no_detection() {
	local before
	stop_arcade
	start_arcade --no-detect || return 1
	before=$(log_lines)
	steam_native >"$work/stage" 2>&1 & stage=$!
	eventually 20 has_started hl2_linux && sleep 3
	since "$before"
	! since "$before" | grep -q '^game:' || return 1
	clear_stage
	stop_arcade
	# Who is there before the daemon is found as well.
	steam_native >"$work/stage" 2>&1 & stage=$!
	eventually 20 has_started hl2_linux || return 1
	start_arcade && eventually 10 is_front "$(exec_pid hl2_linux)" 0 || return 1
	clear_stage
}

end_is_seen() {
	local pid before ms
	ensure_arcade || return 1
	before=$(log_lines)
	steam_native >"$work/stage" 2>&1 & stage=$!
	eventually 20 has_started hl2_linux || return 1
	pid=$(exec_pid hl2_linux)
	eventually 15 is_front "$pid" "$before" || return 1
	ms=$(now_ms)
	kill -KILL "$pid"
	until has_ended "$pid" "$before"; do [ $(($(now_ms) - ms)) -lt 5000 ] || return 1; done
	ms=$(($(now_ms) - ms))
	clear_stage
	figure "the end of the game was in the log after $ms ms, with the time to look"
	[ $ms -lt 1000 ]
}

daemon_ticks() { awk '{ print $14 + $15 }' "/proc/$arcade_pid/stat"; }
daemon_rss() { awk '/^VmRSS/ { print $2 }' "/proc/$arcade_pid/status"; }

# 10,000 processes a minute, as far as the guest can make them, of which none lives half a second. The same time without them
# is what the daemon costs anyway. Where time counts instructions, or the emulator's slowness is the daemon's cost.
churn() {
	local ticks rss idle used nr ms
	# In the guest's memory: what a start waits for the host's files is guest time, too.
	cp "$top/build/vm/nothing" "$work" || return 1
	sleep 16
	ticks=$(daemon_ticks)
	sleep 15
	idle=$((($(daemon_ticks) - ticks) * 2))
	ticks=$(daemon_ticks) rss=$(daemon_rss)
	read -r nr ms <<<"$("$top/build/vm/spawner" 10000 30 "$work/nothing")"
	used=$(($(daemon_ticks) - ticks))
	figure "$nr processes in $ms ms: the daemon used $((used * 10)) ms, without them $((idle * 10)) ms; its memory $rss to $(daemon_rss) KiB"
	# At least the pace that was meant, and 2 % of one CPU.
	[ "$nr" -ge 4990 ] && [ $((used * 10 * 100)) -lt $((ms * 2)) ] && [ $(($(daemon_rss) - rss)) -lt 512 ]
}

if [ $explain_only = yes ] && [ ! -w $cgroups/cgroup.procs ]; then
	note "skipped here, there are no control groups: steam_scope"
	mapfile -t games < <(printf '%s\n' "${games[@]}" | grep -v '^steam_scope:')
fi
if [ $explain_only = no ]; then
	start_arcade || { cat "$work/err"; echo "Bail out!"; exit 1; }
fi
if [ "${1:-}" = churn ]; then
	check "10,000 processes a minute" churn
	stop_arcade
	finish
fi
for game in "${games[@]}"; do check "a game: ${game%%:*}" finds "$game"; done
note "$found of ${#games[@]} games found"
[ $explain_only = yes ] || note "the slowest of them ${slowest_ms} ms after its exec"
check "others are left alone" takes_no_other
if [ $explain_only = no ]; then
	check "the end of a game is seen" end_is_seen
	check "--game NAME waits for it" named_game
	check "--no-detect finds nothing; a game that was there before is found" no_detection
	stop_arcade
fi
finish
