// Figures: the value of a mark under the pointer, and mark by mark with the arrow keys. The marks'
// own <title>s become attributes at first use: browsers show them late, and keys cannot reach them.
function prepareFigure(figure) {
  const paper = figure.querySelector(".paper");
  const svg = paper.querySelector("svg");
  let marks = null;
  let at = -1;
  const collect = () => {
    if (marks || !svg) return marks ?? [];
    marks = [];
    for (const title of svg.querySelectorAll("* > title")) {
      if (title.parentNode === svg) continue;
      title.parentNode.dataset.value = title.textContent;
      marks.push(title.parentNode);
    }
    for (const title of svg.querySelectorAll("* > * > title")) if (title.parentNode !== svg) title.remove();
    return marks;
  };
  const clear = () => { marks?.[at]?.classList.remove("mark"); hideTip(); };
  paper.addEventListener("pointermove", (e) => {
    collect();
    const mark = e.target.closest("[data-value]");
    if (mark) showTip(mark.dataset.value, e.clientX, e.clientY);
    else hideTip();
  });
  paper.addEventListener("pointerleave", clear);
  paper.addEventListener("blur", clear);
  paper.addEventListener("keydown", (e) => {
    const all = collect();
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (!direction || !all.length) return;
    e.preventDefault();
    const next = at < 0 ? 0 : nearest(all, at, direction);
    if (next < 0) return;
    clear();
    at = next;
    all[at].classList.add("mark");
    all[at].scrollIntoView({ block: "nearest", inline: "nearest" });
    const box = all[at].getBoundingClientRect();
    showTip(all[at].dataset.value, box.right, box.bottom);
    say(all[at].dataset.value);
  });
  const name = figure.dataset.name;
  figure.querySelector("[data-save=svg]").addEventListener("click", () => saveText(`${name}.svg`, "image/svg+xml", svgText(figure)));
  figure.querySelector("[data-save=png]").addEventListener("click", async () => save(`${name}.png`, await svgToPng(svgText(figure))));
}

// The mark nearest in a direction: the distance along it, with what lies aside counted double.
function nearest(marks, from, [dx, dy]) {
  const centre = (mark) => {
    const box = mark.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const [x, y] = centre(marks[from]);
  let found = -1;
  let least = Infinity;
  marks.forEach((mark, i) => {
    if (i === from) return;
    const [mx, my] = centre(mark);
    const along = (mx - x) * dx + (my - y) * dy;
    const aside = Math.abs((mx - x) * dy) + Math.abs((my - y) * dx);
    if (along <= 0.5) return;
    const cost = along + 2 * aside;
    if (cost < least) { least = cost; found = i; }
  });
  return found;
}

// The figure as a document of its own, titles and all.
function svgText(figure) {
  const svg = figure.querySelector(".paper svg");
  if (!svg) {
    const bytes = Uint8Array.from(atob(figure.querySelector(".paper img").src.split(",")[1]), (c) => c.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  }
  const copy = svg.cloneNode(true);
  for (const mark of copy.querySelectorAll("[data-value]")) {
    const title = document.createElementNS(SVG, "title");
    title.textContent = mark.dataset.value;
    mark.prepend(title);
    delete mark.dataset.value;
    mark.removeAttribute("class");
  }
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
}
document.querySelectorAll("figure").forEach(prepareFigure);

for (const filter of document.querySelectorAll("input.filter")) {
  const body = filter.closest(".table").querySelector("tbody");
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((w) => text.includes(w));
      if (!row.hidden) shown += 1;
    }
    say(`${shown} rows`);
  });
}
for (const button of document.querySelectorAll("[data-csv]")) {
  button.addEventListener("click", () => {
    const table = button.closest(".table").querySelector("table");
    const rows = [...table.rows].map((row) => [...row.cells].map((cell) => {
      const value = cell.dataset.v;
      return value === undefined ? cell.textContent : value === "" ? "" : Number(value);
    }));
    saveText(`${button.dataset.csv}.csv`, "text/csv", csv(rows));
  });
}
// A link into a folded part opens it.
addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
});
themeChanged();
