#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
report - does tools/bench-report compute what it prints?

The rounds are made up here, small enough to be checked by hand. Prints TAP.
The last tests are wrong options of tools/bench and build/scene.
"""
import copy
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
LOADER = importlib.machinery.SourceFileLoader('bench_report', os.path.join(TOP, 'tools', 'bench-report'))
SPEC = importlib.util.spec_from_loader('bench_report', LOADER)
report = importlib.util.module_from_spec(SPEC)
LOADER.exec_module(report)

GOOD = {'frames_missed_percent': 0.0, 'frame_p50_us': 4000, 'frame_p99_us': 6000, 'hop2_p50_us': 100,
        'hop2_p99_us': 1000, 'audio_xruns_percent': 0.0, 'packets_sent': 990, 'packets_skipped': 10,
        'packets_lost': 0, 'hogs': 0, 'forkers': 0, 'jobs': 0, 'burst': 0, 'wall_s': 6.0, 'hog_cpu_s': 0.0,
        'fork_cpu_s': 0.0, 'burst_cpu_s': 0.0, 'hog_units_per_s': 0.0, 'forks_per_s': 0.0, 'compile_units_per_s': 0.0,
        'burst_units_per_s': 0.0, 'timer_wake_p99_us': None, 'video_missed_percent': None, 'video_p99_us': None}
LOADED = {'hogs': 8, 'forkers': 2, 'hog_cpu_s': 6.0, 'fork_cpu_s': 2.0, 'hog_units_per_s': 5000.0, 'forks_per_s': 50.0}


def make_data(scenes=('game-60',), loads=('none', '8'), arms=('default', 'nice', 'neutral', 'game')):
    return {'kernel': 'K', 'cpus': 2, 'accel': 'multi', 'rounds': 3, 'duration_s': 6.0, 'warmup_s': 1.0,
            'iters_per_us': 100.0, 'scenes': list(scenes), 'loads': list(loads),
            'arms': [{'name': arm, 'nice': 0, 'command': ''} for arm in arms], 'runs': [], 'failures': [], 'host': []}


def add(data, scene, load, arm, *changes):
    """One run per change of GOOD, in rounds 1, 2, ..."""
    for number, change in enumerate(changes, 1):
        values = dict(GOOD)
        if load not in ('none', 'burst'):
            values.update(LOADED)
        values.update(change)
        data['runs'].append({'scene': scene, 'load': load, 'arm': arm, 'round': number, 'values': values})


def make_good_data():
    """Everything that A and B claim holds, by little: input 1.2 times, frames 1.5 times, background 0.96 times."""
    data = make_data()
    for arm in ('default', 'nice', 'neutral', 'game'):
        add(data, 'game-60', 'none', arm, {}, {}, {})
    add(data, 'game-60', '8', 'default', *[{'frames_missed_percent': 90.0, 'hop2_p99_us': 9000, 'frame_p99_us': 90000}] * 3)
    add(data, 'game-60', '8', 'nice', {}, {}, {})
    add(data, 'game-60', '8', 'neutral', *[{'hop2_p99_us': 1400}] * 3)
    add(data, 'game-60', '8', 'game', *[{'hop2_p99_us': 1200, 'frame_p99_us': 9000, 'hog_units_per_s': 4750.0, 'forks_per_s': 49.5}] * 3)
    return data


def change_runs(data, scene, load, arm, **values):
    data = copy.deepcopy(data)
    for run in data['runs']:
        if (run['scene'], run['load'], run['arm']) == (scene, load, arm):
            run['values'].update(values)
    return data


def get_verdicts(data):
    """Verdicts by (claim, scene, load, first word of what is claimed)."""
    checks = report.list_checks(report.Bench(data))
    return {(check.claim, check.scene, check.load, check.what.split()[0]): check.holds for check in checks}


TESTS = []


def test(function):
    TESTS.append(function)
    return function


def equal(got, wanted):
    assert got == wanted, f'got {got!r}, wanted {wanted!r}'


@test
def median_of_odd_even_and_no_rounds():
    data = make_data()
    add(data, 'game-60', 'none', 'default', {'hop2_p99_us': 3000}, {'hop2_p99_us': 1000}, {'hop2_p99_us': 8000})
    add(data, 'game-60', 'none', 'nice', {'hop2_p99_us': 3000}, {'hop2_p99_us': 1000}, {'hop2_p99_us': None},
        {'hop2_p99_us': 8000}, {'hop2_p99_us': 2000})
    bench = report.Bench(data)
    equal(bench.median('game-60', 'none', 'default', 'wake_p99'), 3.0)
    equal(bench.median('game-60', 'none', 'nice', 'wake_p99'), 2.5)
    equal(bench.median('game-60', 'none', 'game', 'wake_p99'), None)
    equal(report.show_figure(bench, 'game-60', 'none', 'default', 'wake_p99'), '3.00 [1.00..8.00]')


@test
def figures_of_a_run():
    values = dict(GOOD, **LOADED)
    equal(report.METRICS['lost'].get(values), 1.0)
    equal(report.METRICS['hog_cores'].get(values), 1.0)
    equal(report.METRICS['hogs'].get(GOOD), None)
    equal(report.METRICS['missed'].get({'frames_missed_percent': None, 'video_missed_percent': 2.5}), 2.5)


@test
def only_clear_differences_count():
    equal(report.compare(10, 13.1, True), 1)
    equal(report.compare(10, 13.0, True), 0)
    equal(report.compare(13.1, 10, True), -1)
    equal(report.compare(13.1, 10, False), 1)
    equal(report.compare(0.0, 0.0, True), 0)
    equal(report.compare(0.0, 0.5, True), 1)
    equal(report.compare(0.5, 0.0, True), -1)


@test
def ranks_compare_within_a_round():
    data = make_data()
    # by round: better, equal, worse; the fourth has no default to compare with
    add(data, 'game-60', '8', 'default', *[{'hop2_p99_us': us} for us in (2000, 2000, 2000)])
    add(data, 'game-60', '8', 'game', *[{'hop2_p99_us': us} for us in (1000, 1900, 5000, 1)])
    # and another load, where it is better in both rounds
    add(data, 'game-60', 'none', 'default', {'hop2_p99_us': 900}, {'hop2_p99_us': 90})
    add(data, 'game-60', 'none', 'game', {'hop2_p99_us': 600}, {'hop2_p99_us': 60})
    equal(report.count_ranks(report.Bench(data), 'game', 'wake_p99'), (3, 1, 5))
    equal(report.count_ranks(report.Bench(data), 'nice', 'wake_p99'), (0, 0, 0))
    # more is better
    faster = change_runs(data, 'game-60', '8', 'game', hog_units_per_s=7000.0)
    equal(report.count_ranks(report.Bench(faster), 'game', 'hogs'), (3, 0, 3))


@test
def all_claims_hold_when_they_do():
    verdicts = get_verdicts(make_good_data())
    equal(set(verdicts.values()), {True})
    equal(len(verdicts), 4 + 5 + 2 + 2)
    assert '\nA  holds, 9 of 9' in report.format_bar(report.Bench(make_good_data()))


@test
def each_claim_fails_alone():
    cases = [
        (('A', 'game-60', '8', 'missed'), 'game', {'frames_missed_percent': 0.1}),
        (('A', 'game-60', '8', 'xruns'), 'game', {'audio_xruns_percent': 0.1}),
        (('A', 'game-60', '8', 'input'), 'game', {'hop2_p99_us': 1260}),
        (('A', 'game-60', '8', 'frame'), 'game', {'frame_p99_us': 9700}),
        (('A', 'game-60', '8', 'background'), 'game', {'hog_units_per_s': 4600.0}),
        (('A', 'game-60', '8', 'background'), 'game', {'forks_per_s': 40.0}),
        (('B', 'game-60', '8', 'input'), 'neutral', {'hop2_p99_us': 1510}),
        (('B', 'game-60', '8', 'missed'), 'neutral', {'frames_missed_percent': 3.0}),
    ]
    for key, arm, values in cases:
        verdicts = get_verdicts(change_runs(make_good_data(), 'game-60', '8', arm, **values))
        equal([name for name, holds in verdicts.items() if not holds], [key])


@test
def claims_on_the_desktop():
    data = make_data(('desktop', 'compile'), ('none', '8'), ('default', 'neutral'))
    for load in ('none', '8'):
        for arm in ('default', 'neutral'):
            video = {'frames_missed_percent': None, 'frame_p99_us': None, 'video_missed_percent': 0.0,
                     'timer_wake_p99_us': 2000}
            build = {'hop2_p99_us': None, 'frames_missed_percent': None, 'jobs': 4, 'compile_units_per_s': 9000.0,
                     'compile_cpu_s': 8.0, 'timer_wake_p99_us': 3000}
            add(data, 'desktop', load, arm, video, video, video)
            add(data, 'compile', load, arm, build, build, build)
    verdicts = get_verdicts(data)
    equal(set(verdicts.values()), {True})
    # nothing to get done on a desktop without load
    assert ('C', 'desktop', 'none', 'throughput') not in verdicts
    assert ('B', 'compile', '8', 'input') not in verdicts
    assert ('B', 'desktop', '8', 'missed') not in verdicts
    # of 16 CPU seconds the build has 8, the hogs 6, the forkers 2
    for values, holds in (({'compile_units_per_s': 8200.0}, True), ({'compile_units_per_s': 8000.0}, False),
                          ({'hog_units_per_s': 4350.0}, True), ({'hog_units_per_s': 4300.0}, False),
                          ({'hog_units_per_s': 4300.0, 'forks_per_s': 55.0}, True), ({'forks_per_s': 29.0}, False)):
        equal(get_verdicts(change_runs(data, 'compile', '8', 'neutral', **values))[('C', 'compile', '8', 'throughput')], holds)
    equal(get_verdicts(change_runs(data, 'desktop', '8', 'neutral', hog_units_per_s=4500.0))
          [('C', 'desktop', '8', 'throughput')], False)
    equal(get_verdicts(change_runs(data, 'compile', 'none', 'neutral', compile_units_per_s=8500.0))
          [('C', 'compile', 'none', 'throughput')], False)
    equal(get_verdicts(change_runs(data, 'compile', 'none', 'neutral', timer_wake_p99_us=3100))
          [('C', 'compile', 'none', 'timer')], False)


@test
def what_was_not_measured_is_not_judged():
    data = make_good_data()
    data['runs'] = [run for run in data['runs'] if (run['load'], run['arm']) != ('none', 'default')]
    verdicts = get_verdicts(data)
    equal(verdicts[('A', 'game-60', '8', 'input')], None)
    equal(verdicts[('A', 'game-60', '8', 'missed')], True)
    assert 'A  not measured in full' in report.format_bar(report.Bench(data))


@test
def a_failed_round_is_told_and_holds_nothing():
    data = make_good_data()
    data['failures'].append({'scene': 'game-60', 'load': '8', 'arm': 'game', 'round': 2, 'reason': 'the scheduler left',
                             'log': 'some.log'})
    verdicts = get_verdicts(data)
    equal({holds for key, holds in verdicts.items() if key[:3] == ('A', 'game-60', '8')}, {False})
    equal({holds for key, holds in verdicts.items() if key[:3] == ('A', 'game-60', 'none')}, {True})
    text = report.format_report(data)
    assert 'arm game, round 2, game-60, load 8: the scheduler left (log: some.log)' in text, text


@test
def a_scene_without_any_good_run_is_judged():
    data = make_data()
    data['failures'].append({'scene': 'game-60', 'load': '8', 'arm': 'game', 'round': 1, 'reason': 'x', 'log': 'y'})
    equal(set(get_verdicts(data).values()), {False})


@test
def report_prints_medians_beside_verdicts():
    text = report.format_report(make_good_data())
    assert '1.20 / 1.00 ms = 1.20' in text, text
    # (6 s x 0.95 + 2 s x 0.99) / 8 s
    assert 'hogs 0.95, forks 0.99 = 0.96 (CPU s 8.00 / 8.00)' in text, text
    assert 'All runs went well.' in text


@test
def a_busy_host_is_told():
    data = make_good_data()
    data['host'] = [[60, 1], [38, 1]]
    assert 'waiting for 2.0 % of the time they had something to run.' in report.format_report(data)
    data['host'] = [[50, 50]]
    assert 'waiting for 50.0 %' in report.format_report(data)
    assert 'of little worth' in report.format_report(data)
    data['accel'] = 'icount'
    assert 'waiting' not in report.format_report(data)


@test
def distribution_adds_up_over_rounds():
    data = make_data()
    add(data, 'game-60', 'none', 'default', {}, {})
    data['runs'][0]['input_wake_buckets_ns'] = [[1000000, 1], [3000000, 1]]
    data['runs'][1]['input_wake_buckets_ns'] = [[1000000, 1], [2000000, 1]]
    bench = report.Bench(data)
    equal(report.get_distribution(bench, 'game-60', 'none', 'default'), [(1.0, 0.5), (2.0, 0.75), (3.0, 1.0)])
    assert "set logscale x" in report.make_plot(bench, 'x.svg')


@test
def files_of_runs_are_collected():
    with tempfile.TemporaryDirectory() as directory:
        heads = {'kernel': '7.3', 'cpus': '2', 'accel': 'multi', 'rounds': '1', 'duration_s': '6', 'warmup_s': '1.5',
                 'iters': '99.5', 'scenes': 'game-60', 'loads': 'none', 'arms': 'default\t0\t\ngame\t0\tx --game {game}',
                 'game-60.none.default.1.kv': 'scene game-60\nhop2_p99_us 12.5\nframes_total 7\ntimer_wake_p99_us -',
                 'game-60.none.default.1.buckets': '100 2\n200 3', 'game-60.none.game.1.failed': 'it left',
                 'game-60.none.1.done': '', 'host.1': '5 7', 'host.2': '8 9'}
        for name, text in heads.items():
            with open(os.path.join(directory, name), 'w', encoding='utf-8') as file:
                file.write(text + '\n')
        out = os.path.join(directory, 'out.json')
        equal(report.main(['collect', directory, out]), 0)
        data = report.load_json(out)
        equal(data['runs'], [{'scene': 'game-60', 'load': 'none', 'arm': 'default', 'round': 1,
                              'values': {'scene': 'game-60', 'hop2_p99_us': 12.5, 'frames_total': 7,
                                         'timer_wake_p99_us': None},
                              'input_wake_buckets_ns': [[100, 2], [200, 3]]}])
        equal(data['host'], [[5, 7], [8, 9]])
        equal(data['failures'][0]['reason'], 'it left')
        equal(data['arms'][1], {'name': 'game', 'nice': 0, 'command': 'x --game {game}'})
        json.dumps(data)


def check_refused(command, text, status):
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TOP, timeout=60)
    equal(result.returncode, status)
    equal(len(result.stderr.splitlines()), 1)
    assert text in result.stderr, result.stderr


@test
def bench_refuses_wrong_options():
    for arguments, text in [
            (['--scene', 'game-61'], "no scene 'game-61'"), (['--load', '0'], "no load '0'"),
            (['--arms', 'default,fast'], "no arm 'fast'"), (['--arm', 'fast'], 'not NAME=COMMAND'),
            (['--arm', 'a b=c'], 'not NAME=COMMAND'), (['--arm', 'default=x'], "kernel's own"),
            (['--rounds', '0'], "'0' is not a whole number"), (['--duration', 'long'], "'long' is not a number"),
            (['--duration', '0'], 'too short'), (['--plot', 'x.pdf'], 'neither .png nor .svg'),
            (['--accel', 'fast'], '--accel'), (['--rounds'], 'needs a value'), (['--fast'], 'unknown option'),
            (['fast'], 'unknown option'), (['--scene', ''], 'empty list'), (['--raw', '/x'], '--runs-only')]:
        check_refused(['tools/bench'] + arguments, text, 2)


@test
def scene_refuses_wrong_options():
    for arguments, text in [
            (['--scene', 'desktop', '--pid-file', 'x'], '--pid-file needs a scene with a game'),
            (['--scene', 'compile', '--burst'], '--burst needs a scene with a game'),
            (['--scene', 'desktop', '--game-nice', '-5'], '--game-nice needs a scene with a game'),
            (['--scene', 'chain', '--no-input', '--pid-file', 'x'], '--pid-file needs a scene with a game'),
            (['--scene', 'compile', '--buckets', 'x'], '--buckets needs an input device'),
            (['--jobs', '9999'], "--jobs: '9999' is not a whole number"), (['--scene', 'office'], "no scene 'office'")]:
        check_refused(['build/scene'] + arguments, text, 2)


@test
def scene_builds_and_writes_what_it_did():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, 'kv')
        subprocess.run(['build/scene', '--scene', 'compile', '--jobs', '2', '--warmup', '0', '--duration', '1', '--hogs', '1',
                        '--kv', path], check=True, cwd=TOP, timeout=120, stdout=subprocess.DEVNULL)
        values = report.read_values(path)
        assert values['compile_units'] > 0 and values['compile_jobs'] > 0, values
        equal(values['timer_periods'], 100)
        equal(values['jobs'], 2)
        # units are 100 us of CPU time on a machine that does nothing else, less of them on others
        assert values['compile_units'] * 100e-6 < values['compile_cpu_s'] * 1.3 + 0.1, values


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError('it never came true')


@test
def scene_waits_for_its_go_file():
    with tempfile.TemporaryDirectory() as directory:
        pid, go, kv = (os.path.join(directory, name) for name in ('pid', 'go', 'kv'))
        with subprocess.Popen(['build/scene', '--scene', 'game-60', '--no-input', '--no-audio', '--warmup', '0', '--duration', '0.5',
                               '--pid-file', pid, '--go-file', go, '--kv', kv], cwd=TOP, stdout=subprocess.DEVNULL) as scene:
            try:
                wait_for(lambda: os.path.exists(pid))
                time.sleep(1.5)
                assert scene.poll() is None, 'it did not wait'
                with open(go, 'w', encoding='ascii'):
                    pass
                equal(scene.wait(60), 0)
            finally:
                scene.kill()
        assert report.read_values(kv)['frames_total'] >= 25


def main():
    failed = 0
    for number, function in enumerate(TESTS, 1):
        name = function.__name__.replace('_', ' ')
        try:
            function()
            print(f'ok {number} - {name}')
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f'not ok {number} - {name}')
            print('\n'.join(f'#   {line}' for line in f'{type(error).__name__}: {error}'.splitlines()))
        sys.stdout.flush()
    print(f'1..{len(TESTS)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
