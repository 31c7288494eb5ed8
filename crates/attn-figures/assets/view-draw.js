// What the pictures look like, on either paper.
const measure = document.createElement("canvas").getContext("2d");
function textWidth(text, size) {
  measure.font = `${size}px ${FONT}`;
  return measure.measureText(text).width;
}
function fitted(text, size, width) {
  if (textWidth(text, size) <= width) return text;
  let kept = [...text];
  while (kept.length > 1 && textWidth(`${kept.join("")}\u2026`, size) > width) kept = kept.slice(0, -1);
  return `${kept.join("")}\u2026`;
}
const LONGEST = 88;
const widest = (size) => Math.min(LONGEST, Math.max(...tokens.map((t) => textWidth(t, size))));

// The scale of the pictures: [greatest value, whether values have a sign].
function scaleOf(sources, head) {
  const signed = sources.includes("difference");
  if (state.scale === "unit") return [1, signed];
  let top = 0;
  for (const source of sources) for (const v of mapOf(source, head)) top = Math.max(top, Math.abs(v));
  return [top || 1, signed];
}
function shade(value, top, signed) {
  const share = Math.min(1, Math.abs(value) / top);
  const seen = state.root ? Math.sqrt(share) : share;
  return signed ? signedColour(Math.sign(value) * seen) : colourOf(seen);
}

function mapLayout(zoom) {
  const cell = Math.max(2, Math.min(34, zoom));
  const size = Math.max(8, Math.min(12, cell * 0.85));
  const label = widest(size) + 10;
  // Where cells are smaller than letters, every other label (or fewer) is drawn.
  const step = Math.ceil((size + 1) / cell);
  const side = cell * length;
  return { cell, size, label, step, left: label, top: label + 4, side, width: label + side + 6, height: label + side + 42 };
}

function drawMap(paper, source, head, layout, scale) {
  const { cell, size, left, top, step, side, label } = layout;
  const values = mapOf(source, head);
  const colour = inks();
  tokens.forEach((token, i) => {
    if (i % step) return;
    const text = fitted(token, size, label - 8);
    const middle = (i + 0.5) * cell + size * 0.35;
    const ink = data.special[i] ? colour.muted : colour.ink;
    paper.text(text, left - 4, top + middle, size, ink, "end");
    paper.text(text, left + middle, top - 4, size, ink, "start", true);
  });
  const note = (i) => `from ${tokens[Math.floor(i / length)]} to ${tokens[i % length]}: ${show(values[i])}`;
  paper.cells(left, top, cell, length, (i) => shade(values[i], ...scale), note);
  paper.frame(left, top, side, side, colour.rule);
  if (cell >= 24) {
    for (let i = 0; i < cells; i++) {
      const x = left + (i % length + 0.5) * cell;
      const y = top + (Math.floor(i / length) + 0.5) * cell + 3;
      const text = minus(values[i].toFixed(2)).replace(/^(\u2212?)0\./, "$1.");
      paper.text(text, x, y, 9, inkOn(shade(values[i], ...scale)), "middle");
    }
  }
  drawKey(paper, left, top + side + 12, Math.min(180, side), scale);
}

function drawKey(paper, x, y, width, [top, signed]) {
  const colour = inks();
  const steps = 60;
  for (let i = 0; i < steps; i++) {
    const at = (i + 0.5) / steps;
    const value = signed ? (2 * at - 1) * top : at * top;
    paper.rect(x + (i * width) / steps, y, width / steps + 0.5, 8, css(shade(value, top, signed)));
  }
  paper.text(signed ? show(-top, 2) : "0", x, y + 20, 10, colour.muted);
  paper.text(show(top, 2), x + width, y + 20, 10, colour.muted, "end");
}

// Rows close up as tokens grow many, so that a line's ends stay in sight of each other.
function linesLayout() {
  const row = length > 64 ? 13 : length > 32 ? 15 : 19;
  const size = Math.min(13, row - 2);
  const label = widest(size) + 8;
  const room = byId("detail").clientWidth / sources().length - 2 * label - 90;
  const middle = Math.max(120, Math.min(320, room));
  return { row, size, label, middle, top: 6, width: 2 * label + middle + 40, height: row * length + 14 };
}

