// Header, tabs, the bars of gradient norms, and the state in the address (#node=12&q=softmax...).
const tabs = ['nodes', 'gradients', 'attention', 'run'];
function drawHeader() {
  const m = data.meta, bad = nodes.filter(n => badCount(n) > 0).length;
  document.title = 'Gradus inspector: ' + m.run;
  $('run').textContent = m.run;
  const facts = [
    ['loss', m.loss === null ? 'not finite' : number(m.loss), m.loss === null],
    [
      'gradient norm', m.gradient_norm === null ? 'not finite' : number(m.gradient_norm),
      m.gradient_norm === null
    ],
    ['step', `${m.step} (checkpoint ${m.checkpoint})`], ['nodes', String(nodes.length)],
    ['parameters', m.parameters.toLocaleString('en')], ['memory', bytesText(m.bytes)],
    ['encoding', m.pe], ['attention', m.attention]
  ];
  if (bad) facts.push(['non-finite', plural(bad, 'node'), true]);
  $('facts').replaceChildren(...facts.map(
      ([title, text, alarm]) =>
          el('div' + (alarm ? '.bad' : ''), {}, el('dt', {}, title), el('dd', {}, text))));
}
function drawGradients() {
  const parameters = nodes.filter(n => n.op === 'parameter');
  const groups = new Map();
  for (const n of parameters) {
    const path = n.scope.split('/').slice(0, 2).join('/');
    if (!groups.has(path)) groups.set(path, []);
    groups.get(path).push(n);
  }
  const total = list => Math.hypot(...list.map(n => gradient(n)?.norm || 0));
  const positive = parameters.map(n => gradient(n)?.norm).filter(x => x > 0);
  for (const list of groups.values())
    if (total(list) > 0) positive.push(total(list));
  const high = Math.ceil(Math.log10(Math.max(...positive, 1e-12))),
        low = Math.floor(Math.log10(Math.min(...positive, 1)));
  const share = x => x > 0 ? 100 * Math.max(0.005, (Math.log10(x) - low) / (high - low || 1)) : 0;
  const bars = [];
  const add = (label, norm, text, kind) => bars.push(
      label,
      el('div.track' + kind, {'aria-hidden': 'true'},
         el('div', {style: `width:${share(norm).toFixed(1)}%`})),
      text);
  const ordered = [...groups].sort(([a], [b]) => orderOf(scopes.get(a)) - orderOf(scopes.get(b)));
  for (const [path, list] of ordered) {
    add(el('span.group', {}, link(scopes.get(path), path)), total(list),
        el('span.number.group', {}, number(total(list))), '.group');
    for (const n of list) {
      const g = gradient(n), v = value(n);
      const ratio = g && v && v.norm > 0 ? ` (${number(g.norm / v.norm)} ‖w‖)` : '';
      add(link(n, n.label.slice(path.length + 1) + ' ' + shapeText(n), n.label), g?.norm,
          el('span.number' + (badCount(n) ? '.bad' : ''), {}, g ? number(g.norm) : 'no gradient',
             el('span.small.ratio', {}, ratio)),
          '');
    }
  }
  $('panel-gradients')
      .replaceChildren(
          el('p.small', {},
             `Gradient norm of each parameter, before clipping, in decades from 1e${low} to ` +
                 `1e${high}; blue: all parameters of a part together. In brackets: relative to ` +
                 'the norm of the parameter.'),
          el('div.bars', {}, ...bars));
}
function drawRun() {
  const m = data.meta;
  $('panel-run')
      .replaceChildren(
          el('p', {},
             `One training step of ${m.run} with Gradus ${m.gradus}: checkpoint ${m.checkpoint} ` +
                 `(${plural(m.epoch, 'epoch')}, ${plural(m.step, 'step')}), batch ${m.batch} of ` +
                 `the next epoch, ${m.seconds.toFixed(2)} s. Every value and gradient was kept, ` +
                 'and fused ops were recorded as the plain ops they stand for, so this takes ' +
                 'more memory and time than training does. The parameters were not changed.'),
          heading('Windows'), el('ul', {}, ...m.windows.map(w => el('li', {}, w))),
          heading('Experiment'), el('pre', {}, m.experiment));
}

