/* ---- The views. The address bar names one: #/NAME/ARGUMENT/… ---- */

/* Of a block of a sealed chain: whether it can still be undone. */
const stage = b => b.final === undefined || !b.in_best_chain ? "" : b.final ? "final" : "notarised";
function sealedTiles(s) {
  const g = s.sealing, heard = s.authorities.filter(a => a.seen !== null).length;
  return [tile("final", num(s.final.height), ago(s.final.since)),
    tile("view", num(g.view), g.stuck ? "nothing becomes final" : (g.notarised.view < g.view ? "authority " + g.leader + " proposes" : "notarised")),
    tile("authorities", heard + " of " + s.authorities.length, g.lying ? many(g.lying, "liar") : "heard since the start; this node " + (g.own === null ? "only follows" : "is number " + g.own))];
}
/* What a node that was pruned, or joined with a snapshot, has not. */
const begins = () => last.indexed_from > 0 ? note("This node's index begins with block " + num(last.indexed_from) + ": what was before is not listed.") : null;
/* Where a transaction is, in words. */
function place(t) {
  const block = link("block/" + t.block, num(t.height));
  switch (t.status) {
    case "confirmed": return ["in block ", block, " with " + many(t.confirmations, "confirmation")
      + (t.final === undefined ? "" : t.final ? ", final" : ", not final yet")];
    case "conflicted": return [t.block ? ["undone by a reorganisation; it was in block ", block] : "no longer waiting",
      "; replaced by ", hash("tx", t.conflicts_with)];
    case "orphaned": return t.block ? ["undone by a reorganisation; it was in block ", block] : "no longer waiting, and in no block";
    default: return t.doubt ? ["in block ", block, ", not certain: " + t.doubt] : "waits in the mempool";
  }
}
/* When a payment of this fee rate is expected in a block, by what waits now. */
function wait(fees, rate) {
  const band = fees.bands.find(one => one.from <= rate);
  return band ? blocksAhead(band.blocks) + ", in about " + span(band.wait_s) : undefined;
}
const blocksAhead = n => n <= 1 ? "the next block" : "within " + num(n) + " blocks";

/* All of an address's history as CSV, at most so many pages of 50, with the columns of the command history --csv.
   Amounts are whole base units, as everywhere in JSON. */
const CSV_PAGES = 200;
async function historyCsv(address, progress) {
  const rows = [["time", "height", "id", "received", "sent", "net", "memo", "counterparties"]];
  let next = "";
  for (let page = 0; page < CSV_PAGES && next !== null; page++) {
    const part = await api("address/" + address + "/txs?memos=true&limit=50" + (next ? "&before=" + next : ""));
    for (const e of part.entries) rows.push([e.time ? date(e.time) : "", e.height, e.txid, e.received, e.sent, e.net, e.memo, (e.counterparties || []).join(" ")]);
    next = part.next; progress(rows.length - 1);
  }
  return [rows.map(row => row.map(cell).join(",")).join("\r\n") + "\r\n", next === null];
}
function csvButton(address) {
  return el("button", { type: "button", click: async event => {
    const button = event.currentTarget;
    button.disabled = held = true;
    try {
      const [text, whole] = await historyCsv(address, count => { button.textContent = many(count, "row") + "…"; });
      save(address + ".csv", text);
      button.textContent = whole ? "Saved" : "Saved the newest rows only; the command history has all";
    } catch (error) { button.textContent = "Not saved: " + (error instanceof Refused ? error.message : "the node does not answer"); }
    tell(button.textContent); button.disabled = held = false;
  } }, "Download CSV");
}

