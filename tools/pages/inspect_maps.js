// Attention maps: one matrix a head, all on one colour scale; numbers under the pointer.
const kLevels = 32767;
const maps = {
  what: 'weights',
  scale: 'root',
  list: []
};
function decode(text) {
  const bytes = atob(text), levels = new Int16Array(bytes.length / 2);
  for (let i = 0; i < levels.length; ++i)
    levels[i] = bytes.charCodeAt(2 * i) | bytes.charCodeAt(2 * i + 1) << 8;
  return levels;
}
// t in [-1, 1] -> colour; negative numbers have the other hue.
function makeRamp() {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const [zero, positive, negative] = dark ?
      [
        [20, 23, 27], [[24, 78, 119], [82, 182, 154], [250, 243, 160]],
        [[120, 40, 40], [230, 100, 80], [255, 200, 180]]
      ] :
      [
        [255, 255, 255], [[157, 205, 226], [42, 111, 168], [18, 26, 84]],
        [[246, 190, 160], [214, 84, 62], [94, 10, 30]]
      ];
  const curves = {linear: t => t, root: Math.sqrt, log: t => Math.max(0, 1 + Math.log10(t) / 4)};
  return t => {
    const stops = [zero, ...(t < 0 ? negative : positive)];
    const at = 3 * Math.min(1, curves[maps.scale](Math.abs(t))), i = Math.min(2, Math.floor(at));
    return stops[i].map((c, k) => c + (stops[i + 1][k] - c) * (at - i));
  };
}
function paint(canvas, levels, factor, ramp) {
  const context = canvas.getContext('2d'),
        image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < levels.length; ++i) {
    const [r, g, b] = levels[i] === -32768 ? [255, 0, 255] : ramp(levels[i] / kLevels * factor);
    image.data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}
function repaint() {
  const ramp = makeRamp();
  for (const m of maps.list) paint(m.canvas, m.levels, m.part.max / maps.max || 0, ramp);
  const bar = $('bar'), half = maps.negative ? bar.width / 2 : 0,
        levels = new Int16Array(bar.width);
  for (let i = 0; i < bar.width; ++i) levels[i] = kLevels * (i - half) / (bar.width - 1 - half);
  paint(bar, levels, 1, ramp);
}
function mapFigure(layer, part, head, text) {
  const levels = decode(text);
  const canvas = el('canvas', {
    width: part.columns,
    height: part.rows,
    tabindex: 0,
    role: 'img',
    'aria-label': `${layer.label}, head ${head}; arrow keys read cells`
  });
  const at = {row: 0, column: 0};
  const read = () => {
    const x = levels[at.row * part.columns + at.column];
    const range = i => part.cell === 1 ? i : `${i * part.cell} to ${i * part.cell + part.cell - 1}`;
    $('readout').textContent = `${layer.label}, head ${head}: query ${range(at.row)}, key ${
        range(at.column)}: ${x === -32768 ? 'not finite' : number(x / kLevels * part.max)}`;
  };
  const point = event => {
    const box = canvas.getBoundingClientRect();
    at.row = Math.max(
        0, Math.min(part.rows - 1, Math.floor((event.clientY - box.top) / box.height * part.rows)));
    at.column = Math.max(
        0,
        Math.min(
            part.columns - 1, Math.floor((event.clientX - box.left) / box.width * part.columns)));
    read();
  };
  canvas.addEventListener('pointermove', point);
  canvas.addEventListener('pointerdown', point);
  canvas.addEventListener('focus', read);
  canvas.addEventListener('keydown', event => {
    const move = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [
                    0, 1
                  ]}[event.key];
    if (!move) return;
    event.preventDefault();
    at.row = Math.max(0, Math.min(part.rows - 1, at.row + move[0]));
    at.column = Math.max(0, Math.min(part.columns - 1, at.column + move[1]));
    read();
  });
  maps.list.push({canvas, levels, part});
  const size =
      el('button', {
        'aria-expanded': 'false',
        onclick: () => size.setAttribute('aria-expanded', figure.classList.toggle('large'))
      },
         'size');
  const figure =
      el('figure', {}, canvas, el('figcaption', {}, el('span', {}, 'head ' + head), size));
  return figure;
}
function selectBox(label, options, key) {
  const box =
      el('select', {
        onchange: () => {
          maps[key] = box.value;
          drawMaps();
        }
      },
         ...options.map(
             ([name, title]) =>
                 el('option', {value: name, selected: maps[key] === name ? '' : null}, title)));
  return el('label', {}, label + ' ', box);
}
function drawMaps() {
  const panel = $('panel-attention');
  if (!data.attention.length)
    return panel.replaceChildren(el('p', {}, 'This step formed no attention maps.'));
  const parts = data.attention.map(layer => layer[maps.what]).filter(Boolean);
  maps.list = [];
  maps.max = Math.max(0, ...parts.map(p => p.max));
  const sections = data.attention.map(layer => {
    const part = layer[maps.what];
    const label = maps.what === 'weights' ? layer.label : layer.gradient_label;
    const node = label && (maps.what !== 'weights' || layer.in_graph) ?
        nodes.find(n => n.label === label) :
        null;
    const notes = [];
    if (maps.what === 'weights' && !layer.in_graph)
      notes.push(
          'This core never forms these weights: they are computed from the same q and k in the ' +
          'N × N form.');
    if (part && part.cell > 1)
      notes.push(`${part.all_rows} × ${part.all_columns} elements, each cell the mean of ${
          part.cell} × ${part.cell}.`);
    return el(
        'div', {},
        el('h3', {style: 'text-transform:none'}, node ? link(node, label) : label || layer.label),
        notes.length ? el('p.small', {}, notes.join(' ')) : null,
        part ? el('div.maps', {},
                  ...part.heads.map((text, head) => mapFigure(layer, part, head, text))) :
               el('p', {}, 'The graph holds no gradient of these weights.'));
  });
  maps.negative = maps.list.some(m => m.levels.some(x => x < 0 && x > -32768));
  const controls = el(
      'div.controls', {},
      selectBox(
          'Show',
          [
            ['weights', 'weights'],
            ...(data.attention.some(l => l.gradient) ? [['gradient', 'gradient']] : [])
          ],
          'what'),
      selectBox(
          'Scale', [['linear', 'linear'], ['root', 'square root'], ['log', 'logarithm, 4 decades']],
          'scale'),
      el('span.legend', {}, el('span.number', {}, maps.negative ? number(-maps.max) : '0'),
         el('canvas', {id: 'bar', width: 181, height: 1}), el('span.number', {}, number(maps.max))),
      el('span.small', {},
         `first window (${data.meta.windows[0]}); rows are queries, columns are keys`),
      el('div.number', {id: 'readout', role: 'status', style: 'flex-basis:100%'},
         'Point at a cell, or focus a map and use the arrow keys.'));
  panel.replaceChildren(controls, ...sections);
  repaint();
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  if (maps.list.length) repaint();
});
