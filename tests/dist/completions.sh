#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The completions of three shells, each asked by the shell itself.
. "$(dirname "$0")/lib.sh"

program=$work/bin
mkdir -p "$program"
ln -s "$top/build/scx_arcade" "$program/scx_arcade"
ctl_words='status mode set game explain dump stop'

# What bash offers for the words of a line; the last one is being typed.
bash_offers() { # WORD...
	bash --norc -c '. build/dist/scx_arcade.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _scx_arcade; printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | sort
}
fish_offers() { # LINE
	env HOME="$work" XDG_CONFIG_HOME="$work/fish" PATH="$program:$PATH" fish --no-config -c 'source build/dist/scx_arcade.fish; complete -C "'"$1"'"' | cut -f1 | sort
}
# zsh completes at a terminal only: one is made for it, and the list that it shows is read.
zsh_offers() { # LINE
	python3 - "$1" "$work" <<-'END'
		import os, pty, re, select, sys, time
		line, work = sys.argv[1], sys.argv[2]
		pid, fd = pty.fork()
		if pid == 0:
		    os.environ.update(ZDOTDIR=work, HOME=work, TERM="dumb", PATH=work + "/bin:" + os.environ["PATH"], PS1="", LINES="500", COLUMNS="200")
		    os.execvp("zsh", ["zsh", "-f", "-i"])
		def read(seconds):
		    out, end = b"", time.time() + seconds
		    while time.time() < end:
		        if select.select([fd], [], [], 0.1)[0]:
		            try: out += os.read(fd, 65536)
		            except OSError: break
		            end = max(end, time.time() + 0.3) if len(out) else end
		        elif b"\x00READY" in out: break
		    return out
		os.write(fd, b"stty rows 500 cols 200; PS1=; fpath=(%s/zsh $fpath); autoload -Uz compinit; compinit -u -D; setopt NO_BEEP; LISTMAX=10000; zstyle ':completion:*' verbose no; bindkey '^I' list-choices; echo SET''UP\n" % work.encode())
		out, end = b"", time.time() + 30
		while b"SETUP" not in out and time.time() < end: out += read(0.5)
		os.write(fd, line.encode() + b"\t")
		out = read(2)
		text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b" ", out).decode("utf-8", "replace").replace("\r", "\n")
		# The line itself stands before the list.
		text = text.split("\n", 1)[1] if "\n" in text else ""
		print("\n".join(sorted(set(text.split()))))
		os.write(fd, b"\x03exit\n")
	END
}
mkdir -p "$work/zsh"
cp build/dist/_scx_arcade "$work/zsh/"

same() { # SHELL EXPECTED LINE...
	local shell=$1 expected=$2
	shift 2
	"${shell}_offers" "$@" >"$work/offered"
	printf '%s\n' $expected | sort >"$work/expected"
	diff "$work/expected" "$work/offered"
}
has() { # SHELL WORD LINE...
	local shell=$1 word=$2
	shift 2
	"${shell}_offers" "$@" >"$work/offered"
	grep -qx -- "$word" "$work/offered" || { echo "no '$word' among:"; cat "$work/offered"; return 1; }
}
lacks() { # SHELL WORD LINE...
	! has "$@" >/dev/null
}

modes=$(build/option-list mode-names)
keys="$(build/option-list keys) mode"
keys=$(tr ' ' '\n' <<<"$keys" | sort -u | tr '\n' ' ')
all_options() { build/option-list bash | cut -d' ' -f1 | grep '^--'; }

no_syntax_error() { bash -n build/dist/scx_arcade.bash && zsh -n build/dist/_scx_arcade && fish -n build/dist/scx_arcade.fish; }

bash_knows() {
	same bash "$(all_options)" scx_arcade -- && has bash ctl scx_arcade '' && same bash '--chain-ms --chain-budget-us' scx_arcade --chain &&
		same bash "$modes" scx_arcade --mode '' && same bash 'gaming' scx_arcade --mode g &&
		same bash 'gaming' scx_arcade --mode = g && same bash "$modes" scx_arcade --mode = && same bash '' scx_arcade --slice-us '' && has bash $$ scx_arcade --game $$ &&
		same bash "$ctl_words --json" scx_arcade ctl '' && same bash "$modes" scx_arcade ctl mode '' &&
		bash_offers scx_arcade ctl set '' | sort -u | diff <(printf '%s\n' $keys) - && has bash $$ scx_arcade ctl explain $$ && has bash none scx_arcade ctl game '' &&
		lacks bash --slice-us scx_arcade ctl set --
}
fish_knows() {
	local option
	for option in $(all_options); do has fish "$option" "scx_arcade --" || return 1; done
	has fish ctl 'scx_arcade ' && same fish "$modes" 'scx_arcade --mode ' && has fish gaming 'scx_arcade ctl mode ' &&
		has fish slice-us 'scx_arcade ctl set ' && has fish dump 'scx_arcade ctl ' && has fish auto 'scx_arcade ctl game ' && lacks fish --slice-us 'scx_arcade ctl --'
}
zsh_knows() {
	local option
	zsh_offers 'scx_arcade --' >"$work/zsh.options"
	for option in $(all_options); do grep -qx -- "$option" "$work/zsh.options" || { echo "no $option among:"; cat "$work/zsh.options"; return 1; }; done
	has zsh gaming 'scx_arcade --mode ' && has zsh powersave 'scx_arcade ctl mode ' && has zsh dump 'scx_arcade ctl ' &&
		has zsh chain-budget-us 'scx_arcade ctl set '
}

check 'no syntax error' no_syntax_error
check 'bash: options, words, keys' bash_knows
check 'fish: options, words, keys' fish_knows
check 'zsh: options, words, keys' zsh_knows
finish
