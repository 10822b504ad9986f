// Calls the functions of Guardian's controller for each right and law. Arguments: SOURCES URL SECRET EMAIL…
// The controller has mParticle's address; requests to it go to URL, and nothing else is changed.
import { randomUUID } from "node:crypto";

const [sources, url, secret, ...people] = process.argv.slice(2);
const PROCESSOR = "https://opendsr.mparticle.com";
const RIGHTS = ["access", "portability", "erasure"];
const EXISTS = "Subject request already exists";
const LAWS = ["gdpr", "ccpa"];
const sent = globalThis.fetch;
let last: { body: string; headers: Headers };

globalThis.fetch = async (address, options) => {
	const path = String(address).replace(PROCESSOR, "").replace(/^\/opendsr(?=\/)/, "");
	const answer = await sent(url + path, options);
	last = { body: await answer.clone().text(), headers: answer.headers };
	return answer;
};

function check(call: string, name: string, passed: boolean): void {
	process.stdout.write(`CHECK ${JSON.stringify({ call, name, passed })}\n`);
}

// The controller looks for the text, and then for the group; its HTTP client throws before it does.
async function refusal(act: () => Promise<unknown>): Promise<string> {
	try {
		return JSON.stringify(await act());
	} catch (error) {
		return JSON.stringify((error as { body?: unknown }).body ?? null);
	}
}

async function attempt<T>(act: () => Promise<T>): Promise<T | undefined> {
	try {
		return await act();
	} catch (error) {
		console.error(error);
		return undefined;
	}
}

async function main(): Promise<void> {
	const api = `${sources}/apis/dataSubjectRequests`;
	const { submitDataSubjectRequest } = await import(`${api}/submit.ts`);
	const { getStatusOfDataSubjectRequest } = await import(`${api}/getStatus.ts`);
	const { getStatusOfDataSubjectRequestByUserId } = await import(`${api}/getStatusByUserId.ts`);
	const { MParticleClient } = await import(`${sources}/services/mparticleClient.ts`);
	const { validateDataSubjectRequestCallback } = await import(
		`${sources}/routers/http/dataSubjectRequestCallback/validate-data-subject-request-callback.ts`
	);
	const client = MParticleClient.createMParticleDataSubjectClient({ key: "trial", secret });

	for (const [number, [right, law]] of RIGHTS.flatMap((one) => LAWS.map((law) => [one, law])).entries()) {
		const call = `${right}, ${law}`;
		const requestId = randomUUID();
		const submittedTime = new Date().toISOString();
		const form = { regulation: law, requestId, requestType: right, submittedTime, userId: people[number] };
		const submitted = await attempt(() => submitDataSubjectRequest(client, false, form));
		check(call, "submission", submitted?.requestId === requestId);
		const again = await refusal(() => submitDataSubjectRequest(client, false, form));
		check(call, "repetition is refused as existing", again.includes(EXISTS));
		const status = await attempt(() => getStatusOfDataSubjectRequest(client, requestId));
		check(call, "status by id", status?.requestId === requestId);
		const { body, headers } = last;
		const signed = (text: string): Promise<boolean> =>
			validateDataSubjectRequestCallback(
				client,
				headers.get("x-opendsr-processor-domain"),
				headers.get("x-opendsr-signature"),
				text,
			);
		check(call, "signature", await signed(body));
		check(call, "signature of another text is refused", !(await signed(`${body} `)));
		const upper = await attempt(() => getStatusOfDataSubjectRequest(client, requestId.toUpperCase()));
		check(call, "status by id in capitals", upper?.requestId === requestId);
		const group = await attempt(() => getStatusOfDataSubjectRequestByUserId(client, people[number]));
		check(call, "status by group", group?.requestId === requestId);
		check(call, "completion", await completed(() => getStatusOfDataSubjectRequest(client, requestId)));
	}
	const unknown = await attempt(() => getStatusOfDataSubjectRequest(client, randomUUID()));
	check("unknown id", "status is refused", unknown === undefined);
	const none = await attempt(() => getStatusOfDataSubjectRequestByUserId(client, "absent@example.net"));
	check("unknown group", "status is empty", none === null);
}

async function completed(status: () => Promise<{ requestStatus: string }>): Promise<boolean> {
	for (let tries = 0; tries < 300; tries++) {
		if ((await attempt(status))?.requestStatus === "completed") return true;
		await new Promise((wake) => setTimeout(wake, 200));
	}
	return false;
}

void main();
