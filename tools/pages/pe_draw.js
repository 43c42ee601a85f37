// The plots of a card, as SVG text or painted on a canvas, and formulas as HTML.
const Draw = (() => {
  const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

  // ---- formulas: single letters are variables, _ and ^ as in TeX, `x` is code -----------------------
  const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const words = new Set("of to at as in is by it no on so or an we be eq do up".split(" "));
  const formula = (text, inside = false) => {
    const piece = /`([^`]+)`|([_^])(?:\{([^{}]*)\}|(.))|([A-Za-z’]+)|([α-ω])|([^A-Za-zα-ω_^`’]+|.)/gu;
    return text.replace(piece, (all, code, script, braced, one, word, greek, rest, at) => {
      if (code) return `<code>${escape(code)}</code>`;
      if (script) {
        const tag = script === "_" ? "sub" : "sup";
        return `<${tag}>${formula(braced === undefined ? one : braced, true)}</${tag}>`;
      }
      if (greek) return `<i>${greek}</i>`;
      if (!word) return escape(rest);
      const article = /^[Aa]$/.test(word) && /^ [a-z’-]{2,}/i.test(text.slice(at + 1)) && !/^ (cos|sin|exp|log)\b/.test(text.slice(at + 1));
      const plain = article || (word.length === 2 && !inside ? words.has(word.toLowerCase())
        : word.length > 2 && !(inside && word.length < 3));
      return plain ? word : [...word].map((c) => `<i>${c}</i>`).join("");
    });
  };

  // ---- plots ----------------------------------------------------------------------------------------
  const svg = (width, height, body, label) =>
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(label)}">${body}</svg>`;
  const round_up = (x) => [0.1, 0.2, 0.3, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64].find((v) => v >= x * 0.999) || x;

  /// Two tokens in a plane: before (pale), the way of the features from label 0, and after.
  const plane = (t) => {
    const points = [t.before.q, t.before.k, t.after.q, t.after.k, ...t.trail.q, ...t.trail.k];
    const reach = round_up(Math.max(1, ...points.map((p) => Math.hypot(...p)))), scale = 62 / reach;
    const at = ([x, y]) => [(70 + scale * x).toFixed(1), (70 - scale * y).toFixed(1)];
    const arrow = (p, who, before) => {
      const [x, y] = at(p);
      return `<g class="${who}${before ? " before" : ""}"><line x1="70" y1="70" x2="${x}" y2="${y}" stroke-width="${before ? 1.4 : 2.2}"/><circle cx="${x}" cy="${y}" r="${before ? 2.4 : 3.2}"/></g>`;
    };
    const dot = (p, who) => `<circle class="${who} before" cx="${at(p)[0]}" cy="${at(p)[1]}" r="1.6"/>`;
    const trail = (list, who) => (t.whole ? [...new Set(list.map((p) => dot(p, who)))].join("")
      : `<polyline class="${who} trail" points="${list.map((p) => at(p).join(",")).join(" ")}" style="fill:none"/>`);
    const circle = `<circle class="axis" cx="70" cy="70" r="${scale.toFixed(1)}"/><path class="axis" d="M4 70H136M70 4V136"/>`;
    return svg(140, 140, circle + trail(t.trail.q, "q") + trail(t.trail.k, "k") + arrow(t.before.q, "q", true) +
      arrow(t.before.k, "k", true) + arrow(t.after.q, "q") + arrow(t.after.k, "k") +
      (reach > 1 ? `<text x="5" y="12">circle: 1 of ${reach}</text>` : ""), "two tokens in the plane of their first two numbers");
  };

  /// Features of query and key side by side.
  const bars = (fq, fk) => {
    const top = round_up(Math.max(0.1, ...fq.map(Math.abs), ...fk.map(Math.abs))), n = fq.length;
    const slot = 132 / n, w = Math.min(9, slot * 0.42);
    let body = '<path class="axis" d="M4 70H136"/>';
    fq.forEach((v, i) => {
      const x = 4 + slot * (i + 0.5);
      for (const [value, who, shift] of [[v, "q", -w], [fk[i], "k", 0]]) {
        const h = (Math.abs(value) / top) * 56;
        body += `<rect class="${who}" stroke="none" x="${(x + shift).toFixed(2)}" y="${(value < 0 ? 70 : 70 - h).toFixed(2)}" width="${Math.max(0.6, w - 0.5).toFixed(2)}" height="${h.toFixed(2)}"/>`;
      }
    });
    return svg(140, 140, `${body}<text x="5" y="12">±${top}</text><text x="136" y="136" text-anchor="end">${n} number${n === 1 ? "" : "s"}</text>`, "features of query and key");
  };

  /// Scores by lag: the curve (points, where labels are whole), its mean over draws where codes are random, and content
  /// alone.
  const curve = (points, means, content, lag, here, whole) => {
    const seen = [...points, ...means].map((p) => p[1]).filter(Number.isFinite);
    const top = round_up(Math.max(0.1, Math.abs(content), ...seen.map(Math.abs)));
    const X = (l) => 159 + l * 11.4, Y = (a) => 62 - (a / top) * 52;
    const path = (list) => {
      let d = "", pen = "M";
      for (const [l, a] of list) {
        if (!Number.isFinite(a)) { pen = "M"; continue; }
        d += `${pen}${X(l).toFixed(1)} ${Y(a).toFixed(1)}`;
        pen = "L";
      }
      return d;
    };
    let body = '<path class="axis" d="M20 62H298M159 8V116"/>';
    for (const l of [-12, -8, -4, 0, 4, 8, 12])
      body += `<path class="axis" d="M${X(l)} 116v3"/><text x="${X(l)}" y="129" text-anchor="middle">${String(l).replace("-", "−")}</text>`;
    body += `<text x="4" y="14">${top}</text><text x="4" y="111">−${top}</text><text x="306" y="65" text-anchor="end">Δ</text>`;
    body += `<path class="content" d="M24 ${Y(content).toFixed(1)}H298"/><text x="296" y="${(Y(content) + (content > 0 ? -4 : 11)).toFixed(1)}" text-anchor="end">q·k</text>`;
    if (means.length) body += `<path class="mean" d="${path(means)}"/>`;
    body += `<path class="curve${whole ? " faint" : ""}" d="${path(points)}"/>`;
    for (const [l, a] of whole ? points : [])
      if (Number.isFinite(a)) body += `<circle class="point" cx="${X(l).toFixed(1)}" cy="${Y(a).toFixed(1)}" r="2.1"/>`;
    if (Number.isFinite(here)) body += `<circle class="here" cx="${X(lag).toFixed(1)}" cy="${Y(here).toFixed(1)}" r="4.5"/>`;
    return svg(310, 134, body, "score against lag");
  };

  const mix = (stops, t) => {
    const at = Math.min(Math.max(t, 0), 1) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
    return stops[i].map((v, c) => Math.round(v + (stops[i + 1][c] - v) * (at - i)));
  };
  const weights = () => (dark()
    ? [[33, 37, 40], [31, 66, 104], [48, 116, 182], [126, 182, 232], [236, 245, 253]]
    : [[244, 242, 236], [198, 216, 234], [112, 163, 212], [30, 98, 168], [8, 44, 92]]);
  const signs = () => (dark()
    ? [[120, 180, 248], [62, 112, 168], [33, 37, 40], [176, 90, 56], [245, 154, 108]]
    : [[21, 88, 166], [126, 172, 216], [250, 249, 246], [228, 150, 116], [184, 67, 26]]);

  /// Attention weights; the more the stronger, by their square root.
  const attention = (rows, label) => {
    const canvas = document.createElement("canvas"), stops = weights();
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    canvas.width = rows[0].length;
    canvas.height = rows.length;
    const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
    rows.flat().forEach((v, i) => image.data.set([...mix(stops, Number.isFinite(v) ? Math.sqrt(v) : 0), 255], 4 * i));
    context.putImageData(image, 0, 0);
    return canvas;
  };

  /// Rows q_i and 1, columns k_j and 1; numbers where there is room.
  const matrix = (m, top) => {
    const n = m.length, size = 122 / n, stops = signs(), night = dark();
    const name = (who, i) => (i < n ? who : "");
    let body = "";
    m.forEach((row, i) => row.forEach((v, j) => {
      const strength = v / top, x = 16 + j * size, y = 14 + i * size;
      const ink = Math.abs(strength) > 0.55 ? (night ? "#111" : "#fff") : "var(--ink)";
      body += `<rect x="${x.toFixed(2)}" y="${y.toFixed(2)}" width="${(size - 0.7).toFixed(2)}" height="${(size - 0.7).toFixed(2)}" fill="rgb(${mix(stops, (strength + 1) / 2)})"/>`;
      if (n <= 5) body += `<text class="cell" x="${(x + size / 2).toFixed(1)}" y="${(y + size / 2).toFixed(1)}" style="fill:${ink}">${(Math.abs(v) < 0.005 ? 0 : v).toFixed(Math.abs(v) >= 10 ? 0 : Math.abs(v) < 0.005 ? 0 : n > 4 ? 1 : 2).replace("-", "−")}</text>`;
    }));
    const single = m.single, last = single ? n - 1 : n;
    for (let i = 0; i < n; ++i) {
      const at = (size * (i + 0.5)).toFixed(1);
      body += `<text x="12" y="${14 + Number(at) + 3}" text-anchor="end" style="font-size:8.5px">${i < last ? name("q", i) : "1"}${i < last ? i + 1 : ""}</text>`;
      body += `<text x="${16 + Number(at)}" y="9" text-anchor="middle" style="font-size:8.5px">${i < last ? name("k", i) : "1"}${i < last ? i + 1 : ""}</text>`;
    }
    return svg(140, 140, body, "interaction matrix");
  };
  return { formula, plane, bars, curve, attention, matrix };
})();
