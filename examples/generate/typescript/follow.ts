// Submits a request with the generated types, and follows it: node follow.js REFERENCE EMAIL RIGHT
import createClient from "openapi-fetch";
import type { components, paths } from "./habeas.js";

const [reference, email, right] = process.argv.slice(2);
const client = createClient<paths>({
  baseUrl: process.env.HABEAS_URL,
  headers: { Authorization: `Bearer ${process.env.HABEAS_API_KEY}` },
});
const underWay = new Set(["submitted", "received", "verified"]);

async function status(id: string): Promise<components["schemas"]["StatusPage"]> {
  const { data, error } = await client.GET("/v1/requests/{case_id}", { params: { path: { case_id: id } } });
  if (error) throw new Error(error.detail);
  return data;
}

const { data: lodged, error } = await client.POST("/v1/requests", {
  body: { reference, right: right as components["schemas"]["Right"], subject: { email } },
});
if (error) throw new Error(error.detail);
console.log(lodged.id);
let page = await status(lodged.id);
while (underWay.has(page.status)) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  page = await status(lodged.id);
}
console.log(page.status);
