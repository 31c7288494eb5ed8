
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const maps = data.maps, classes = data.classes;
  const at = name => document.getElementById(name);
  const store = "attention-maps " + data.key;
  let labels = {}, history = [], index = 0;

  const remember = () => { try { localStorage.setItem(store, JSON.stringify(labels)); } catch (e) { /* no storage: CSV remains */ } };
  try {
    const kept = JSON.parse(localStorage.getItem(store) || "{}");
    for (const map of maps) { const l = kept[map.id]; if (l && (classes.some(c => c.name === l.label) || l.label === "")) labels[map.id] = { label: l.label, note: String(l.note || "") }; }
  } catch (e) { labels = {}; }

  const bytes = map => Uint8Array.from(atob(map.cells), c => c.charCodeAt(0));
  const colour = share => {
    const scale = data.colours, t = share * (scale.length - 1), i = Math.min(Math.floor(t), scale.length - 2), r = t - i;
    return "rgb(" + [0, 1, 2].map(k => Math.round(scale[i][k] + (scale[i + 1][k] - scale[i][k]) * r)).join(",") + ")";
  };
  const margin = 110, side = 640;

  function draw() {
    const map = maps[index], n = map.tokens.length, cell = side / n, values = bytes(map);
    const c = at("map").getContext("2d");
    c.fillStyle = "#fff"; c.fillRect(0, 0, 760, 760);
    for (let q = 0; q < n; q++) for (let k = 0; k < n; k++) {
      c.fillStyle = colour(values[q * n + k] / 255);
      // Half a pixel of overlap, so that no ground shines through.
      c.fillRect(margin + k * cell, 8 + q * cell, cell + .5, cell + .5);
    }
    c.strokeStyle = "#969696"; c.strokeRect(margin, 8, side, side);
    const size = Math.min(13, Math.max(7, cell * .95));
    map.tokens.forEach((token, i) => {
      const special = map.special.includes(i);
      if (!special && cell < 7) return;
      c.fillStyle = special ? "#d55e00" : "#1f2328";
      c.font = (special ? "bold " : "") + size + "px system-ui, sans-serif";
      c.textBaseline = "middle";
      const text = token.length > 14 ? token.slice(0, 13) + "…" : token;
      c.textAlign = "right";
      c.fillText(text, margin - 6, 8 + (i + .5) * cell);
      c.save(); c.translate(margin + (i + .5) * cell, side + 14); c.rotate(-Math.PI / 2);
      c.fillText(text, 0, 0); c.restore();
    });
  }

  function show() {
    const map = maps[index], said = labels[map.id] || { label: "", note: "" };
    at("id").textContent = map.id;
    at("place").textContent = (index + 1) + " of " + maps.length;
    const done = maps.filter(m => labels[m.id] && labels[m.id].label).length;
    at("bar").max = maps.length; at("bar").value = done;
    at("done").textContent = done + " labelled";
    at("note").value = said.note;
    [...at("classes").children].forEach((b, i) => b.setAttribute("aria-pressed", String(classes[i].name === said.label)));
    at("cell").textContent = "";
    draw();
  }

  const say = text => { at("message").textContent = text; };
  function set(id, label, note) {
    const before = labels[id];
    history.push({ id, before, index });
    labels[id] = { label, note };
    remember();
  }
  function choose(i) {
    const map = maps[index];
    set(map.id, classes[i].name, at("note").value.trim());
    say("");
    if (index + 1 < maps.length) index += 1; else say("That was the last map.");
    show();
  }
  function undo() {
    const last = history.pop();
    if (!last) { say("Nothing to undo."); return; }
    if (last.before) labels[last.id] = last.before; else delete labels[last.id];
    remember(); index = last.index; show();
  }
  const go = to => { index = Math.max(0, Math.min(maps.length - 1, to)); show(); };
  function open() {
    for (let d = 1; d <= maps.length; d++) {
      const i = (index + d) % maps.length, l = labels[maps[i].id];
      if (!l || !l.label) { go(i); return; }
    }
    say("Every map has a label.");
  }

  const quoted = text => /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  const csv = () => "id,label,note\n" + maps.filter(m => labels[m.id]).map(m => [m.id, labels[m.id].label, labels[m.id].note].map(quoted).join(",") + "\n").join("");
  function parse(text) {
    const rows = []; let row = [], field = "", inside = false;
    text = text.replace(/^\ufeff/, "");
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (inside) { if (c === '"' && text[i + 1] === '"') { field += '"'; i++; } else if (c === '"') inside = false; else field += c; }
      else if (c === '"' && field === "") inside = true;
      else if (c === ",") { row.push(field); field = ""; }
      else if (c === "\n") { row.push(field.replace(/\r$/, "")); rows.push(row); row = []; field = ""; }
      else field += c;
    }
    if (field !== "" || row.length) { row.push(field); rows.push(row); }
    return rows;
  }
  function load(text) {
    const rows = parse(text), head = (rows[0] || []).map(h => h.trim());
    const [id, label, note] = ["id", "label", "note"].map(n => head.indexOf(n));
    if (id < 0 || label < 0) { say("Not loaded: a header with the columns id and label was expected."); return; }
    const known = new Set(maps.map(m => m.id)); let taken = 0, unknown = 0;
    const before = JSON.stringify(labels);
    for (const [number, row] of rows.slice(1).entries()) {
      const name = (row[id] || "").trim(), said = (row[label] || "").trim().toLowerCase();
      if (!name || !said) continue;
      const found = classes.find((c, i) => c.name === said || String(i + 1) === said);
      if (!found) { labels = JSON.parse(before); say("Not loaded: row " + (number + 2) + " has the unknown label '" + said + "'."); show(); return; }
      if (!known.has(name)) { unknown++; continue; }
      labels[name] = { label: found.name, note: note < 0 ? "" : (row[note] || "") }; taken++;
    }
    history = []; remember(); show();
    say(taken + " labels loaded" + (unknown ? ", " + unknown + " of maps that are not here left out." : "."));
  }

  classes.forEach((c, i) => {
    const b = document.createElement("button"), key = document.createElement("kbd");
    key.textContent = String(i + 1);
    b.append(key, " " + c.title);
    b.addEventListener("click", () => choose(i));
    at("classes").append(b);
  });
  at("undo").addEventListener("click", undo);
  at("back").addEventListener("click", () => go(index - 1));
  at("next").addEventListener("click", () => go(index + 1));
  at("open").addEventListener("click", open);
  at("note").addEventListener("change", () => {
    const id = maps[index].id, said = labels[id];
    if (said) set(id, said.label, at("note").value.trim());
  });
  at("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    link.download = "labels.csv"; link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  at("load").addEventListener("change", event => { const file = event.target.files[0]; if (file) file.text().then(load); });
  at("map").addEventListener("mousemove", event => {
    const box = at("map").getBoundingClientRect(), map = maps[index], n = map.tokens.length;
    const x = (event.clientX - box.left) * 760 / box.width, y = (event.clientY - box.top) * 760 / box.height;
    const k = Math.floor((x - margin) / side * n), q = Math.floor((y - 8) / side * n);
    at("cell").textContent = k >= 0 && k < n && q >= 0 && q < n ? map.tokens[q] + " → " + map.tokens[k] : "";
  });
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === at("note")) { if (event.key === "Enter") at("note").blur(); return; }
    const digit = "12345".indexOf(event.key);
    if (digit >= 0 && event.key !== "") choose(digit);
    else if (event.key === "u" || event.key === "Backspace") undo();
    else if (event.key === "ArrowLeft") go(index - 1);
    else if (event.key === "ArrowRight") go(index + 1);
    else if (event.key === "n") open();
    else return;
    event.preventDefault();
  });
  window.addEventListener("beforeunload", event => { if (history.length) event.preventDefault(); });
  // For tests and for those who would rather type.
  window.labelling = { csv, load };
  show();
})();
