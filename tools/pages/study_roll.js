// A piano roll on a canvas: the melody as outline, the part's notes in colours that say whether the
// target begins the same pitch in the same sixteenth.
const Roll = (() => {
  const kSixteenth = 4;  // ticks
  const sixteenth = (tick) => Math.floor((tick + kSixteenth / 2) / kSixteenth);
  const key = (note) => `${sixteenth(note[0])} ${note[2]}`;

  // For each note whether it meets one of the target that no other has met.
  const hits = (notes, target) => {
    const free = new Map();
    for (const n of target) free.set(key(n), (free.get(key(n)) || 0) + 1);
    return notes.map((n) => {
      const left = free.get(key(n)) || 0;
      if (left > 0) free.set(key(n), left - 1);
      return left > 0;
    });
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const draw = (canvas, piece, part) => {
    const scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.clearRect(0, 0, width, height);
    const rows = piece.high - piece.low + 1, cell = height / rows;
    const X = (tick) => (tick / piece.ticks) * width;
    const Y = (pitch) => (piece.high - pitch) * cell;
    pen.fillStyle = colour("--line");
    for (let tick = 0; tick <= piece.ticks; tick += piece.bar) pen.fillRect(X(tick) - 0.5, 0, 1, height);
    pen.globalAlpha = 0.5;
    for (let pitch = piece.low; pitch <= piece.high; ++pitch)
      if (pitch % 12 === 0) pen.fillRect(0, Y(pitch) + cell, width, 1);
    pen.globalAlpha = 1;
    const box = (n) => [X(n[0]), Y(n[2]), Math.max(X(n[1]) - X(n[0]) - 0.6, 1), Math.max(cell - 0.3, 1.8)];
    pen.fillStyle = colour("--melody");
    for (const n of piece.melody.concat(piece.bridge)) pen.fillRect(...box(n));
    const met = part.kind === "target" ? null : hits(part.notes, piece.target);
    part.notes.forEach((n, i) => {
      const [x, y, w, h] = box(n), thin = met !== null && !met[i];
      pen.fillStyle = colour(met === null ? "--target" : met[i] ? "--hit" : "--extra");
      // Not by colour alone: what the target does not begin is thinner.
      pen.fillRect(x, thin ? y + 0.22 * h : y, w, thin ? 0.56 * h : h);
    });
  };
  return { draw, hits };
})();
