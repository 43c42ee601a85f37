// Drives the page of `gradus pe plot`, for pe_page_test.cpp: what moves what, and how it looks.
globalThis.Driver = (() => {
  const pick_all = () => {
    for (const box of document.querySelectorAll("#pick input")) if (!box.checked) box.click();
  };
  /// Each plot of each card, as text.
  const look = () => Object.fromEntries([...document.querySelectorAll(".card")].map((card) =>
    [card.id.slice(5), Object.fromEntries([...card.querySelectorAll("[data-plot]")].map((p) =>
      [p.dataset.plot, p.innerHTML + [...p.querySelectorAll("canvas")].map((c) => c.toDataURL()).join()]))]));

  const name = (e) => e.id || e.tagName;
  /// All that a key should reach, in the order of the page.
  const controls = () => [...document.querySelectorAll("input, summary, a, button, select, [tabindex]")].map(name);
  /// What has the focus, and how it shows it.
  const focus = () => {
    const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    const shown = e.type === "range" ? Number(e.previousElementSibling.textContent.replace("−", "-")) : null;
    return { id: name(e), type: e.type || "", value: Number(e.value), step: Number(e.step), shown,
      outline: style.outlineStyle === "solid" ? parseFloat(style.outlineWidth) : 0,
      in_view: box.height > 0 && box.top < innerHeight && box.bottom > 0,
      card: Boolean(document.getElementById(`card-${e.id.slice(5)}`)) };
  };

  const sliders_in_view = () => [...document.querySelectorAll("#sliders input")].every((e) => {
    const box = e.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight;
  });

  /// Elements that hang over the edge of the window or out of their card.
  const sticking_out = () => [...document.querySelectorAll("body *")].filter((e) => {
    const card = e.closest(".card"), right = e.getBoundingClientRect().right;
    return right > innerWidth + 0.5 || (card && right > card.getBoundingClientRect().right + 0.5);
  }).map((e) => e.outerHTML.slice(0, 80)).join();

  /// The least contrast of text and what stands behind it, as WCAG defines it.
  const least_contrast = () => {
    const light = (c) => c.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((t, v, i) => t + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (e) => {
      const c = getComputedStyle(e).backgroundColor;
      return c.endsWith(", 0)") ? behind(e.parentElement) : c;
    };
    return Math.min(...["h1", "header p", "#check", ".slider span", ".slider output", "summary", "#pick label",
      ".card h2", ".source", ".math", ".math small", ".score", "figcaption", ".note", "footer p", "b.q", "b.k"]
      .map((s) => {
        const e = document.querySelector(s), a = light(getComputedStyle(e).color), b = light(behind(e));
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      }));
  };

  /// What moves what, by what an encoding is, and not by what the page says of it.
  const moved = () => {
    const all = Object.keys(Encodings), but = (list) => all.filter((n) => !list.includes(n));
    const still = ["none", "alibi", "kerple_log", "kerple_power", "sandwich", "t5", "toeplitz", "fire", "shaw",
      "music_transformer", "deberta", "transformer_xl", "s_rpe", "conv_spe"], turning = but(still);
    const permuting = ["lrpe_permutation", "permuteformer"];
    const absolute = ["ropepool", "ropepool_cross_pair", "ropepool_total", "f_stripe1_pooled", "f_stripe_pooled",
      "sine_spe", "gated", "sinusoidal", "learned", "s_ape", "fire"];
    const of_f = ["rope", "rope_scaled_linear", "rope_scaled_ntk", "rope_scaled_yarn", "xpos", "lrpe_rotation",
      "lrpe_unitary", "ropepool", "ropepool_cross_pair", "ropepool_total", "f_stripe1", "f_stripe1_pooled", "f_stripe",
      "f_stripe_pooled", "sine_spe", "gated", "sandwich", "transformer_xl", "s_rpe", "sinusoidal", "s_ape"];
    const both = (a, b) => a.filter((n) => b.includes(n));
    // Control, step, and for each plot who must move; of the others nobody may, but for those in `may`.
    const turned = { rotation: but([...still, ...permuting]), features: turning };
    const rules = [
      ["f", 12, { rotation: both(of_f, turning), features: both(of_f, turning), score: of_f, kernel: of_f,
        attention: of_f, interaction: of_f }, {}],
      ["ratio", 12, { features: both(of_f, turning), score: of_f, kernel: of_f, attention: of_f, interaction: of_f },
        { rotation: both(of_f, turning) }],
      ["lag", 4, { ...turned, score: but(["none"]), kernel: all, interaction: but(["none"]) }, { rotation: permuting }],
      ["label", 4, { ...turned, score: absolute, kernel: absolute, interaction: absolute }, { rotation: permuting }],
      ["width", 1, { features: all, score: all, kernel: all, attention: all, interaction: all }, { rotation: all }],
      ["angle", 9, { rotation: all, features: all, score: all, kernel: all }, {}],
      ["seed", 1, { features: all, attention: all }, { rotation: all, score: all, kernel: all, interaction: all }],
    ];
    const wrong = [];
    const step = (input, steps) => {
      for (let i = 0; i < Math.abs(steps); ++i) steps > 0 ? input.stepUp() : input.stepDown();
      input.dispatchEvent(new Event("input"));
    };
    for (const box of document.querySelectorAll("#pick input")) {
      const name = box.id.slice(5), before = box.checked;
      for (const _ of [0, 1]) {
        box.click();
        if (!!document.getElementById("card-" + name) !== box.checked) wrong.push(box.id);
      }
      if (!before) box.click();
    }
    const plots = ["rotation", "features", "score", "kernel", "attention", "interaction"];
    const start = look();
    for (const n of all) for (const plot of plots)
      if (!(start[n] || {})[plot]) wrong.push(n + " has no " + plot);
    for (const [id, steps, must, may] of rules) {
      const input = document.getElementById(id), before = look();
      step(input, steps);
      const after = look();
      for (const n of all) for (const plot of plots) {
        const moves = before[n][plot] !== after[n][plot];
        if (!moves && (must[plot] || []).includes(n)) wrong.push(`${id} leaves ${plot} of ${n}`);
        if (moves && ![...(must[plot] || []), ...(may[plot] || [])].includes(n)) wrong.push(`${id} moves ${plot} of ${n}`);
      }
      step(input, -steps);
      if (JSON.stringify(look()) !== JSON.stringify(before)) wrong.push(`${id} does not come back`);
    }
    const own = [...document.querySelectorAll(".own input")];
    for (const input of own) {
      const mine = input.closest(".card").id.slice(5), before = look();
      step(input, 1);
      const after = look();
      for (const n of all) for (const plot of plots)
        if (n !== mine && before[n][plot] !== after[n][plot]) wrong.push(`${input.id} moves ${plot} of ${n}`);
      // Beyond fire's threshold it is the query's label that counts: only the first tokens see it.
      for (const plot of input.id === "fire-threshold" ? ["attention"] : ["kernel", "attention"])
        if (before[mine][plot] === after[mine][plot]) wrong.push(`${input.id} leaves ${plot}`);
      step(input, -1);
      if (JSON.stringify(look()) !== JSON.stringify(before)) wrong.push(`${input.id} does not come back`);
    }
    return { wrong, own: own.length, sliders: document.querySelectorAll("#sliders input").length, rules: rules.length };
  };
  return { pick_all, look, controls, focus, sliders_in_view, sticking_out, least_contrast, moved };
})();
undefined;
