/* ---- Routes, drawing, and the loop that follows the node ---- */

/* The view of the address bar. A page at /wall begins with the wall. */
const HOME = WALL && WALL.length ? "wall" : "overview";
function route() {
  const asked = location.hash.replace(/^#\/?/, "");
  let parts = [asked];
  try { parts = asked.split("/").map(decodeURIComponent); } catch {}
  /* These would be steps in the path of a request. */
  if (parts.includes(".") || parts.includes("..")) parts = [asked];
  return { name: parts[0] || HOME, args: parts.slice(1).map(encodeURIComponent) };
}
/* Which link of the navigation leads to a view. */
const NAV = [["overview", "Overview"], ["blocks", "Blocks"], ["mempool", "Mempool"], ["peers", "Peers"], ["tips", "Branches"], ["node", "Node"], ["wall", "Wall"]];
const wrongRoute = name => [title("No such view"),
  el("p", { class: "bar" }, "This page has no view “" + name.slice(0, 60) + "”. Choose one above, or search for a height, hash, address or memo.")];

/* Draws the view that the address bar names. Lists are requested again only if the tip, the mempool or the peers changed. */
async function draw(force) {
  const { name, args } = route(), known = Object.hasOwn(views, name);
  const s = last || {}, key = [location.hash, s.tip, s.mempool_sequence, JSON.stringify(s.peers), s.state, s.final && s.final.height].join();
  if (!last && name !== "wall" || !force && (held || name === "wall" && nodes.length || key === drawn && name !== "peers")) return;
  const mine = ++token;
  for (const a of $("nav").children) {
    if (a.dataset.view === name) a.setAttribute("aria-current", "page"); else a.removeAttribute("aria-current");
  }
  let content;
  held = false;
  try { content = known ? await views[name](...args) : wrongRoute(name); }
  catch (error) {
    if (error instanceof Gone) throw error;
    const what = error.status === 404 ? "Not found" : "Not shown";
    content = [title(what), el("p", { class: "bar" }, error instanceof Refused ? error.message : "This cannot be shown: " + error.message)];
  }
  if (mine !== token) return;
  drawn = key;
  content = [content].flat(9).filter(Boolean);
  replace(content);
  const heading = name !== "overview" && content.find(node => node.dataset && node.dataset.title);
  document.title = (heading ? heading.dataset.title : name === "overview" ? num(last.height) + " " + last.state : "") + " – tussock";
}
/* Puts another content into the view. The focus stays on the same control, and tables stay scrolled, wherever they are now. */
const CONTROLS = "a, button, input, summary, [tabindex]";
function replace(content) {
  const view = $("view"), focused = view !== document.activeElement && view.contains(document.activeElement) ? document.activeElement : null;
  const mark = node => node.getAttribute("href") || node.getAttribute("aria-label") || node.textContent;
  const like = node => [...view.querySelectorAll(CONTROLS)].filter(other => other.tagName === node.tagName && mark(other) === mark(node));
  const place = focused && like(focused).indexOf(focused);
  const scrolled = [...view.querySelectorAll(".scroll")].map(node => node.scrollLeft);
  view.replaceChildren(...content);
  fitAll();
  [...view.querySelectorAll(".scroll")].forEach((node, i) => { node.scrollLeft = scrolled[i] || 0; });
  if (!focused) return;
  const same = like(focused), next = same[place] || same[0] || view.querySelector("h2") || view;
  if (!next.matches(CONTROLS)) next.tabIndex = -1;
  next.focus({ preventScroll: same.length > 0 });
}
/* Tells screen readers what is new: another state at once, another height once in a while, to those who look at it. */
function say(state) {
  const text = state + ", height " + num(last.height), same = said.startsWith(state + ",");
  if (text === said || same && (route().name !== "overview" || Date.now() - saidAt < SAY)) return;
  tell(said = text); saidAt = Date.now();
}
/* Hides the view until the node answers again, so that nothing old is shown as current. A wall goes on: other nodes answer. */
function lost() {
  const onWall = route().name === "wall" && nodes.length, text = onWall ? "The node that this page came from does not answer."
    : "The node does not answer. This page continues when it does.";
  $("state").textContent = "disconnected"; $("state").className = "pill lost";
  /* Only what is new is read out. */
  if ($("gone").textContent !== text) $("gone").textContent = text;
  $("since").textContent = lastSeen ? "The last answer came " + span((Date.now() - lastSeen) / 1000) + " ago." : "";
  $("lost").hidden = false; $("view").hidden = !onWall; $("warnings").replaceChildren(); said = "";
  if (!onWall) { document.title = "disconnected – tussock"; drawn = ""; }
}
async function refresh() {
  const summary = await api("summary");
  last = summary; lastSeen = Date.now();
  pool.push(last.mempool.count); if (pool.length > SAMPLES) pool.shift();
  await draw(false);
  first = {};
  if ($("pool")) $("pool").replaceWith(poolChart());
  $("lost").hidden = true; $("gone").textContent = ""; $("view").hidden = false;
  /* Where fonts and distances changed meanwhile. */
  for (const box of document.querySelectorAll(".box")) if (box.scrollWidth > box.clientWidth) fit(box);
  $("state").textContent = last.state; $("state").className = "pill " + last.state; $("state").title = last.reason;
  /* On a wall, each node's card has its own. */
  $("warnings").replaceChildren(...(route().name === "wall" ? [] : last.warnings).map(text => el("p", { class: "bar" }, text)));
  $("foot").textContent = "tussock " + last.version + " · chain " + last.chain + " · genesis " + last.genesis.slice(0, 16);
  $("nav").lastChild.hidden = !last.test_chain;
  say(last.state);
  for (const node of document.querySelectorAll("[data-time]")) node.textContent = span(now() - node.dataset.time) + " ago";
}
async function tick() {
  if (!paused) await refresh().catch(lost);
  setTimeout(tick, document.hidden ? 10000 : 2000);
}

addEventListener("resize", fitAll);
/* Whoever reads slowly can stop what changes by itself (WCAG 2.2.2). */
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").textContent = paused ? "Continue updates" : "Pause updates";
  if (paused) $("state").textContent += ", paused"; else refresh().catch(lost);
});
addEventListener("hashchange", async () => {
  await draw(true).catch(lost);
  /* Screen readers and the tab key go on in the new view, not at the link that led to it. */
  if (document.activeElement === document.body) $("view").focus({ preventScroll: true });
  scrollTo(0, 0);
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && !paused) refresh().catch(lost); });

