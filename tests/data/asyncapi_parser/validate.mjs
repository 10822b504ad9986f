// Prints the findings of the official parser on the document that is named, as JSON: node validate.mjs FILE
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const found = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join("/") }));
console.log(JSON.stringify({ valid: document !== undefined, found }));
