#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
server - a socket like the daemon's, with a game of fixed figures or with ill will

Usage: server.py SOCKET MODE

The real daemon is what arcadetop is tested against (tests/vm/tui.sh); this is
for pictures whose every figure is known, and for what a real daemon never does.
MODE:
  game        a game in front; counters grow by the clock
  still       the same, but nothing ever grows
  hostile     names made of escape sequences, wide and combining characters; numbers out of range
  restart     like game; the second connection finds counters that begin anew
  deny        "not permitted", as the daemon says it, then closed
  older       like game, but knows the target "top" only
  foreign     the statistics of another scheduler
  rubbish     no JSON
  half        half an answer, then nothing
  silent      takes requests, answers nothing
  huge        one line of 4 MiB
  endless     bytes without end
  deep        an answer nested a hundred thousand levels deep
  close       closes after every request
"""
import json
import os
import socketserver
import sys
import time

BOOT = time.monotonic()
connections = 0


def hist(count, peak):
    """A distribution around a bucket, of about that many."""
    shares = [0.02, 0.10, 0.55, 0.25, 0.06, 0.015, 0.005]
    buckets = [0] * 24
    for i, share in enumerate(shares):
        buckets[max(0, min(23, peak - 2 + i))] = int(count * share)
    return buckets


def part(number, count, peak, name="hop"):
    return {name: number, "count": count, "p50_us": 1 << peak, "p99_us": 1 << (peak + 3), "hist": hist(count, peak)}


class World:
    def __init__(self, mode):
        self.mode = mode
        self.begin = BOOT - 4000

    def seconds(self):
        return 4000.0 if self.mode == "still" else time.monotonic() - self.begin

    def n(self, per_second):
        return int(self.seconds() * per_second)

    def top(self):
        n = self.n
        now = self.seconds()
        return {
            "version": "0.1.0", "kernel": "7.3.4+deb13-amd64", "mode": "gaming", "state": "scheduling",
            "uptime_ns": int(now * 1e9), "time_ns": int((now + 777) * 1e9), "nr_cpus": 16,
            "game_pid": 4242, "game_name": "Hades II", "game_in_front": 1,
            "packets": n(1012), "lane_packets": [0, n(12), n(1000), 0, 0], "packets_missed": 0, "rest_packets": 0,
            "ring_records": [n(1012)] + [0] * 15, "ring_drops": [0] * 16, "record_delay_max_ns": 18_400_000,
            "vblanks": n(60), "audio_periods": n(93.75), "gpu_submits": n(121), "flips": n(60),
            "idle_direct": n(124_000), "queued_llc": n(15_000), "queued_cpu": n(3_200), "preempts_chain": n(120),
            "preempts_frame": n(31), "preempts_game": n(9), "preempts_normal": n(4), "kthread_preempts": n(2),
            "wait_max_ns": 3_210_000, "lock_handovers": n(3), "aged": 0, "steals": n(40), "kicks": n(800),
            "slices_renewed": n(900), "restarts": 0, "control_lost": 0, "tasks_unknown": 0, "log_lines_lost": 0,
        }

    def chains(self):
        n = self.n
        return {"roots": [
            {"root": "input",
             "hops": [part(1, n(998), 5), part(2, n(990), 6), part(3, n(960), 7), part(4, n(120), 8)],
             "ends": [part("submit", n(58), 10, "end"), part("flip", n(56), 11, "end")]},
            {"root": "vblank",
             "hops": [part(1, n(60), 4), part(2, n(58), 6)],
             "ends": [part("submit", n(30), 9, "end"), part("flip", n(60), 9, "end")]},
            {"root": "audio", "hops": [part(1, n(93.75), 3), part(2, n(12), 6)], "ends": []},
        ]}

    def threads(self):
        n = self.n
        rows = [
            (1201, 1201, "kwin_wayland", "kwin_wayland", "chain", ["input", "compositor"], 812, 1120, 41, 8, 64, 1, "input"),
            (4242, 4242, "Hades II.exe", "Hades II.exe", "frame", ["input"], 655, 1980, 512, 8, 128, 2, "input"),
            (4251, 4242, "RenderThread 1", "Hades II.exe", "frame", ["submit"], 801, 960, 388, 16, 256, 3, "input"),
            (4250, 4242, "dxvk-submit", "Hades II.exe", "frame", ["submit", "display"], 702, 121, 63, 8, 128, 4, "input"),
            (1350, 1340, "data-loop.0", "pipewire", "chain", ["audio"], 990, 94, 11, 4, 32, 1, "audio"),
            (4260, 4242, "wine_xinput_hid", "Hades II.exe", "game", [], 12, 40, 1.2, 32, 2048, 0, "none"),
            (4261, 4242, "FAudio_Thread", "Hades II.exe", "game", ["audio"], 610, 94, 9, 16, 512, 2, "audio"),
        ]
        rows += [(5000 + i, 5000 + i, f"cc1plus", "cc1plus", "background", [], 0, 55 - i, 700 - 9 * i, 512, 8192 << (i % 2), 0, "none")
                 for i in range(12)]
        rows += [(6000 + i, 6000 + i, f"worker-{i}", "firefox", "normal", [], 0, 3 * i, i * 1.3, 16, 1024, 0, "none")
                 for i in range(25)]
        return {"threads": [
            {"pid": r[0], "tgid": r[1], "comm": r[2], "process": r[3], "class": r[4], "roles": r[5], "share_permille": r[6],
             "runs": n(r[7]), "run_ns": n(r[8] * 1_000_000), "wait_p50_us": r[9], "wait_p99_us": r[10], "hop": r[11],
             "root": r[12]} for r in rows]}

    def input(self):
        n = self.n
        devices = [
            ("event5", "Logitech G Pro X Superlight", "mouse", 1000, 1), ("event3", "Keychron K2", "keyboard", 12, 1),
            ("event9", "Microsoft Xbox Series S|X Controller", "gamepad", 0, 1), ("event0", "Power Button", "other", 0, 1),
            ("event1", "Lid Switch", "other", 0, 0), ("event7", "AT Translated Set 2 keyboard", "keyboard", 0, 1),
        ]
        return {"hook": "input_event: every packet, at its source",
                "devices": [{"node": d[0], "name": d[1], "kind": d[2], "packets": n(d[3]), "open": d[4]} for d in devices],
                "rings": [{"ring": i, "records": n(1000) if i == 2 else n(12) if i == 5 else 0, "drops": 0} for i in range(16)]}

    def events(self):
        texts = [("notice", "scheduling"),
                 ("error", "settings: /etc/scx_arcade.conf:12: slice-us: '7' is out of range, expected 250 to 20000 us"),
                 ("warning", "focus: KWin's script is not installed beside the program: KWin is not asked"),
                 ("notice", "game: process 4242 (Hades II.exe) is a game: score 180: SteamAppId 1145350 +50, "
                            "below Steam's reaper +50, Windows program +40, submits to a GPU +40"),
                 ("notice", "settings: mode is gaming now, was auto: ctl (ctl)"),
                 ("info", "game: process 4242 is in front")]
        return {"events": [{"seq": i, "time_ms": 1_790_000_000_000 + i * 7000, "level": level, "text": text}
                           for i, (level, text) in enumerate(texts * 5)]}

    def options(self):
        rows = [("slice-us", "daemon", "us", "2000", "3000", "mode gaming", "longest time a task runs before another may", 0),
                ("chain-ms", "chain", "ms", "33", "33", "default", "how long what an input event causes goes first", 0),
                ("mode", "daemon", "", "gaming", "auto", "ctl", "a set of values for a purpose", 0),
                ("roles", "chain", "", "yes", "yes", "default", "watch display, audio and GPU; without, only input begins chains", 1)]
        return {"mode": "gaming", "modes": ["auto", "gaming", "lowlatency", "powersave", "server"],
                "options": [{"name": r[0], "section": r[1], "type": "number", "unit": r[2], "value": r[3], "default": r[4],
                             "min": "0", "max": "20000", "live": 1, "restarts": r[7], "source": r[5], "help": r[6]} for r in rows]}

    def status(self):
        return {"version": "0.1.0", "kernel": "7.3.4+deb13-amd64", "state": "scheduling", "mode": "gaming", "game": {},
                "report": ["kernel           7.3.4+deb13-amd64", "topology         16 CPUs, 2 caches",
                           "input            input_event: every packet, at its source",
                           "locks            futex_wait: holders of locks run for those who wait",
                           "display          drm: vblank, flip", "audio            snd_pcm: periods", "GPU              amdgpu: submit"]}


EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u009b5m e\u0301\u202eabc\u200b 原神 \U0001f600 \x00tail\n"


def spoil(value):
    """Every name is evil, some numbers are as well."""
    if isinstance(value, dict):
        return {k: spoil(v) for k, v in value.items()}
    if isinstance(value, list):
        return [spoil(v) for v in value] * 3
    if isinstance(value, str):
        return value if value in ("input", "vblank", "audio", "submit", "flip") else EVIL * 4
    return (1 << 64) - 1 if value % 2 else -value


class Handler(socketserver.StreamRequestHandler):
    def answer(self, value, errno=0):
        self.send(json.dumps({"errno": errno, "args": {"resp": value}}).encode() + b"\n")

    def send(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def handle(self):
        global connections
        connections += 1
        mode = self.server.mode
        world = World(mode)
        if mode == "restart" and connections > 1:
            world.begin = time.monotonic() - 2
        for line in self.rfile:
            target = json.loads(line).get("args", {}).get("target", "top")
            if mode == "deny":
                return self.answer("only root, the group scx_arcade and the user at the screen may read", 13)
            if mode == "older" and target != "top":
                self.answer(f"no target {target}", 22)
            elif mode == "foreign":
                self.answer({"nr_dispatches": 12, "layers": {}})
            elif mode == "rubbish":
                self.send(b"HTTP/1.1 400 Bad Request \x1b[31m\xff\xfe\n")
            elif mode == "half":
                self.send(b'{"errno":0,"args":{"resp":{"packets":1')
                time.sleep(3600)
            elif mode == "silent":
                time.sleep(3600)
            elif mode == "huge":
                self.answer("x" * (4 << 20))
            elif mode == "endless":
                while True:
                    self.send(b"x" * 65536)
            elif mode == "deep":
                self.send(b'{"errno":0,"args":{"resp":' + b"[" * 100000 + b"]" * 100000 + b"}}\n")
            elif mode == "close":
                return
            else:
                value = getattr(world, target)()
                self.answer(spoil(value) if mode == "hostile" else value)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    path, mode = sys.argv[1:]
    if os.path.exists(path):
        os.unlink(path)
    with Server(path, Handler) as server:
        server.mode = mode
        server.serve_forever()


main()
