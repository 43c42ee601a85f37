// The list of nodes: a tree of scopes or a flat, sortable list. Only the rows in sight exist.
const value = n => statisticsOf(n.value), gradient = n => statisticsOf(n.gradient);
const columns = [
  {key: 'order', title: 'node', help: 'label; sorts by order of computation', of: n => n.id},
  {key: 'op', title: 'op', help: 'op, parameter, leaf or constant', of: n => n.op},
  {key: 'shape', title: 'shape', help: 'shape; sorts by number of elements', of: elements},
  {key: 'norm', title: '‖x‖', help: 'norm of the value', number: true, of: n => value(n)?.norm},
  {
    key: 'max',
    title: 'max|x|',
    help: 'largest absolute value',
    number: true,
    wide: true,
    of: n => value(n)?.max_abs
  },
  {
    key: 'zeros',
    title: '0s',
    help: 'share of zeros in the value',
    number: true,
    wide: true,
    text: percent,
    of: n => value(n)?.zero_share
  },
  {
    key: 'gnorm',
    title: '‖g‖',
    help: 'norm of the gradient',
    number: true,
    of: n => gradient(n)?.norm
  },
  {
    key: 'gmax',
    title: 'max|g|',
    help: 'largest absolute value of the gradient',
    number: true,
    wide: true,
    of: n => gradient(n)?.max_abs
  },
  {
    key: 'bad',
    title: 'bad',
    help: 'elements of value and gradient that are not finite',
    number: true,
    wide: true,
    text: x => x < 1000 ? String(x) : Math.round(x / 1000) + 'k',
    of: badCount
  },
];
const opened = new Map();  // scope path -> open, where the reader has said so
const isOpen = (s, all) =>
    all || (opened.get(s.path) ?? (nodes.length < 80 || s.path.split('/').length < 2));
let rows = [];  // {item, depth}
// Place of a gradient norm between the smallest and the largest one, in decades: the thin bars.
let normShare;
{
  const norms = nodes.map(n => gradient(n)?.norm).filter(x => x > 0).map(Math.log10);
  let low = Infinity, high = -Infinity;
  for (const x of norms) low = Math.min(low, x), high = Math.max(high, x);
  normShare = x => x > 0 ? Math.max(0.04, (Math.log10(x) - low) / (high - low || 1)) : 0;
}

function matching() {
  const search = makeSearch(state.q), tests = [...state.filters].map(f => filters[f].test);
  return nodes.filter(n => tests.every(t => t(n)) && search(n));
}
function computeRows() {
  const found = matching(), filtered = found.length < nodes.length;
  rows = [];
  if (state.view === 'list') {
    const column = columns.find(c => c.key === state.sort) || columns[0],
          sign = state.down ? -1 : 1;
    const keyed = found.map(n => [column.of(n), n]);
    // What has no number stands last in both directions.
    keyed.sort(
        ([a, n], [b, m]) => (a == null) - (b == null) ||
            sign *
                (a < b     ? -1 :
                     a > b ? 1 :
                             0) ||
            n.id - m.id);
    for (const [, n] of keyed) rows.push({item: n, depth: 0});
  } else {
    const counts = new Map(), kept = new Set(found);
    for (const n of found)
      for (let s = scopes.get(homeOf(n)); s; s = s.parent) counts.set(s, (counts.get(s) || 0) + 1);
    const todo = [[scopes.get(''), -1]];
    while (todo.length) {
      const [item, depth] = todo.pop();
      if (!isScope(item)) {
        if (kept.has(item)) rows.push({item, depth});
      } else if (counts.has(item)) {
        if (depth >= 0) rows.push({item, depth, count: counts.get(item)});
        if (depth < 0 || isOpen(item, filtered))
          for (let i = item.items.length - 1; i >= 0; --i) todo.push([item.items[i], depth + 1]);
      }
    }
  }
  $('count').textContent = (filtered ? found.length + ' of ' : '') + plural(nodes.length, 'node') +
      (found.length ? '' : ': nothing matches; Esc clears the search');
}

