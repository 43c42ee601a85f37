// The encodings of the page, in plain numbers. x, q, k are one head; f holds one frequency a pair of
// coordinates; a setting s is { f, slope }. Scores are raw: a / sqrt(d) is what attention sees.
const Model = (() => {
  const turned = (x, p, f) => x.map((_, i) => {
    const pair = i >> 1, c = Math.cos(f[pair] * p), s = Math.sin(f[pair] * p);
    return i % 2 ? x[i] * c + x[i - 1] * s : x[i] * c - x[i + 1] * s;
  });
  const striped = (x, p, f) => x.flatMap((v, i) =>
    [v * Math.cos(f[i >> 1] * p), v * Math.sin(f[i >> 1] * p)]);
  const code = (d, p, f) => Array.from({ length: d }, (_, i) =>
    i % 2 ? Math.cos(f[i >> 1] * p) : Math.sin(f[i >> 1] * p));

  const encodings = {
    none: {
      features: (x) => x.slice(),
      about: ["a = q · k"],
    },
    rope: {
      features: (x, p, s) => turned(x, p, s.f),
      about: ["each pair turns by f p", "a = Σ (q₁k₁ + q₂k₂) cos fΔ⁻ + (q₁k₂ − q₂k₁) sin fΔ⁻"],
    },
    f_stripe1: {
      features: (x, p, s) => striped(x, p, s.f),
      about: ["each number becomes x cos fp, x sin fp", "a = Σ q k cos fΔ⁻"],
    },
    f_stripe1_pooled: {
      features: (x, p, s) => {
        const all = striped(x, p, s.f);
        return [0, 1].map((part) => all.reduce((t, v, i) => (i % 2 === part ? t + v : t), 0));
      },
      about: ["the stripes are added up: two features a head", "a = Σ Σ q_d k_e cos(f_d p_m − f_e p_n)"],
    },
    ropepool: {
      features: (x, p, s) => {
        const y = turned(x, p, s.f);
        return y.filter((_, i) => i % 2 === 0).map((v, i) => v + y[2 * i + 1]);
      },
      about: ["the two numbers of each turned pair are added",
        "a = Σ (q₁k₁ + q₂k₂) cos fΔ⁻ + (q₁k₂ − q₂k₁) sin fΔ⁻ + (q₁k₁ − q₂k₂) sin fΔ⁺ + (q₁k₂ + q₂k₁) cos fΔ⁺"],
    },
    alibi: {
      features: (x) => x.slice(),
      bias: (pm, pn, d, s) => -Math.sqrt(d) * s.slope * Math.abs(pm - pn),
      about: ["a = q · k − √d s |Δ⁻|"],
    },
    sinusoidal: {
      features: (x, p, s) => code(x.length, p, s.f).map((v, i) => v + x[i]),
      about: ["the code is added to the input", "a = (q + e(p_m)) · (k + e(p_n))"],
    },
  };

  const features = (name, x, p, s) => encodings[name].features(x, p, s);
  const bias = (name, pm, pn, d, s) => {
    const b = encodings[name].bias;
    return b ? b(pm, pn, d, s) : 0;
  };
  const score = (name, q, k, pm, pn, s) => {
    const a = features(name, q, pm, s), b = features(name, k, pn, s);
    return a.reduce((t, v, i) => t + v * b[i], 0) + bias(name, pm, pn, q.length, s);
  };
  // M with a = [q; 1]ᵀ M [k; 1], by probing: features are x times numbers, plus numbers.
  const interaction = (name, d, pm, pn, s) => {
    const unit = (i) => Array.from({ length: d }, (_, j) => (i === j ? 1 : 0));
    const at = (i, j) => score(name, unit(i), unit(j), pm, pn, s);
    const last = at(d, d);
    return Array.from({ length: d + 1 }, (_, i) => Array.from({ length: d + 1 }, (_, j) => {
      if (i === d && j === d) return last;
      if (i === d || j === d) return at(i, j) - last;
      return at(i, j) - at(i, d) - at(d, j) + last;
    }));
  };
  // Rows of softmax(a / sqrt(d)) behind a causal mask; token i has label i.
  const attention = (name, queries, keys, s) => queries.map((q, m) => {
    const a = keys.slice(0, m + 1).map((k, n) => score(name, q, k, m, n, s) / Math.sqrt(q.length));
    const top = Math.max(...a), e = a.map((v) => Math.exp(v - top));
    const sum = e.reduce((t, v) => t + v, 0);
    return keys.map((_, n) => (n <= m ? e[n] / sum : 0));
  });

  const apart = (a, b) => (a.length === b.length
    ? Math.max(0, ...a.map((v, i) => Math.abs(v - b[i]) / (1 + Math.abs(b[i])))) : Infinity);
  // The library's numbers against these.
  const check = (checks) => {
    let worst = 0, numbers = 0;
    const wrong = [];
    for (const c of checks) {
      const s = { f: c.f, slope: c.slope };
      const away = Math.max(
        apart(features(c.name, c.q, c.pm, s), c.features_q),
        apart(features(c.name, c.k, c.pn, s), c.features_k),
        apart([score(c.name, c.q, c.k, c.pm, c.pn, s)], [c.a]),
        c.m ? apart(interaction(c.name, c.q.length, c.pm, c.pn, s).flat(), c.m) : 0);
      numbers += c.features_q.length + c.features_k.length + 1 + (c.m ? c.m.length : 0);
      if (!(away <= 1e-9)) wrong.push(c.name);
      worst = Math.max(worst, away);
    }
    return { numbers, worst, wrong };
  };
  return { encodings, features, bias, score, interaction, attention, check };
})();
