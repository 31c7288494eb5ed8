// What the reader does.
const shortHash = /^#(\d+)-(\d+)$/.exec(location.hash);
const state = {
  head: shortHash && shortHash[1] >= 1 && shortHash[1] <= layers && shortHash[2] >= 1 && shortHash[2] <= heads
    ? (shortHash[1] - 1) * heads + (shortHash[2] - 1) : data.open,
  // Two maps of many tokens do not fit side by side on most screens.
  compare: comparing && length <= 64 ? "both" : 0,
  scale: "own", root: false, tab: "map",
  zoom: 10,
  least: Math.min(0.1, Math.round(400 / length) / 200),
  focus: null, cursor: null, token: 0,
};
const ratio = () => Math.max(1, window.devicePixelRatio || 1);
const sources = () => state.compare === "both" ? [0, 1] : [state.compare];

// ---- the grid
const modes = [];
function addMode(mode) {
  byId("grid-mode").append(make("option", { value: modes.length }, mode.title));
  modes.push(mode);
}
data.models.forEach((_, m) => addMode({
  title: comparing ? `maps of ${modelName(m)}` : "maps", source: m,
  note: "Each thumbnail is a head\u2019s map, coloured up to its own greatest weight.",
}));
if (comparing) addMode({ title: "maps: difference", source: "difference", note: "Orange: the first model gives more weight; blue: less." });
for (const s of data.statistics) {
  s.values.forEach((values, m) => addMode({
    title: s.values.length > 1 ? `${s.name}, ${modelName(m)}` : s.name, values, digits: s.digits, signed: s.signed, note: s.explanation,
    flips: s.id.startsWith("change_of_"),
  }));
}
const gridMode = () => modes[Number(byId("grid-mode").value) || 0];
const gridCells = [];
function buildGrid() {
  const grid = byId("grid");
  const cell = heads * 40 > 560 ? 44 : 46;
  grid.style.setProperty("--cell", `${cell}px`);
  grid.style.gridTemplateColumns = `max-content repeat(${heads}, ${cell}px)`;
  const head = make("div", { role: "row" }, make("span", { role: "columnheader" }, ""));
  for (let h = 0; h < heads; h++) head.append(make("span", { role: "columnheader" }, String(h + 1)));
  grid.append(head);
  for (let l = 0; l < layers; l++) {
    const row = make("div", { role: "row" }, make("span", { role: "rowheader" }, String(l + 1)));
    for (let h = 0; h < heads; h++) {
      const cell = make("div", { role: "gridcell", tabindex: "-1" });
      const i = l * heads + h;
      cell.addEventListener("click", () => select(i));
      cell.addEventListener("pointermove", (e) => showTip(headSummary(i), e.clientX, e.clientY));
      cell.addEventListener("pointerleave", hideTip);
      gridCells.push(cell);
      row.append(cell);
    }
    grid.append(row);
  }
  grid.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -heads, ArrowDown: heads };
    let next = null;
    if (event.key in moves) {
      next = state.head + moves[event.key];
      const sameRow = Math.floor(next / heads) === Math.floor(state.head / heads);
      if (Math.abs(moves[event.key]) === 1 && !sameRow) return;
    } else if (event.key === "Home") next = event.ctrlKey ? 0 : state.head - (state.head % heads);
    else if (event.key === "End") next = event.ctrlKey ? layers * heads - 1 : state.head - (state.head % heads) + heads - 1;
    if (next === null || next < 0 || next >= layers * heads) return;
    event.preventDefault();
    select(next, true);
  });
}
function headSummary(i) {
  const [key, share] = strongest(0, i);
  const lines = [headWords(i), `most attended: ${tokens[key]} (${show(share, 2)} of all weight)`];
  const mode = gridMode();
  if (mode.values) lines.push(`${mode.title}: ${show(mode.values[i], mode.digits)}`);
  if (effects && effects.flips[i]) lines.push("without it the prediction changes");
  return lines.join("\n");
}
function paintGrid() {
  const mode = gridMode();
  byId("grid-note").textContent = mode.note;
  const shown = mode.values ? statisticCells(mode) : null;
  gridCells.forEach((cell, i) => {
    cell.setAttribute("aria-label", headSummary(i).replaceAll("\n", "; "));
    cell.classList.toggle("flip", Boolean(mode.flips && effects.flips[i]));
    if (shown) {
      cell.style.background = css(shown[i][0]);
      cell.style.color = inkOn(shown[i][0]);
      cell.replaceChildren(shown[i][1]);
    } else {
      cell.style.background = "";
      cell.replaceChildren(thumbnail(mode.source, i));
    }
  });
}

