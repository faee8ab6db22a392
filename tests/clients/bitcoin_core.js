const Client = require("bitcoin-core");
const calls = JSON.parse(require("fs").readFileSync(process.env.CALLS));
const { RPC_USER: username, RPC_PASSWORD: password, HTTP } = process.env;
const client = new Client({ host: `http://${HTTP}`, username, password });
const say = (name, holds, reason) => console.log(holds ? `ok ${name}` : `FAIL ${name}: ${reason}`);

(async () => {
  for (const [method, params] of calls) {
    try {
      await client.command(method, ...params);
      say(method, true);
    } catch (error) {
      say(method, false, error.message);
    }
  }
  for (const [method, params, code] of [["getblock", ["99"], -5], ["nonsense", [], -32601], ["sendtoaddress", ["x", 1], -5]]) {
    try {
      await client.command(method, ...params);
      say(method, false, "no error");
    } catch (error) {
      say(`error ${code}`, error.code === code, error.message);
    }
  }
  const batch = await client.command([{ method: "getblockcount" }, { method: "getblockhash", parameters: [0] }]);
  say("batch", batch[0] === 1 && batch[1].length === 64, JSON.stringify(batch));
})();