const isCurrent = item => isScope(item) ? state.scope === item.path : state.node === item.id;
function cell(column, n) {
  const x = column.of(n), text = column.text || number;
  const shown = column.key === 'bad' ? (x ? text(x) : '') : x === undefined ? '' : text(x);
  const c =
      el('span.number' + (column.wide ? '.wide' : ''),
         {'data-title': column.title, role: 'gridcell'}, shown);
  if (column.key === 'bad' && x) c.classList.add('bad');
  if (column.key === 'gnorm' && x > 0) {
    c.classList.add('level');
    c.style.setProperty('--share', (100 * normShare(x)).toFixed(0) + '%');
  }
  return c;
}
function rowElement({item, depth, count}, index, height) {
  const common = {
    id: 'row' + index,
    role: 'row',
    'aria-level': depth + 1,
    'aria-selected': isCurrent(item),
    'data-index': index
  };
  const indent = '--indent:' + (depth * 14) + 'px';
  let r;
  if (isScope(item)) {
    const open = rows[index + 1]?.depth > depth;
    const about = plural(count, 'node') +
        (item.parameters ? ', ‖g‖ ' + number(Math.sqrt(item.squares)) : '') +
        (item.bad ? ', ' + item.bad + ' bad' : '');
    r =
        el('div.row.scope', {...common, 'aria-expanded': open},
           el('span.name', {style: indent, role: 'gridcell'},
              el('span.twist', {'aria-hidden': 'true'}, open ? '▾' : '▸'), item.name),
           el('span.about' + (item.bad ? '.bad' : ''), {role: 'gridcell'}, about));
  } else {
    // A long path is cut at its front: the end tells more.
    const path = state.view === 'list', label = path ? el('bdi', {}, item.label) : shortName(item);
    r =
        el('div.row', common,
           el('span.name' + (item.name ? '' : '.unnamed') + (path ? '.path' : ''),
              {style: indent, title: item.label, role: 'gridcell'}, label),
           el('span.op', {role: 'gridcell'}, item.op),
           el('span.shape', {style: indent, role: 'gridcell'}, shapeText(item)));
    for (const c of columns.slice(3)) {
      if (c.key === 'gnorm' && !gradient(item)) {
        r.append(
            el('span.note', {title: item.gradient, role: 'gridcell'},
               item.op === 'constant' ? 'constant' : 'no gradient'));
      } else if (c.key !== 'gmax' || gradient(item)) {
        r.append(cell(c, item));
      }
    }
  }
  if (isCurrent(item)) r.classList.add('selected');
  r.style.top = index * height + 'px';
  return r;
}
const rowHeight = () =>
    parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--row'));