// Lines from queries (left) to keys (right), darker for more. focus: {side, index} or null.
function drawLines(paper, source, head, layout, focus) {
  const { row, size, label, middle, top } = layout;
  const values = mapOf(source, head);
  const signed = source === "difference";
  const colour = inks();
  const scale = state.scale === "unit" ? 1 : values.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1;
  const y = (i) => top + (i + 0.5) * row;
  const [x1, x2] = [label + 4, label + middle];
  for (let query = 0; query < length; query++) {
    if (focus && focus.side === "from" && focus.index !== query) continue;
    for (let key = 0; key < length; key++) {
      if (focus && focus.side === "to" && focus.index !== key) continue;
      const value = values[query * length + key];
      const size_ = Math.abs(value);
      if (size_ < state.least || size_ === 0) continue;
      const share = state.root ? Math.sqrt(size_ / scale) : size_ / scale;
      const stroke = signed && value < 0 ? colour.mark : colour.line;
      paper.curve(x1, y(query), x2, y(key), stroke, Math.min(1, share), focus ? 2 : 1.4);
    }
  }
  for (let i = 0; i < length; i++) {
    const text = fitted(tokens[i], size, label - 8);
    const ink = data.special[i] ? colour.muted : colour.ink;
    const at = (side) => focus && focus.side === side && focus.index === i;
    if (at("from")) paper.rect(0, y(i) - row / 2, label, row, colour.rule);
    if (at("to")) paper.rect(x2 + 2, y(i) - row / 2, label + 36, row, colour.rule);
    paper.text(text, label - 4, y(i) + size * 0.35, size, ink, "end");
    paper.text(text, x2 + 8, y(i) + size * 0.35, size, ink);
    if (!focus) continue;
    const value = focus.side === "from" ? values[focus.index * length + i] : values[i * length + focus.index];
    if (Math.abs(value) < Math.max(state.least, 0.005)) continue;
    // The weight stands beside the token at the other end of its line.
    if (focus.side === "from") paper.text(show(value, 2), x2 + label + 38, y(i) + 4, 10, colour.mark, "end");
    else paper.text(show(value, 2), x1 + 2, y(i) + 4, 10, colour.mark);
  }
}

// Thumbnails: with more tokens than pixels, the greatest weight under a pixel is what shows, so
// that thin diagonals and columns do not vanish.
const THUMB = 48;
function thumbnail(source, head) {
  const values = mapOf(source, head);
  const side = Math.min(length, THUMB);
  const small = new Float32Array(side * side);
  for (let query = 0; query < length; query++) {
    const line = Math.floor((query * side) / length) * side;
    for (let key = 0; key < length; key++) {
      const at = line + Math.floor((key * side) / length);
      const value = values[query * length + key];
      if (Math.abs(value) > Math.abs(small[at])) small[at] = value;
    }
  }
  const top = state.scale === "unit" ? 1 : small.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1;
  return cellImage(side, side, (i) => shade(small[i], top, source === "difference"));
}

// One statistic over the grid: [colour of a head, its text].
function statisticCells(column) {
  const known = column.values.filter((v) => v !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return column.values.map((value) => {
    if (value === null) return [parse(isDark() ? "#3a414b" : "#d5dae0"), "\u2013"];
    const rgb = column.signed ? signedColour(value / reach) : colourOf(high > low ? (value - low) / (high - low) : 0.5);
    return [rgb, show(value, Math.min(column.digits, Math.abs(value) >= 10 ? 1 : 2))];
  });
}

function drawGrid(paper, cell) {
  const colour = inks();
  const left = 34;
  const top = 22;
  const mode = gridMode();
  const shown = mode.values ? statisticCells(mode) : null;
  for (let h = 0; h < heads; h++) paper.text(String(h + 1), left + (h + 0.5) * cell, top - 6, 11, colour.muted, "middle");
  for (let l = 0; l < layers; l++) {
    paper.text(String(l + 1), left - 8, top + (l + 0.5) * cell + 4, 11, colour.muted, "end");
    for (let h = 0; h < heads; h++) {
      const [x, y, i] = [left + h * cell, top + l * cell, l * heads + h];
      if (shown) {
        paper.rect(x, y, cell - 3, cell - 3, css(shown[i][0]));
        paper.text(shown[i][1], x + (cell - 3) / 2, y + cell / 2 + 2, 10, inkOn(shown[i][0]), "middle");
      } else {
        paper.picture(thumbnail(mode.source, i), x, y, cell - 3, cell - 3);
      }
    }
  }
  paper.text(`${mode.title}; rows: layers, columns: heads`, left, top + layers * cell + 16, 11, colour.muted);
}
const gridSize = (cell) => [34 + heads * cell + 10, 22 + layers * cell + 26];
