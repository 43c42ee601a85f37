// The page: sliders, the list of encodings, and a card for each that is picked. A card stands while its plots change.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const kTokens = 24, kLag = 12;
  const settings = [
    { id: "f", text: "frequency f_1", min: 0, max: 3, step: 0.01, value: 0.5 },
    { id: "ratio", text: "f of the next pair: ×", min: 0.05, max: 1, step: 0.01, value: 0.4 },
    { id: "lag", text: "lag Δ", min: -kLag, max: kLag, step: 0.25, value: 3 },
    { id: "label", text: "label p_n of the key", min: 0, max: 24, step: 0.25, value: 12 },
    { id: "width", text: "width d of the head", min: 2, max: 8, step: 2, value: 4 },
    { id: "angle", text: "angle from q to k, °", min: -180, max: 180, step: 1, value: 40 },
    { id: "seed", text: "random seed", min: 1, max: 50, step: 1, value: 7 },
  ];
  const chosen = new Set(["rope", "f_stripe1", "ropepool"]);
  const own = {}, cards = {}, inputs = {};
  const host = document.getElementById("cards");
  const make = (tag, attributes = {}, ...children) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
  };
  const html = (tag, attributes, text) => {
    const e = make(tag, attributes);
    e.innerHTML = text;
    return e;
  };

  // ---- the library's numbers ------------------------------------------------------------------------
  const result = Model.check(data.checks), line = document.getElementById("check");
  line.textContent = result.wrong.length
    ? `The page disagrees with the library: ${[...new Set(result.wrong)].join(", ")}`
    : `${result.numbers.toLocaleString("en")} numbers of the library in ${data.checks.length} checks: all agree with this page (largest difference ${result.worst.toExponential(0).replace("-", "−")})`;
  line.className = result.wrong.length ? "bad" : "";
  document.getElementById("left-out").append(
    make("p", {}, "Not on this page:"),
    ...data.left_out.map((l) => make("p", {}, make("b", {}, l.name), `: ${l.why}.`)));

  // ---- controls -------------------------------------------------------------------------------------
  const slider = (s, id, value, moved) => {
    const input = make("input", { type: "range", id, min: s.min, max: s.max, step: s.step });
    input.value = value;
    const shown = make("output", { for: id }, String(value).replace("-", "−"));
    input.addEventListener("input", () => {
      shown.textContent = input.value.replace("-", "−");
      moved(Number(input.value));
    });
    return { input, box: make("label", { class: "slider" }, html("span", {}, Draw.formula(s.text)), shown, input) };
  };
  const values = Object.fromEntries(settings.map((s) => [s.id, s.value]));
  for (const s of settings) {
    const made = slider(s, s.id, s.value, (v) => { values[s.id] = v; draw(); });
    inputs[s.id] = made.input;
    document.getElementById("sliders").append(made.box);
  }
  const groups = [...new Set(Object.values(Encodings).map((e) => e.group))];
  for (const group of groups) {
    const pick = document.getElementById("pick");
    pick.append(make("h2", {}, group));
    for (const name of Object.keys(Encodings).filter((n) => Encodings[n].group === group)) {
      const box = make("input", { type: "checkbox", id: `pick-${name}` });
      box.checked = chosen.has(name);
      box.addEventListener("change", () => {
        box.checked ? chosen.add(name) : chosen.delete(name);
        arrange();
      });
      pick.append(make("label", {}, box, name));
    }
  }
  document.getElementById("controls").addEventListener("submit", (e) => e.preventDefault());
  if (matchMedia("(max-width: 760px)").matches) document.getElementById("picker").open = false;

  // ---- contents -------------------------------------------------------------------------------------
  const state = () => {
    const v = values, random = Maths.random(v.seed), pairs = v.width / 2, turn = (v.angle * Math.PI) / 180;
    const q = [], k = [];
    for (let i = 0; i < pairs; ++i) {
      const psi = i === 0 ? 0.6 : Math.PI * random.normal();
      q.push(Math.cos(psi), Math.sin(psi));
      k.push(Math.cos(psi + turn), Math.sin(psi + turn));
    }
    const token = () => random.normals(v.width);
    return {
      ...v, q, k, pm: v.label + v.lag, pn: v.label,
      frequencies: Array.from({ length: pairs + 1 }, (_, i) => v.f * v.ratio ** i),
      queries: Array.from({ length: kTokens }, token), keys: Array.from({ length: kTokens }, token),
    };
  };

  // ---- cards ----------------------------------------------------------------------------------------
  const figure = (plot, caption) => make("figure", {}, make("div", { class: "plot", "data-plot": plot }),
    html("figcaption", {}, caption));
  const build = (name) => {
    const e = Encodings[name], sliders = make("div", { class: "own" });
    own[name] = own[name] || {};
    for (const o of e.own || []) {
      const at = own[name][o.id] === undefined ? o.value : own[name][o.id];
      sliders.append(slider(o, `${name}-${o.id}`, at, (v) => { own[name][o.id] = v; update(name, state()); }).box);
    }
    const math = (what, text) => html("p", { class: "math" }, `<small>${what}</small>${Draw.formula(text)}`);
    const title = make("div", {}, make("h2", {}, name), make("p", { class: "source" }, data.encodings[name].source));
    return make("section", { class: "card", id: `card-${name}`, "aria-label": name }, title, sliders,
      math("features", e.about.features),
      make("div", { class: "two" },
        figure("rotation", "<b>Rotation</b> of the first two numbers, from <i>x</i> (dashed)"),
        figure("features", '<b>Features</b> of <b class="q">q</b> and <b class="k">k</b>')),
      make("div", {}, math("score", e.about.score), make("p", { class: "score", "data-plot": "score" })),
      figure("kernel", `<b>Kernel</b>: <i>a</i> against the lag Δ${e.mean ? "; thick: the mean over draws" : ""}`),
      math("interaction", e.about.matrix),
      make("div", {}, make("div", { class: "two" },
        figure("attention", `<b>Attention</b> of ${kTokens} queries (down) to keys${e.behind ? ", φ = elu + 1" : ""}`),
        figure("interaction", "<b>Interaction</b>")),
      html("p", { class: "note" }, Draw.formula(e.about.note))));
  };

  /// Where the first two features are, from label 0 to p.
  const way = (name, x, p, s, key) => {
    const steps = Encodings[name].whole ? Math.abs(Math.round(p)) : 60;
    return Array.from({ length: steps + 1 }, (_, i) =>
      plane(name, Model.features(name, x, (p * i) / Math.max(steps, 1), s, key)));
  };
  // One number a pair is drawn on the diagonal, where the turned pair falls.
  const plane = (name, y) => (Encodings[name].group === "Pooled rotations" && name !== "ropepool_cross_pair"
    ? [y[0] / 2, y[0] / 2] : [y[0], y[1]]);

  const update = (name, t) => {
    const s = Model.settings(name, t.width, t.frequencies, own[name], t.seed);
    const at = (plot) => cards[name].querySelector(`[data-plot=${plot}]`);
    const why = Model.refused(name, Model.label(name, t.pm), Model.label(name, t.pn), s);
    const a = Model.score(name, t.q, t.k, t.pm, t.pn, s), content = Maths.dot(t.q, t.k);
    const number = (v) => v.toFixed(4).replace("-", "−");
    at("score").innerHTML = why ? `<span class="why">no score: ${why}</span>`
      : `<i>a</i> = ${number(a)},&ensp;<i>a</i>/√<i>d</i> = ${number(a / Math.sqrt(t.width))}`;
    if (why) {
      for (const plot of ["rotation", "features", "interaction"]) at(plot).replaceChildren(make("p", {}, why));
      at("interaction").nextSibling.innerHTML = "<b>Interaction</b>";
    } else {
      const fq = Model.features(name, t.q, t.pm, s, false), fk = Model.features(name, t.k, t.pn, s, true);
      at("rotation").innerHTML = Draw.plane({
        before: { q: t.q.slice(0, 2), k: t.k.slice(0, 2) }, after: { q: plane(name, fq), k: plane(name, fk) },
        whole: Encodings[name].whole, trail: { q: way(name, t.q, t.pm, s, false), k: way(name, t.k, t.pn, s, true) },
      });
      at("features").innerHTML = Draw.bars(fq, fk);
      const m = Model.interaction(name, t.pm, t.pn, s), d = t.width;
      const single = m.some((row, i) => row.some((v, j) => (i === d || j === d) && Math.abs(v) > 1e-12));
      const shown = single ? m : m.slice(0, d).map((row) => row.slice(0, d));
      const top = Math.max(1e-12, ...shown.flat().map(Math.abs));
      shown.single = single;
      at("interaction").innerHTML = Draw.matrix(shown, top);
      at("interaction").nextSibling.innerHTML = `<b>Interaction</b>: what <i>q<sub>i</sub>k<sub>j</sub></i>${single ? ", <i>q<sub>i</sub></i>, <i>k<sub>j</sub></i>, 1" : ""} meet, to ±${top.toFixed(2)}`;
    }
    const points = [], means = [], { whole, mean, features } = Encodings[name], pn = Model.label(name, t.pn);
    for (let lag = -kLag; lag <= kLag; lag += whole ? 1 : 0.125) {
      points.push([lag, Model.score(name, t.q, t.k, pn + lag, pn, s)]);
      if (mean && features) means.push([lag, Model.mean_score(name, t.q, t.k, pn + lag, pn, s)]);
    }
    const lag = Math.min(Math.max(Model.label(name, t.pm) - pn, -kLag), kLag);
    at("kernel").innerHTML = Draw.curve(points, means, content, lag, a, whole);
    at("attention").replaceChildren(Draw.attention(Model.attention(name, t.queries, t.keys, s), `attention weights of ${name}`));
  };

  function draw() {
    const t = state();
    for (const name of chosen) update(name, t);
  }
  /// A card for each encoding that is picked, and for no other.
  function arrange() {
    for (const name of Object.keys(cards))
      if (!chosen.has(name)) cards[name].remove(), delete cards[name];
    for (const name of chosen) {
      if (cards[name]) continue;
      host.append(cards[name] = build(name));
      update(name, state());
    }
    document.getElementById("count").textContent = `(${chosen.size} of ${Object.keys(Encodings).length})`;
    const empty = document.getElementById("empty");
    if (chosen.size && empty) empty.remove();
    if (!chosen.size && !empty) host.append(make("p", { id: "empty" }, "Pick an encoding."));
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  arrange();
})();
