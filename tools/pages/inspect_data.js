// The data, its indices, and small helpers. Text reaches the page through textContent alone.
const data = JSON.parse(document.getElementById('data').textContent);
const nodes = data.graph.nodes;
const ops = data.graph.ops;
const byId = new Map(nodes.map(n => [n.id, n]));
const consumers = new Map(nodes.map(n => [n.id, []]));
for (const n of nodes)
  for (const i of new Set(n.inputs)) consumers.get(i).push(n.id);

const $ = id => document.getElementById(id);
// el('div.name', {title: 't'}, child, 'text', ...)
function el(what, attributes, ...children) {
  const [tag, ...classes] = what.split('.');
  return fill(document.createElement(tag), classes, attributes, children);
}
function svg(what, attributes, ...children) {
  const [tag, ...classes] = what.split('.');
  return fill(
      document.createElementNS('http://www.w3.org/2000/svg', tag), classes, attributes, children);
}
function fill(element, classes, attributes, children) {
  if (classes.length) element.setAttribute('class', classes.join(' '));
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith('on'))
      element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined)
      element.setAttribute(key, value);
  }
  for (const child of children)
    if (child !== null && child !== undefined) element.append(child);
  return element;
}

function number(x) {
  if (x === null || x === undefined) return '–';
  if (x === 0) return '0';
  const size = Math.abs(x);
  if (size >= 1e5 || size < 1e-3) return x.toExponential(2).replace('e+', 'e');
  return String(Number(x.toPrecision(4)));
}
const percent = x => x === 0 ? '0' :
    x < 0.01                 ? '<1%' :
    x > 0.99 && x < 1        ? '>99%' :
                               Math.round(100 * x) + '%';
const shapeText = n => '(' + n.shape.join(', ') + ')';
const plural = (count, word) => count + ' ' + word + (count === 1 ? '' : 's');
function bytesText(b) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  while (b >= 1024 && i < units.length - 1) b /= 1024, ++i;
  return (i ? b.toFixed(1) : b) + ' ' + units[i];
}
const elements = n => n.shape.reduce((a, b) => a * b, 1);
const statisticsOf = x => typeof x === 'object' && x !== null ? x : null;
// The numbers are of the finite elements; where there are none, there are no numbers.
for (const n of nodes)
  for (const s of [statisticsOf(n.value), statisticsOf(n.gradient)])
    if (s && s.non_finite > 0 && s.non_finite === elements(n))
      for (const key of ['norm', 'max_abs', 'min', 'max', 'mean']) s[key] = null;
const masks = new Set(data.masks);  // their Inf is meant
const badCount = n => (masks.has(n.id) ? 0 : statisticsOf(n.value)?.non_finite || 0) +
    (statisticsOf(n.gradient)?.non_finite || 0);
// "matmul#12" for a node without a name, else the last part of its name.
const shortName = n => n.label.slice(n.label.lastIndexOf('/') + 1);

const filters = {
  parameters: {title: 'parameters', test: n => n.op === 'parameter'},
  named: {title: 'named', test: n => n.name !== ''},
  bad: {title: 'non-finite', alarm: true, test: n => badCount(n) > 0},
  zero: {
    title: 'zero gradient',
    test: n => {
      const g = statisticsOf(n.gradient);
      return g !== null && g.norm === 0 && g.non_finite === 0;
    }
  },
  none: {title: 'no gradient', test: n => statisticsOf(n.gradient) === null},
};
for (const f of Object.values(filters)) f.count = nodes.filter(f.test).length;

// Every word must occur; a word with * is a glob over the label.
function makeSearch(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean).map(w => {
    if (!w.includes('*')) return n => textOf(n).includes(w);
    const parts = w.split('*').map(p => p.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    const pattern = new RegExp('^' + parts.join('.*') + '$', 's');
    return n => pattern.test(n.label.toLowerCase());
  });
  return n => words.every(test => test(n));
}
const texts = new Map();
function textOf(n) {
  let text = texts.get(n.id);
  if (text === undefined) {
    const op = ops[n.op];
    text =
        [
          n.label, n.op, '#' + n.id, shapeText(n), n.dtype, n.attrs, n.where,
          op ? op.formula + ' ' + op.vjp_formula : ''
        ].join('\n')
            .toLowerCase();
    texts.set(n.id, text);
  }
  return text;
}

// Where a node stands in the tree: its scope; a constant has none and stands with what uses it.
const homes = new Map();
const commonPath = (a, b) => {
  const x = a.split('/'), y = b.split('/');
  let i = 0;
  while (i < x.length && i < y.length && x[i] === y[i]) ++i;
  return x.slice(0, i).join('/');
};
const homeOf = n => homes.get(n.id) ?? n.scope;
for (const n of [...nodes].reverse())
  if (n.scope === '' && !(n.op in ops) && consumers.get(n.id).length)
    homes.set(n.id, consumers.get(n.id).map(id => homeOf(byId.get(id))).reduce(commonPath));

// Scopes as a tree: path -> {path, name, parent, items: scopes and nodes in order, ...sums}.
const scopes = new Map();
function scopeOf(path) {
  let scope = scopes.get(path);
  if (scope) return scope;
  const slash = path.lastIndexOf('/');
  scope = {
    path,
    name: path.slice(slash + 1),
    parent: null,
    items: [],
    key: Infinity,
    first: Infinity,
    count: 0,
    parameters: 0,
    squares: 0,
    bad: 0
  };
  scopes.set(path, scope);
  if (path !== '') {
    scope.parent = scopeOf(slash < 0 ? '' : path.slice(0, slash));
    scope.parent.items.push(scope);
  }
  return scope;
}
scopeOf('');
for (const n of nodes) {
  const own = scopeOf(homeOf(n));
  own.items.push(n);
  const gradient = statisticsOf(n.gradient);
  for (let s = own; s; s = s.parent) {
    s.count++;
    s.bad += badCount(n) > 0;
    s.first = Math.min(s.first, n.id);
    if (n.op in ops) s.key = Math.min(s.key, n.id);
    if (n.op === 'parameter') {
      s.parameters++;
      if (gradient) s.squares += gradient.norm === null ? NaN : gradient.norm ** 2;
    }
  }
}
// In the order of computation; parameters, made long before, stand first.
const orderOf = item => item.items ? (item.key < Infinity ? item.key : item.first) : item.id;
for (const s of scopes.values()) s.items.sort((a, b) => orderOf(a) - orderOf(b));
const isScope = item => item.items !== undefined;
const inScope = (n, path) => path === '' || homeOf(n) === path || homeOf(n).startsWith(path + '/');

const state = {
  tab: 'nodes',
  node: null,
  scope: null,
  q: '',
  filters: new Set(),
  view: 'tree',
  sort: 'order',
  down: false
};
