"""What Gradus wants to reach, beside what a run of tools/bench measured.

A peer is PyTorch as Debian 12 packages it (1.13) or a newer one, which pip installs: the goals differ. A figure that a run did
not measure is a line that says so.
"""
ROWS_OF_MEMORY = ["softmax_rows", "gelu_rows", "layer_norm", "cross_entropy", "rope_1024", "ropepool_1024"]
OPS = ["chain_1e6", "exp_1e6", "tanh_1e6", "gelu_1e6", "matmul_64", "matmul_512", "linear"] + ROWS_OF_MEMORY


def on(threads):
    return f"{threads} thread" + ("s" if threads > 1 else "")


def is_debian(peer):
    return peer.startswith("PyTorch 1.")


class Goals:
    def __init__(self, rows, start_up):
        self.rows = {(r["case"], r["threads"]): r for r in rows}
        self.threads = sorted({r["threads"] for r in rows})
        self.start_up = start_up or {}
        self.lines = []

    def add(self, number, what, wanted, measured, met):
        self.lines.append({"goal": number, "what": what, "wanted": wanted, "measured": measured, "met": met})

    def ratios(self, number, case, what, threads, key, least, wants_peer):
        """A line for each peer that `wants_peer` takes."""
        for peer, p in self.rows.get((case, threads), {}).get("peers", {}).items():
            if wants_peer(peer) and key in p:
                self.add(number, f"{what}, {peer}, {on(threads)}", f"{least:g} times", f"{p[key]:.2f} times", p[key] >= least)

    def share(self, number, case, what, threads, least):
        row = self.rows.get((case, threads), {})
        if "share" in row:
            self.add(number, f"{what}, share of the limit, {on(threads)}", f"{100 * least:.0f} %", f"{100 * row['share']:.0f} %",
                     row["share"] >= least)

    def at(self, threads):
        one = threads == 1
        for case, what in (("step_softmax", "training step, softmax attention"), ("step_linear", "training step, linear attention")):
            self.ratios(1, case, what, threads, "ratio", 1.4 if one else 1.6, is_debian)
            self.ratios(1, case, what + ", as installed", threads, "ratio_installed", 2.5, is_debian)
            self.ratios(1, case, what, threads, "ratio", 1.0, lambda p: not is_debian(p))
            self.share(1, case, what, threads, 0.7 if one else 0.6)
        for n in (1024, 4096):
            self.ratios(2, f"linear_{n}", f"causal linear attention, N {n}", threads, "ratio", 2.5 if one else 4.0, lambda p: True)
            what = f"causal softmax attention, N {n}"
            self.ratios(3, f"softmax_{n}", what + ", plain form", threads, "ratio_plain", 2.5 if one else 3.5, lambda p: True)
            self.ratios(3, f"softmax_{n}", what + ", the fastest form", threads, "ratio", 1.0, lambda p: not is_debian(p))
            self.share(3, f"softmax_{n}", what, threads, 0.65)
        for case in ("tiny_scalar", "tiny_16"):
            row = self.rows.get((case, threads))
            if row and one:
                self.add(4, f"{case}, time of an op", "400 ns", f"{1e9 * row['seconds']:.0f} ns", row["seconds"] <= 400e-9)
            if one:
                self.ratios(4, case, case, threads, "ratio", 8.0, lambda p: True)
        row = self.rows.get(("graph_1e6", threads))
        if row:
            self.add(4, f"graph of 10^6 nodes, {on(threads)}", "1 s", f"{row['seconds']:.2f} s", row["seconds"] < 1)
        for case in OPS:
            self.ratios(5, case, case, threads, "ratio", 1.0, lambda p: True)
        for case in ROWS_OF_MEMORY:
            self.share(5, case, case, threads, 0.7)
        for case in ("step_softmax", "step_linear"):
            row = self.rows.get((case, threads), {})
            for peer, p in row.get("peers", {}).items():
                if "peak_mib" in p:
                    part = row["peak_mib"] / p["peak_mib"]
                    self.add(6, f"{case}, peak memory above the start, {peer}, {on(threads)}", "half", f"{part:.2f}", part <= 0.5)

    def all(self):
        for threads in self.threads:
            self.at(threads)
        if "gradus" in self.start_up:
            s = self.start_up["gradus"]
            self.add(6, "from start to the end of a first training step", "100 ms", f"{1e3 * s:.0f} ms", s < 0.1)
        return sorted(self.lines, key=lambda line: line["goal"])


def print_goals(lines):
    width = max(len(line["what"]) for line in lines)
    print(f"\n{'goal':4}  {'':{width}}  {'wanted':>10}  {'measured':>10}")
    for line in lines:
        print(f"{line['goal']:>4}  {line['what']:{width}}  {line['wanted']:>10}  {line['measured']:>10}"
              + ("" if line["met"] else "  missed"))
    print("goal 7, the cost of a token against the length: gradus pe cost")
