// Prints the outcome of each answered request among the events on its input, one a line: node events.js < events.jsonl
import { createInterface } from "node:readline";
import type { Envelope } from "./habeas-events.js";

for await (const line of createInterface({ input: process.stdin })) {
  const event = JSON.parse(line) as Envelope;
  if (event.type === "habeas.request.fulfilled.v1") {
    console.log(`${event.publisherreference ?? event.correlationid}: ${event.data.outcome}`);
  }
}