function select(head, focus = false) {
  const before = gridCells[state.head];
  before.setAttribute("aria-selected", "false");
  before.tabIndex = -1;
  state.head = head;
  const cell = gridCells[head];
  cell.setAttribute("aria-selected", "true");
  cell.tabIndex = 0;
  if (focus) cell.focus({ preventScroll: false });
  history.replaceState(null, "", `#${headName(head)}`);
  paintFacts();
  paintDetail();
}

// ---- one head
function stage(parent, source, layout, description) {
  const base = make("canvas", { role: "img", tabindex: "0", "aria-label": description });
  const over = make("canvas", { "aria-hidden": "true" });
  const stack = make("div", { class: "stack" }, base, over);
  parent.append(make("figure", {}, make("figcaption", {}, sourceName(source)), stack));
  return [base, over];
}
function paintDetail() {
  byId("detail-title").textContent = `Head ${headName(state.head)} (${headWords(state.head)})`;
  hideTip();
  if (state.tab === "map") paintMaps();
  else if (state.tab === "lines") paintLines();
  else paintToken();
}
function paintMaps() {
  const parent = byId("maps");
  const focused = parent.contains(document.activeElement)
    ? [...parent.querySelectorAll("canvas[tabindex]")].indexOf(document.activeElement) : -1;
  parent.replaceChildren();
  const layout = mapLayout(state.zoom);
  const scale = scaleOf(sources(), state.head);
  for (const source of sources()) {
    const [key, share] = strongest(source === "difference" ? 0 : source, state.head);
    const [base, over] = stage(parent, source, layout,
      `Attention map, ${sourceName(source)}, ${headWords(state.head)}, ${length} tokens; most attended: ${tokens[key]}, ${show(share, 2)} of all weight. Arrow keys move from weight to weight.`);
    drawMap(canvasPaper(base, layout.width, layout.height, ratio(), inks().ground), source, state.head, layout, scale);
    const mark = (query, at, x, y, spoken) => {
      const paper = canvasPaper(over, layout.width, layout.height, ratio(), null);
      if (query === null) { hideTip(); return; }
      const { cell, left, top, side } = layout;
      const colour = inks().mark;
      paper.frame(left, top + query * cell, side, cell, colour);
      paper.frame(left + at * cell, top, cell, side, colour);
      const values = sources().map((s) => `${sources().length > 1 ? `${sourceName(s)}: ` : ""}${show(mapOf(s, state.head)[query * length + at], 4)}`);
      const text = `from ${tokens[query]} (${query + 1}) to ${tokens[at]} (${at + 1})\n${values.join("\n")}`;
      showTip(text, x, y);
      if (spoken) say(text.replaceAll("\n", ", "));
    };
    base.addEventListener("pointermove", (e) => {
      const at = Math.floor((e.offsetX - layout.left) / layout.cell);
      const query = Math.floor((e.offsetY - layout.top) / layout.cell);
      const inside = at >= 0 && query >= 0 && at < length && query < length;
      mark(inside ? query : null, at, e.clientX, e.clientY);
    });
    base.addEventListener("pointerleave", () => mark(null));
    base.addEventListener("blur", () => mark(null));
    base.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key];
      if (!step) return;
      e.preventDefault();
      const [query, at] = state.cursor ?? [0, -1];
      state.cursor = [Math.max(0, Math.min(length - 1, query + step[0])), Math.max(0, Math.min(length - 1, at + step[1]))];
      const box = base.getBoundingClientRect();
      mark(state.cursor[0], state.cursor[1], box.left + layout.left + (state.cursor[1] + 1) * layout.cell,
        box.top + layout.top + (state.cursor[0] + 1) * layout.cell, true);
    });
    base.addEventListener("click", () => base.focus());
  }
  if (focused >= 0) parent.querySelectorAll("canvas[tabindex]")[focused]?.focus();
}
function paintLines() {
  byId("least-value").textContent = show(state.least, 3);
  const parent = byId("lines");
  parent.replaceChildren();
  const layout = linesLayout();
  const redraw = [];
  const focusOn = (focus) => {
    const same = JSON.stringify(focus) === JSON.stringify(state.focus);
    state.focus = focus;
    if (!same) redraw.forEach((f) => f());
  };
  for (const source of sources()) {
    const [base] = stage(parent, source, layout, `Lines from token to token, ${sourceName(source)}, ${headWords(state.head)}. Up and down choose a token, left and right its side.`);
    const paint = () => drawLines(canvasPaper(base, layout.width, layout.height, ratio(), inks().ground), source, state.head, layout, state.focus);
    redraw.push(paint);
    paint();
    base.addEventListener("pointermove", (e) => {
      const index = Math.floor((e.offsetY - layout.top) / layout.row);
      const side = e.offsetX < layout.label + 4 ? "from" : e.offsetX > layout.label + layout.middle ? "to" : null;
      focusOn(side && index >= 0 && index < length ? { side, index } : null);
    });
    base.addEventListener("pointerleave", () => focusOn(null));
    base.addEventListener("keydown", (e) => {
      const now = state.focus ?? { side: "from", index: -1 };
      let { side, index } = now;
      if (e.key === "ArrowDown") index = Math.min(length - 1, index + 1);
      else if (e.key === "ArrowUp") index = Math.max(0, index - 1);
      else if (e.key === "ArrowLeft") side = "from";
      else if (e.key === "ArrowRight") side = "to";
      else if (e.key === "Escape") { focusOn(null); return; } else return;
      e.preventDefault();
      focusOn({ side, index: Math.max(0, index) });
      const list = ranked(source, state.focus.side, state.focus.index).slice(0, 3);
      say(`${side === "from" ? "from" : "to"} ${tokens[state.focus.index]}: ${list.map(([i, v]) => `${tokens[i]} ${show(v, 2)}`).join(", ")}`);
    });
  }
}
// Tokens at the other end, by weight.
function ranked(source, side, token) {
  const values = mapOf(source, state.head);
  return tokens.map((_, i) => [i, side === "from" ? values[token * length + i] : values[i * length + token]])
    .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
}
function paintToken() {
  const parent = byId("token-lists");
  parent.replaceChildren();
  for (const source of sources()) {
    for (const [side, title] of [["from", "attends to"], ["to", "is attended to by"]]) {
      const list = ranked(source, side, state.token);
      const top = Math.abs(list[0][1]) || 1;
      const body = make("tbody");
      for (const [i, value] of list) {
        const bar = make("span", { class: value < 0 ? "bar off" : "bar" });
        bar.style.width = `${(Math.abs(value) / top) * 8}rem`;
        body.append(make("tr", {}, make("td", { class: "n" }, String(i + 1)), make("td", { class: data.special[i] ? "special" : "" }, tokens[i]),
          make("td", { class: "n" }, show(value, 4)), make("td", { class: "bars" }, bar)));
      }
      const table = make("table", {}, make("caption", { class: "muted" }, `${tokens[state.token]} ${title} (${sourceName(source)})`), body);
      parent.append(make("div", { class: "scroll tall" }, table));
    }
  }
}

