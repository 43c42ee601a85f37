// Biases of the lag, which leave q and k alone; and none. `raw` makes of a bias of the scaled score what a gets.
(() => {
  const { dot, clip, softplus } = Maths;
  const group = "Biases of the lag";
  const as_it_is = (x) => x.slice();
  const raw = (b) => (pm, pn, s, q) => Math.sqrt(q.length) * b(pm - pn, s, q, pm);
  const about = (formula, note, more = {}) => ({ features: "x as it is", score: `a = q · k + √d b, ${formula}`,
    matrix: "G = I, and one number beside", note, ...more });

  Encodings.none = {
    group, uses: [], features: as_it_is,
    about: { features: "x as it is", score: "a = q · k", matrix: "G = I", note: "Content alone." },
  };
  Encodings.alibi = {
    group, uses: [], features: as_it_is,
    own: [{ id: "slope", text: "slope s", min: 0, max: 1, step: 0.01, value: 0.25 }],
    bias: raw((lag, s) => -s.slope * Math.abs(lag)),
    about: about("b = −s |Δ|", "A head’s slope is 2^{−8h/H}."),
  };
  const r1 = { id: "r1", text: "r_1", min: 0.05, max: 2, step: 0.05, value: 0.5 };
  Encodings.kerple_log = {
    group, uses: [], features: as_it_is,
    own: [r1, { id: "r2", text: "r_2", min: 0.05, max: 2, step: 0.05, value: 0.7 }],
    bias: raw((lag, s) => -s.r1 * Math.log1p(s.r2 * Math.abs(lag))),
    about: about("b = −r_1 log(1 + r_2|Δ|)", "Conditionally positive definite."),
  };
  Encodings.kerple_power = {
    group, uses: [], features: as_it_is,
    own: [r1, { id: "r2", text: "r_2", min: 0.05, max: 1.95, step: 0.05, value: 0.7 }],
    bias: raw((lag, s) => -s.r1 * Math.abs(lag) ** s.r2),
    about: about("b = −r_1|Δ|^{r_2}", "Conditionally positive definite for r_2 up to 2."),
  };
  Encodings.sandwich = {
    group, uses: ["f", "ratio"], features: as_it_is,
    bias: raw((lag, s, q) => {
      let sum = 0;
      for (let i = 0; i < q.length / 2; ++i) sum += Math.cos(s.f[i] * lag);
      return sum / 8;
    }),
    about: about("b = ⅛ Σ_i cos f_iΔ", "The inner product of two sinusoidal codes, without their cross terms; here d/2 of them."),
  };
  // Both directions: keys ahead have the second half of the table.
  const bucket = (lag, s) => {
    const side = s.buckets / 2, single = side / 2, x = Math.abs(lag);
    const place = x < single ? x
      : Math.min(single + Math.floor(single / Math.log(s.distance / single) * Math.log(x / single) + 1e-9), side - 1);
    return place + (lag < 0 ? side : 0);
  };
  Encodings.t5 = {
    group, uses: [], features: as_it_is, whole: true,
    own: [{ id: "buckets", text: "buckets", min: 4, max: 32, step: 4, value: 16 },
      { id: "distance", text: "distance of the last", min: 9, max: 64, step: 1, value: 12 }],
    make: (d, random) => ({ table: random.normals(32, 1 / Math.sqrt(d)) }),
    bias: raw((lag, s) => s.table[bucket(lag, s)]),
    about: about("b = t[bucket(Δ)]", "Single lags, then log-spaced ones; learned, here as it starts."),
  };
  const kLongest = 40;
  Encodings.toeplitz = {
    group, uses: [], features: as_it_is, whole: true,
    make: (d, random) => ({ table: random.normals(2 * kLongest - 1, 1 / Math.sqrt(d)) }),
    bias: raw((lag, s) => s.table[lag + kLongest - 1]),
    about: about("b = b[Δ]", "A number for each lag; behind a feature map the factor e^b, by FFT. Learned, here as it starts."),
  };
  Encodings.fire = {
    group, uses: [], features: as_it_is, from: 0, causal: true,
    own: [{ id: "threshold", text: "threshold L", min: 1, max: 32, step: 1, value: 8 }],
    make: (d, random) => ({ curvature: [0], weight: random.uniforms(8, -1, 1), bias_1: random.uniforms(8, -1, 1),
      out_weight: random.uniforms(8, -1 / Math.sqrt(8), 1 / Math.sqrt(8)), out_bias: random.uniforms(1, -0.35, 0.35) }),
    bias: raw((lag, s, q, pm) => {
      const c = 0.1 * Math.exp(s.curvature[0]), psi = (t) => Math.log1p(c * t);
      const x = psi(Math.max(lag, 0)) / psi(Math.max(s.threshold, pm));
      return s.out_bias[0] + dot(s.out_weight, s.weight.map((w, i) => Math.max(0, w * x + s.bias_1[i])));
    }),
    about: about("b = MLP(ψ(Δ) / ψ(max(L, p_m))), ψ(t) = log(ct + 1)",
      "The lag as a share of how far the query can look back; learned, here as it starts.", { matrix: "G = I, and a number of p_m and Δ" }),
  };

  // ---- vectors of the lag, met by the content ---------------------------------------------------------
  const relative = "Vectors of the lag";
  const { row, layer, times, add } = Maths;
  const kClip = 8;
  const table = {
    group: relative, uses: [], features: as_it_is, whole: true,
    make: (d, random) => ({ keys: random.normals((2 * kClip + 1) * d, 1 / Math.sqrt(d)) }),
    bias: (pm, pn, s, q) => dot(q, row(s.keys, clip(pm - pn, -kClip, kClip) + kClip, q.length)),
  };
  Encodings.shaw = { ...table,
    about: { features: "x as it is", score: "a = q · k + q · A[Δ], Δ clipped to ±8", matrix: "G = I, and A[Δ] beside q",
      note: "A vector for each lag; learned, here as it starts. The values have another table." } };
  Encodings.music_transformer = { ...table, from: 0,
    about: { features: "x as it is", score: "a = q · k + q · E[m − n], clipped to ±8", matrix: "G = I, and E[Δ] beside q",
      note: "shaw’s keys for time in equal steps, by skewing; learned, here as it starts." } };
  Encodings.deberta = {
    group: relative, uses: [], whole: true,
    features: (x, p, s, key) => (key ? x.slice() : times(x, 1 / Math.sqrt(3))),
    make: (d, random) => ({ table: random.normals(2 * kClip * d, 1 / Math.sqrt(d)),
      key_weight: random.uniforms(d * d, -Math.sqrt(3 / d), Math.sqrt(3 / d)),
      query_weight: random.uniforms(d * d, -Math.sqrt(3 / d), Math.sqrt(3 / d)) }),
    bias: (pm, pn, s, q, k) => {
      const code = (lag) => row(s.table, clip(lag, -kClip, kClip - 1) + kClip, q.length);
      return (dot(q, layer(code(pm - pn), s.key_weight)) + dot(k, layer(code(pn - pm), s.query_weight))) / Math.sqrt(3);
    },
    about: { features: "q / √3, for three terms", score: "a = (q · k + q · W_kr[Δ] + k · W_qr[−Δ]) / √3",
      matrix: "G = I / √3; vectors beside q and k", note: "Content to lag and back; learned, here as it starts." },
  };
  Encodings.transformer_xl = {
    group: relative, uses: ["f", "ratio"], features: as_it_is,
    make: (d, random) => ({ u: random.normals(d, 0.3), v: random.normals(d, 0.3),
      weight: random.uniforms(d * d, -Math.sqrt(3 / d), Math.sqrt(3 / d)) }),
    bias: (pm, pn, s, q, k) => {
      const theta = s.f.slice(0, q.length / 2).map((w) => w * (pm - pn));
      const r = layer([...theta.map(Math.sin), ...theta.map(Math.cos)], s.weight);
      return dot(q, r) + dot(s.u, k) + dot(s.v, r);
    },
    about: { features: "x as it is", score: "a = q · k + q · Wr + u · k + v · Wr, r sinusoids of Δ",
      matrix: "G = I; Wr beside q, u beside k", note: "Learned W, u, v, here as they start." },
  };
  Encodings.s_rpe = {
    group: relative, uses: ["f", "ratio"], features: as_it_is,
    make: (d, random) => {
      const weight = () => random.uniforms(d * d, -Math.sqrt(3 / d), Math.sqrt(3 / d));
      return { structure_weight: weight(), structure_bias: Array(d).fill(0), layer_weight: weight(),
        layer_bias: Array(d).fill(0) };
    },
    bias: (pm, pn, s, q) => {
      const code = Maths.columns(pm - pn, q.length, s);
      return dot(q, layer(layer(code, s.structure_weight, s.structure_bias), s.layer_weight, s.layer_bias));
    },
    about: { features: "x as it is", score: "a = q · k + q · W_2W_1 e(Δ), e sinusoids of Δ", matrix: "G = I; a vector of Δ beside q",
      note: "For one structural label; learned W, here as they start." },
  };
})();