const views = {
  async overview() {
    const s = last, [list, waiting] = await Promise.all([api("blocks?limit=21"), api("mempool?limit=8")]);
    const behind = s.headers - s.height, all = gaps(list);
    const mean = all.length ? all.reduce((a, b) => a + b, 0) / all.length : null;
    const card = b => el("a", { class: "block", href: "#/block/" + b.height }, el("strong", {}, num(b.height)),
      el("small", {}, many(b.transactions, "tx", "txs")), el("br"), el("small", {}, stage(b) || ago(b.time)), bar(b.size, 1048576));
    const next = el("a", { class: "block next", href: "#/mempool" }, el("strong", {}, "next"),
      el("small", {}, many(waiting.count, "tx", "txs")), el("br"), el("small", {}, "waiting"), bar(waiting.bytes, 1048576));
    return [el("div", { class: "tiles" },
      tile("height", num(s.height), behind > 0 ? num(behind) + " behind the best header" : ago(s.tip_time)),
      tile("peers", s.peers.inbound + s.peers.outbound, s.peers.inbound + " in, " + s.peers.outbound + " out"),
      tile("mempool", num(s.mempool.count), bytes(s.mempool.bytes) + " of " + bytes(waiting.limit_bytes)),
      tile("block interval", mean === null ? "–" : span(mean), "aim: " + span(s.block_time)),
      ...(s.final ? sealedTiles(s) : [
        tile("difficulty", list[0] ? Number(Number(list[0].difficulty).toPrecision(4)).toLocaleString("en") : "–", "of the easiest target"),
        tile("miner", s.mining.enabled ? num(s.mining.hashes_per_second) + " H/s" : "off")]),
      tile("memory", bytes(s.rss_bytes), "up " + span(s.uptime_s)),
      s.kept_from > 1 ? tile("whole blocks", "from " + num(s.kept_from), s.vouched ? s.vouched.by + " vouches for those before" : "older ones are not kept") : null,
      tile("index", num(s.indexed), s.indexed === null ? "none" : s.indexed === s.height ? "level with the chain" : "catching up")),
      el("div", { class: "strip" }, next, list.slice(0, 8).map(card)),
      el("div", { class: "charts" },
        chart("seconds between blocks", all.slice().reverse(), all.length ? "last " + all.length + " blocks, at most " + Math.max(...all) + " s" : "no blocks yet"),
        poolChart()),
      title("Latest blocks", null, link("blocks", "all blocks")), blockRows(list.slice(0, 9)),
      title("Waiting transactions", null, link("mempool", "all waiting")), poolRows(waiting.transactions)];
  },
  async blocks(before) {
    const path = "blocks?limit=50" + (before ? "&before=" + before : ""), list = await api(path);
    const end = list[list.length - 1];
    return [title(before ? "Blocks below " + num(before) : "Blocks", path), blockRows(list),
      end && end.height > 0 ? el("p", {}, link("blocks/" + end.height, "older blocks")) : null];
  },
  async block(id, from) {
    const b = await api("block/" + id), name = "Block " + num(b.height), h = text => el("span", { class: "h" }, text);
    const path = "block/" + b.hash + "/txs?limit=50" + (from ? "&from=" + from : "");
    const page = b.transactions ? await apiOr(path, null) : null;
    return [title(name, "block/" + b.hash,
        b.height > 0 ? link("block/" + b.previous, "previous block") : null, b.next ? link("block/" + b.next, "next block") : null),
      facts([["hash", code(b.hash, "hash")],
        ["state", b.in_best_chain ? (stage(b) ? stage(b) + ", " : "") + many(b.confirmations, "confirmation")
          : [b.status + ", not in the best chain", b.replaced_by ? ["; in its place is ", link("block/" + b.replaced_by, short(b.replaced_by), "h")] : ", which is not that high"]],
        ["time", when(b.time)],
        b.transactions === null ? ["body", "not here: this node has only the header" + (b.height < last.kept_from ? ", and whole blocks from " + num(last.kept_from) + " on" : "")] : [b.seal ? "paid to" : "miner", b.miner ? owner(b.miner) : "–"],
        ...(b.transactions === null ? [] : [["reward", [amt(b.reward), b.fees ? ", of which " + amt(b.fees) + " are fees" : ""]],
          ["fees", amt(b.fees)], ["size", bytes(b.size)]]),
        ...(b.seal ? [["view", num(b.seal.view) + (b.seal.proposer === null ? "" : ", proposed by authority " + b.seal.proposer)], ["parent's view", num(b.seal.parent_view)],
          ["parent's voters", b.seal.parent_signers.join(", ") || "–"]] : b.target === null ? []
          : [["target", h(b.target)], ["difficulty", b.difficulty], ["nonce", b.nonce]]),
        ["merkle root", h(b.merkle_root)], ["coins before it", h(b.state_digest)], ["work of the chain", h("0x" + b.work.replace(/^0+/, ""))]]),
      page ? [title(many(b.transactions, "transaction")),
        table(["#", "transaction", "#pays", "#fee", "#~per 1000 bytes", "+from", "+to", "+memo"], page.transactions.map(t =>
          [t.position, hash("tx", t.id), paid(t), t.coinbase ? "–" : amt(t.fee), t.coinbase ? "–" : amt(t.fee_rate),
            t.coinbase ? "new coins" : party(t.from), party(t.to), memo(t.memo, 40)])),
        page.next ? el("p", {}, link("block/" + b.hash + "/" + page.next, "more transactions")) : null] : null];
  },
  async tx(id) {
    const [t, spends] = await Promise.all([api("tx/" + id), apiOr("tx/" + id + "/outspends", [])]);
    const fees = t.status === "mempool" ? await apiOr("mempool/fees", null) : null;
    const spent = i => { const s = spends[i]; return !s || s.spent === null ? "–" : !s.spent ? "unspent" : s.txid ? hash("tx", s.txid) : "spent"; };
    return [title("Transaction " + t.id.slice(0, 8), "tx/" + t.id),
      facts([["id", code(t.id, "id")], ["state", place(t)],
        ["time", t.time || t.since ? when(t.time || t.since) : undefined],
        ["fee", t.coinbase ? "none: a coinbase makes new coins" : amt(t.fee) + ", which is " + amt(t.fee_rate) + " per 1000 bytes"],
        ["expected in", fees ? wait(fees, t.fee_rate) : undefined],
        ["size", bytes(t.size)], ["memo", t.memo ? el("span", { class: "memo" }, t.memo) : "–"]]),
      title("Spends"), table(["#amount", "+owner", "coin"], t.inputs.map(i =>
        [amt(i.amount), owner(i.address), [hash("tx", i.txid), ":" + i.index]])),
      title("Makes"), table(["#amount", "+owner", "spent by", "#position"], t.outputs.map((o, i) => [amt(o.amount), owner(o.address), spent(i), i])),
      more("raw " + t.id, "Raw transaction", async () => {
        const text = await api("tx/" + t.id + "/hex");
        return [copy(text, "raw transaction"), el("pre", { class: "h" }, text)];
      })];
  },
  async address(a, before) {
    const path = "address/" + a + "/txs?memos=true" + (before ? "&before=" + before : "");
    const [b, page] = await Promise.all([api("address/" + a), api(path)]);
    return [title("Address " + b.address.slice(0, 9) + "…" + b.address.slice(-4), "address/" + a),
      el("div", { class: "row" }, facts([["address", code(b.address, "address")],
        ["confirmed", amt(b.confirmed)], ["spendable", amt(b.spendable)], ["immature", amt(b.immature)],
        ["pending", amt(b.pending)], ["coins", num(b.coins)]]), qrDrawing(b.address, "QR code of the address")),
      (page.pending || []).length ? [title("In the mempool"), table(["age", "transaction", "#received", "#sent", "+with", "+memo"],
        page.pending.map(e => [ago(e.since), hash("tx", e.txid), amt(e.received), amt(e.sent), parties(e.counterparties), memo(e.memo, 40)]))] : null,
      title("History", path, csvButton(b.address)), begins(), table(["#height", "time", "transaction", "#~received", "#~sent", "#net", "+with", "+memo"],
        page.entries.map(e => [link("block/" + e.height, num(e.height)), e.time ? ago(e.time) : "–", hash("tx", e.txid),
          amt(e.received), amt(e.sent), amt(e.net), parties(e.counterparties), memo(e.memo || "", 40)])),
      page.next ? el("p", {}, link("address/" + a + "/" + page.next, "older transactions")) : null];
  },
  async memos(q, before) {
    const path = "memos?q=" + q, p = await api(path + (before ? "&before=" + before : ""));
    const row = (m, place) => [place, hash("tx", m.txid), amt(m.outputs[0] && m.outputs[0].amount), party(m.from), memo(m.memo, 512)];
    return [title("Memos", path), note("with all words of: " + decodeURIComponent(q)), begins(),
      table(["#height", "transaction", "#amount", "+from", "+memo"],
        [...p.pending.map(m => row(m, "waits")), ...p.memos.map(m => row(m, link("block/" + m.height, num(m.height))))]),
      p.next ? el("p", {}, link("memos/" + q + "/" + p.next, "older memos")) : null];
  },
  async mempool() {
    const [p, f] = await Promise.all([api("mempool"), api("mempool/fees")]), most = Math.max(...f.bands.map(one => one.bytes), 1);
    const rates = one => amt(one.from) + (one.below === null ? " and more" : " to " + amt(BigInt(one.below) - 1n));
    return [title("Mempool", "mempool"), el("p", {}, many(p.count, "transaction") + ", " + bytes(p.bytes) + " of " + bytes(p.limit_bytes)),
      bar(p.bytes, p.limit_bytes),
      title("By fee rate", "mempool/fees"),
      el("p", {}, "A payment is expected in the next block ", f.next_block ? ["if its fee is at least ", el("strong", {}, amt(f.next_block)), " per 1000 bytes."]
        : "whatever its fee is: all that waits fits."),
      table(["fee per 1000 bytes", "how much", "#+transactions", "#+size", "expected in", "#+wait"], f.bands.map(one =>
        [rates(one), el("div", { class: "band" }, bar(one.bytes, most)), num(one.count), bytes(one.bytes), blocksAhead(one.blocks), "about " + span(one.wait_s)])),
      title("Highest fee rates"), poolRows(p.transactions)];
  },
  async peers() {
    const list = await api("peers");
    return [title("Peers", "peers"), table(["address", "+direction", "+agent", "#height", "#ping", "#+sent", "#+received", "#+in flight",
        "#+blocks", "#+score", "#+connected", "+link", "+node"],
      list.map(p => [el("span", { class: "h" }, p.address), p.direction, p.agent,
        num(p.height) + (last && p.height !== last.height ? " (" + (p.height > last.height ? "+" : "") + (p.height - last.height) + ")" : ""),
        p.ping_ms === null ? "–" : p.ping_ms.toFixed(1) + " ms", bytes(p.sent_bytes), bytes(p.received_bytes), p.in_flight,
        num(p.blocks_received), p.score, span(p.connected_s), p.protected, el("span", { class: "h" }, p.node_id)])),
      note("To change them: tussock peers add|drop|ban|unban")];
  },
  async tips() {
    const list = await api("tips");
    return [title("Branches", "tips"), tree(list), table(["#height", "hash", "#length", "status"],
      list.map(t => [link("block/" + t.hash, num(t.height)), hash("block", t.hash), num(t.branch_length), t.set_aside ? "set aside" : t.status])),
      note("length: blocks since the branch left the chain. A branch with more work than the chain replaces it.")];
  },
  async node() {
    const s = await api("status"), v = s.vouched, past = s.history, rows = Object.entries(s.counters).map(([k, v]) => [k.replaceAll("_", " "), num(v)]);
    return [title("Node", "status"), facts([["chain", s.chain], ["genesis", code(s.genesis, "genesis")],
        ["id", s.node_id ? code(s.node_id, "node id") : "–"], ["state", s.state + (s.reason ? ": " + s.reason : "")], ["tip", hash("block", s.tip)],
        ["blocks", s.kept_from > 1 ? "whole from " + num(s.kept_from) + " on" : "all are whole"],
        ["verified here", v ? ["from block " + num(v.height + 1) + " on; the coins up to block ", link("block/" + v.block, num(v.height)),
          " are from peers, and " + v.by + " vouches for them" + (v.by === "work" ? " (" + many(v.above, "block") + " above when this node joined)" : "")] : "all blocks"],
        ["blocks before", past.goal === null ? undefined : num(past.verified_below) + " of " + num(past.goal) + " verified"],
        ["coins", el("span", { class: "h" }, s.state_digest || "–")], ["version", s.version], ["memory", bytes(s.rss_bytes)],
        ["up", span(s.uptime_s)], ["more", [el("a", { href: "metrics" }, "metrics"), " · ", el("a", { href: "openrpc.json" }, "RPC description"),
          " · ", el("a", { href: "openapi.json" }, "API description")]]]),
      title("Limits"), table(["what", "#used", "#at most", "#+reached"], Object.entries(s.limits).map(([k, l]) =>
        [k.replaceAll("_", " "), ...(/bytes/.test(k) ? [bytes(l.used), bytes(l.cap)] : [num(l.used), num(l.cap)]), l.hits ? many(l.hits, "time") : "–"])),
      title("Counted since the start"), table(["what", "#count"], rows)];
  },
};