// ---- numbers about the head
function paintFacts() {
  const parent = byId("facts");
  byId("facts-title").textContent = `Numbers of head ${headName(state.head)}`;
  parent.replaceChildren();
  const body = make("tbody");
  for (const words of data.words) {
    body.append(make("tr", {}, make("th", { scope: "row" }, words.name), ...words.values.map((v) => make("td", {}, v[state.head])), make("td")));
  }
  for (const s of data.statistics) {
    const [place, of] = s.values[0][state.head] === null ? ["\u2013", 0] : rank(s.values[0], state.head);
    const numbers = data.models.map((_, m) => make("td", { class: "n" }, s.values[m] ? show(s.values[m][state.head], s.digits) : ""));
    body.append(make("tr", { title: s.explanation }, make("th", { scope: "row" }, s.name), ...numbers, make("td", { class: "n" }, of ? `${place} of ${of}` : "")));
  }
  const head = make("tr", {}, make("th", {}, "this head"), ...data.models.map((_, m) => make("th", { class: "n" }, comparing ? data.models[m].role || data.models[m].name : "value")), make("th", { class: "n" }, "rank"));
  parent.append(make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), body)));
  if (effects) parent.append(effectFacts());
}
function effectFacts() {
  const off = effects.off[state.head];
  const one = effects.labels.length === 1;
  const body = make("tbody");
  const reach = Math.max(...effects.base.map(Math.abs), ...off.map(Math.abs)) || 1;
  effects.labels.forEach((label, l) => {
    const bars = [effects.base[l], off[l]].map((v, k) => {
      const bar = make("span", { class: k ? "bar off" : "bar" });
      bar.style.width = `${(one ? Math.abs(v) / reach : v) * 6}rem`;
      return bar;
    });
    body.append(make("tr", {}, make("th", { scope: "row" }, label), make("td", { class: "n" }, show(effects.base[l], 3)),
      make("td", { class: "n" }, show(off[l], 3)), make("td", { class: "n" }, show(off[l] - effects.base[l], 3)),
      make("td", { class: "bars" }, bars[0], make("br"), bars[1])));
  });
  const said = one ? `score ${show(off[0], 3)} in place of ${show(effects.base[0], 3)}`
    : effects.flips[state.head] ? `the prediction changes from ${effects.labels[effects.said]} to ${effects.labels[best(off)]}`
    : `the prediction stays ${effects.labels[effects.said]}`;
  const head = make("tr", {}, ...["label", "whole model", "head off", "change", ""].map((t, i) => make("th", i && i < 4 ? { class: "n" } : {}, t)));
  return make("div", { class: "scroll" }, make("h3", {}, `With this head off (${effects.mode}): ${said}`),
    make("table", {}, make("thead", {}, head), body));
}
function buildNumbers() {
  const table = byId("numbers");
  const columns = headTable();
  const head = make("tr");
  for (const name of ["layer", "head", ...columns.map((c) => c.name)]) {
    head.append(make("th", { class: "n", scope: "col" }, make("button", { type: "button" }, name)));
  }
  const body = make("tbody");
  for (let i = 0; i < layers * heads; i++) {
    const row = make("tr", {}, make("td", { class: "n" }, String(Math.floor(i / heads) + 1)), make("td", { class: "n" }, String((i % heads) + 1)));
    for (const c of columns) {
      const value = c.values[i];
      row.append(make("td", { class: "n", "data-v": value ?? "" }, c.digits === null ? value : show(value, c.digits)));
    }
    row.addEventListener("click", () => select(i));
    body.append(row);
  }
  table.append(make("thead", {}, head), body);
  sortable(table);
}

