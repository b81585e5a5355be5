#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The Debian package in a fresh root of this machine's suite: installed, upgraded, removed, purged. Needs root and the mirror.
. "$(dirname "$0")/lib.sh"

root=$work/root
deb=$(ls build/deb/scx-arcade_*.deb 2>/dev/null | tail -n 1)
if [ "$(id -u)" -ne 0 ]; then
	echo "ok 1 - package # SKIP needs root, for a fresh system"
	echo 1..1
	exit 0
fi

# The suite and the mirrors that this machine uses itself.
make_root() {
	local codename sources
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	sources=$work/sources.list
	apt-get indextargets --format 'deb [trusted=yes] $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
		grep -E " $codename(-updates|-backports)? main$" | sort -u >"$sources"
	[ -s "$sources" ] || { echo "apt knows no mirror of $codename"; return 1; }
	# Its dependencies are not a part of what is tested, systemd is.
	mmdebstrap --quiet --variant=minbase --include=systemd,dbus "$codename" "$root" "$sources" || return 1
	! ls "$root"/usr/bin/scx_arcade 2>/dev/null
}

in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
# Names of what there is, without what apt and dpkg note for themselves.
list() {
	(cd "$root" && find . \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./var/lib/apt -o -path ./var/cache/apt \
		-o -path './var/lib/dpkg' -o -path ./var/log -o -path ./run \) -prune -o -printf '%y %m %u %p %l\n' | sort)
}
accounts() { cat "$root/etc/passwd" "$root/etc/group" "$root/etc/gshadow"; }

get_dependencies() {
	# What it needs comes first, so that what is compared is the package alone.
	local names
	names=$(dpkg-deb -f "$deb" Depends | sed 's/([^)]*)//g; s/|[^,]*//g; s/,/ /g')
	# shellcheck disable=SC2086
	in_root apt-get update -q && in_root apt-get install -qy --no-install-recommends man-db $names &&
		in_root apt-get install -qy --no-install-recommends -t "$(. /etc/os-release && echo "$VERSION_CODENAME")-backports" libbpf1 || :
	list >"$work/before"
	accounts >"$work/accounts.before"
}

installs() {
	cp "$deb" "$root/tmp/p.deb"
	in_root dpkg -i /tmp/p.deb || return 1
	[ "$(in_root dpkg-query -W -f '${Status}' scx-arcade)" = 'install ok installed' ] && in_root scx_arcade --version &&
		in_root scx_arcade --help >"$work/help" && [ -f "$root/usr/lib/systemd/system/scx_arcade.service" ] &&
		in_root getent group scx_arcade && in_root dpkg --verify scx-arcade
}
only_its_own() {
	list | comm -13 "$work/before" - | sed -E 's/^. [0-7]+ [^ ]+ \.//; s/ $//' | sort >"$work/new"
	in_root dpkg -L scx-arcade | sort >"$work/owned"
	# Caches that triggers write anew were there before; the group is the one thing more.
	comm -23 "$work/new" "$work/owned" | grep -vE '^/etc/(group|gshadow)-?$|^/var/cache/(man|ldconfig|debconf)/|^/etc/\.pwd\.lock$' >"$work/more" || :
	[ ! -s "$work/more" ] || { cat "$work/more"; return 1; }
}
not_enabled() { [ "$(in_root systemctl is-enabled scx_arcade)" = disabled ]; }
verified() { in_root systemd-analyze verify /usr/lib/systemd/system/scx_arcade.service 2>&1 | grep -v 'man ' | grep -i scx_arcade && return 1 || return 0; }
enables() { in_root systemctl enable scx_arcade && [ -L "$root/etc/systemd/system/multi-user.target.wants/scx_arcade.service" ]; }
over_itself() { in_root dpkg -i /tmp/p.deb && [ "$(in_root systemctl is-enabled scx_arcade)" = enabled ]; }
removes() {
	echo '# mine' >"$root/etc/scx_arcade.conf"
	in_root dpkg -r scx-arcade && ! find "$root/usr" "$root/etc/systemd" -name '*scx_arcade*' | grep . && [ -f "$root/etc/scx_arcade.conf" ]
}
purges() {
	in_root dpkg -P scx-arcade && rm -f "$root/tmp/p.deb" && list | grep -v '/var/cache/man\|/etc/\.pwd\.lock' >"$work/after"
	grep -v '/var/cache/man\|/etc/\.pwd\.lock' "$work/before" | diff - "$work/after" && accounts | diff "$work/accounts.before" -
}

no_lint() {
	lintian --allow-root --fail-on none "$deb" >"$work/lint" 2>/dev/null
	sed 's/^/figure: lintian: /' "$work/lint"
	! grep '^E:' "$work/lint" | grep -vE 'bogus-mail-host|root-in-contact'
}

check 'the package is built' test -n "$deb"
check 'lintian has no errors' no_lint
check 'a fresh root' make_root
check 'what it depends on is to be had' get_dependencies
check 'installs, and runs' installs
check 'brings nothing but its own' only_its_own
check 'the unit has no mistakes there' verified
check 'is not enabled by itself' not_enabled
check 'can be enabled' enables
check 'over itself: stays enabled' over_itself
check 'removed: only configuration is left' removes
check 'purged: nothing is left' purges
finish
