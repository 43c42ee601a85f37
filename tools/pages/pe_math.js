// What the encodings of the page share: rotations and stripes of a list of numbers, layers, random
// numbers. Lists are in the library's layout. Encodings stand in `Encodings`, by name:
//   group             where it stands in the list
//   uses              page-wide settings that it reads beside lag, label and content: f, ratio
//   own               its own sliders { id, text, min, max, step, value }; values come as s[id]
//   make(d, random, s)          what is drawn or learned, as it starts; comes as s[name]
//   features(x, p, s, key)      of a query (key false) or a key with label p
//   bias(pm, pn, s, q, k)       what a score gets beside the product of features; raw, times sqrt(d)
//   mean(pm, pn, s, d)          of random codes: the diagonal of G in the mean over draws
//   whole, from, limit(s), causal   labels are whole; from this on; below that; no later keys
//   least                       width of a head
//   behind                      works behind the feature map: x are features
//   about { features, score, matrix, note }   formulas and words
const Encodings = {};

const Maths = (() => {
  const turned = (x, theta) => x.map((_, i) => {
    const c = Math.cos(theta[i >> 1]), s = Math.sin(theta[i >> 1]);
    return i % 2 ? x[i] * c + x[i - 1] * s : x[i] * c - x[i + 1] * s;
  });
  const striped = (x, theta) => x.flatMap((v, i) => [v * Math.cos(theta[i]), v * Math.sin(theta[i])]);
  const dot = (a, b) => a.reduce((t, v, i) => t + v * b[i], 0);
  const add = (a, b) => a.map((v, i) => v + b[i]);
  const times = (a, factor) => a.map((v) => v * factor);
  /// Row `i` of a list of rows of d numbers.
  const row = (table, i, d) => table.slice(i * d, (i + 1) * d);
  /// W x + b, W [out, in] row by row.
  const layer = (x, weight, bias) => {
    const out = Array.from({ length: weight.length / x.length }, (_, i) => dot(row(weight, i, x.length), x));
    return bias ? add(out, bias) : out;
  };
  const clip = (x, low, high) => Math.min(Math.max(x, low), high);
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const softplus = (x) => Math.log1p(Math.exp(x));
  /// StructurePE's code of a label: column c is sin (c even) or cos (c odd) of frequency ceil(c / 2).
  const columns = (p, d, s) => Array.from({ length: d }, (_, c) =>
    (c % 2 ? Math.cos : Math.sin)(s.f[(c + 1) >> 1] * p));
  /// p times a permutation (p may be negative): where each number is taken from.
  const power = (permutation, p) => permutation.map((_, i) => {
    let length = 1;
    for (let j = permutation[i]; j !== i; j = permutation[j]) ++length;
    let at = i;
    for (let step = ((p % length) + length) % length; step > 0; --step) at = permutation[at];
    return at;
  });
  /// Numbers of a seed.
  const random = (seed) => {
    let state = Math.imul(seed + 1, 2654435761) >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    const list = (n, next) => Array.from({ length: n }, next);
    return {
      uniform, normal,
      normals: (n, deviation = 1) => list(n, () => deviation * normal()),
      uniforms: (n, low, high) => list(n, () => low + (high - low) * uniform()),
      permutation: (n) => {
        const all = list(n, (_, i) => i);
        for (let i = n - 1; i > 0; --i) {
          const j = Math.floor(uniform() * (i + 1));
          [all[i], all[j]] = [all[j], all[i]];
        }
        return all;
      },
    };
  };
  return { turned, striped, dot, add, times, row, layer, clip, sigmoid, softplus, columns, power, random };
})();
