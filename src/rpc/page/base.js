/* ---- Elements, numbers and questions to the node ---- */

const $ = id => document.getElementById(id);
/* Milliseconds that a node has to answer; samples of the mempool's chart; milliseconds between two heights that are read out. */
const PATIENCE = 5000, SAMPLES = 300, SAY = 60000;
/* `last`: the node's summary, and when it came. `drawn`: what the view shows. `held`: an error stays until something is asked. */
let last = null, lastSeen = 0, drawn = "", token = 0, held = false, paused = false, said = "", saidAt = 0;
const pool = [];

/* The page is built from text nodes, so that text of peers and memos is never read as markup. */
function el(name, props, ...kids) {
  const svg = ["svg", "polyline", "path", "circle", "text", "g", "line"].includes(name) || props && props.svg;
  const node = svg ? document.createElementNS("http:" + "//www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "svg") continue;
    if (key === "fill") node.style.width = value;
    else if (key === "click") node.addEventListener("click", value);
    else node.setAttribute(key, value);
  }
  for (const kid of kids.flat(9)) {
    if (kid !== null && kid !== undefined) node.append(kid instanceof Node ? kid : String(kid));
  }
  return node;
}
const link = (to, text, cls) => el("a", { href: "#/" + to, class: cls }, text);
const short = hash => hash ? hash.slice(0, 10) + "…" : "–";
const hash = (kind, id) => id ? el("a", { href: "#/" + kind + "/" + id, class: "h", title: id }, short(id)) : "–";
const owner = address => address ? link("address/" + address, address, "h long") : "–";
/* An address in a row with much else: its begin is the chain's, so its end is shown, too. */
const party = (address, none) => address ? el("a", { href: "#/address/" + address, class: "h", title: address },
  address.slice(0, 9) + "…" + address.slice(-4)) : none || "–";
const parties = (list = []) => [party(list[0]), list.length > 1 ? " and others" : ""];
const num = n => n === null || n === undefined ? "–" : (typeof n === "number" ? n : BigInt(n)).toLocaleString("en");
/* An amount in the chain's unit; without one, in base units. */
function amt(n) {
  if (n === null || n === undefined || !last || !last.unit && !last.decimals) return num(n);
  const text = String(n), digits = text.replace("-", "").padStart(last.decimals + 1, "0"), at = digits.length - last.decimals;
  return (text[0] === "-" ? "-" : "") + num(digits.slice(0, at)) + (last.decimals ? "." + digits.slice(at) : "") + (last.unit ? " " + last.unit : "");
}
const bytes = n => n === null || n === undefined ? "–"
  : n < 1024 ? n + " B" : n < 1048576 ? (n / 1024).toFixed(1) + " KiB" : (n / 1048576).toFixed(1) + " MiB";
const span = s => s < 0 ? "0 s" : s < 90 ? Math.round(s) + " s" : s < 5400 ? Math.round(s / 60) + " min"
  : s < 129600 ? (s / 3600).toFixed(1) + " h" : Math.round(s / 86400) + " d";
const now = () => last ? last.time + (Date.now() - lastSeen) / 1000 : Date.now() / 1000;
const ago = t => t ? el("span", { title: date(t), "data-time": t }, span(now() - t) + " ago") : "–";
const date = t => new Date(t * 1000).toISOString().replace(".000", "");
const when = t => [el("span", { class: "whole" }, date(t)), " (", ago(t), ")"];
const many = (n, one, more) => num(n) + " " + (n === 1 ? one : more || one + "s");

/* What a node refuses, in its words; and a node that does not answer, or not as a node does. */
class Refused extends Error {}
class Gone extends Error {}
/* Amounts and nonces have 64 bits, more than a JavaScript number keeps: long integers are read as texts. The pattern takes texts
   whole, so that digits within a memo stay as they are. */
const read = text => JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g, token => /^-?\d{16,}$/.test(token) ? '"' + token + '"' : token));
/* The answers for the first view, which came with the page; and on a wall, its nodes. */
let first = read($("first").textContent);
const WALL = first.wall;
async function api(path) {
  if (Object.hasOwn(first, path)) return first[path];
  let answer, body;
  try {
    answer = await fetch("api/" + path, { signal: AbortSignal.timeout(PATIENCE) });
    body = read(await answer.text());
  } catch (error) { throw new Gone(error.message); }
  if (!answer.ok) throw Object.assign(new Refused(body.error || answer.status), { status: answer.status });
  return body;
}
/* The same, or something else where the node refuses: a part of a view that may be missing. */
const apiOr = (path, other) => api(path).catch(error => { if (error instanceof Refused) return other; throw error; });

/* Tells screen readers a short piece of news. */
const tell = text => { $("say").textContent = text; };

/* Copies a text. Pages that are not from this machine, and without TLS, have no clipboard but the old way. */
async function copyText(text) {
  try { await navigator.clipboard.writeText(text); return true; }
  catch {
    const area = el("textarea", { class: "unseen", "aria-hidden": true }, text), before = document.activeElement;
    document.body.append(area); area.select();
    const done = document.execCommand("copy");
    area.remove(); if (before) before.focus({ preventScroll: true });
    return done;
  }
}
function copy(text, what) {
  return el("button", { class: "copy", type: "button", "aria-label": "Copy " + what, click: async event => {
    const button = event.currentTarget, done = await copyText(text);
    button.textContent = done ? "Copied" : "Not copied"; tell(what + (done ? " copied" : " not copied"));
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  } }, "Copy");
}
/* A text to copy, such as a hash. */
const code = (text, what) => [el("span", { class: "h" }, text), copy(text, what)];

/* What is folded up until somebody opens it; it stays open when the view is drawn again. `load` gives its content. */
const opened = new Map();
function more(key, name, load) {
  const inside = el("div", {}, opened.get(key) || ""), box = el("details", { open: opened.has(key) }, el("summary", {}, name), inside);
  box.addEventListener("toggle", async () => {
    if (!box.open) return opened.delete(key);
    if (opened.get(key)) return;
    opened.set(key, ""); inside.textContent = "…";
    try { const content = await load(); opened.set(key, content); inside.replaceChildren(...content); }
    catch (error) { opened.delete(key); inside.textContent = error instanceof Refused ? error.message : "The node does not answer."; }
  });
  return box;
}

function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
/* A cell of CSV. Spreadsheets run texts that begin like a formula, some also behind a semicolon; an apostrophe keeps them texts. */
const cell = x => {
  const text = String(x ?? "").replace(/^[;\t\r\n]/, "'$&").replace(/(^|[;\t\r\n])("*)([=+\-@＝＋－＠][^;\t\r\n]*)/g,
    (all, before, quotes, rest) => rest[1] && isFinite(rest) ? all : before + quotes + "'" + rest);
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
};
