// What a program without a library does: text/plain, and integers that JavaScript keeps.
const { COOKIE, HTTP } = process.env;
const say = (name, holds, reason) => console.log(holds ? `ok ${name}` : `FAIL ${name}: ${reason}`);
const headers = { authorization: "Basic " + Buffer.from(COOKIE).toString("base64") };

(async () => {
  const call = async (path, method, params) => {
    const answer = await fetch(`http://${HTTP}${path}`, { method: "POST", headers, body: JSON.stringify({ method, params, id: 1 }) });
    return (await answer.json()).result;
  };
  say("getblockcount", await call("/", "getblockcount", []) === 1, "wrong answer");
  const text = await call("/?integers=strings", "getblock", [await call("/", "getblockhash", [1])]);
  say("nonce as a string", typeof text.nonce === "string" && /^\d+$/.test(text.nonce), JSON.stringify(text.nonce));
  say("height as a number", text.height === 1, JSON.stringify(text.height));
  const entries = await (await fetch(`http://${HTTP}/api/mempool?integers=strings`)).json();
  say("amounts of /api as strings", typeof entries.transactions[0].amount === "string", JSON.stringify(entries));
})();
