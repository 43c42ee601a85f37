"""What Gradus wants to reach, beside what a run of tools/bench measured.

A peer is PyTorch as Debian 12 packages it (1.13) or a newer one, which pip installs: the goals differ. Each goal whose case was
asked for has its line; one that the run did not measure says so, and has `met` None.
"""
BOUND_BY_MEMORY = ["chain_1e6", "softmax_rows", "gelu_rows", "layer_norm", "cross_entropy", "rope_1024", "ropepool_1024"]
OPS = ["exp_1e6", "tanh_1e6", "gelu_1e6", "matmul_64", "matmul_512", "linear"] + BOUND_BY_MEMORY
STEPS = {"step_softmax": "training step, softmax attention", "step_linear": "training step, linear attention"}
ELSEWHERE = """not measured here: 2, memory that grows with N alone (test_nn, test_pe); 6, no memory from the system in a steady state
(test_train); 7, the cost of a token against the length: gradus pe cost"""


def on(threads):
    return f"{threads} thread" + ("s" if threads > 1 else "")


def is_debian(peer):
    return peer.startswith("PyTorch 1.")


def any_peer(_):
    return True


class Goals:
    def __init__(self, rows, start_up, asked=None):
        """`asked`: the cases of --cases, None where all were."""
        self.rows = {(r["case"], r["threads"]): r for r in rows}
        self.threads = sorted({r["threads"] for r in rows})
        self.start_up = start_up or {}
        self.asked = asked
        self.lines = []

    def add(self, number, what, wanted, measured, met):
        self.lines.append({"goal": number, "what": what, "wanted": wanted, "measured": measured, "met": met})

    def wants(self, case):
        return self.asked is None or case in self.asked

    def ratios(self, number, case, what, threads, key, least, wants_peer, kind):
        """A line for each peer that `wants_peer` takes; `least` None: faster, by whatever."""
        if not self.wants(case):
            return
        wanted = f"{least:g} times" if least else "faster"
        found = False
        for peer, p in self.rows.get((case, threads), {}).get("peers", {}).items():
            if wants_peer(peer) and key in p:
                found = True
                self.add(number, f"{what}, {peer}, {on(threads)}", wanted, f"{p[key]:.2f} times",
                         p[key] >= least if least else p[key] > 1)
        if not found:
            self.add(number, f"{what}, {kind}, {on(threads)}", wanted, "not measured", None)

    def share(self, number, case, what, threads, least):
        if self.wants(case):
            share = self.rows.get((case, threads), {}).get("share")
            self.add(number, f"{what}, share of the limit, {on(threads)}", f"{100 * least:.0f} %",
                     "not measured" if share is None else f"{100 * share:.0f} %", None if share is None else share >= least)

    def seconds(self, number, case, what, threads, most, unit, text):
        if self.wants(case):
            s = self.rows.get((case, threads), {}).get("seconds")
            self.add(number, f"{what}, {on(threads)}", text, "not measured" if s is None else f"{s / unit[1]:.3g} {unit[0]}",
                     None if s is None else s <= most)

    def memory(self, case, what, threads):
        if not self.wants(case):
            return
        row = self.rows.get((case, threads), {})
        found = False
        for peer, p in row.get("peers", {}).items():
            if "peak_mib" in p:
                found = True
                part = row["peak_mib"] / p["peak_mib"]
                self.add(6, f"{what}, peak memory above the start, {peer}, {on(threads)}", "0.5", f"{part:.2f}", part <= 0.5)
        if not found:
            self.add(6, f"{what}, peak memory above the start, {on(threads)}", "0.5", "not measured", None)

    def at(self, threads):
        one = threads == 1
        for case, what in STEPS.items():
            self.ratios(1, case, what, threads, "ratio", 1.4 if one else 1.6, is_debian, "Debian's PyTorch")
            self.ratios(1, case, what + ", as installed", threads, "ratio_installed", 2.5, is_debian, "Debian's PyTorch")
            self.ratios(1, case, what, threads, "ratio", None, lambda p: not is_debian(p), "a newer PyTorch")
            self.share(1, case, what, threads, 0.7 if one else 0.6)
        for n in (1024, 4096):
            what = f"causal linear attention, N {n}"
            self.ratios(2, f"linear_{n}", what + ", composed", threads, "ratio_chunked", 2.5 if one else 4.0, any_peer, "PyTorch")
            self.ratios(2, f"linear_{n}", what + ", fast-transformers", threads, "ratio_compiled", 2.0, any_peer, "PyTorch")
            what = f"causal softmax attention, N {n}"
            self.ratios(3, f"softmax_{n}", what + ", plain form", threads, "ratio_plain", 2.5 if one else 3.5, any_peer, "PyTorch")
            self.ratios(3, f"softmax_{n}", what + ", fused form", threads, "ratio_fused", None, lambda p: not is_debian(p),
                        "a newer PyTorch")
            self.share(3, f"softmax_{n}", what, threads, 0.65)
        what = "the same with ALiBi, N 1024"
        self.ratios(3, "alibi_1024", what, threads, "ratio_plain", 2.5 if one else 3.5, any_peer, "PyTorch")
        self.share(3, "alibi_1024", what, threads, 0.65)
        for case, what in (("tiny_scalar", "an op on a number"), ("tiny_16", "an op on 16 numbers")):
            self.seconds(4, case, what, threads, 400e-9, ("ns", 1e-9), "400 ns")
            self.ratios(4, case, what, threads, "ratio", 8.0, any_peer, "PyTorch")
        self.seconds(4, "graph_1e6", "a graph of 10^6 nodes", threads, 1, ("s", 1), "1 s")
        for case in OPS:
            self.ratios(5, case, case, threads, "ratio", 1.0, any_peer, "PyTorch")
        for case in BOUND_BY_MEMORY:
            self.share(5, case, case, threads, 0.7)
        for case, what in STEPS.items():
            self.memory(case, what, threads)

    def all(self):
        for threads in self.threads:
            self.at(threads)
        if self.asked is None:
            s = self.start_up.get("gradus")
            self.add(6, "from start to the end of a first training step", "100 ms", "not measured" if s is None else f"{1e3 * s:.0f} ms",
                     None if s is None else s < 0.1)
        return sorted(self.lines, key=lambda line: line["goal"])


def print_goals(lines):
    width = max(len(line["what"]) for line in lines)
    print(f"\n{'goal':4}  {'':{width}}  {'wanted':>10}  {'measured':>12}")
    for line in lines:
        print(f"{line['goal']:>4}  {line['what']:{width}}  {line['wanted']:>10}  {line['measured']:>12}"
              + ("  missed" if line["met"] is False else ""))
    met = [line["met"] for line in lines]
    print(f"{met.count(True)} met, {met.count(False)} missed, {met.count(None)} not measured\n{ELSEWHERE}")
