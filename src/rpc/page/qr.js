/* ---- QR codes (ISO/IEC 18004): bytes, error correction level M, versions 1 to 6, which hold 106 bytes ---- */

const qrField = (() => {
  const power = [1], log = [];
  for (let i = 0; i < 255; i++) { log[power[i]] = i; power.push(power[i] << 1 ^ (power[i] & 128 ? 285 : 0)); }
  return (a, b) => a && b ? power[(log[a] + log[b]) % 255] : 0;
})();
/* The remainder of the data by the generator of so many codewords: Reed and Solomon's code. */
function qrCheck(data, count) {
  let generator = [1], root = 1;
  for (let i = 0; i < count; i++) {
    generator = [...generator, 0].map((x, at) => x ^ qrField(at ? generator[at - 1] : 0, root));
    root = qrField(root, 2);
  }
  const rest = [...data, ...Array(count).fill(0)];
  data.forEach((_, at) => { const lead = rest[at]; generator.forEach((x, i) => { rest[at + i] ^= qrField(x, lead); }); });
  return rest.slice(data.length);
}
/* The codewords of a text: data, and then checks, both block by block in turn. */
function qrWords(text, [room, checks, blocks]) {
  const all = new TextEncoder().encode(text), bits = [4, all.length >> 4, all.length & 15, ...[...all].flatMap(x => [x >> 4, x & 15]), 0];
  const data = [];
  for (let i = 0; i < bits.length; i += 2) data.push(bits[i] << 4 | bits[i + 1]);
  for (let pad = 236; data.length < room; pad ^= 253) data.push(pad);
  const parts = Array.from({ length: blocks }, (_, i) => data.slice(i * room / blocks, (i + 1) * room / blocks));
  const turns = lists => lists[0].flatMap((_, at) => lists.map(list => list[at]));
  return [...turns(parts), ...turns(parts.map(part => qrCheck(part, checks)))];
}
const QR_MASKS = [(x, y) => (x + y) % 2, (x, y) => y % 2, (x, y) => x % 3, (x, y) => (x + y) % 3,
  (x, y) => ((x / 3 | 0) + (y / 2 | 0)) % 2, (x, y) => x * y % 2 + x * y % 3, (x, y) => (x * y % 2 + x * y % 3) % 2,
  (x, y) => ((x + y) % 2 + x * y % 3) % 2];
/* Rows of dark (1) and light (0) modules; null if the text is too long. */
function qrCode(text) {
  const versions = [[16, 10, 1], [28, 16, 1], [44, 26, 1], [64, 18, 2], [86, 24, 2], [108, 16, 4]];
  const version = versions.findIndex(one => new TextEncoder().encode(text).length + 2 <= one[0]), size = 21 + 4 * version;
  if (version < 0) return null;
  const fixed = Array.from({ length: size }, () => Array(size).fill(null));
  const put = (x, y, dark) => { if (x >= 0 && y >= 0 && x < size && y < size) fixed[y][x] = +dark; };
  const square = (cx, cy, far, isDark) => {
    for (let y = -far; y <= far; y++) for (let x = -far; x <= far; x++) put(cx + x, cy + y, isDark(Math.max(Math.abs(x), Math.abs(y))));
  };
  for (let i = 0; i < size; i++) { put(6, i, i % 2 === 0); put(i, 6, i % 2 === 0); }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) square(x, y, 4, ring => ring !== 2 && ring !== 4);
  if (version) square(size - 7, size - 7, 2, ring => ring !== 1);
  /* The places of the format's bits: around the upper left corner, and again at the other two. */
  const format = mask => {
    let rest = mask << 10;
    for (let i = 4; i >= 0; i--) if (rest >> i + 10 & 1) rest ^= 0x537 << i;
    const bits = (mask << 10 | rest) ^ 0x5412;
    for (let i = 0; i < 15; i++) {
      const dark = bits >> i & 1;
      put(8, i < 6 ? i : i < 8 ? i + 1 : size - 15 + i, dark);
      put(i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i, 8, dark);
    }
    put(8, size - 8, 1);
  };
  format(0);
  const words = qrWords(text, versions[version]), free = [];
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i++) for (const x of [right, right - 1]) {
      const y = up ? size - 1 - i : i;
      if (fixed[y][x] === null) free.push([x, y]);
    }
  }
  let best = null;
  for (let mask = 0; mask < 8; mask++) {
    format(mask);
    const rows = fixed.map(row => row.slice());
    free.forEach(([x, y], at) => { rows[y][x] = (words[at >> 3] >> 7 - (at & 7) & 1) ^ (QR_MASKS[mask](x, y) === 0); });
    const cost = qrCost(rows);
    if (!best || cost < best.cost) best = { cost, rows };
  }
  return best.rows;
}
/* How hard a code is to read: long runs, squares, and more dark than light or less. */
function qrCost(rows) {
  const size = rows.length, turned = rows.map((_, x) => rows.map(row => row[x]));
  let cost = Math.abs(rows.flat().reduce((a, b) => a + b) * 20 / size ** 2 - 10) * 10;
  for (const line of [...rows, ...turned]) for (const run of line.join("").match(/0{5,}|1{5,}/g) || []) cost += run.length - 2;
  for (let y = 1; y < size; y++) for (let x = 1; x < size; x++) {
    if (rows[y][x] === rows[y][x - 1] && rows[y][x] === rows[y - 1][x] && rows[y][x] === rows[y - 1][x - 1]) cost += 3;
  }
  return cost;
}
function qrDrawing(text, name) {
  const rows = qrCode(text);
  if (!rows) return null;
  const dark = rows.map((row, y) => row.map((x, at) => x ? "M" + at + " " + y + "h1v1h-1z" : "").join("")).join("");
  const view = [-4, -4, rows.length + 8, rows.length + 8].join(" ");
  return el("svg", { class: "qr", viewBox: view, role: "img", "aria-label": name, "shape-rendering": "crispEdges" }, el("path", { d: dark }));
}
