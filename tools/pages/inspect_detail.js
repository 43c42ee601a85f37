// The panel of the selected node or scope.
const link = (item, text, title) =>
    el('button.link', {title, onclick: () => choose(item, false)}, text);
function crumbs(path) {
  const list =
      el('div.crumbs', {}, el('button', {onclick: () => choose(scopes.get(''), false)}, 'graph'));
  let at = '';
  for (const part of path === '' ? [] : path.split('/')) {
    at = at ? at + '/' + part : part;
    const scope = scopes.get(at);
    list.append('/', el('button', {onclick: () => choose(scope, false)}, part));
  }
  return list;
}
function linkList(ids) {
  if (!ids.length) return el('p.small', {}, 'none');
  const most = 60;
  return el(
      'ul.links', {}, ...ids.slice(0, most).map(id => {
        const n = byId.get(id);
        return el(
            'li', {}, link(n, n.label, n.op),
            el('span.shape', {}, (n.op in ops && n.name ? n.op + ' ' : '') + shapeText(n)));
      }),
      ids.length > most ? el('li.small', {}, `and ${ids.length - most} more`) : null);
}
function statisticsTable(n) {
  const v = value(n), g = gradient(n);
  if (!v && !g) return null;
  const lines = [
    ['norm', 'norm', number], ['largest |x|', 'max_abs', number], ['smallest', 'min', number],
    ['largest', 'max', number], ['mean', 'mean', number], ['zeros', 'zero_share', percent],
    ['not finite', 'non_finite', String]
  ];
  const cellOf = (s, key, text) => {
    const some = key === 'non_finite' && s && s.non_finite > 0,
          mask = some && s === v && masks.has(n.id), bad = some && !mask;
    return el(
        'td' + (bad ? '.bad' : ''), {},
        s ? text(s[key]) +
                (mask    ? ', a mask' :
                     bad ? `, the first is element ${s.first_non_finite}` :
                           '') :
                           '');
  };
  return el(
      'table', {},
      el('thead', {},
         el('tr', {}, el('th', {}), el('th', {scope: 'col'}, 'value'),
            el('th', {scope: 'col'}, 'gradient'))),
      el('tbody', {},
         ...lines.map(
             ([title, key, text]) =>
                 el('tr', {}, el('th', {scope: 'row'}, title), cellOf(v, key, text),
                    cellOf(g, key, text)))));
}
function histogram(title, counts, s, colour) {
  if (!counts) return null;
  const most = Math.max(...counts), width = 100 / counts.length;
  const bars = counts.map(
      (c, i) =>
          svg('rect', {
            x: i * width + 0.2,
            width: width - 0.4,
            y: 60 - 58 * c / most,
            height: c ? Math.max(0.8, 58 * c / most) : 0,
            fill: colour
          },
              svg('title', {},
                  `${plural(c, 'element')} from ${
                      number(s.min + (s.max - s.min) * i / counts.length)}`)));
  return el(
      'figure', {}, el('figcaption.small', {}, title),
      svg('svg', {
        viewBox: '0 0 100 60',
        preserveAspectRatio: 'none',
        role: 'img',
        'aria-label': 'Histogram of the ' + title
      },
          ...bars),
      el('div.ends', {}, el('span', {}, number(s.min)), el('span', {}, number(s.max))));
}
function formulas(op) {
  return el(
      'div.formula', {}, el('code', {title: 'formula'}, op.formula),
      el('code.vjp', {title: 'gradient; g is the gradient of the output'}, op.vjp_formula),
      op.source ? el('span.small', {}, 'source: ' + op.source) : null);
}
const legend = () =>
    el('p.small', {},
       'Boxes with a thick border are scopes; broken borders stand outside the one drawn. ' +
           'Broken lines carry no gradient.');
