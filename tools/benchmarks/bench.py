"""What tools/bench runs: ours and the peer's processes, asked in turn, medians, one table."""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
INSTRUCTIONS = os.path.join(HERE, "instructions.json")


class Process:
    """A program that answers each line with a line of JSON."""

    def __init__(self, command, env):
        self.child = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        if not answer:
            raise SystemExit(f"tools/bench: a benchmark process ended while it was asked '{line}'")
        answer = json.loads(answer)
        if isinstance(answer, dict) and "error" in answer:
            raise SystemExit(f"tools/bench: {answer['error']} (asked '{line}')")
        return answer

    def close(self):
        self.child.stdin.close()
        self.child.wait()


def environment(threads, peer):
    env = dict(os.environ)
    if peer:  # the settings that are best for it, as far as they are known: an allocator that keeps its pages
        for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
            env.pop(name, None)
        env.update(OMP_NUM_THREADS=str(threads), OMP_PROC_BIND="true", MALLOC_MMAP_MAX_="0",
                   MALLOC_TRIM_THRESHOLD_="100000000000", MALLOC_TOP_PAD_="268435456")
    else:
        env["GRADUS_THREADS"] = str(threads)
    return env


def has_torch(python):
    return bool(shutil.which(python)) and subprocess.run(
        [python, "-c", "import torch"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def spread(values):
    """Half of the distance between the quartiles (of few values: of the extremes), as a share of the median."""
    if len(values) < 4:
        low, high = min(values), max(values)
    else:
        low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / statistics.median(values)


def limit_seconds(case, limits):
    """The least time in which this machine could do a run's work: none of it overlaps."""
    compute = case["flops"] / limits["flops"] + case["exps"] / limits["exps"]
    return max(compute, case["bytes"] / limits["triad_large"]) / case["ops"]


def measure(args, peer_python, threads):
    ours = Process([args.program], environment(threads, False))
    peer = Process([peer_python, os.path.join(HERE, "peer.py")], environment(threads, True)) if peer_python else None
    machine = ours.ask("machine")
    if peer:
        machine.update(peer.ask("machine"))
    limits = ours.ask(f"limits {threads}")
    forms = peer.ask("list") if peer else {}
    rows = []
    cases = {c["case"]: c for c in ours.ask("list")}
    unknown = [c for c in args.cases or [] if c not in cases]
    if unknown:
        raise SystemExit(f"tools/bench: no case '{unknown[0]}'; known: {', '.join(cases)}")
    for name, case in cases.items():
        if args.cases and name not in args.cases:
            continue
        mine, theirs = [], {form: [] for form in forms.get(name, [])}
        memory = {}
        for _ in range(args.rounds):
            answer = ours.ask(f"run {name} {threads} {args.seconds}")
            mine.append(answer["seconds"])
            for form in theirs:
                theirs[form].append(peer.ask(f"run {name} {form} {threads} {args.seconds}")["seconds"])
        best = min(theirs, key=lambda f: statistics.median(theirs[f])) if theirs else None
        seconds = statistics.median(mine)
        row = {"case": name, "what": case["what"], "threads": threads, "seconds": seconds, "spread": spread(mine)}
        limit = limit_seconds(case, limits)
        if limit > 0:
            row["share"] = limit / seconds
        if best:
            row.update(peer=best, peer_seconds=statistics.median(theirs[best]), peer_spread=spread(theirs[best]))
            row["ratio"] = row["peer_seconds"] / seconds
        if args.memory:
            for side, program in (("peak_mib", [args.program]),
                                  ("peer_peak_mib", [peer_python, os.path.join(HERE, "peer.py")])):
                if side == "peak_mib" or best:
                    fresh = Process(program, environment(threads, side != "peak_mib"))
                    base = fresh.ask("base")["peak_mib"]
                    memory[side] = fresh.ask(f"repeat {name} 3")["peak_mib"] - base
                    fresh.close()
            row.update(memory)
        rows.append(row)
        print_row(row)
    ours.close()
    if peer:
        peer.close()
    return machine, limits, rows


def seconds_text(s):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if s * factor >= 1:
            return f"{s * factor:.3g} {unit}"
    return f"{s * 1e9:.3g} ns"


COLUMNS = f"{'case':20} {'thr':>3} {'ours':>9} {'+-':>4} {'peer':>9} {'form':>8} {'ratio':>6} {'limit':>6}"


def print_row(r):
    peer = seconds_text(r["peer_seconds"]) if "peer_seconds" in r else "-"
    ratio = f"{r['ratio']:.2f}" if "ratio" in r else "-"
    share = f"{100 * r['share']:.0f} %" if "share" in r else "-"
    memory = f"  peak {r['peak_mib']:.0f} MiB" if "peak_mib" in r else ""
    memory += f", peer {r['peer_peak_mib']:.0f}" if "peer_peak_mib" in r else ""
    print(f"{r['case']:20} {r['threads']:>3} {seconds_text(r['seconds']):>9} {100 * r['spread']:>3.0f}% {peer:>9} "
          f"{r.get('peer', '-'):>8} {ratio:>6} {share:>6}{memory}", flush=True)


def print_machine(machine, limits):
    print(f"gradus {machine['gradus']}, {machine['compiler']}, kernels {machine['level']}, OpenBLAS core {machine['core']}; "
          f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs; "
          + (f"PyTorch {machine['torch']} ({machine['capability']})" if "torch" in machine else "no PyTorch"))
    for warning in machine["warnings"]:
        print(f"warning: {warning}")
    for l in limits:
        print(f"limits at {l['threads']} threads: {l['flops'] / 1e9:.0f} GFLOP/s of f32 multiply-adds, "
              f"{l['triad_small'] / 1e9:.0f} GB/s in the second cache, {l['triad_large'] / 1e9:.0f} GB/s over 24 MiB, "
              f"{l['exps'] / 1e9:.1f} 10^9 exp/s")


def compare(rows, old_file):
    with open(old_file) as f:
        old = {(r["case"], r["threads"]): r for r in json.load(f)["rows"]}
    print(f"\nbeside {old_file}, beyond the noise:")
    changed = 0
    for r in rows:
        before = old.get((r["case"], r["threads"]))
        if not before:
            continue
        factor = r["seconds"] / before["seconds"]
        noise = max(0.05, 2 * (r["spread"] + before["spread"]))
        if abs(factor - 1) > noise:
            changed += 1
            print(f"  {r['case']} at {r['threads']} threads: {seconds_text(before['seconds'])} -> "
                  f"{seconds_text(r['seconds'])}, {factor:.2f} times")
    print(f"  {changed} of {len(rows)} cases")


def count_instructions(program, name, runs):
    """Under callgrind, at a level and an OpenBLAS core that it can run anywhere."""
    env = environment(1, False)
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


def start_up(args, peer_python):
    """Whole processes, from start to the end of a first training step."""
    commands = {"gradus": ([args.program], environment(1, False))}
    if peer_python:
        commands["peer"] = ([peer_python, os.path.join(HERE, "peer.py")], environment(1, True))
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
        process = Process([args.program], environment(threads, False))
        r = process.ask(f"long {args.tokens} 4096")
        process.close()
        print(f"{r['tokens']} tokens, 2 layers, d_model 64, RoPEPool, causal linear attention, checkpointed, {threads} threads: "
              f"forward {seconds_text(r['forward_seconds'])}, backward {seconds_text(r['backward_seconds'])}, "
              f"peak memory {r['peak_mib'] / 1024:.2f} GiB")
        print(f"  mean square of the outputs {r['loss']:.6g}, norm of the gradients {r['gradient_norm']:.6g}")
        print(f"  first {r['compared']} outputs beside a run of only these: largest difference {r['largest_difference']:.2g} of the largest output")
        ok = ok and r["largest_difference"] <= 1e-5 and r["gradient_norm"] > 0
    process = Process([args.program], environment(1, False))
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
    if not value >= least:
        raise argparse.ArgumentTypeError(f"'{text}'; allowed is a number from {least}")
    return value


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=whole_numbers, default=[1, 2], help="counts, e.g. 1,2")
    parser.add_argument("--cases", type=lambda t: t.split(","), help="some of the cases, by name")
    parser.add_argument("--rounds", type=lambda t: above(t, 1, int), default=7, help="how often ours and the peer's take turns")
    parser.add_argument("--seconds", type=lambda t: above(t, 0.001, float), default=0.2, help="of one turn")
    parser.add_argument("--peer", default="python3", help="a Python with PyTorch")
    parser.add_argument("--memory", action="store_true", help="also the peak memory of each case, above the process's start")
    parser.add_argument("--json", help="write the table to this file")
    parser.add_argument("--compare", metavar="OLD.json", help="say what changed beyond the noise")
    parser.add_argument("--machine", action="store_true", help="only the machine's limits")
    parser.add_argument("--tokens", type=lambda t: above(t, 1, int), help="one sequence so long through a model, forward and backward")
    parser.add_argument("--instructions", action="store_true", help="count instructions, fail above tools/benchmarks/instructions.json")
    parser.add_argument("--record", action="store_true", help="with --instructions: write the file anew")
    args = parser.parse_args()
    if args.compare and not os.path.exists(args.compare):
        parser.error(f"there is no file '{args.compare}'")
    if args.instructions:
        return instructions(args)
    if args.tokens:
        return long_sequence(args)
    peer_python = args.peer if has_torch(args.peer) else None
    if args.machine:
        ours = Process([args.program], environment(1, False))
        print_machine(ours.ask("machine"), [ours.ask(f"limits {t}") for t in args.threads])
        ours.close()
        return 0
    if not peer_python:
        print(f"'{args.peer}' has no PyTorch: ours alone (--peer names another Python)")
    print("ratio: the peer's time by ours; limit: share of what the machine could do (--machine)\n" + COLUMNS)
    machines, limits, rows = [], [], []
    for threads in args.threads:
        machine, limit, more = measure(args, peer_python, threads)
        machines.append(machine)
        limits.append(limit)
        rows += more
    start = None if args.cases else start_up(args, peer_python)
    print_machine(machines[-1], limits)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": machines[-1], "limits": limits, "rows": rows, "start_up": start}, f, indent=1)
    if args.compare:
        compare(rows, args.compare)
    return 0


sys.exit(main())
