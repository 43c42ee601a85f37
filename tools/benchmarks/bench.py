"""What tools/bench runs: ours and the peers' processes, asked in turn, medians, one table."""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

from goals import Goals, print_goals
from processes import HERE, PEER, Process, environment, has_torch
from rows import COLUMNS, compare, measure, not_a_table, seconds_text

INSTRUCTIONS = os.path.join(HERE, "instructions.json")


def print_machine(machine, limits):
    print(f"gradus {machine['gradus']}, {machine['compiler']}, kernels {machine['level']}, OpenBLAS core {machine['core']}; "
          f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs; "
          + (", ".join(machine.get("peers", [])) or "no PyTorch"))
    for warning in machine["warnings"]:
        print(f"warning: {warning}")
    for l in limits:
        print(f"limits on {l['threads']} thread{'s' if l['threads'] > 1 else ''}: {l['flops'] / 1e9:.0f} GFLOP/s of f32 multiply-adds, "
              f"{l['triad_small'] / 1e9:.0f} GB/s in the second cache, {l['triad_large'] / 1e9:.0f} GB/s over 24 MiB, "
              f"{l['exps'] / 1e9:.1f} 10^9 exp/s")


def count_instructions(program, name, runs):
    """Under callgrind, at a level and an OpenBLAS core that it can run anywhere."""
    env = environment(1)
    env.update(GRADUS_LEVEL="avx2", OPENBLAS_CORETYPE="Haswell")
    out = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program],
                         input=f"repeat {name} {runs}\n", env=env, capture_output=True, text=True)
    for line in out.stderr.splitlines():
        if "Collected" in line:
            return int(line.split(":")[1].split()[0])
    raise SystemExit(f"tools/bench: callgrind gave no count for {name}:\n{out.stderr[-2000:]}")


def instructions(args):
    if not shutil.which("valgrind"):
        raise SystemExit("tools/bench: --instructions needs valgrind (Debian package valgrind)")
    with open(INSTRUCTIONS) as f:
        allowed = json.load(f)
    failed = 0
    for name, most in allowed.items():
        per_run = (count_instructions(args.program, name, 4) - count_instructions(args.program, name, 2)) // 2
        if args.record:
            allowed[name] = int(per_run * 1.05)
        over = per_run > allowed[name]
        failed += over
        print(f"{name:20} {per_run:>12} instructions a run, at most {allowed[name]}{'  TOO MANY' if over else ''}", flush=True)
    if args.record:
        with open(INSTRUCTIONS, "w") as f:
            json.dump(allowed, f, indent=2)
            f.write("\n")
    return 1 if failed else 0


def start_up(args, pythons):
    """Whole processes, from start to the end of a first training step."""
    commands = {"gradus": ([args.program], environment(1))}
    for python in pythons:
        commands[python] = ([python, PEER], environment(1, "tuned peer"))
    times = {side: [] for side in commands}
    for _ in range(args.rounds):
        for side, (command, env) in commands.items():
            begin = time.perf_counter()
            process = Process(command, env)
            process.ask("repeat step_softmax 1")
            times[side].append(time.perf_counter() - begin)
            process.close()
    result = {side: statistics.median(t) for side, t in times.items()}
    print("from start to the end of a first training step: "
          + ", ".join(f"{side} {seconds_text(t)}" for side, t in result.items()))
    return result


def long_sequence(args):
    """One sequence through a model, in a process of its own: the peak memory is this run's."""
    ok = True
    for threads in args.threads:
        process = Process([args.program], environment(threads))
        r = process.ask(f"long {args.tokens} 4096")
        process.close()
        print(f"{r['tokens']} tokens, 2 layers, d_model 64, RoPEPool, causal linear attention, checkpointed, {threads} threads: "
              f"forward {seconds_text(r['forward_seconds'])}, backward {seconds_text(r['backward_seconds'])}, "
              f"peak memory {r['peak_mib'] / 1024:.2f} GiB")
        print(f"  mean square of the outputs {r['loss']:.6g}, norm of the gradients {r['gradient_norm']:.6g}")
        print(f"  first {r['compared']} outputs beside a run of only these: largest difference {r['largest_difference']:.2g} of the largest output")
        ok = ok and r["largest_difference"] <= 1e-5 and r["gradient_norm"] > 0
        if args.tokens <= 1_000_000 and r["peak_mib"] >= 8 * 1024:
            print("  more than 8 GiB")
            ok = False
    process = Process([args.program], environment(1))
    s = process.ask(f"steps {min(max(args.tokens, 8), 65536)}")
    process.close()
    print(f"the same model token by token, {s['tokens']} tokens: {seconds_text(s['first_seconds'])} a token in the first eighth, "
          f"{seconds_text(s['last_seconds'])} in the last; {s['first_bytes']} and {s['last_bytes']} bytes held")
    return 0 if ok and s["first_bytes"] == s["last_bytes"] else 1