// ---- controls
function press(tab) {
  state.tab = tab;
  for (const name of ["map", "lines", "token"]) {
    const on = name === tab;
    byId(`tab-${name}`).setAttribute("aria-selected", String(on));
    byId(`tab-${name}`).tabIndex = on ? 0 : -1;
    byId(`panel-${name}`).hidden = !on;
  }
  paintDetail();
}
function fileName(what, extension) {
  const head = what === "heads" ? "" : `-head-${headName(state.head)}`;
  return `attention-${what}${head}.${extension}`;
}
// The current picture, once a source, side by side on one sheet.
function picture(kind) {
  const list = kind === "grid" ? [0] : sources();
  const layout = kind === "map" ? mapLayout(state.zoom) : linesLayout();
  const [width, height] = kind === "grid" ? gridSize(52) : [layout.width, layout.height + 22];
  const scale = kind === "map" ? scaleOf(list, state.head) : null;
  return [width * list.length, height, (paper, only) => {
    list.forEach((source, i) => {
      const part = kind === "grid" ? paper : shifted(paper, i * width, 22);
      if (kind === "grid") drawGrid(paper, 52);
      else {
        paper.text(`${sourceName(source)}, ${headWords(state.head)}`, i * width + 8, 14, 12, inks().muted);
        if (kind === "map") drawMap(part, source, state.head, layout, scale);
        else drawLines(part, source, state.head, layout, state.focus);
      }
    });
  }];
}
function shifted(paper, dx, dy) {
  return {
    rect: (x, y, ...r) => paper.rect(x + dx, y + dy, ...r),
    frame: (x, y, ...r) => paper.frame(x + dx, y + dy, ...r),
    text: (t, x, y, ...r) => paper.text(t, x + dx, y + dy, ...r),
    curve: (x1, y1, x2, y2, ...r) => paper.curve(x1 + dx, y1 + dy, x2 + dx, y2 + dy, ...r),
    cells: (x, y, ...r) => paper.cells(x + dx, y + dy, ...r),
    picture: (i, x, y, ...r) => paper.picture(i, x + dx, y + dy, ...r),
  };
}
function svgOf(kind) {
  const [width, height, draw] = picture(kind);
  const paper = svgPaper(width, height, inks().ground, `${data.title}: ${kind}`);
  draw(paper);
  return paper.done();
}
function pngOf(kind) {
  const [width, height, draw] = picture(kind);
  const canvas = document.createElement("canvas");
  draw(canvasPaper(canvas, width, height, 2, inks().ground));
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
const savers = {
  "grid-svg": () => saveText(fileName("heads", "svg"), "image/svg+xml", svgOf("grid")),
  "grid-png": async () => save(fileName("heads", "png"), await pngOf("grid")),
  svg: () => saveText(fileName(state.tab === "map" ? "map" : "lines", "svg"), "image/svg+xml", svgOf(state.tab === "map" ? "map" : "lines")),
  png: async () => save(fileName(state.tab === "map" ? "map" : "lines", "png"), await pngOf(state.tab === "map" ? "map" : "lines")),
  csv: () => saveText(fileName("map", "csv"), "text/csv", mapCsv(state.head)),
  "heads-csv": () => saveText(fileName("heads", "csv"), "text/csv", headsCsv()),
};

function start() {
  document.title = data.title;
  byId("title").textContent = data.title;
  byId("texts").textContent = data.texts.map((t) => `\u201c${t}\u201d`).join("  ");
  const notes = [`${length} tokens; ${layers} layers of ${heads} heads; ${data.models.map((_, m) => modelName(m)).join(" and ")}.`,
    `Weights on this page are stored with ${data.precision}; statistics were computed from the full weights.`,
    "Row: the token that attends (query). Column: the token attended to (key). Each row adds up to 1.", ...data.notes];
  byId("notes").append(...notes.map((n) => make("li", {}, n)));
  tokens.forEach((token, i) => byId("token").append(make("option", { value: i }, `${i + 1} ${token}`)));
  if (comparing) {
    for (const [value, name] of [["both", "side by side"], [0, data.models[0].role || data.models[0].name], [1, data.models[1].role || data.models[1].name], ["difference", "difference"]]) {
      const button = make("button", { type: "button", "aria-pressed": String(value === state.compare) }, name);
      button.addEventListener("click", () => {
        state.compare = value;
        for (const other of byId("compare").children) other.setAttribute("aria-pressed", String(other === button));
        paintDetail();
      });
      byId("compare").append(button);
    }
  }
  buildGrid();
  buildNumbers();
  byId("least").value = state.least;
  byId("grid-mode").addEventListener("change", paintGrid);
  byId("scale").addEventListener("change", (e) => { state.scale = e.target.value; paintGrid(); paintDetail(); });
  byId("root").addEventListener("change", (e) => { state.root = e.target.checked; paintGrid(); paintDetail(); });
  byId("least").addEventListener("input", (e) => { state.least = Number(e.target.value); paintLines(); });
  byId("token").addEventListener("change", (e) => { state.token = Number(e.target.value); paintToken(); });
  const zoom = (by) => { state.zoom = Math.max(2, Math.min(34, state.zoom * by)); paintMaps(); };
  byId("smaller").addEventListener("click", () => zoom(1 / 1.3));
  byId("larger").addEventListener("click", () => zoom(1.3));
  document.addEventListener("keydown", (e) => {
    if (state.tab !== "map" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT)$/.test(e.target.tagName)) return;
    if (e.key === "+") zoom(1.3);
    else if (e.key === "-") zoom(1 / 1.3);
  });
  for (const tab of ["map", "lines", "token"]) {
    byId(`tab-${tab}`).addEventListener("click", () => press(tab));
    byId(`tab-${tab}`).addEventListener("keydown", (e) => {
      const order = ["map", "lines", "token"];
      const move = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (!move) return;
      const next = order[(order.indexOf(tab) + move + 3) % 3];
      press(next);
      byId(`tab-${next}`).focus();
    });
  }
  document.querySelectorAll("[data-save]").forEach((b) => b.addEventListener("click", () => savers[b.dataset.save]()));
  themeListeners.push(() => { paintGrid(); paintDetail(); });
  themeChanged();
  // As large as fits side by side, within what can be read.
  const room = byId("maps").clientWidth / sources().length - widest(12) - 34;
  state.zoom = Math.max(2.5, Math.min(28, room / length));
  press("map");
  select(state.head);
}
start();
