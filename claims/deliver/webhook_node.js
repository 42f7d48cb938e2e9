// Lines of JSON in: {secret, id, seconds, body (base 64), signature}; out: {ok, signature} by the released library.
const { Webhook } = require("standardwebhooks");
const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
for (const line of lines) {
  const { secret, id, seconds, body, signature } = JSON.parse(line);
  const text = Buffer.from(body, "base64").toString("utf8");
  const webhook = new Webhook(secret);
  let ok = true;
  try {
    webhook.verify(text, { "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": signature });
  } catch (error) {
    // The library parses what it verified: a body that is no JSON fails after the signature was found right.
    ok = error instanceof SyntaxError;
  }
  console.log(JSON.stringify({ ok, signature: webhook.sign(id, new Date(seconds * 1000), text) }));
}
