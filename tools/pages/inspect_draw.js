// Drawings: the neighbourhood of a node (inputs two levels up, consumers two levels down), or a
// scope with the scopes inside it folded to one box each; in layers, inputs above.
const kBox = {
  width: 132,
  height: 36,
  gapX: 14,
  gapY: 30,
  most: 9,
  mostInScope: 140
};

// Boxes: {key, item, outside}; edges by key.
function neighbourhood(n) {
  const boxes = new Map([[n.id, {key: n.id, item: n}]]), cut = new Set();
  const walk = (next, levels) => {
    let edge = [n.id];
    for (let level = 0; level < levels; ++level) {
      const reached = [...new Set(edge.flatMap(next))].filter(id => !boxes.has(id));
      // What was computed says more than constants do.
      reached.sort((a, b) => (byId.get(a).op === 'constant') - (byId.get(b).op === 'constant'));
      if (reached.length > kBox.most) cut.add(reached.length - kBox.most);
      edge = reached.slice(0, kBox.most);
      for (const id of edge) boxes.set(id, {key: id, item: byId.get(id)});
    }
  };
  walk(id => byId.get(id).inputs, 2);
  walk(id => consumers.get(id), 2);
  const edges = [];
  for (const id of boxes.keys())
    for (const input of new Set(byId.get(id).inputs))
      if (boxes.has(input)) edges.push([input, id]);
  let hidden = 0;
  for (const count of cut) hidden += count;
  return {boxes, edges, hidden};
}
function scopeParts(scope) {
  const boxes = new Map(), edges = new Map();
  const depth = scope.path === '' ? 0 : scope.path.length + 1;
  const boxOf = id => {
    const n = byId.get(id);
    if (!inScope(n, scope.path)) return {key: id, item: n, outside: true};
    const home = homeOf(n);
    if (home === scope.path) return {key: id, item: n};
    const slash = home.indexOf('/', depth);
    const path = slash < 0 ? home : home.slice(0, slash);
    return {key: '/' + path, item: scopes.get(path)};
  };
  const join = (from, to) => {
    const a = boxOf(from), b = boxOf(to);
    if (a.key === b.key || (a.outside && b.outside)) return;
    for (const box of [a, b])
      if (!boxes.has(box.key)) boxes.set(box.key, box);
    edges.set(a.key + ' ' + b.key, [a.key, b.key]);
  };
  for (const n of nodes) {
    if (!inScope(n, scope.path)) continue;
    const box = boxOf(n.id);
    if (!boxes.has(box.key)) boxes.set(box.key, box);
    for (const i of n.inputs) join(i, n.id);
    for (const i of consumers.get(n.id)) join(n.id, i);
  }
  return {boxes, edges: [...edges.values()], hidden: 0};
}

// Longest paths give the layers; edges that would close a circle (a scope entered twice) do not
// count. Means of neighbours give the order within a layer.
function layOut({boxes, edges}) {
  const list = [...boxes.values()].sort((a, b) => orderOf(a.item) - orderOf(b.item));
  list.forEach((b, i) => Object.assign(b, {rank: i, layer: 0, above: [], below: []}));
  for (const [from, to] of edges) {
    const a = boxes.get(from), b = boxes.get(to);
    if (a.rank < b.rank) a.below.push(b), b.above.push(a);
  }
  for (const b of list)
    for (const a of b.above) b.layer = Math.max(b.layer, a.layer + 1);
  // What has no inputs here stands right above its first consumer.
  for (const b of list)
    if (!b.above.length && b.below.length)
      b.layer = Math.max(0, Math.min(...b.below.map(c => c.layer)) - 1);
  const layers = [];
  for (const b of list) (layers[b.layer] ??= []).push(b);
  const step = kBox.width + kBox.gapX;
  for (const layer of layers)
    layer?.forEach((b, i) => {
      b.x = (i - (layer.length - 1) / 2) * step;
    });
  for (let sweep = 0; sweep < 6; ++sweep) {
    for (const layer of sweep % 2 ? layers : [...layers].reverse()) {
      if (!layer) continue;
      for (const b of layer) {
        const near = sweep % 2 ? b.above : b.below,
              all = near.length ? near : [...b.above, ...b.below];
        b.wish = all.length ? all.reduce((t, c) => t + c.x, 0) / all.length : b.x;
      }
      layer.sort((a, b) => a.wish - b.wish || a.rank - b.rank);
      layer.forEach((b, i) => {
        b.x = i ? Math.max(b.wish, layer[i - 1].x + step) : b.wish;
      });
      const shift = layer.reduce((t, b) => t + b.wish - b.x, 0) / layer.length;
      for (const b of layer) b.x += shift;
    }
  }
  let left = Infinity, right = -Infinity;
  for (const b of list) left = Math.min(left, b.x), right = Math.max(right, b.x);
  for (const b of list) {
    b.x += 10 - left;
    b.y = 10 + b.layer * (kBox.height + kBox.gapY);
  }
  return {
    list,
    width: right - left + kBox.width + 20,
    height: layers.length * (kBox.height + kBox.gapY) - kBox.gapY + 20
  };
}

