"""The cases, measured in turn, and their table."""
import json
import statistics

from processes import PEER, Process, environment

INSTALLED = {"step_softmax", "step_linear"}  # also with the peer's settings as they are when it is installed


def spread(values):
    """Half of the distance between the quartiles (of few values: of the extremes), as a share of the median."""
    if len(values) < 4:
        low, high = min(values), max(values)
    else:
        low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / statistics.median(values)


def limit_seconds(case, limits, triad):
    """The least time in which this machine could do a run's work: none of it overlaps."""
    compute = case["flops"] / limits["flops"] + case["exps"] / limits["exps"]
    return max(compute, case["bytes"] / triad if case["bytes"] else 0) / case["ops"]


class Peer:
    """A Python with PyTorch, in a process of its own for each way of setting it up."""

    def __init__(self, python, threads):
        self.python = python
        self.tuned = Process([python, PEER], environment(threads, "tuned peer"))
        self.installed = Process([python, PEER], environment(threads, "peer"))
        self.forms = self.tuned.ask("list")
        machine = self.tuned.ask("machine")
        self.name = f"PyTorch {machine['torch']}"
        self.about = f"{self.name} ({machine['capability']})"

    def close(self):
        self.tuned.close()
        self.installed.close()


def peak_above_start(command, env, case):
    """MiB, in a fresh process: three runs of the case above what it held before."""
    process = Process(command, env)
    base = process.ask("base")["peak_mib"]
    peak = process.ask(f"repeat {case} 3")["peak_mib"] - base
    process.close()
    return peak


def measure_case(case, args, threads, ours, peers, limits):
    name, request = case["case"], f"{threads} {args.seconds}"
    mine, triads, theirs, installed = [], [], [], []
    for peer in peers:
        theirs.append({form: [] for form in peer.forms.get(name, [])})
        installed.append([])
    for _ in range(args.rounds):
        mine.append(ours.ask(f"run {name} {request}")["seconds"])
        if case["held"]:
            triads.append(ours.ask(f"triad {threads} {case['held']}")["rate"])
        for peer, times, plain in zip(peers, theirs, installed):
            for form in times:
                times[form].append(peer.tuned.ask(f"run {name} {form} {request}")["seconds"])
            if name in INSTALLED and times:
                best = min(times, key=lambda f: statistics.median(times[f]))
                plain.append(peer.installed.ask(f"run {name} {best} {request}")["seconds"])
    seconds = statistics.median(mine)
    row = {"case": name, "what": case["what"], "threads": threads, "seconds": seconds, "spread": spread(mine), "peers": {}}
    limit = limit_seconds(case, limits, max(triads, default=0))
    if limit > 0:
        row["share"] = limit / seconds
    for peer, times, plain in zip(peers, theirs, installed):
        if not times:
            continue
        form = min(times, key=lambda f: statistics.median(times[f]))
        median = statistics.median(times[form])
        entry = {"form": form, "seconds": median, "spread": spread(times[form]), "ratio": median / seconds}
        for one in ("plain", "fused", "chunked", "compiled"):
            if one in times:
                entry["ratio_" + one] = statistics.median(times[one]) / seconds
        if plain:
            entry["ratio_installed"] = statistics.median(plain) / seconds
        row["peers"][peer.name] = entry
    if args.memory:
        row["peak_mib"] = peak_above_start([args.program], environment(threads), name)
        for peer in peers:
            if peer.name in row["peers"]:
                row["peers"][peer.name]["peak_mib"] = peak_above_start([peer.python, PEER], environment(threads, "tuned peer"), name)
    return row


def measure(args, pythons, threads):
    """The machine, its limits, and a row for each case."""
    ours = Process([args.program], environment(threads))
    peers = [Peer(python, threads) for python in pythons]
    names = [p.name for p in peers]
    for peer in peers:
        if names.count(peer.name) > 1:
            peer.name += f" ({peer.python})"
    machine = ours.ask("machine")
    machine["peers"] = [p.about for p in peers]
    limits = ours.ask(f"limits {threads}")
    cases = {c["case"]: c for c in ours.ask("list")}
    unknown = [c for c in args.cases or [] if c not in cases]
    if unknown:
        raise SystemExit(f"tools/bench: no case '{unknown[0]}'; known: {', '.join(cases)}")
    rows = []
    for name, case in cases.items():
        if not args.cases or name in args.cases:
            rows.append(measure_case(case, args, threads, ours, peers, limits))
            print_row(rows[-1])
    for process in [ours, *peers]:
        process.close()
    return machine, limits, rows


def seconds_text(s):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if s * factor >= 1:
            return f"{s * factor:.3g} {unit}"
    return f"{s * 1e9:.3g} ns"


COLUMNS = f"{'case':20} {'thr':>3} {'ours':>9} {'+-':>4} {'limit':>6}  {'peers: time, form, ratio'}"


def print_row(r):
    share = f"{100 * r['share']:.0f} %" if "share" in r else "-"
    memory = f"  peak {r['peak_mib']:.0f} MiB" if "peak_mib" in r else ""
    peers = []
    for p in r["peers"].values():
        peers.append(f"{seconds_text(p['seconds']):>9} {p['form']:>8} {p['ratio']:>5.2f}"
                     + (f" (as installed {p['ratio_installed']:.2f})" if "ratio_installed" in p else "")
                     + (f" {p['peak_mib']:.0f} MiB" if "peak_mib" in p else ""))
    print(f"{r['case']:20} {r['threads']:>3} {seconds_text(r['seconds']):>9} {100 * r['spread']:>3.0f}% {share:>6}{memory} "
          + " |".join(peers), flush=True)


def not_a_table(old_file):
    """What is wrong with a file that --json should have written, or None."""
    try:
        with open(old_file) as f:
            if any(not {"case", "threads", "seconds", "spread"} <= set(r) for r in json.load(f)["rows"]):
                return "a row lacks its case, threads, seconds or spread"
    except OSError as error:
        return error.strerror
    except (ValueError, KeyError, TypeError):
        return "not a table of tools/bench --json"
    return None


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
