// What the page makes of an encoding: features, raw scores a (a / sqrt(d) is what attention sees), interaction matrix,
// attention; and the library's numbers held against these.
const Model = (() => {
  const { dot } = Maths;
  /// Numbers of one encoding for heads of size d: page-wide frequencies, its own sliders, what is drawn or learned.
  const settings = (name, d, f, own, seed) => {
    const e = Encodings[name], s = { f, d };
    for (const o of e.own || []) s[o.id] = own[o.id] === undefined ? o.value : own[o.id];
    return { ...s, ...(e.make ? e.make(d, Maths.random(seed), s) : {}) };
  };
  const label = (name, p) => (Encodings[name].whole ? Math.round(p) : p);
  /// Why a pair of labels has no score, or "".
  const refused = (name, pm, pn, s) => {
    const e = Encodings[name], limit = e.limit ? e.limit(s) : Infinity;
    if (e.least && s.d < e.least) return `asks for heads of ${e.least} numbers or more`;
    if (e.causal && pm < pn) return "no query looks at later keys";
    if (e.from !== undefined && Math.min(pm, pn) < e.from) return `takes labels from ${e.from} on`;
    if (Math.max(pm, pn) >= limit) return `takes labels below ${limit}`;
    return "";
  };
  const features = (name, x, p, s, key) => {
    const e = Encodings[name];
    return e.features ? e.features(x, label(name, p), s, key) : x.slice();
  };
  const mean = (name, pm, pn, s) => {
    const e = Encodings[name];
    return e.mean ? e.mean(label(name, pm), label(name, pn), s, s.d) : null;
  };
  const mean_score = (name, q, k, pm, pn, s) => mean(name, pm, pn, s).reduce((t, g, i) => t + g * q[i] * k[i], 0);
  const bias = (name, q, k, pm, pn, s) => {
    const e = Encodings[name];
    return e.bias ? e.bias(label(name, pm), label(name, pn), s, q, k) : 0;
  };
  const score = (name, q, k, pm, pn, s) => {
    if (refused(name, label(name, pm), label(name, pn), s)) return NaN;
    if (!Encodings[name].features) return mean_score(name, q, k, pm, pn, s);
    return dot(features(name, q, pm, s, false), features(name, k, pn, s, true)) + bias(name, q, k, pm, pn, s);
  };
  // M with a = [q; 1]ᵀ M [k; 1], by probing: a is linear in q and in k, but for numbers added.
  const interaction = (name, pm, pn, s) => {
    const d = s.d, unit = (i) => Array.from({ length: d }, (_, j) => (i === j ? 1 : 0));
    const at = (i, j) => score(name, unit(i), unit(j), pm, pn, s);
    const last = at(d, d);
    return Array.from({ length: d + 1 }, (_, i) => Array.from({ length: d + 1 }, (_, j) => {
      if (i === d && j === d) return last;
      if (i === d || j === d) return at(i, j) - last;
      return at(i, j) - at(i, d) - at(d, j) + last;
    }));
  };
  const elu1 = (v) => (v > 0 ? v + 1 : Math.exp(v));
  // Rows of softmax(a / sqrt(d)) behind a causal mask, token i with label i; of features elu(x) + 1, a / sum a.
  const attention = (name, queries, keys, s) => {
    const behind = Encodings[name].behind, map = (x) => (behind ? x.map(elu1) : x);
    return queries.map((q, m) => {
      const a = keys.slice(0, m + 1).map((k, n) => score(name, map(q), map(k), m, n, s));
      const top = Math.max(...a), scale = Math.sqrt(s.d);
      const e = behind ? a : a.map((v) => Math.exp((v - top) / scale));
      const sum = e.reduce((t, v) => t + v, 0);
      return keys.map((_, n) => (n <= m ? e[n] / sum : 0));
    });
  };

  const apart = (a, b) => (a.length === b.length
    ? Math.max(0, ...a.map((v, i) => { const away = Math.abs(v - b[i]) / (1 + Math.abs(b[i])); return away >= 0 ? away : Infinity; }))
    : Infinity);
  /// The library's numbers against these: how many, the largest difference, and the encodings that are wrong.
  const check = (checks) => {
    let worst = 0, numbers = 0;
    const wrong = [];
    for (const c of checks) {
      const s = { ...c.s, d: c.q.length };
      const pairs = [];
      if (c.features_q) pairs.push([features(c.name, c.q, c.pm, s, false), c.features_q], [features(c.name, c.k, c.pn, s, true), c.features_k]);
      if (c.a !== undefined) pairs.push([[score(c.name, c.q, c.k, c.pm, c.pn, s)], [c.a]]);
      if (c.curve) pairs.push([c.lags.map((lag) => score(c.name, c.q, c.k, c.pn + lag, c.pn, s)), c.curve]);
      if (c.m) pairs.push([interaction(c.name, c.pm, c.pn, s).flat(), c.m]);
      if (c.mean) pairs.push([mean(c.name, c.pm, c.pn, s), c.mean]);
      if (c.attention) pairs.push([attention(c.name, c.queries, c.keys, s).flat(), c.attention]);
      const away = Math.max(...pairs.map(([mine, its]) => apart(mine, its)));
      numbers += pairs.reduce((t, p) => t + p[1].length, 0);
      if (!(away <= 1e-9)) wrong.push(c.name);
      worst = Math.max(worst, away);
    }
    return { numbers, worst, wrong };
  };
  return { settings, label, refused, features, mean, mean_score, score, interaction, attention, check };
})();
