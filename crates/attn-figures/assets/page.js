// Shared by all pages. Text from data reaches the page through textContent and attributes only.
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

// make("td", {class: "n"}, "text", node, …)
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const root = document.documentElement;
const preference = matchMedia("(prefers-color-scheme: dark)");
// Kept, since it is asked for every pixel.
let dark = preference.matches;
const isDark = () => dark;
const themeListeners = [];
function themeChanged() {
  dark = root.dataset.theme ? root.dataset.theme === "dark" : preference.matches;
  const button = byId("theme");
  if (button) button.textContent = dark ? "Light" : "Dark";
  themeListeners.forEach((f) => f());
}
preference.addEventListener("change", themeChanged);
if (byId("theme")) {
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    themeChanged();
  });
}

// Screen readers hear the last text only; a timer keeps fast key presses from piling up.
let liveTimer = 0;
function say(text) {
  clearTimeout(liveTimer);
  liveTimer = setTimeout(() => { byId("live").textContent = text; }, 120);
}

const tip = make("div", { id: "tip", hidden: "", "aria-hidden": "true" });
document.body.append(tip);
function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 14 + box.width > innerWidth ? x - 14 - box.width : x + 14;
  const top = y + 16 + box.height > innerHeight ? y - 12 - box.height : y + 16;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}
const hideTip = () => { tip.hidden = true; };

function save(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
const saveText = (name, type, text) => save(name, new Blob([text], { type: `${type};charset=utf-8` }));

// A spreadsheet would run a field that begins like a formula, so such fields get an apostrophe.
function csvField(value) {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  let text = String(value ?? "");
  if (/^[=+\-@\t\r]/.test(text) && !/^-?[\d.]+(e-?\d+)?$/i.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
const csv = (rows) => rows.map((row) => row.map(csvField).join(",") + "\r\n").join("");

// An SVG document as PNG, at twice its size.
async function svgToPng(text) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  await image.decode();
  const canvas = make("canvas");
  canvas.width = image.naturalWidth * 2;
  canvas.height = image.naturalHeight * 2;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

// Tables whose head cells hold a button sort by its column; numbers by data-v where present.
function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const keyed = [...body.rows].map((row) => {
        const cell = row.cells[column];
        const text = cell ? cell.dataset.v ?? cell.textContent : "";
        return [text === "" || Number.isNaN(Number(text)) ? null : Number(text), text, row];
      });
      const sign = down ? -1 : 1;
      keyed.sort((a, b) => {
        // What has no value stays at the end in both directions.
        if ((a[1] === "") !== (b[1] === "")) return a[1] === "" ? 1 : -1;
        if (a[0] !== null && b[0] !== null) return sign * (a[0] - b[0]);
        return sign * a[1].localeCompare(b[1], "en", { numeric: true });
      });
      body.append(...keyed.map((k) => k[2]));
      say(`sorted by ${button.textContent}, ${down ? "descending" : "ascending"}`);
    });
  });
}
document.querySelectorAll("table.sortable").forEach(sortable);