function drawRows() {
  const box = $('rows'), height = rowHeight();
  const first = Math.max(0, Math.floor(box.scrollTop / height) - 6);
  const last = Math.min(rows.length, Math.ceil((box.scrollTop + box.clientHeight) / height) + 6);
  const spacer = $('spacer');
  spacer.style.height = rows.length * height + 'px';
  const shown = [];
  for (let i = first; i < last; ++i) shown.push(rowElement(rows[i], i, height));
  spacer.replaceChildren(...shown);
  $('left').style.setProperty('--bar', box.offsetWidth - box.clientWidth + 'px');
  const current = rows.findIndex(r => isCurrent(r.item));
  if (current >= first && current < last)
    box.setAttribute('aria-activedescendant', 'row' + current);
  else
    box.removeAttribute('aria-activedescendant');
}
function drawHead() {
  $('columns').replaceChildren(...columns.map(c => {
    const sorted = state.view === 'list' && state.sort === c.key;
    return el(
        'button' + (c.number ? '.number' : ''), {
          title: c.help + '; click to sort',
          'data-sorted': sorted ? '' : null,
          role: 'columnheader',
          'aria-sort': sorted ? (state.down ? 'descending' : 'ascending') : null,
          onclick: () => {
            // Numbers: the largest first.
            change(
                sorted ? {down: !state.down} :
                         {view: 'list', sort: c.key, down: Boolean(c.number) || c.key === 'shape'});
          },
        },
        c.title + (sorted ? (state.down ? ' ↓' : ' ↑') : ''));
  }));
  for (const b of $('view').children) b.setAttribute('aria-pressed', b.dataset.view === state.view);
  $('chips').replaceChildren(...Object.entries(filters).map(
      ([key, f]) =>
          el('button' + (f.alarm && f.count ? '.alarm' : ''), {
            'aria-pressed': state.filters.has(key),
            onclick: event => {
              const next = new Set(state.filters);
              if (!next.delete(key)) next.add(key);
              change({filters: next});
              $('chips').children[Object.keys(filters).indexOf(key)].focus();
              event.preventDefault();
            },
          },
             f.title + ' ', el('span.number', {}, String(f.count)))));
}
function drawList() {
  computeRows();
  drawHead();
  drawRows();
}
// Opens what hides the selected item, and brings it into sight.
function reveal() {
  const item = state.node !== null ? byId.get(state.node) : scopes.get(state.scope);
  if (!item) return;
  let index = rows.findIndex(r => r.item === item);
  if (index < 0 && state.view === 'tree') {
    for (let s = isScope(item) ? item.parent : scopes.get(homeOf(item)); s; s = s.parent)
      opened.set(s.path, true);
    computeRows();
    index = rows.findIndex(r => r.item === item);
  }
  const box = $('rows'), height = rowHeight();
  if (index >= 0 &&
      (index * height < box.scrollTop || (index + 1) * height > box.scrollTop + box.clientHeight)) {
    $('spacer').style.height = rows.length * height + 'px';
    box.scrollTop = Math.max(0, index * height - box.clientHeight / 2);
  }
  drawRows();
}
const choose = (item, keyboard) =>
    change(isScope(item) ? {scope: item.path, node: null} : {node: item.id, scope: null}, keyboard);
function toggle(scope, open) {
  opened.set(scope.path, open);
  computeRows();
  drawRows();
}
$('rows').addEventListener('scroll', drawRows, {passive: true});
$('rows').addEventListener('click', event => {
  const row = event.target.closest('.row');
  if (!row) return;
  const index = Number(row.dataset.index), item = rows[index].item;
  if (isScope(item) && (event.target.closest('.twist') || isCurrent(item)))
    toggle(item, !(rows[index + 1]?.depth > rows[index].depth));
  else if (isScope(item) && innerWidth <= 820)
    toggle(item, !(rows[index + 1]?.depth > rows[index].depth));
  else
    choose(item, false);
});
$('rows').addEventListener('keydown', event => {
  if (!rows.length || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = rows.findIndex(r => isCurrent(r.item)), row = rows[at];
  const page = Math.max(1, Math.floor($('rows').clientHeight / rowHeight()) - 1);
  const go = i => choose(rows[Math.min(rows.length - 1, Math.max(0, i))].item, true);
  const open = row && rows[at + 1]?.depth > row.depth;
  const actions = {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at < 0 ? 0 : at - 1),
    PageDown: () => go(at + page),
    PageUp: () => go(at - page),
    Home: () => go(0),
    End: () => go(rows.length - 1),
    ArrowRight: () => {
      if (row && isScope(row.item)) open ? go(at + 1) : toggle(row.item, true);
    },
    ArrowLeft: () => {
      if (row && isScope(row.item) && open)
        toggle(row.item, false);
      else
        for (let i = at - 1; i >= 0; --i)
          if (rows[i].depth < row.depth) return go(i);
    },
    Enter: () => {
      if (row && isScope(row.item))
        toggle(row.item, !open);
      else if (row)
        openDetail();
    },
  };
  actions[' '] = actions.Enter;
  if (actions[event.key]) event.preventDefault(), actions[event.key]();
});