const later = {
  gradients: drawGradients,
  attention: drawMaps,
  run: drawRun
};  // drawn when first shown
function showTab() {
  for (const tab of tabs) {
    const on = tab === state.tab;
    $('tab-' + tab).setAttribute('aria-selected', on);
    $('tab-' + tab).tabIndex = on ? 0 : -1;
    $('panel-' + tab).hidden = !on;
  }
  if (later[state.tab]) {
    later[state.tab]();
    delete later[state.tab];
  }
}
for (const tab of tabs) {
  $('tab-' + tab).addEventListener('click', () => change({tab}));
  $('tab-' + tab).addEventListener('keydown', event => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    change({tab: next});
    $('tab-' + next).focus();
  });
}

function readAddress() {
  const p = new URLSearchParams(location.hash.slice(1));
  state.tab = tabs.includes(p.get('tab')) ? p.get('tab') : 'nodes';
  const node = parseInt(p.get('node') ?? '', 10);
  const named =
      p.has('node') && Number.isNaN(node) ? nodes.find(n => n.label === p.get('node')) : null;
  state.node = named ? named.id : p.has('node') ? node : null;
  state.scope = state.node === null && p.has('scope') ? p.get('scope') : null;
  state.q = p.get('q') ?? '';
  state.filters = new Set((p.get('only') ?? '').split(',').filter(f => f in filters));
  state.view = p.get('view') === 'list' ? 'list' : 'tree';
  state.sort = columns.some(c => c.key === p.get('sort')) ? p.get('sort') : 'order';
  state.down = p.get('down') === '1';
}
function address() {
  const p = new URLSearchParams();
  if (state.tab !== 'nodes') p.set('tab', state.tab);
  if (state.node !== null) p.set('node', state.node);
  if (state.scope !== null) p.set('scope', state.scope);
  if (state.q) p.set('q', state.q);
  if (state.filters.size) p.set('only', [...state.filters].join(','));
  if (state.view === 'list')
    p.set('view', 'list'), p.set('sort', state.sort), p.set('down', state.down ? '1' : '0');
  return '#' + p;
}
// All changes go through here; `quietly` leaves no entry in the browser's history.
function change(what, quietly) {
  const before = {...state};
  Object.assign(state, what);
  if (('node' in what || 'scope' in what) && !('tab' in what)) state.tab = 'nodes';
  const moved =
      before.tab !== state.tab || before.node !== state.node || before.scope !== state.scope;
  history[moved && !quietly ? 'pushState' : 'replaceState'](null, '', address());
  if ('q' in what || 'filters' in what || 'view' in what) $('rows').scrollTop = 0;
  draw(before);
}
function draw(before) {
  showTab();
  if (state.tab !== 'nodes') return;
  drawList();
  if (!before || before.node !== state.node || before.scope !== state.scope) {
    drawDetail();
    reveal();
  }
}
$('search').addEventListener('input', () => change({q: $('search').value}, true));
$('view').addEventListener('click', event => {
  if (event.target.dataset.view) change({view: event.target.dataset.view}, true);
});
document.addEventListener('keydown', event => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === '/' && !typing && state.tab === 'nodes') {
    event.preventDefault();
    $('search').focus();
  } else if (event.key === 'Escape') {
    if (state.node !== null && innerWidth <= 820)
      closeDetail();
    else if (state.q || state.filters.size)
      $('search').value = '', change({q: '', filters: new Set()}, true);
  } else if (event.key === 'ArrowDown' && event.target === $('search')) {
    event.preventDefault();
    $('rows').focus();
  }
});
addEventListener('resize', drawRows);
addEventListener('popstate', () => {
  readAddress();
  $('search').value = state.q;
  draw();
});
drawHeader();
readAddress();
$('search').value = state.q;
draw();
