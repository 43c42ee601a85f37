(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const kTokens = 24;
  const settings = [
    { id: "f", text: "frequency f₁", min: 0, max: 3, step: 0.01, value: 0.5 },
    { id: "ratio", text: "f of next pair: ×", min: 0.05, max: 1, step: 0.01, value: 0.3 },
    { id: "lag", text: "lag p_m − p_n", min: -12, max: 12, step: 0.25, value: 3 },
    { id: "label", text: "label p_n of the key", min: 0, max: 12, step: 0.25, value: 2 },
    { id: "width", text: "head width d", min: 2, max: 8, step: 2, value: 4 },
    { id: "angle", text: "angle q to k, °", min: -180, max: 180, step: 1, value: 40 },
    { id: "slope", text: "slope s (alibi)", min: 0, max: 1, step: 0.01, value: 0.25 },
    { id: "seed", text: "contents, seed", min: 1, max: 50, step: 1, value: 7 },
  ];
  const chosen = new Set(["rope", "f_stripe1", "ropepool"]);
  const cards = document.getElementById("cards");
  const make = (tag, attributes = {}, ...children) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
  };

  // ---- the library's numbers --------------------------------------------------------------------
  const result = Model.check(data.checks), line = document.getElementById("check");
  line.textContent = result.wrong.length
    ? `The page disagrees with the library: ${[...new Set(result.wrong)].join(", ")}`
    : `${result.numbers} numbers of the library in ${data.checks.length} checks: all agree with this page (largest difference ${result.worst.toExponential(0)})`;
  line.className = result.wrong.length ? "bad" : "";

  // ---- controls ---------------------------------------------------------------------------------
  const pick = document.getElementById("pick"), sliders = document.getElementById("sliders");
  for (const name of Object.keys(Model.encodings)) {
    const box = make("input", { type: "checkbox", id: `pick-${name}` });
    box.checked = chosen.has(name);
    box.addEventListener("change", () => {
      box.checked ? chosen.add(name) : chosen.delete(name);
      draw();
    });
    pick.append(make("label", {}, box, name));
  }
  const inputs = {};
  for (const s of settings) {
    const input = make("input", { type: "range", id: s.id, min: s.min, max: s.max, step: s.step });
    input.value = s.value;
    const shown = make("output", { for: s.id });
    inputs[s.id] = { input, shown };
    input.addEventListener("input", draw);
    sliders.append(make("label", {}, s.text, shown, input));
  }
  document.getElementById("controls").addEventListener("submit", (e) => e.preventDefault());

  // ---- contents ---------------------------------------------------------------------------------
  const random = (seed) => {
    let state = (seed * 2654435761) >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  };
  const state = () => {
    const v = {};
    for (const [id, { input, shown }] of Object.entries(inputs)) {
      v[id] = Number(input.value);
      shown.textContent = input.value;
    }
    const normal = random(v.seed), pairs = v.width / 2, turn = (v.angle * Math.PI) / 180;
    const q = [], k = [];
    for (let i = 0; i < pairs; ++i) {
      const psi = Math.PI * normal() + (i === 0 ? 0.6 : 0);
      q.push(Math.cos(psi), Math.sin(psi));
      k.push(Math.cos(psi + turn), Math.sin(psi + turn));
    }
    const token = () => Array.from({ length: v.width }, normal);
    return {
      ...v, q, k, pm: v.label + v.lag, pn: v.label,
      s: { f: Array.from({ length: pairs }, (_, i) => v.f * v.ratio ** i), slope: v.slope },
      queries: Array.from({ length: kTokens }, token), keys: Array.from({ length: kTokens }, token),
    };
  };

  // ---- plots ------------------------------------------------------------------------------------
  const svg = (width, height, body, label) =>
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${body}</svg>`;
  const arrow = (x, y, who, before) => {
    const scale = 46, X = 70 + scale * x, Y = 70 - scale * y;
    return `<g class="${who}${before ? " before" : ""}"><line x1="70" y1="70" x2="${X.toFixed(2)}" y2="${Y.toFixed(2)}" stroke-width="2"/><circle cx="${X.toFixed(2)}" cy="${Y.toFixed(2)}" r="3"/></g>`;
  };
  // The first pair in its plane, before and after; where the features are not a plane, as numbers on an axis.
  const plane = (name, t) => {
    let body = '<circle class="axis" cx="70" cy="70" r="46"/><path class="axis" d="M4 70H136M70 4V136"/>';
    body += arrow(t.q[0], t.q[1], "q", true) + arrow(t.k[0], t.k[1], "k", true);
    const fq = Model.features(name, t.q, t.pm, t.s), fk = Model.features(name, t.k, t.pn, t.s);
    if (name === "ropepool") {
      body += '<path class="axis" d="M14 126L126 14" stroke-dasharray="2 3"/>';
      body += arrow(fq[0] / 2, fq[0] / 2, "q") + arrow(fk[0] / 2, fk[0] / 2, "k");
    } else if (name === "f_stripe1_pooled") {
      body += arrow(fq[0] / t.width, fq[1] / t.width, "q") + arrow(fk[0] / t.width, fk[1] / t.width, "k");
    } else {
      const shrink = name === "sinusoidal" ? 0.5 : 1;
      body += arrow(fq[0] * shrink, fq[1] * shrink, "q") + arrow(fk[0] * shrink, fk[1] * shrink, "k");
    }
    return svg(140, 140, body, "first pair in its plane");
  };
  const bars = (name, t) => {
    const fq = Model.features(name, t.q, t.pm, t.s), fk = Model.features(name, t.k, t.pn, t.s);
    const top = Math.max(1, ...fq.map(Math.abs), ...fk.map(Math.abs)), n = fq.length;
    const slot = 132 / n, w = Math.min(10, slot * 0.4);
    let body = '<path class="axis" d="M4 70H136"/>';
    fq.forEach((v, i) => {
      const x = 4 + slot * (i + 0.5);
      for (const [value, who, shift] of [[v, "q", -w], [fk[i], "k", 0]]) {
        const h = (Math.abs(value) / top) * 60;
        body += `<rect class="${who}" stroke="none" x="${(x + shift).toFixed(2)}" y="${(value < 0 ? 70 : 70 - h).toFixed(2)}" width="${w.toFixed(2)}" height="${h.toFixed(2)}"/>`;
      }
    });
    return svg(140, 140, `${body}<text x="4" y="11">${top.toFixed(1)}</text>`, "features");
  };
  const byLag = (name, t) => {
    const points = [];
    for (let lag = -12; lag <= 12; lag += 0.125)
      points.push([lag, Model.score(name, t.q, t.k, t.pn + lag, t.pn, t.s)]);
    const top = Math.max(1e-9, ...points.map((p) => Math.abs(p[1])));
    const X = (lag) => 150 + lag * 12, Y = (a) => 60 - (a / top) * 50;
    const path = points.map((p, i) => `${i ? "L" : "M"}${X(p[0]).toFixed(1)} ${Y(p[1]).toFixed(1)}`).join("");
    const here = Model.score(name, t.q, t.k, t.pm, t.pn, t.s);
    let body = '<path class="axis" d="M4 60H296M150 6V112"/>';
    for (const lag of [-12, -6, 6, 12])
      body += `<text x="${X(lag)}" y="118" text-anchor="${lag === 12 ? "end" : lag === -12 ? "start" : "middle"}">${lag}</text>`;
    body += `<text x="6" y="14">${top.toFixed(2)}</text><text x="150" y="118" text-anchor="middle">0</text>`;
    body += `<path class="curve" d="${path}"/><circle class="here" cx="${X(t.lag)}" cy="${Y(here).toFixed(1)}" r="4"/>`;
    return svg(300, 122, body, "score against lag");
  };
  const mix = (stops, t) => {
    const at = Math.min(Math.max(t, 0), 1) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
    return stops[i].map((v, c) => v + (stops[i + 1][c] - v) * (at - i));
  };
  const heat = [[5, 3, 20], [42, 18, 86], [97, 28, 124], [153, 45, 122], [207, 66, 103],
    [242, 107, 88], [252, 161, 108], [253, 211, 153], [251, 250, 206]];
  const signed = () => [[19, 56, 120], [84, 140, 196],
    matchMedia("(prefers-color-scheme: dark)").matches ? [38, 40, 38] : [248, 247, 243],
    [222, 116, 84], [170, 40, 50]];
  const paint = (canvas, rows, colour) => {
    canvas.width = rows[0].length;
    canvas.height = rows.length;
    const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
    rows.flat().forEach((v, i) => image.data.set([...colour(v).map(Math.round), 255], 4 * i));
    context.putImageData(image, 0, 0);
  };

  const captions = {
    none: "pair 1, as it is", rope: "pair 1, turned", f_stripe1: "stripes of x₁",
    f_stripe1_pooled: "both features, ÷ d", ropepool: "turned, to diagonal",
    alibi: "pair 1, as it is", sinusoidal: "code added, ÷ 2",
  };
  const card = (name, t) => {
    const a = Model.score(name, t.q, t.k, t.pm, t.pn, t.s);
    const box = make("section", { class: "card", "aria-label": name });
    const m = Model.interaction(name, t.width, t.pm, t.pn, t.s);
    const single = m.some((row, i) => row.some((v, j) => (i === t.width || j === t.width) && Math.abs(v) > 1e-12));
    const shown = single ? m : m.slice(0, t.width).map((row) => row.slice(0, t.width));
    const top = Math.max(1e-12, ...shown.flat().map(Math.abs));
    box.innerHTML = `<h2>${name}</h2><p class="formula">${Model.encodings[name].about.join("<br>")}</p>
      <p class="score">a = ${a.toFixed(4)}, score a/√d = ${(a / Math.sqrt(t.width)).toFixed(4)}</p>
      <div class="two"><div><h3>Rotation <span>${captions[name]}</span></h3>${plane(name, t)}</div>
      <div><h3>Features <span>of <b class="q">q</b> and <b class="k">k</b></span></h3>${bars(name, t)}</div></div>
      <h3>Kernel against lag <span>at p_n = ${t.pn}</span></h3>${byLag(name, t)}
      <div class="two"><div><h3>Attention <span>softmax, ${kTokens} tokens</span></h3></div>
      <div><h3>Interaction <span>rows q, columns k${single ? ", 1" : ""}</span></h3></div></div>
      <p class="legend">pale: before; attention: light is more; interaction: blue −${top.toFixed(2)}, red ${top.toFixed(2)}</p>`;
    const [left, right] = box.querySelectorAll(".two")[1].children;
    const weights = Model.attention(name, t.queries, t.keys, t.s);
    for (const [where, label, rows, colour] of [
      [left, "attention weights", weights, (v) => mix(heat, Math.sqrt(v))],
      [right, "interaction matrix", shown, (v) => mix(signed(), (v / top + 1) / 2)]]) {
      const canvas = make("canvas", { role: "img", "aria-label": `${label} of ${name}` });
      paint(canvas, rows, colour);
      where.append(canvas);
    }
    return box;
  };
  function draw() {
    const t = state();
    cards.replaceChildren(...[...chosen].map((name) => card(name, t)));
    if (!chosen.size) cards.append(make("p", {}, "Pick an encoding above."));
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
