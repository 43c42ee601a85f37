// Codes of the label that are added to the input: here to q and k, as if projections were 1.
(() => {
  const { add, row } = Maths;
  const group = "Codes added to the input";
  const about = (code, note) => ({ features: `x + e(p), ${code}`, score: "a = (q + e(p_m)) · (k + e(p_n))",
    matrix: "G = I; e(p_n) beside q, e(p_m) beside k", note });

  Encodings.sinusoidal = {
    group, uses: ["f", "ratio"],
    features: (x, p, s) => x.map((v, i) => v + (i % 2 ? Math.cos(s.f[i >> 1] * p) : Math.sin(s.f[i >> 1] * p))),
    about: about("e = [sin f_ip, cos f_ip]", "e(p) · e(p′) is a function of the lag, the score is not."),
  };
  Encodings.learned = {
    group, uses: [], whole: true, from: 0, limit: () => 40,
    make: (d, random) => ({ table: random.normals(40 * d, 0.5) }),
    features: (x, p, s) => add(x, row(s.table, p, x.length)),
    about: about("e = E[p]", "A row for each label from 0 to 39; learned, here random."),
  };
  Encodings.s_ape = {
    group, uses: ["f", "ratio"],
    features: (x, p, s) => add(x, Maths.columns(p, x.length, s)),
    about: about("e = [sin f_0p, cos f_1p, sin f_1p, cos f_2p, …]",
      "For one structural label; the columns of its authors: frequencies are shifted by one."),
  };
})();
