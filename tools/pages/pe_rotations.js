// Encodings that turn pairs of coordinates, or permute them, and RoPEPool, which adds the turned pairs up.
(() => {
  const { turned, dot, add, times, power, sigmoid } = Maths;
  const group = "Rotations", f = ["f", "ratio"];
  const angles = (x, p, s) => Array.from({ length: x.length / 2 }, (_, i) => s.f[i] * p);
  const blocks = "G = [cos, sin; −sin, cos] of f_dΔ for each pair d";
  const score = "a = Σ_d (q_1k_1 + q_2k_2) cos f_dΔ + (q_1k_2 − q_2k_1) sin f_dΔ";

  Encodings.rope = {
    group, uses: f,
    features: (x, p, s) => turned(x, angles(x, p, s)),
    about: { features: "pair d turned by f_dp", score, matrix: blocks,
      note: "Only the lag counts, and norms are kept." },
  };

  const scale = { id: "scale", text: "length factor s", min: 1, max: 16, step: 0.5, value: 4 };
  const scaled = (smaller, factor, own, about) => ({
    group, uses: f, own,
    features: (x, p, s) => times(turned(x, angles(x, p, s).map((a, i) => a * smaller(s, i, x.length))), factor(s)),
    about: { score: "RoPE’s score with f′ in place of f", matrix: "RoPE’s blocks, of f′", ...about },
  });
  Encodings.rope_scaled_linear = scaled((s) => 1 / s.scale, () => 1, [scale],
    { features: "turned by f_dp / s", note: "Labels squeezed: every pair is slower." });
  Encodings.rope_scaled_ntk = {
    ...scaled((s, i, d) => s.scale ** (-2 * i / (d - 2)), () => 1, [scale],
      { features: "f′_i = f_i s^{−2i/(d−2)}", note: "The first pair stays as it is, the last is s times slower." }),
    least: 4,
  };
  Encodings.rope_scaled_yarn = scaled((s, i) => {
    const turns = s.original * s.f[i] / (2 * Math.PI), kept = Math.min(1, Math.max(0, (turns - 1) / 31));
    return (1 - kept) / s.scale + kept;
  }, (s) => 0.1 * Math.log(s.scale) + 1,
  [scale, { id: "original", text: "trained length L", min: 16, max: 1024, step: 16, value: 128 }],
  { features: "f′ = (1 − g) f / s + g f, g a ramp in the turns L f / 2π; times t = 0.1 log s + 1",
    score: "t² times RoPE’s score with f′", matrix: "t² times RoPE’s blocks, of f′",
    note: "Fast pairs stay, slow ones are squeezed." });

  Encodings.xpos = {
    group, uses: f, from: 0, causal: true, limit: (s) => 32 * s.reach,
    own: [{ id: "reach", text: "reach of the decay", min: 4, max: 512, step: 4, value: 16 }],
    features: (x, p, s, key) => turned(x, angles(x, p, s)).map((v, i) =>
      v * (((i >> 1) * 2 / x.length + 0.4) / 1.4) ** ((key ? -p : p) / s.reach)),
    about: { features: "q turned, times z_d^{p/reach}; k times z_d^{−p/reach}, z_d = (2d/D + 0.4)/1.4",
      score: "RoPE’s score, each pair times z_d^{Δ/reach}", matrix: "RoPE’s blocks times z_d^{Δ/reach}",
      note: "Slow pairs fade with the distance; behind a causal mask only." },
  };

  // ---- LRPE -------------------------------------------------------------------------------------
  const reflected = (x, v) => add(x, times(v, -2 * dot(x, v) / dot(v, v)));
  Encodings.lrpe_rotation = {
    group, uses: f,
    make: (d, random) => ({ reflection: random.normals(d) }),
    features: (x, p, s) => { const y = reflected(x, s.reflection); return turned(y, angles(y, p, s)); },
    about: { features: "Λ^pPx: P a reflection, learned; Λ turns pairs", score: "a = (Pq)ᵀ Λ^{−Δ} Pk",
      matrix: "G = PᵀΛ^{−Δ}P", note: "RoPE in a basis that is learned." },
  };
  Encodings.lrpe_unitary = {
    group, uses: f,
    make: (d, random) => ({ reflection: random.normals(d) }),
    features: (x, p, s) => {
      const y = reflected(x, s.reflection);
      return Maths.striped(y, y.map((_, i) => s.f[i >> 1] * p));
    },
    about: { features: "e^{if_dp} (Px)_d: complex numbers as two reals", score: "a = Σ_d (Pq)_d (Pk)_d cos f_dΔ",
      matrix: "G = Pᵀ diag(cos f_dΔ) P", note: "" },
  };
  Encodings.lrpe_permutation = {
    group, uses: [], whole: true,
    make: (d, random) => ({ permutation: random.permutation(d) }),
    features: (x, p, s) => power(s.permutation, p).map((i) => x[i]),
    about: { features: "coordinates permuted p times", score: "a = qᵀ P^{−Δ} k", matrix: "G a power of one permutation",
      note: "A rotation of finite order: whole labels." },
  };
  Encodings.permuteformer = {
    group, uses: [], whole: true, from: 0, behind: true, causal: true,
    make: (d, random) => ({ permutation: random.permutation(d) }),
    features: (x, p, s, key) => power(s.permutation, p).map((i) => x[i] * sigmoid(5) ** (key ? -p : p)),
    about: { features: "φ(x) permuted p times, times r^{±p}, r = σ(5)", score: "a = r^Δ φ(q)ᵀ P^{−Δ} φ(k)",
      matrix: "G = r^Δ times a permutation", note: "Non-negative features stay so. Behind the feature map: q, k stand for φ(q), φ(k)." },
  };

  // ---- RoPEPool ---------------------------------------------------------------------------------
  const sums = (x, p, s) => {
    const y = turned(x, angles(x, p, s));
    return y.filter((_, i) => i % 2 === 0).map((v, i) => v + y[2 * i + 1]);
  };
  const pooled = "Pooled rotations";
  Encodings.ropepool = {
    group: pooled, uses: f,
    features: sums,
    about: { features: "the two numbers of each turned pair added: x_1(c + s) + x_2(c − s)",
      score: "a = RoPE’s a + Σ_d (q_1k_1 − q_2k_2) sin f_dΔ^+ + (q_1k_2 + q_2k_1) cos f_dΔ^+",
      matrix: "G = u_mu_nᵀ for each pair, u = (c + s, c − s): rank 1",
      note: "The sum of the labels counts too: Δ^+ = p_m + p_n." },
  };
  Encodings.ropepool_cross_pair = {
    group: pooled, uses: f,
    features: (x, p, s) => {
      const y = turned(x, angles(x, p, s));
      return [0, 1].map((part) => y.reduce((t, v, i) => (i % 2 === part ? t + v : t), 0));
    },
    about: { features: "the turned pairs added up over d: two numbers", score: "a = Σ_{de} q_dᵀ R(f_ep_n − f_dp_m) k_e",
      matrix: "a block for each two pairs", note: "An ablation: the literal reading of eq. 19." },
  };
  Encodings.ropepool_total = {
    group: pooled, uses: f,
    features: (x, p, s) => [sums(x, p, s).reduce((t, v) => t + v, 0)],
    about: { features: "all turned coordinates added up: one number", score: "a = Σ_d s_d(q, p_m) · Σ_e s_e(k, p_n)",
      matrix: "G = u_mu_nᵀ over all pairs: rank 1", note: "An ablation: everything pooled." },
  };
})();
