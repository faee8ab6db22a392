/* ---- The wall: all nodes of a test network side by side. Each tells of itself; the page asks each one. ---- */

/* Milliseconds between two looks, and those that a node has to answer. */
const LOOK = 1000, LOOK_PATIENCE = 3000;
const nodes = (WALL || []).map((origin, at) => ({ origin, name: "Node " + (at + 1), number: at + 1, facts: null, asking: false, color: null,
  /* Who it is, also while it is silent, and the bytes that its links had moved at the last look. */
  id: null, listens: [], moved: {} }));

/* Whether an answer has the shape that the wall draws: anything may listen on a port that somebody names. */
function isFacts(f) {
  const text = x => typeof x === "string", each = (list, fits) => Array.isArray(list) && list.length <= 1000 && list.every(one => one && fits(one));
  return f && Number.isInteger(f.height) && Number.isFinite(f.time) && [f.tip, f.state, f.genesis].every(text) && each(f.listens, text)
    && each(f.recent, b => text(b.hash) && Number.isInteger(b.height)) && f.recent.length > 0 && each(f.peers, peer => text(peer.node_id))
    && each(f.denied, one => typeof one === "object") && each(f.heard, one => text(one.message) && text(one.from))
    && each(f.news, e => text(e.event) && Number.isFinite(e.time) && (e.event !== "warnings" || Array.isArray(e.warnings)));
}
/* A text of a node's size. What sends more without an end is none. */
const LOOK_BYTES = 256 * 1024;
async function readSome(reader) {
  const parts = [];
  for (let size = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts).text();
    parts.push(value); size += value.length;
    if (size > LOOK_BYTES) { reader.cancel().catch(() => {}); throw new SyntaxError("too long"); }
  }
}
/* Asks one node, unless it still owes an answer. Browsers may have credentials for it; they stay where they are. */
async function look(node) {
  if (node.asking) return;
  node.asking = true;
  try {
    const options = { credentials: "omit", signal: AbortSignal.timeout(LOOK_PATIENCE) };
    const answer = await fetch(`${node.origin}/api/wall`, options), facts = JSON.parse(await readSome(answer.body.getReader()));
    if (answer.ok && node.facts) node.moved = Object.fromEntries(node.facts.peers.map(peer => [peer.node_id, peer.bytes]));
    node.facts = answer.ok && isFacts(facts) ? facts : null; node.why = node.facts ? "" : "answers something else";
    if (node.facts) { node.id = facts.node_id; node.listens = facts.listens; }
  } catch (error) { node.facts = null; node.why = error instanceof SyntaxError ? "answers something else" : "no answer"; }
  node.asking = false;
}
/* The colours of blocks, of so many at most. */
const painted = new Map(), PAINTED = 1000;
/* Groups nodes by chain: whoever has the tip of another one among its last blocks is on the same chain, ahead of it. */
function chains() {
  const groups = [], alive = nodes.filter(node => node.facts);
  for (const node of alive.sort((a, b) => b.facts.height - a.facts.height || a.number - b.number)) {
    const group = groups.find(one => one.blocks.has(node.facts.tip));
    if (group) group.nodes.push(node);
    else groups.push({ tip: node.facts, blocks: new Set(node.facts.recent.map(b => b.hash)), nodes: [node] });
  }
  /* A chain keeps its colour: that of its highest block that has one, unless a larger group has it. */
  const taken = new Set();
  for (const group of groups.slice().sort((a, b) => b.nodes.length - a.nodes.length)) {
    const known = group.tip.recent.map(b => painted.get(b.hash)).find(color => color !== undefined);
    group.color = known !== undefined && !taken.has(known) ? known : [0, 1, 2, 3, 4, 5].find(color => !taken.has(color)) ?? 5;
    taken.add(group.color);
    const own = group.tip.recent.filter((b, i) => i === 0 || !groups.every(one => one.blocks.has(b.hash)));
    for (const b of own) painted.set(b.hash, group.color);
  }
  for (const hash of [...painted.keys()].slice(0, -PAINTED)) painted.delete(hash);
  for (const group of groups) { group.nodes.sort((a, b) => a.number - b.number); for (const node of group.nodes) node.color = group.color; }
  return groups;
}
/* Each pair of nodes with a link, or without one because one of them is denied or banned. A link is busy when more than signs of life moved. */
const BUSY = 300;
function pairs() {
  const is = (one, node) => one.node_id && one.node_id === node.id || node.listens.includes(one.address || one.listens);
  const has = (a, b, list) => a.facts && a.facts[list].some(one => is(one, b));
  const moves = (a, b) => a.facts && a.facts.peers.some(peer => is(peer, b) && peer.bytes > (a.moved[peer.node_id] ?? peer.bytes) + BUSY);
  const found = [];
  nodes.forEach((a, i) => nodes.slice(i + 1).forEach(b => {
    const cut = has(a, b, "denied") || has(b, a, "denied"), linked = has(a, b, "peers") || has(b, a, "peers");
    if (cut || linked) found.push({ a, b, cut: cut && !linked, busy: moves(a, b) || moves(b, a) });
  }));
  return found;
}
function netDrawing(lines) {
  const width = 640, height = 410, count = nodes.length;
  const r = Math.max(9, Math.min(26, 470 / count)), angle = i => 2 * Math.PI * i / count - Math.PI / 2;
  const x = node => width / 2 + (count > 1 ? 250 * Math.cos(angle(node.number - 1)) : 0);
  const y = node => 200 + (count > 1 ? 150 * Math.sin(angle(node.number - 1)) : 0) - 4;
  const line = p => [el("line", { class: p.cut ? "cut" : p.busy ? "busy" : null, x1: x(p.a), y1: y(p.a), x2: x(p.b), y2: y(p.b) }),
    /* Not in the middle, where lines cross. */
    p.cut ? el("text", { class: "mark", x: x(p.a) + (x(p.b) - x(p.a)) * 0.41, y: y(p.a) + (y(p.b) - y(p.a)) * 0.41 + 5 }, "×") : null];
  /* Heights are where no lines are: outside of the ring. */
  const isAbove = node => count > 1 && Math.sin(angle(node.number - 1)) < -0.1;
  const dot = node => el("g", { class: node.facts ? "c" + node.color : "gone" }, el("circle", { cx: x(node), cy: y(node), r }),
    el("text", { class: "big", x: x(node), y: y(node) + r / 3, "font-size": r }, node.number),
    count <= 24 ? el("text", { class: isAbove(node) ? "at up" : "at", x: x(node), y: y(node) + (isAbove(node) ? -r - 4 : r + 3) }, node.facts ? num(node.facts.height) : node.why) : null);
  const cut = lines.filter(p => p.cut), name = many(count, "node") + ", " + many(lines.length - cut.length, "link") + ", "
    + many(cut.length, "cut line") + "; the cards below say the same";
  return el("svg", { class: "net", viewBox: [0, -12, width, height + 12].join(" "), role: "img", "aria-label": name },
    lines.filter(p => !p.cut).map(line), cut.map(line), nodes.map(dot));
}
/* An event in a few words. */
function news(e) {
  switch (e.event) {
    case "block": return "block " + num(e.height);
    case "final": return "block " + num(e.height) + " is final";
    case "reorganisation": return "reorganised: " + many(e.depth, "block") + " undone";
    case "state": return "now " + String(e.state).slice(0, 20);
    case "peers": return many(e.inbound + e.outbound, "peer");
    case "warnings": return e.warnings.length ? "warning: " + String(e.warnings[0]).slice(0, 60) + "…" : "no more warnings";
    default: return e.event.slice(0, 30);
  }
}
/* The last event of each kind, the newest first: many of one kind would hide a reorganisation. */
const lastNews = list => list.slice().reverse().filter((e, i, all) => i === all.findIndex(other => other.event === e.event)).slice(0, 4);
/* The last two messages of different kinds, and who sent them. */
function heard(node) {
  const list = node.facts.heard.slice().reverse(), last = list.filter((one, i) => i === list.findIndex(other => other.message === one.message));
  const from = id => (nodes.find(other => other.id === id) || { name: "a node elsewhere" }).name.toLowerCase();
  return last.length ? ["heard ", last.slice(0, 2).map(one => one.message.slice(0, 30) + " from " + from(one.from)).join(", ")] : ["has heard nothing yet"];
}
function nodeCard(node, groups, cut) {
  const f = node.facts, head = el("h3", {}, el("a", { href: node.origin + "/" }, node.name), f && f.mining ? el("small", { class: "dim" }, "mines") : null);
  if (!f) return el("div", { class: "node gone" }, head, el("p", {}, node.why || "…"), note(node.why === "no answer" ? "It runs no more, or is paused." : "Is another program there, or another version?"));
  const group = groups.find(one => one.nodes.includes(node)), behind = group.tip.height - f.height;
  const off = cut.filter(p => p.a === node || p.b === node).map(p => p.a === node ? p.b : p.a);
  const square = b => el("i", { class: groups.every(one => one.blocks.has(b.hash)) ? "common" : "c" + node.color });
  return el("div", { class: "node c" + node.color }, head,
    el("p", {}, el("strong", {}, num(f.height)), " ", el("span", { class: "h dim" }, short(f.tip))),
    el("p", { class: "dim" }, f.state.slice(0, 20) + ", " + many(f.peers.length, "peer") + ", " + num(f.mempool) + " waiting" + (behind > 0 ? ", " + many(behind, "block") + " behind" : "") + (Number.isInteger(f.final) ? ", final up to " + num(f.final) : "")),
    off.length ? el("p", { class: "off" }, "× cut off from " + nameAll(off)) : null,
    el("div", { class: "chain", "aria-hidden": true }, f.recent.slice(0, 10).reverse().map(square)),
    el("p", { class: "dim heard" }, ...heard(node)),
    el("ul", { class: "news" }, lastNews(f.news).map(e => el("li", {}, news(e), ", ", ago(e.time)))));
}
const nameAll = list => (list.length > 1 ? "nodes " : "node ") + list.map(node => node.number).join(", ");
/* What a class should see at one glance, in words. */
function verdict(groups) {
  const tip = group => " at block " + num(group.tip.height) + " (" + group.tip.tip.slice(0, 8) + ")";
  if (!groups.length) return [["gone", "No node answers."]];
  if (groups.length === 1) return [["c" + groups[0].color, "One chain: " + (groups[0].nodes.length === nodes.length ? "all " + many(nodes.length, "node") : nameAll(groups[0].nodes)) + tip(groups[0])]];
  const common = groups[0].tip.recent.find(b => groups.every(group => group.blocks.has(b.hash)));
  return [...groups.map(group => ["c" + group.color, "N" + nameAll(group.nodes).slice(1) + tip(group)]),
    ["common", common ? "They part after block " + num(common.height) : "They parted more than " + num(groups[0].tip.recent.length - 1) + " blocks ago"]];
}
let wallSaid = "";
views.wall = async () => {
  if (!nodes.length) return wallForm();
  const groups = chains(), lines = pairs(), cut = lines.filter(p => p.cut);
  const others = new Set(nodes.filter(node => node.facts).map(node => node.facts.genesis)).size;
  const silent = nodes.filter(node => !node.facts).length;
  const short = (groups.length > 1 ? many(groups.length, "chain") : "One chain") + (cut.length ? ", " + many(cut.length, "line") + " cut" : "")
    + (silent ? ", " + many(silent, "node") + " silent" : "");
  if (wallSaid && short !== wallSaid) tell(short);
  wallSaid = short;
  return [el("h2", { "data-title": "Wall of " + many(nodes.length, "node") }, "Wall", el("span", { class: "dim" }, short)),
    others > 1 ? el("p", { class: "bar" }, "These nodes are of different chains.") : null,
    el("ul", { class: "chains" }, verdict(groups).map(([color, text]) => el("li", {}, el("i", { class: color, "aria-hidden": true }), text))),
    netDrawing(lines), el("div", { class: "wall" }, nodes.map(node => nodeCard(node, groups, cut)))];
};
function wallForm() {
  const input = el("input", { id: "ports", placeholder: "21801-21804, 3030", autocomplete: "off" });
  const form = el("form", {}, el("p", {}, el("label", { for: "ports" }, "Ports of the nodes' pages on this machine")), el("p", {}, input), el("button", {}, "Show the wall"));
  form.addEventListener("submit", event => { event.preventDefault(); location.href = "wall?nodes=" + encodeURIComponent(input.value.replaceAll(" ", "")); });
  held = true;
  return [title("Wall"), note("All nodes of a test network side by side: their tips in colours, links, cut lines and last events. scripts/cluster.sh prints the address of its wall."), form];
}
/* Asks all nodes, as long as the wall is looked at, and draws what they say if it is new: whoever selects a text keeps it. */
let wallDrawn = "";
async function lookAround() {
  if (route().name === "wall" && nodes.length && !document.hidden && !paused) {
    const looks = nodes.map(look);
    await Promise.race([Promise.all(looks), new Promise(done => setTimeout(done, LOOK / 2))]);
    const key = JSON.stringify([nodes.map(node => [node.why, node.facts && { ...node.facts, time: 0, peers: node.facts.peers.map(peer => peer.node_id) }]), pairs().map(pair => pair.busy)]);
    if (key !== wallDrawn) await draw(true).catch(lost);
    wallDrawn = key;
  }
  setTimeout(lookAround, LOOK);
}
