// Publishes a request to Habeas: node publish.js REFERENCE EMAIL
//
// The broker has it on disk, and a queue of Habeas holds it, when this ends with 0. After any other end it
// may be run again: the same source and reference are the same request.
import { randomUUID } from "node:crypto";
import amqp from "amqplib";

const EXCHANGE = "habeas.requests";
const TYPE = "habeas.request.submitted.v1";

const [reference, email] = process.argv.slice(2);
const url = process.env.HABEAS_AMQP_URL;
if (!reference || !email || !url) {
  console.error("usage: HABEAS_AMQP_URL=amqp://… node publish.js REFERENCE EMAIL");
  process.exit(2);
}

const event = {
  specversion: "1.0",
  type: TYPE,
  source: "shop.example",
  id: randomUUID(),
  time: new Date().toISOString(),
  datacontenttype: "application/json",
  data: { reference, right: "access", subject: { email }, residence: { country: "DE" } },
};

const connection = await amqp.connect(url);
const channel = await connection.createConfirmChannel();
let returned = false;
channel.on("return", () => (returned = true)); // mandatory, and no queue takes it; comes before the confirm
channel.publish(EXCHANGE, TYPE, Buffer.from(JSON.stringify(event)), {
  contentType: "application/cloudevents+json",
  messageId: event.id,
  persistent: true,
  userId: decodeURIComponent(new URL(url).username), // intake binds sources to broker users
  mandatory: true,
});
await channel.waitForConfirms();
await connection.close();
if (returned) {
  console.error("Habeas has no queue on this broker: start its intake once");
  process.exit(1);
}
console.log(`published ${event.id}`);
