// Sends the messages of sdk_messages.json through a library for Node: LIBRARY HOST KEY PREFIX TIME. It is found beside the
// environment's packages (NODE_PATH).
const fs = require('node:fs');
const path = require('node:path');

const [library, host, key, prefix, time] = process.argv.slice(2);
const messages = JSON.parse(fs.readFileSync(path.join(__dirname, 'sdk_messages.json'), 'utf8'));

function fieldsOf(message) {
  const { call, id, rows, ...fields } = message;
  for (const name of ['userId', 'anonymousId', 'groupId', 'previousId'])
    if (fields[name]) fields[name] = `${prefix}-${fields[name]}`;
  return { ...fields, messageId: `${prefix}-${id}`, timestamp: new Date(time) };
}

async function segment() {
  const { Analytics } = require('@segment/analytics-node');
  const analytics = new Analytics({ writeKey: key, host });
  analytics.on('error', (error) => { throw new Error(JSON.stringify(error)); });
  for (const message of messages) analytics[message.call](fieldsOf(message));
  await analytics.closeAndFlush();
}

async function rudderstack() {
  const Analytics = require('@rudderstack/rudder-sdk-node');
  const analytics = new Analytics(key, { dataPlaneUrl: host });
  await Promise.all(messages.map((message) => new Promise((resolve, reject) => {
    analytics[message.call](fieldsOf(message), (error) => (error ? reject(error) : resolve()));
    if (message === messages.at(-1)) analytics.flush();
  })));
}

({ segment, rudderstack })[library]().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
