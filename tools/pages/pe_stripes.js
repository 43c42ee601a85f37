// Encodings that multiply each coordinate by sinusoids: F-StrIPE, random Fourier features, stochastic encoding; and
// cosFormer, which does so to the features.
(() => {
  const { striped, softplus, sigmoid } = Maths;
  const group = "Stripes and random features", f = ["f", "ratio"];
  const angles = (x, p, s) => x.map((_, i) => s.f[i >> 1] * p);
  const pool = (y, width) => Array.from({ length: width }, (_, j) =>
    y.reduce((t, v, i) => (i % width === j ? t + v : t), 0));

  Encodings.f_stripe1 = {
    group, uses: f,
    features: (x, p, s) => striped(x, angles(x, p, s)),
    about: { features: "[x_d cos f_dp, x_d sin f_dp] side by side", score: "a = Σ_d q_dk_d cos f_dΔ", matrix: "G = diag(cos f_dΔ)",
      note: "No mixed products: the context is a gain of each coordinate." },
  };
  Encodings.f_stripe1_pooled = {
    group, uses: f,
    features: (x, p, s) => pool(striped(x, angles(x, p, s)), 2),
    about: { features: "[Σ_d x_d cos f_dp, Σ_d x_d sin f_dp]: two numbers", score: "a = Σ_{de} q_dk_e cos(f_dp_m − f_ep_n)",
      matrix: "G_{de} = cos(f_dp_m − f_ep_n)", note: "The paper’s form: cross terms vanish in the mean only." },
  };

  // ---- F-StrIPE: two sinusoids a coordinate, f and 2 f ----------------------------------------------
  const many = (x, p, s, key) => x.flatMap((v, i) => [0, 1].flatMap((w) => {
    const theta = s.f[i >> 1] * (w + 1) * p + (key ? 0 : s.phases[2 * i + w]);
    const gain = softplus(s.gains[2 * i + w]) / Math.SQRT2;
    return [v * gain * Math.cos(theta), v * gain * Math.sin(theta)];
  }));
  const start = (d, random) => ({ phases: random.normals(2 * d), gains: random.normals(2 * d) });
  Encodings.f_stripe = {
    group, uses: f, make: start, features: many,
    about: { features: "x_d λ_{dw} [cos, sin](f_{dw}p + θ_{dw}) / √2, w = 1, 2; f_{dw} = w f_d",
      score: "a = Σ_d q_dk_d ½ Σ_w λ_{dw}² cos(f_{dw}Δ + θ_{dw})", matrix: "G = diag of these sums",
      note: "Phases θ (of queries) and gains λ are learned; here as they start." },
  };
  Encodings.f_stripe_pooled = {
    group, uses: f, make: start,
    features: (x, p, s, key) => pool(many(x, p, s, key), 4),
    about: { features: "the same, added up over d: four numbers", score: "a = Σ_{de} q_dk_e ½ Σ_w λ_{dw}λ_{ew} cos(f_{dw}p_m + θ_{dw} − f_{ew}p_n)",
      matrix: "all d, e meet", note: "" },
  };

  // ---- random codes ---------------------------------------------------------------------------------
  const kSamples = 4;
  Encodings.rff = {
    group, uses: [], own: [{ id: "length", text: "length ℓ of the kernel", min: 1, max: 24, step: 0.5, value: 4 }],
    make: (d, random, s) => ({ frequencies: random.normals(d * kSamples, 1 / s.length) }),
    features: (x, p, s) => x.flatMap((v, i) => Array.from({ length: kSamples }, (_, r) => s.frequencies[i * kSamples + r])
      .flatMap((w) => [v * Math.cos(w * p) / 2, v * Math.sin(w * p) / 2])),
    mean: (pm, pn, s, d) => Array(d).fill(Math.exp(-((pm - pn) ** 2) / (2 * s.length ** 2))),
    about: { features: "x_d [cos w_{dr}p, sin w_{dr}p] / 2, r = 1 … 4, w drawn from N(0, 1/ℓ²)",
      score: "a = Σ_d q_dk_d ¼ Σ_r cos w_{dr}Δ; in the mean q · k exp(−Δ²/2ℓ²)", matrix: "G diagonal",
      note: "Thick: the mean over draws, a Gaussian kernel. Each draw is a function of the lag." },
  };
  const kRealizations = 16;
  const mixed = (x, p, s, key) => {
    const y = x.flatMap((v, i) => {
      const theta = s.f[i >> 1] * p + (key ? 0 : s.phases[i]), gain = softplus(s.gains[i]);
      return [v * gain * Math.cos(theta), v * gain * Math.sin(theta)];
    });
    return Array.from({ length: kRealizations }, (_, r) =>
      y.reduce((t, v, i) => t + v * s.noise[i * kRealizations + r], 0) / Math.sqrt(2 * kRealizations));
  };
  const kernel = (pm, pn, s, d) => Array.from({ length: d }, (_, i) =>
    softplus(s.gains[i]) ** 2 * Math.cos(s.f[i >> 1] * (pm - pn) + s.phases[i]) / 2);
  const codes = (d, random) => ({ phases: random.normals(d), gains: random.normals(d),
    noise: random.normals(2 * d * kRealizations) });
  Encodings.sine_spe = {
    group, uses: f, make: codes, features: mixed, mean: kernel,
    about: { features: "Σ_d x_d λ_d [cos, sin](f_dp + θ_d) Z_d / √(2R), Z_d noise, R = 16 numbers",
      score: "in the mean over Z: Σ_d q_dk_d ½ λ_d² cos(f_dΔ + θ_d)", matrix: "of this draw; diagonal in the mean",
      note: "Thick: the mean. `f_stripe_sff` is this for labels of several numbers." },
  };
  Encodings.gated = {
    group, uses: f,
    own: [{ id: "gate", text: "gate g: blind to position", min: 0, max: 1, step: 0.02, value: 0.5 }],
    make: (d, random) => ({ ...codes(d, random), shared: random.normals(d * kRealizations) }),
    features: (x, p, s, key) => mixed(x.map((v) => v * Math.sqrt(1 - s.gate)), p, s, key).map((v, r) =>
      v + x.reduce((t, u, i) => t + u * Math.sqrt(s.gate) * s.shared[i * kRealizations + r], 0) / Math.sqrt(kRealizations)),
    mean: (pm, pn, s, d) => kernel(pm, pn, s, d).map((v) => (1 - s.gate) * v + s.gate),
    about: { features: "√(1 − g) code + √g noise that all tokens share", score: "in the mean: P ← (1 − g) P + g",
      matrix: "of this draw; diagonal in the mean", note: "Around `sine_spe`. At g = 1 no position is seen." },
  };
  const kTaps = 8;
  Encodings.conv_spe = {
    group, uses: [], whole: true,
    make: (d, random) => ({ query_filter: random.uniforms(d * kTaps, 0, Math.sqrt(2 / kTaps)),
      key_filter: random.uniforms(d * kTaps, 0, Math.sqrt(2 / kTaps)) }),
    mean: (pm, pn, s, d) => Array.from({ length: d }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < kTaps; ++j) {
        const other = j + pm - pn;
        if (other >= 0 && other < kTaps) sum += s.query_filter[i * kTaps + j] * s.key_filter[i * kTaps + other];
      }
      return sum;
    }),
    about: { features: "none: noise at each label, filtered; shown are x", score: "in the mean: Σ_d q_dk_d Σ_j u_d[j] w_d[j + Δ]",
      matrix: "in the mean, diagonal", note: "Filters of 8 taps: lags from 8 on have no weight." },
  };

  Encodings.cosformer = {
    group, uses: [], from: 0, behind: true, limit: (s) => s.longest,
    own: [{ id: "longest", text: "longest lag M", min: 8, max: 64, step: 1, value: 32 }],
    features: (x, p, s) => {
      const angle = Math.PI / 2 * p / s.longest;
      return [...x.map((v) => v * Math.cos(angle)), ...x.map((v) => v * Math.sin(angle))];
    },
    about: { features: "[φ(x) cos(πp/2M) | φ(x) sin(πp/2M)]", score: "a = φ(q) · φ(k) cos(πΔ/2M)", matrix: "G = cos(πΔ/2M) I",
      note: "Labels from 0 to M - 1. Behind the feature map: q, k stand for φ(q), φ(k)." },
  };
})();
