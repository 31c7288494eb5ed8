// The page's numbers. Layers and heads count from 0 here and from 1 in what people read.
const data = JSON.parse(byId("data").textContent);
const { tokens, layers, heads } = data;
const length = tokens.length;
const cells = length * length;
const comparing = data.models.length === 2;
const headName = (i) => `${Math.floor(i / heads) + 1}-${(i % heads) + 1}`;
const headWords = (i) => `layer ${Math.floor(i / heads) + 1}, head ${(i % heads) + 1}`;
const modelName = (m) => {
  const model = data.models[m];
  return model.role ? `${model.name} (${model.role})` : model.name;
};

// Weights stay integers; a table gives their values.
const levels = new Float32Array(1 << data.bits);
for (let q = 0; q < levels.length; q++) {
  levels[q] = data.bits === 16 ? q / 65535 : (q / 255) ** 2;
}
const stored = data.models.map((model) => {
  const text = atob(model.maps);
  delete model.maps;
  const values = data.bits === 16 ? new Uint16Array(text.length / 2) : new Uint8Array(text.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = data.bits === 8 ? text.charCodeAt(i) : text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 8);
  }
  return values;
});
const weight = (model, head, query, key) => levels[stored[model][head * cells + query * length + key]];

// One head's values as shown: a model's map, or the first's less the second's.
function mapOf(source, head) {
  const start = head * cells;
  const values = new Float32Array(cells);
  if (source === "difference") {
    for (let i = 0; i < cells; i++) values[i] = levels[stored[0][start + i]] - levels[stored[1][start + i]];
  } else {
    for (let i = 0; i < cells; i++) values[i] = levels[stored[source][start + i]];
  }
  return values;
}
const sourceName = (source) => source === "difference"
  ? `difference: ${modelName(0)} less ${modelName(1)}` : modelName(source);

// Numbers for people.
const minus = (text) => text.replace(/^-/, "\u2212");
const show = (value, digits = 3) => value === null || value === undefined || !Number.isFinite(value)
  ? "\u2013" : minus(value.toFixed(digits));

// Softmax in the stable form; a single output is a regression and stands for itself.
function chances(logits) {
  if (logits.length === 1) return logits;
  const top = Math.max(...logits);
  const parts = logits.map((l) => Math.exp(l - top));
  const sum = parts.reduce((a, b) => a + b, 0);
  return parts.map((p) => p / sum);
}
const best = (values) => values.indexOf(Math.max(...values));

// Effects become two more statistics: the change of the predicted label's probability (or of the
// score) and whether the prediction flips.
const effects = data.effects;
if (effects) {
  effects.base = chances(effects.baseline);
  effects.off = effects.heads.map(chances);
  effects.said = effects.labels.length === 1 ? 0 : best(effects.base);
  effects.flips = effects.off.map((p) => p.length > 1 && best(p) !== effects.said);
  const one = effects.labels.length === 1;
  data.statistics.push({
    id: one ? "change_of_score" : "change_of_probability",
    name: one ? "change of the score when off" : `change of P(${effects.labels[effects.said]}) when off`,
    explanation: `What the model's ${one ? "score" : "probability for its own prediction"} gains or loses when the head is off (${effects.mode}). A framed cell: the prediction changes.`,
    digits: 3,
    signed: true,
    values: [effects.off.map((p) => p[effects.said] - effects.base[effects.said])],
  });
}

// Rank of a head among all, 1 for the greatest; heads without a value are not counted.
function rank(values, head) {
  const known = values.filter((v) => v !== null);
  return [known.filter((v) => v > values[head]).length + 1, known.length];
}

// The key that gets most weight, over all queries, and its share; asked for often, so kept.
const strongestKnown = new Map();
function strongest(model, head) {
  const known = strongestKnown.get(model * layers * heads + head);
  if (known) return known;
  const sums = new Float64Array(length);
  const start = head * cells;
  for (let i = 0; i < cells; i++) sums[i % length] += levels[stored[model][start + i]];
  const at = sums.indexOf(Math.max(...sums));
  const found = [at, sums[at] / length];
  strongestKnown.set(model * layers * heads + head, found);
  return found;
}

function headTable() {
  const columns = [];
  for (const words of data.words) {
    words.values.forEach((values, m) => columns.push([words.name, m, values, null, words.values.length]));
  }
  for (const s of data.statistics) {
    s.values.forEach((values, m) => columns.push([s.name, m, values, s.digits, s.values.length, s.id]));
  }
  return columns.map(([name, m, values, digits, of, id]) => ({
    name: of > 1 ? `${name}, ${data.models[m].role || data.models[m].name}` : name,
    id: of > 1 ? `${id ?? name} ${data.models[m].role || data.models[m].name}` : id ?? name,
    values, digits,
  }));
}
function headsCsv() {
  const columns = headTable();
  const labels = effects ? effects.labels : [];
  const rows = [["layer", "head", ...columns.map((c) => c.id), ...labels.map((l) => `logit of ${l} when off`)]];
  for (let i = 0; i < layers * heads; i++) {
    rows.push([Math.floor(i / heads) + 1, (i % heads) + 1, ...columns.map((c) => c.values[i]),
      ...labels.map((_, l) => effects.heads[i][l])]);
  }
  if (effects) rows.push(["", "none off", ...columns.map(() => ""), ...effects.baseline]);
  return csv(rows);
}
function mapCsv(head) {
  const names = data.models.map((m) => m.role || m.name);
  const rows = [["layer", "head", "query", "query token", "key", "key token", ...names.map((n) => `weight ${n}`)]];
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) {
      rows.push([Math.floor(head / heads) + 1, (head % heads) + 1, query + 1, tokens[query], key + 1, tokens[key],
        ...names.map((_, m) => Number(weight(m, head, query, key).toPrecision(6)))]);
    }
  }
  return csv(rows);
}
