/* ---- What views are made of ---- */

/* Heads: "#": numbers, aligned right. Where the table has not the width for all, "+": goes below the rest of its row, and before
   that, "~": is hidden; the view to which the row leads has it. Roles, because a table that is drawn as a grid loses its own. */
function table(heads, rows) {
  const names = heads.map((text, i) => text.replace(/^[#~+]+/, "") || (i ? "" : "#"));
  const cell = (tag, x, i) => el(tag, { class: [heads[i].includes("#") && "n", heads[i].includes("~") && "spare", heads[i].includes("+") && "low",
    x === "–" && "void"].filter(Boolean).join(" ") || null, role: tag === "th" ? "columnheader" : "cell", "data-name": names[i] }, x);
  const line = (tag, list) => el("tr", { role: "row" }, list.map((x, i) => cell(tag, x, i)));
  const none = el("tr", { role: "row" }, el("td", { colspan: heads.length, class: "dim", role: "cell" }, "none"));
  return el("div", { class: "box" }, el("table", { role: "table" }, line("th", names), rows.length ? rows.map(row => line("td", row)) : none));
}
/* Moves columns of a table that is wider than its box: the last ones first, and all but the first one if need be. */
function fit(box) {
  const grid = box.firstChild, heads = [...grid.rows[0].cells], down = new Set();
  grid.classList.remove("stack", "sole");
  let over = box.scrollWidth - box.clientWidth;
  if (over <= 0) return;
  for (const kind of ["spare", "low", ""]) {
    for (let i = heads.length; --i > 0;) if (over > 0 && !down.has(i) && (!kind || heads[i].classList.contains(kind))) { over -= heads[i].offsetWidth; down.add(i); }
  }
  for (const row of grid.rows) [...row.cells].forEach((one, i) => one.classList.toggle("down", down.has(i)));
  grid.style.setProperty("--n", heads.length - down.size);
  grid.classList.add("stack"); grid.classList.toggle("sole", down.size === heads.length - 1);
}
const fitAll = () => { for (const box of document.querySelectorAll(".box")) fit(box); };
const facts = pairs => el("dl", {}, pairs.filter(p => p && p[1] !== undefined).map(([k, v]) => [el("dt", {}, k), el("dd", {}, v)]));
/* A heading. The first one of a view is also the title of the page, in the history and in bookmarks. */
const title = (text, path, ...more) => el("h2", { "data-title": text }, text, path ? el("a", { href: "api/" + path }, "JSON") : null, more);
const tile = (name, value, note) => el("div", { class: "tile" }, el("small", {}, name), el("strong", {}, value), el("small", {}, note || ""));
const bar = (part, whole) => el("div", { class: "fill" }, el("i", { fill: Math.min(100, 100 * part / whole) + "%" }));
const note = text => el("p", { class: "dim" }, text);
const memo = (text, most) => text ? el("span", { class: "memo", title: text.length > most ? text : null },
  text.length > most ? text.slice(0, most) + "…" : text) : "–";

function spark(values) {
  if (values.length < 2) values = [0, 0].fill(values[0] || 0);
  const top = Math.max(...values, 1), step = 300 / (values.length - 1);
  const points = values.map((v, i) => (i * step).toFixed(1) + "," + (42 - 40 * v / top).toFixed(1)).join(" ");
  return el("svg", { class: "spark", "aria-hidden": true, viewBox: "0 0 300 44", preserveAspectRatio: "none" }, el("polyline", { points }));
}
const chart = (name, values, note) => el("div", { class: "tile" }, el("small", {}, name), spark(values), el("small", {}, note));
function poolChart() {
  const tile = chart("transactions waiting", pool, "since this page was opened, at most " + num(Math.max(...pool, 0)));
  tile.id = "pool";
  return tile;
}

/* Draws the chain as a line, and each branch as a line that leaves it. Heights without a fork or an end are left out. */
function tree(tips) {
  const main = tips.find(t => t.status === "active"), sides = tips.filter(t => t !== main).slice(0, 12);
  if (!main || !sides.length) return note("One chain, no branches.");
  const fork = t => t.height - t.branch_length, marks = new Set();
  const mark = (from, to) => { for (let h = Math.max(from, to - 5); h <= to; h++) if (h >= 0) marks.add(h); };
  for (const t of sides) { mark(fork(t), fork(t) + 1); mark(fork(t), t.height); }
  mark(main.height - 2, main.height);
  const heights = [...marks].sort((a, b) => a - b), x = h => 30 + 52 * heights.indexOf(h), y = row => 18 + 30 * row;
  const dot = (h, row, id) => el("a", { svg: true, href: "#/block/" + id, "aria-label": "block " + num(h) }, el("circle", { cx: x(h), cy: y(row), r: 6 }));
  const line = (from, row, to, end) => el("path", { d: "M" + x(from) + " " + y(row) + " L" + x(to) + " " + y(end) });
  const parts = heights.slice(1).filter(h => h <= main.height).map((h, i) => line(heights[i], 0, h, 0));
  const dots = heights.filter(h => h <= main.height).map(h => dot(h, 0, h));
  sides.forEach((t, i) => {
    const own = heights.filter(h => h > fork(t) && h <= t.height), row = i + 1;
    parts.push(line(fork(t), 0, own[0], row), line(own[0], row, t.height, row));
    dots.push(el("g", { class: "side " + t.status }, own.map(h => el("circle", { cx: x(h), cy: y(row), r: h === t.height ? 0 : 4 })),
      dot(t.height, row, t.hash)));
  });
  const bottom = y(sides.length + 1), width = x(heights[heights.length - 1]) + 40;
  const labels = heights.map((h, i) => el("text", { x: x(h), y: bottom }, (i && heights[i - 1] < h - 1 ? "… " : "") + h));
  return el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Branches of the chain" },
    el("svg", { class: "tree", width, height: bottom + 12 }, parts, dots, labels));
}

/* Genesis may be older than its network: the first block has no interval. */
const gap = (b, before) => before && before.height > 0 ? b.time - before.time : null;
const gaps = list => list.map((b, i) => gap(b, list[i + 1])).filter(seconds => seconds !== null);
function blockRows(list) {
  const heads = ["#height", "~hash", "#txs", "#size", "age", "#interval", "+paid to"];
  return table(heads, list.map((b, i) => [link("block/" + b.height, num(b.height)), hash("block", b.hash),
    num(b.transactions), bytes(b.size), ago(b.time), gap(b, list[i + 1]) === null ? "–" : span(gap(b, list[i + 1])), party(b.miner)]));
}
/* What pays nobody but the owners of what it spends. */
const paid = t => t.to || !t.from ? amt(t.paid) : "to itself";
function poolRows(list) {
  return table(["transaction", "#pays", "#fee", "#~per 1000 bytes", "#~size", "age", "+from", "+to", "+memo"],
    list.map(t => [hash("tx", t.id), paid(t), amt(t.fee), amt(t.fee_rate), bytes(t.size), ago(t.since), party(t.from), party(t.to), memo(t.memo, 40)]));
}
