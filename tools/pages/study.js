(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const listening = document.getElementById("listening");
  if (!listening || data.length === 0) return;
  const kMelodyVelocity = 88, kPartVelocity = 68;
  const make = (tag, attributes = {}, ...children) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
  };

  for (const piece of data) {
    const all = piece.parts.flatMap((p) => p.notes).concat(piece.melody, piece.bridge);
    piece.low = all.reduce((a, n) => Math.min(a, n[2]), 127) - 1;
    piece.high = all.reduce((a, n) => Math.max(a, n[2]), 0) + 1;
    piece.target = piece.parts[0].notes;
  }
  const studies = [...new Set(data.map((p) => p.study))];
  const state = { study: studies[0], piece: 0, context: null };
  const pieces = () => data.filter((p) => p.study === state.study);
  const piece = () => pieces()[state.piece];
  const contexts = () => [...new Set(piece().parts.map((p) => p.context).filter((c) => c))];

  // ---- what sounds ------------------------------------------------------------------------------
  const withMelody = make("input", { type: "checkbox", id: "with-melody" });
  withMelody.checked = true;
  const performance = (from, part) => {
    const seconds = (tick) => tick * from.secondsPerTick;
    const voice = (notes, velocity) =>
      notes.map((n) => ({ start: seconds(n[0]), end: seconds(n[1]), pitch: n[2], velocity }));
    const heard = withMelody.checked
      ? voice(from.melody, kMelodyVelocity).concat(voice(from.bridge, kMelodyVelocity)) : [];
    return heard.concat(voice(part.notes, kPartVelocity));
  };
  let playing = null;  // the card
  const follow = () => {
    if (!playing) return;
    const t = Player.time();
    if (t === null) return;
    const share = Math.min(Math.max(t / (piece().ticks * piece().secondsPerTick), 0), 1);
    playing.querySelector(".head-line").style.left = `${100 * share}%`;
    requestAnimationFrame(follow);
  };
  const start = (card, part, from) => {
    const length = piece().ticks * piece().secondsPerTick;
    const button = card.querySelector(".play");
    Player.play(performance(piece(), part), from, length, () => {
      card.classList.remove("playing");
      button.textContent = "▶";
      button.setAttribute("aria-label", `play ${part.title}`);
      playing = null;
    });
    playing = card;
    card.classList.add("playing");
    button.textContent = "■";
    button.setAttribute("aria-label", `stop ${part.title}`);
    follow();
  };

  // ---- cards ------------------------------------------------------------------------------------
  const cards = make("div", { id: "cards" });
  const numbers = (part) => {
    const onsets = `${part.notes.length} notes`;
    if (part.kind === "target") return onsets;
    if (part.notes.length === 0) return "silence";
    return `${onsets}; CS ${part.cs.toFixed(0)}, GS ${part.gs.toFixed(0)}, onset F1 ${part.onsetF1.toFixed(0)}`;
  };
  const cardOf = (part) => {
    const button = make("button", { type: "button", class: "play", "aria-label": `play ${part.title}` }, "▶");
    const canvas = make("canvas", { role: "img", "aria-label": `piano roll of ${part.title}: ${numbers(part)}` });
    const roll = make("div", { class: "roll" }, canvas, make("div", { class: "head-line" }));
    const title = part.context ? `${part.title}, ${part.context}` : part.title;
    const card = make("article", { class: "card", "data-midi": part.midi },
      make("div", { class: "head" }, make("h3", {}, title),
        make("div", { class: "buttons" }, make("a", { href: part.midi, download: "" }, "MIDI"), button)),
      make("p", { class: "numbers" }, numbers(part)), roll);
    button.addEventListener("click", () => (playing === card ? Player.stop() : start(card, part, 0)));
    roll.addEventListener("click", (e) => {
      const box = roll.getBoundingClientRect();
      start(card, part, ((e.clientX - box.left) / box.width) * piece().ticks * piece().secondsPerTick);
    });
    return card;
  };
  const shown = () =>
    piece().parts.filter((p) => !p.context || state.context === null || p.context === state.context);
  const paint = () => {
    const parts = shown();
    [...cards.children].forEach((card, i) => Roll.draw(card.querySelector("canvas"), piece(), parts[i]));
  };
  const draw = () => {
    Player.stop();
    cards.replaceChildren(...shown().map(cardOf));
    paint();
  };

  // ---- choices ----------------------------------------------------------------------------------
  const bar = make("div", { class: "bar" });
  const choice = (what, values, chosen, choose) =>
    make("div", { role: "group", "aria-label": what }, make("span", { class: "what" }, what),
      ...values.map(([value, text]) => {
        const button = make("button", { type: "button", "aria-pressed": String(value === chosen) }, text);
        button.addEventListener("click", () => (choose(value), controls(), draw()));
        return button;
      }));
  const controls = () => {
    if (state.context !== null && !contexts().includes(state.context)) state.context = contexts()[0] || null;
    bar.replaceChildren();
    if (studies.length > 1)
      bar.append(choice("study", studies.map((s) => [s, s]), state.study, (s) => ((state.study = s), (state.piece = 0))));
    bar.append(choice("piece", pieces().map((p, i) => [i, p.name]), state.piece, (i) => (state.piece = i)));
    if (contexts().length > 1)
      bar.append(choice("context", contexts().map((c) => [c, c]).concat([[null, "all"]]), state.context,
        (c) => (state.context = c)));
    bar.append(make("label", { class: "check" }, withMelody, "with the melody"));
  };
  const key = (name, text) => {
    const swatch = make("i");
    swatch.style.background = `var(${name})`;
    return make("span", { class: "key" }, swatch, text);
  };
  const names = contexts();
  state.context = names.length > 1 ? names[names.length - 1] : null;
  controls();
  listening.append(bar, make("p", { class: "soft" }, key("--melody", "melody and bridge, given"),
    key("--target", "target"), key("--hit", "begins as in the target"), key("--extra", "does not (thin)")), cards);
  draw();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    paint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  window.addEventListener("pagehide", () => Player.stop());
})();