const heading = text => el('h3', {}, text);
function nodeDetail(n) {
  const [ofValue, ofGradient] = data.histograms[n.id] || [];
  const parts = neighbourhood(n);
  const tags = [n.op, shapeText(n), n.dtype, '#' + n.id];
  if (n.requires_grad && n.op in ops) tags.push('wants gradient');
  if (n.attrs) tags.push(n.attrs);
  if (n.where) tags.push(n.where);
  return [
    crumbs(homeOf(n)),
    el('h2', {}, shortName(n)),
    el('div.tags', {}, ...tags.map(t => el('span', {}, t))),
    ops[n.op] ? formulas(ops[n.op]) : null,
    heading('Numbers'),
    statisticsTable(n),
    value(n) ? null : el('p', {}, 'value: ' + n.value),
    gradient(n) ?
        null :
        el('p', {}, el('strong', {}, 'no gradient: '),
           n.gradient === 'constant' ? 'a constant; nothing it depends on wants a gradient' :
                                       n.gradient),
    el('div.histograms', {}, histogram('value', ofValue, value(n), 'var(--value)'),
       histogram('gradient', ofGradient, gradient(n), 'var(--gradient)')),
    heading('Neighbourhood'),
    drawing(parts, n),
    parts.hidden ?
        el('p.small', {},
           plural(parts.hidden, 'node') + ' left out of the drawing; the lists below have all') :
        null,
    heading(`Inputs (${n.inputs.length})`),
    linkList(n.inputs),
    heading(`Consumers (${consumers.get(n.id).length})`),
    linkList(consumers.get(n.id)),
  ];
}
// Forward comes first: the first node computed whose value is bad, else the last one whose gradient
// is, where the backward pass began to fail.
function faults(scope) {
  const within = nodes.filter(n => inScope(n, scope.path) && badCount(n) > 0);
  const first = within.find(n => !masks.has(n.id) && value(n)?.non_finite > 0);
  const n = first ?? within[within.length - 1];
  return el(
      'p.bad', {}, plural(scope.bad, 'node') + ' with numbers that are not finite; the first ',
      first ? 'value: ' : 'gradient: ', link(n, n.label));
}
function scopeDetail(scope) {
  const parts = scopeParts(scope);
  const about = plural(scope.count, 'node') +
      (scope.parameters ? `, ${plural(scope.parameters, 'parameter')} with gradient norm ${
                              number(Math.sqrt(scope.squares))}` :
                          '');
  return [
    scope.path === '' ? null : crumbs(scope.parent.path),
    el('h2', {}, scope.name || 'The whole graph'),
    el('p.small', {}, about),
    scope.bad ? faults(scope) : null,
    parts.boxes.size <= kBox.mostInScope ?
        drawing(parts, null) :
        el('p', {},
           `${parts.boxes.size} boxes are too many to draw; choose a node or a scope in it.`),
  ];
}
// Nothing is selected: the whole, and its largest part.
function overview() {
  const root = scopes.get(''), parts = root.items.filter(isScope).sort((a, b) => b.count - a.count);
  return [...scopeDetail(root), ...(parts.length ? scopeDetail(parts[0]) : []), legend()];
}
function drawDetail() {
  const n = state.node !== null ? byId.get(state.node) : null;
  const scope = state.scope !== null ? scopes.get(state.scope) : null;
  const missing = (state.node !== null && !n) || (state.scope !== null && !scope);
  const back = el('button', {id: 'back', onclick: closeDetail}, '← Nodes');
  const content = missing ? [el('p', {}, 'There is no such node in this graph.')] :
      n                   ? nodeDetail(n) :
      scope               ? [...scopeDetail(scope), legend()] :
                            overview();
  $('detail').replaceChildren(back, ...content.filter(Boolean));
  $('detail').scrollTop = 0;
  $('detail').classList.toggle('open', Boolean(n || scope));
}
function openDetail() { $('detail').classList.add('open'); }
function closeDetail() {
  change({node: null, scope: null}, true);
  $('rows').focus();
}