const shorten = (text, most) => text.length > most ? text.slice(0, most - 1) + '…' : text;
function boxElement(b, selected) {
  const n = b.item, scope = isScope(n);
  const classes = [scope ? 'scope' : n.op in ops ? 'computed' : n.op];
  if (b.outside) classes.push('outside');
  if (scope ? n.bad : badCount(n)) classes.push('wrong');
  if (n === selected) classes.push('selected');
  const top = scope ? n.name + ' ▸' : n.name ? shortName(n) : n.op in ops ? n.op : shortName(n);
  const under =
      scope ? plural(n.count, 'node') : (n.name && n.op in ops ? n.op + ' ' : '') + shapeText(n);
  const title = scope ?
      n.path :
      n.label + '\n' + n.op + ' ' + shapeText(n) + (ops[n.op] ? '\n' + ops[n.op].formula : '');
  const act = () => choose(n, false);
  return svg(
      'g.' + classes.join('.'), {
        transform: `translate(${b.x.toFixed(1)} ${b.y})`,
        tabindex: 0,
        role: 'button',
        'aria-label': title,
        onclick: act,
        onkeydown: event => {
          if (event.key === 'Enter' || event.key === ' ') event.preventDefault(), act();
        },
      },
      svg('title', {}, title),
      svg('rect',
          {width: kBox.width,
           height: kBox.height,
           rx: scope       ? 2 :
               n.op in ops ? 5 :
                             16}),
      svg('text', {x: kBox.width / 2, y: 15, 'text-anchor': 'middle'}, shorten(top, 18)),
      svg('text.under', {x: kBox.width / 2, y: 29, 'text-anchor': 'middle'}, shorten(under, 22)));
}
function drawing(parts, selected) {
  const {list, width, height} = layOut(parts);
  const picture =
      svg('svg', {
        width: Math.ceil(width),
        height: Math.ceil(height),
        role: 'group',
        'aria-label': 'Drawing of the graph'
      },
          svg('defs', {},
              svg('marker', {
                id: 'arrow',
                viewBox: '0 0 8 8',
                refX: 7,
                refY: 4,
                markerWidth: 6,
                markerHeight: 6,
                orient: 'auto'
              },
                  svg('path', {d: 'M0 0L8 4L0 8z'}))));
  const passesGradient = b => isScope(b.item) || b.item.requires_grad;
  for (const [from, to] of parts.edges) {
    const a = parts.boxes.get(from), b = parts.boxes.get(to);
    const x1 = a.x + kBox.width / 2, y1 = a.y + kBox.height, x2 = b.x + kBox.width / 2, y2 = b.y;
    const bend = Math.max(kBox.gapY / 2, Math.abs(y2 - y1) / 3);
    picture.append(svg('path' + (passesGradient(a) ? '' : '.dead'), {
      d: `M${x1.toFixed(1)} ${y1}C${x1.toFixed(1)} ${y1 + bend} ${x2.toFixed(1)} ${y2 - bend} ${
          x2.toFixed(1)} ${y2}`,
      'marker-end': 'url(#arrow)'
    }));
  }
  for (const b of list) picture.append(boxElement(b, selected));
  const frame = el('div.drawing', {}, picture);
  const middle = list.find(b => b.item === selected);
  // Once it has a size: the selected box in the middle.
  requestAnimationFrame(() => {
    frame.scrollLeft = (middle ? middle.x + kBox.width / 2 : width / 2) - frame.clientWidth / 2;
    if (middle) frame.scrollTop = middle.y + kBox.height / 2 - frame.clientHeight / 2;
  });
  return frame;
}