def whole_numbers(text):
    numbers = [int(t) for t in text.split(",") if t.isdigit()]
    if len(numbers) != len(text.split(",")) or min(numbers) < 1 or max(numbers) > 1024:
        raise argparse.ArgumentTypeError(f"'{text}'; allowed are whole numbers from 1 to 1024, as in 1,2")
    return numbers


def above(text, least, kind):
    try:
        value = kind(text)
    except ValueError:
        value = least - 1
    if not least <= value < 1e12:
        raise argparse.ArgumentTypeError(f"'{text}'; allowed is a number from {least}")
    return value


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=whole_numbers, default=[1, 2], help="counts, e.g. 1,2")
    parser.add_argument("--cases", type=lambda t: t.split(","), help="some of the cases, by name")
    parser.add_argument("--rounds", type=lambda t: above(t, 1, int), default=7, help="how often ours and the peer's take turns")
    parser.add_argument("--seconds", type=lambda t: above(t, 0.001, float), default=0.2, help="of one turn")
    parser.add_argument("--peer", action="append", help="a Python with PyTorch, python3 if nothing is said; again for another")
    parser.add_argument("--memory", action="store_true", help="also the peak memory of each case, above the process's start")
    parser.add_argument("--json", help="write the table to this file")
    parser.add_argument("--compare", metavar="OLD.json", help="say what changed beyond the noise")
    parser.add_argument("--machine", action="store_true", help="only the machine's limits")
    parser.add_argument("--tokens", type=lambda t: above(t, 1, int), help="one sequence so long through a model, forward and backward")
    parser.add_argument("--instructions", action="store_true", help="count instructions, fail above tools/benchmarks/instructions.json")
    parser.add_argument("--record", action="store_true", help="with --instructions: write the file anew")
    args = parser.parse_args()
    if args.record and not args.instructions:
        parser.error("--record writes what --instructions counts: give both")
    if args.compare:
        problem = not_a_table(args.compare)
        if problem:
            parser.error(f"--compare {args.compare}: {problem}")
    if args.json:
        try:
            open(args.json, "a").close()
        except OSError as error:
            parser.error(f"--json {args.json}: {error.strerror}")
    if args.instructions:
        return instructions(args)
    if args.tokens:
        return long_sequence(args)
    pythons = [p for p in args.peer or ["python3"] if has_torch(p)]
    if args.machine:
        ours = Process([args.program], environment(1))
        print_machine(ours.ask("machine"), [ours.ask(f"limits {t}") for t in args.threads])
        ours.close()
        return 0
    for python in args.peer or ["python3"]:
        if python not in pythons:
            print(f"'{python}' has no PyTorch: without it (--peer names a Python)")
    print("ratio: the peer's time by ours; limit: share of what the machine could do (--machine)\n" + COLUMNS)
    machines, limits, rows = [], [], []
    for threads in args.threads:
        machine, limit, more = measure(args, pythons, threads)
        machines.append(machine)
        limits.append(limit)
        rows += more
    start = None if args.cases else start_up(args, pythons)
    print_machine(machines[-1], limits)
    goals = Goals(rows, start, args.cases).all()
    if goals:
        print_goals(goals)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": machines[-1], "limits": limits, "rows": rows, "start_up": start, "goals": goals}, f, indent=1)
    if args.compare:
        compare(rows, args.compare)
    return 0


sys.exit(main())
