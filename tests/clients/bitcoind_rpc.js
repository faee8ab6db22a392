const RpcClient = require("bitcoind-rpc");
const calls = JSON.parse(require("fs").readFileSync(process.env.CALLS));
const { RPC_USER: user, RPC_PASSWORD: pass, HTTP } = process.env;
const [host, port] = HTTP.split(":");
RpcClient.config = { logger: "none" };
const client = new RpcClient({ protocol: "http", host, port: Number(port), user, pass });
// Its methods are in camel case, and it has only those that it knows.
const names = Object.fromEntries(Object.keys(RpcClient.callspec).map(name => [name.toLowerCase(), name]));
const call = (method, params) => new Promise(done => {
  client[names[method]](...params, (error, answer) => done([error, answer]));
});
const say = (name, holds, reason) => console.log(holds ? `ok ${name}` : `FAIL ${name}: ${reason}`);

(async () => {
  const absent = [...new Set(calls.map(([method]) => method).filter(method => !names[method]))];
  if (absent.length) console.log(`known the client has no ${absent.join(", ")}`);
  for (const [method, params] of calls.filter(([method]) => names[method])) {
    const [error, answer] = await call(method, params);
    say(method, !error && !answer.error, JSON.stringify(error || answer.error));
  }
  const [error] = await call("getblock", ["99"]);
  say("error -5", error && error.code === -5, JSON.stringify(error));
})();