/* The hash names a view, so the way past the header is no link to a place in the page. */
document.querySelector(".skip").addEventListener("click", event => { event.preventDefault(); $("view").focus(); });

/* The key / leads to the search. Who speaks to the computer may type it unasked, so it can be turned off (WCAG 2.1.4). */
const keyOff = () => { try { return localStorage.getItem("slash") === "off"; } catch { return false; } };
const showKey = () => { $("slash").textContent = keyOff() ? "Turn the / key for the search on" : "Turn the / key for the search off"; };
$("slash").addEventListener("click", () => { try { localStorage.setItem("slash", keyOff() ? "on" : "off"); } catch {} showKey(); });
addEventListener("keydown", event => {
  if (event.key !== "/" || keyOff() || event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
  event.preventDefault(); $("q").focus();
});
$("find").addEventListener("submit", async event => {
  event.preventDefault();
  const text = $("q").value.trim();
  if (!text) return;
  try {
    const found = await api("search?q=" + encodeURIComponent(text));
    location.hash = "#/" + found.kind + "/" + encodeURIComponent(found.id);
    $("q").value = "";
  } catch (error) {
    if (!(error instanceof Refused)) return lost();
    $("view").replaceChildren(el("p", { class: "bar", role: "alert" }, error.message)); held = true;
  }
});
$("nav").append(...NAV.map(([to, text]) => el("a", { href: to === "overview" && HOME === to ? "#/" : "#/" + to, "data-view": to, hidden: to === "wall" }, text)));
showKey();
tick();
lookAround();
