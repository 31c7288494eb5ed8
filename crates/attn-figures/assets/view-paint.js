// One set of strokes, two kinds of paper: a canvas for the screen and PNG, an SVG document to save.
const FONT = "system-ui, 'DejaVu Sans', Verdana, sans-serif";

function canvasPaper(canvas, width, height, ratio, ground) {
  canvas.width = Math.ceil(width * ratio);
  canvas.height = Math.ceil(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const c = canvas.getContext("2d");
  c.scale(ratio, ratio);
  if (ground) { c.fillStyle = ground; c.fillRect(0, 0, width, height); }
  return {
    rect(x, y, w, h, fill) { c.fillStyle = fill; c.fillRect(x, y, w, h); },
    frame(x, y, w, h, stroke) { c.strokeStyle = stroke; c.lineWidth = 1.5; c.strokeRect(x, y, w, h); },
    text(text, x, y, size, fill, anchor = "start", turned = false) {
      c.save();
      c.translate(x, y);
      if (turned) c.rotate(-Math.PI / 2);
      c.font = `${size}px ${FONT}`;
      c.textAlign = anchor === "middle" ? "center" : anchor;
      c.fillStyle = fill;
      c.fillText(text, 0, 0);
      c.restore();
    },
    curve(x1, y1, x2, y2, stroke, alpha, thick) {
      c.globalAlpha = alpha;
      c.strokeStyle = stroke;
      c.lineWidth = thick;
      c.beginPath();
      c.moveTo(x1, y1);
      const bend = (x2 - x1) * 0.4;
      c.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
      c.stroke();
      c.globalAlpha = 1;
    },
    // A whole map at once: far quicker than a rectangle each.
    cells(x, y, side, count, colour) {
      c.imageSmoothingEnabled = false;
      c.drawImage(cellImage(count, count, colour), x, y, side * count, side * count);
    },
    picture(image, x, y, w, h) { c.imageSmoothingEnabled = false; c.drawImage(image, x, y, w, h); },
  };
}

// colour(index) gives [r, g, b].
function cellImage(columns, rows, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const c = canvas.getContext("2d");
  const image = c.createImageData(columns, rows);
  for (let i = 0; i < columns * rows; i++) {
    const rgb = colour(i);
    image.data[4 * i] = rgb[0];
    image.data[4 * i + 1] = rgb[1];
    image.data[4 * i + 2] = rgb[2];
    image.data[4 * i + 3] = 255;
  }
  c.putImageData(image, 0, 0);
  return canvas;
}

// Built as a DOM, so that the browser's own serialiser does the escaping.
function svgPaper(width, height, ground, title) {
  const document_ = document.implementation.createDocument(SVG, "svg");
  const add = (name, attributes, text, parent = document_.documentElement) => {
    const element = document_.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) {
      element.setAttribute(key, typeof value === "number" ? String(Math.round(value * 100) / 100) : value);
    }
    if (text !== undefined) element.textContent = xmlText(text);
    parent.append(element);
    return element;
  };
  const top = document_.documentElement;
  top.setAttribute("width", width);
  top.setAttribute("height", height);
  top.setAttribute("viewBox", `0 0 ${width} ${height}`);
  top.setAttribute("font-family", FONT);
  top.setAttribute("role", "img");
  add("title", {}, title);
  add("rect", { x: 0, y: 0, width, height, fill: ground });
  return {
    rect: (x, y, w, h, fill) => add("rect", { x, y, width: w, height: h, fill }),
    frame: (x, y, w, h, stroke) => add("rect", { x, y, width: w, height: h, fill: "none", stroke, "stroke-width": 1.5 }),
    text(text, x, y, size, fill, anchor = "start", turned = false) {
      const place = turned ? { transform: `translate(${x} ${y}) rotate(-90)` } : { x, y };
      add("text", { ...place, "font-size": size, fill, "text-anchor": anchor }, text);
    },
    curve(x1, y1, x2, y2, stroke, alpha, thick) {
      const r = (v) => Math.round(v * 100) / 100;
      const bend = (x2 - x1) * 0.4;
      add("path", { d: `M${r(x1)} ${r(y1)}C${r(x1 + bend)} ${r(y1)} ${r(x2 - bend)} ${r(y2)} ${r(x2)} ${r(y2)}`,
        fill: "none", stroke, "stroke-opacity": alpha, "stroke-width": thick });
    },
    cells(x, y, side, count, colour, note) {
      for (let i = 0; i < count * count; i++) {
        const [r, g, b] = colour(i);
        const rect = add("rect", { x: x + (i % count) * side, y: y + Math.floor(i / count) * side, width: side,
          height: side, fill: `rgb(${r},${g},${b})`, "shape-rendering": "crispEdges" });
        add("title", {}, note(i), rect);
      }
    },
    picture: (image, x, y, w, h) => add("image", { x, y, width: w, height: h, href: image.toDataURL("image/png"),
      "image-rendering": "pixelated" }),
    done: () => `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(document_)}\n`,
  };
}
// Characters that XML forbids would make the saved file unreadable.
const xmlText = (text) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");

// Colours of the present theme. Darker is greater on light ground; brighter is greater on dark.
const parse = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const sequential = data.sequential.map(parse);
const diverging = data.diverging.map(parse);
const NIGHT = [29, 33, 39];
const nightly = diverging.map((colour, i) => {
  const share = Math.abs(i - 127.5) / 127.5;
  const end = i < 127.5 ? [96, 184, 255] : [255, 158, 74];
  return NIGHT.map((dark, channel) => Math.round(dark + (end[channel] - dark) * share));
});
const clamp = (i) => Math.max(0, Math.min(255, Math.round(i)));
const colourOf = (share) => sequential[clamp((isDark() ? 1 - share : share) * 255)];
const signedColour = (share) => (isDark() ? nightly : diverging)[clamp((share + 1) * 127.5)];
const css = ([r, g, b]) => `rgb(${r},${g},${b})`;
const inkOn = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#14171c" : "#ffffff";
const inks = () => isDark()
  ? { ground: "#1d2127", ink: "#e8eaed", muted: "#a9b1bb", rule: "#3a414b", line: "#7fcdbb", mark: "#f0a35e" }
  : { ground: "#ffffff", ink: "#1f2328", muted: "#545a61", rule: "#d5dae0", line: "#225ea8", mark: "#b3541e" };
