#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
A client of the statistics, written from the description of the protocol alone: line JSON over a Unix socket, requests "stats"
and "stats_meta", answers {"errno":N,"args":{"resp":…}}. It knows no field by name.

Usage: scx_stats.py [PATH] [OPENMETRICS-FILE]     prints TAP
"""
import json
import socket
import sys

path = sys.argv[1] if len(sys.argv) > 1 else "/var/run/scx/root/stats"
nr = failed = 0


def check(name, problems):
    global nr, failed
    nr += 1
    print(f"{'not ok' if problems else 'ok'} {nr} - {name}")
    for problem in problems[:20]:
        print(f"#   {problem}")
    failed += bool(problems)


class Stats:
    def __init__(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(path)
        self.file = self.sock.makefile("rw")

    def raw(self, line):
        self.file.write(line + "\n")
        self.file.flush()
        answer = json.loads(self.file.readline())
        assert set(answer) == {"errno", "args"} and "resp" in answer["args"], answer
        assert isinstance(answer["errno"], int)
        return answer["errno"], answer["args"]["resp"]

    def request(self, req, **args):
        return self.raw(json.dumps({"req": req, "args": args}))


def kind_problems(meta, kind, value, where):
    if isinstance(kind, dict):
        if list(kind) != ["struct"]:
            return [f"{where}: kind {kind}"]
        return struct_problems(meta, kind["struct"], value, where)
    types = {"u64": int, "i64": int, "float": (int, float), "string": str}
    if kind not in types:
        return [f"{where}: unknown kind {kind}"]
    # In Python a truth value is a number; in the protocol it is not.
    if isinstance(value, bool) or not isinstance(value, types[kind]):
        return [f"{where}: {value!r} is no {kind}"]
    if kind == "u64" and not 0 <= value < 2**64:
        return [f"{where}: {value} is out of range"]
    return []


def struct_problems(meta, name, value, where):
    if name not in meta:
        return [f"{where}: struct {name} is not described"]
    if not isinstance(value, dict):
        return [f"{where}: is no object"]
    fields = meta[name]["fields"]
    problems = [f"{where}.{field}: described, but not there" for field in fields if field not in value]
    for field, item in value.items():
        here = f"{where}.{field}"
        if field not in fields:
            problems.append(f"{here}: not described")
            continue
        desc = fields[field]
        if not desc.get("desc"):
            problems.append(f"{here}: no words on it")
        forms = [form for form in ("datum", "array", "dict") if form in desc]
        if len(forms) != 1:
            problems.append(f"{here}: forms {forms}")
        elif forms == ["datum"]:
            problems += kind_problems(meta, desc["datum"], item, here)
        elif forms == ["array"]:
            if not isinstance(item, list):
                problems.append(f"{here}: is no list")
                continue
            for i, member in enumerate(item):
                problems += kind_problems(meta, desc["array"], member, f"{here}[{i}]")
        else:
            for key, member in item.items():
                problems += kind_problems(meta, desc["dict"]["datum"], member, f"{here}.{key}")
    return problems


stats = Stats()
errno, meta = stats.request("stats_meta")
problems = [] if errno == 0 and isinstance(meta, dict) and meta else [f"errno {errno}: {meta}"]
tops = []
for name, struct in meta.items():
    if struct.get("name") != name or not struct.get("desc") or not isinstance(struct.get("fields"), dict):
        problems.append(f"{name}: {struct}")
    if "top" in struct:
        tops.append(name)
        if struct["top"] != "true":
            problems.append(f"{name}: top is {struct['top']!r}")
if len(tops) != 1:
    problems.append(f"top: {tops}")
check("stats_meta describes structs, one of them is on top", problems)

errno, top = stats.request("stats", target="top")
check("every field of top is described and of its kind", struct_problems(meta, tops[0], top, "top") if not errno else [str(top)])
errno, default = stats.request("stats")
check("without a target it is top", [] if not errno and set(default) == set(top) else [f"errno {errno}"])

targets = {struct["user"]["_target"]: name for name, struct in meta.items() if "_target" in struct.get("user", {})}
for target, name in targets.items():
    errno, answer = stats.request("stats", target=target)
    check(f"every field of {target} is described and of its kind",
          struct_problems(meta, name, answer, target) if not errno else [f"errno {errno}: {answer}"])
check("there are targets besides", [] if len(targets) >= 6 else [str(targets)])

problems = []
for field, value in top.items():
    later = stats.request("stats", target="top")[1][field]
    if isinstance(value, int) and field in ("time_ns", "packets", "idle_direct") and later < value:
        problems.append(f"{field}: {value}, then {later}")
check("totals do not fall", problems)

problems = []
for line in ('{"req":"nothing"}', '{"req":"stats","args":{"target":"nothing"}}', "not json", "{}", "[]", '{"req":7}', '"stats"'):
    errno, resp = stats.raw(line)
    if errno <= 0 or not isinstance(resp, str) or not resp:
        problems.append(f"{line}: errno {errno}, {resp!r}")
check("errors have an errno above 0 and words, and the connection stays", problems)

errno, answer = stats.raw('{"req":"stats","unknown":{"a":[1]},"args":{"target":"top","more":1}}')
check("what is not known of a request is left alone", [] if not errno else [str(answer)])

if len(sys.argv) > 2:
    with open(sys.argv[2], encoding="utf-8") as file:
        text = file.read()
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
        try:
            families = list(text_string_to_metric_families(text))
            samples = sum(len(family.samples) for family in families)
            problems = [] if len(families) > 60 and samples > 500 else [f"{len(families)} families, {samples} samples"]
            print(f"# figure: OpenMetrics: {len(families)} families, {samples} samples")
        except ValueError as error:
            problems = [str(error)]
    except ImportError:
        problems = ["python3-prometheus-client is missing: tools/setup test"]
    check("the OpenMetrics text is what Prometheus's own parser reads", problems)

print(f"1..{nr}")
sys.exit(failed > 0)
