"""
People, strangers and upstream systems in a run: they ask, prove who they are, and read what they get.

They behave as sensible clients do: what was not answered is sent again, under the same reference or event id;
a code that did not come is waited for.
"""

import asyncio
import math
import random
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from types import TracebackType
from typing import Any, Self
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import httpx
import orjson

from bench.public import agency, instructions
from bench.public.access import KEYS, PORTAL, SHOP, PublicAccess
from bench.public.channels import (
    CLICK,
    FIDES_PATH,
    LINKS_PATH,
    TYPING_S,
    WEBHOOK_PATH,
    fides_item,
    fides_request_of,
    filled,
    form_path,
    mailed,
    request_of,
    sheet_of,
    webhook_of,
)
from bench.public.evidence import PublicEvidence
from bench.public.letters import PublicLetter
from bench.public.listener import EventListener, HeardEvent
from bench.public.requests import (
    MOST_REFUSAL,
    AskingChannel,
    Conduct,
    RequestCourse,
    RequestPlan,
    awaits_proof,
)
from bench.public.stores import people_in, records_of
from shared.client import Publisher, message_of
from shared.contract.declarations import CURRENT, TEXTS
from shared.contract.events import RequestSubmitted
from shared.contract.topology import LISTENS, parking_of
from shared.errors import HabeasError
from shared.runtime.broker.connection import sizes_of
from shared.runtime.hosts import may_use_proxy

ANSWER_WITHIN_S = 30.0
PAUSE_S = 0.5
LETTERS_EVERY_S = 0.3
CODE_WITHIN_S = 120.0
"""Time for a letter with a code, after which another one is asked for."""
LOOK_S, LONGEST_LOOK_S = 0.5, 3.0
"""How often a person looks at the page of their request: at first, and after a long wait."""
QUIET_S = 3.0
"""Nothing comes for as long, and every request rests: then nothing more will come."""
MOST_UNDER_WAY = 200
WRONG_CODES = ("000000", "BBBB-BBBB")
FOR_NOW = re.compile(b"send this request again|issued-at: not yet")
"""Refusals that another attempt may not get: by Fides, and by a clock that is behind an agent's."""
ENDED = frozenset({"closed", "purged"})
DONE_HTTP = frozenset({200, 202, 204, 409})
"""409: an earlier submission of the same came through, or the request went on meanwhile."""


class PublicDriver:
    """
    All requesters, between the ends of ``async with``.

    Args:
        access: Where the installation is.
        plans: What is asked, by :func:`~bench.public.requests.made_up`.
        zone: The company's, which days are counted in.
    """

    def __init__(
        self, access: PublicAccess, plans: Sequence[RequestPlan], *, zone: str = "Europe/Berlin"
    ) -> None:
        self.courses = [RequestCourse(plan) for plan in plans]
        self.letters: list[PublicLetter] = []
        self.events: list[HeardEvent] = []
        self.started = 0
        self._access = access
        self._zone = ZoneInfo(zone)
        self._by_request: defaultdict[str, list[PublicLetter]] = defaultdict(list)
        self._by_mailbox: defaultdict[str, list[PublicLetter]] = defaultdict(list)
        self._http = httpx.AsyncClient(
            base_url=access.api_url, timeout=ANSWER_WITHIN_S, trust_env=may_use_proxy(access.api_url)
        )
        self._listener = EventListener(access.amqp_url, self.events.append)
        self._token = ""
        self._publishers = {
            source: Publisher(access.amqp_url, source=source, tries=1) for source in (SHOP, PORTAL)
        }
        self._background: list[asyncio.Task[None]] = []
        self._plays: list[asyncio.Task[None]] = []
        self._slots = asyncio.Semaphore(MOST_UNDER_WAY)

    async def __aenter__(self) -> Self:
        """Read the company's records, and begin to listen. Raises BrokerUnavailable, StoreUnavailable."""
        await self._access.letters.fetch()  # what came before is not of this run
        self._before = await records_of(self._access)
        if any(course.plan.channel is AskingChannel.AGENT for course in self.courses):
            answer = await self._insist("POST", agency.TOKEN_PATH, content=agency.signed({}))
            self._token = answer.raise_for_status().json()["token"]
        await self._listener.declare()
        for publisher in self._publishers.values():
            await publisher.__aenter__()
        self._background = [
            asyncio.create_task(self._listener.listen()),
            asyncio.create_task(self._read_letters()),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (*self._plays, *self._background):
            task.cancel()
        await asyncio.gather(*self._plays, *self._background, return_exceptions=True)
        for publisher in self._publishers.values():
            await publisher.__aexit__(kind, error, trace)
        await self._listener.delete()
        await self._http.aclose()

    @property
    def progress(self) -> float:
        """Share of the requests that were begun, from 0 to 1."""
        return self.started / max(len(self.courses), 1)

    @property
    def at_rest(self) -> int:
        """Number of requests with which nothing more happens without the staff, or proof."""
        return sum(map(rests, self.courses))

    async def drive(self, per_second: float, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """
        Make all requests, *per_second* of them, and none while *may_go_on* returns False.

        Returns when the last one was made; answers are still to come.
        """
        for course in self.courses:
            while not may_go_on():  # noqa: ASYNC110 - asked, not told
                await asyncio.sleep(LETTERS_EVERY_S)
            await self._slots.acquire()
            self.started += 1
            self._plays.append(asyncio.create_task(self._play(course)))
            await asyncio.sleep(1 / per_second)

    async def gathered(self, within_s: float) -> PublicEvidence:
        """Wait until everything has come to rest, for *within_s* at most; return what was seen."""
        deadline = time.monotonic() + within_s
        if self._plays:
            done, _ = await asyncio.wait(self._plays, timeout=within_s)
            await asyncio.gather(*done)  # an error of this program ends the run
        quiet = await self._until_quiet(deadline)
        for course in self.courses:
            await self._look(course)
        policies = (await self._insist("GET", "/v1/policies")).json()
        return PublicEvidence(
            courses=self.courses,
            letters=tuple(self.letters),
            events=tuple(self.events),
            before=self._before,
            after=await records_of(self._access),
            people=people_in(self._before),
            today=datetime.now(self._zone).date(),
            parked=await self._parked(),
            quiet=quiet and all(play.done() for play in self._plays),
            policies=policies,
        )

    async def _parked(self) -> Mapping[str, int]:
        """Return how many messages are parked, by queue."""
        names = [parking_of(service) for service in LISTENS]
        return {size.name: size.messages for size in await sizes_of(self._access.amqp_url, names)}

    async def _until_quiet(self, deadline: float) -> bool:
        last, since = None, time.monotonic()
        while time.monotonic() < deadline:
            now = (len(self.letters), len(self.events), self.at_rest)
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > QUIET_S:
                if self.at_rest == len(self.courses):
                    return True
                for course in self.courses:
                    if not rests(course):
                        await self._look(course)
            await asyncio.sleep(LETTERS_EVERY_S)
        return False

    async def _read_letters(self) -> None:
        while True:
            for letter in await self._access.letters.fetch():
                self.letters.append(letter)
                self._by_request[letter.request_id].append(letter)
                for mailbox in letter.recipients:
                    self._by_mailbox[mailbox].append(letter)
            await asyncio.sleep(LETTERS_EVERY_S)

    # --- a request ----------------------------------------------------------------------------------------

    async def _play(self, course: RequestCourse) -> None:
        """Make a request, and go on with it until it rests."""
        try:
            dice = random.Random(course.plan.reference)
            course.request_id = await self._submit(course)
            if course.request_id is None:
                return
            if course.plan.conduct is Conduct.RESENT:
                await self._submit_again(course, dice)
            await self._follow(course)
            await self._fetch(course)
        finally:
            self._slots.release()

    async def _submit(self, course: RequestCourse) -> str | None:
        """Submit, or submit the same again; return the id."""
        submit: Mapping[AskingChannel, Callable[[RequestCourse], Awaitable[str | None]]] = {
            AskingChannel.API: self._post,
            AskingChannel.KEY: self._post,
            AskingChannel.EVENT: self._publish,
            AskingChannel.PORTAL: self._publish,
            AskingChannel.FORM: self._send_form,
            AskingChannel.MAIL: self._write,
            AskingChannel.FIDES: self._ask_as_fides,
            AskingChannel.SHEET: self._upload,
            AskingChannel.AGENT: self._exercise,
            AskingChannel.CONTROLLER: self._instruct,
            AskingChannel.WEBHOOK: self._call_webhook,
            AskingChannel.UNSUBSCRIBE: self._unsubscribe,
        }
        return await submit[course.plan.channel](course)

    async def _submit_again(self, course: RequestCourse, dice: random.Random) -> None:
        """Send the same submission again, once or twice, as a system that has forgotten that it did."""
        for _ in range(dice.randint(1, 2)):
            await asyncio.sleep(dice.random())
            id_ = await self._submit(course)
            course.other_ids |= {id_} - {course.request_id} if id_ else set()

    async def _ask_as_fides(self, course: RequestCourse) -> str | None:
        """Submit as a Privacy Center of Fides does; return the id."""

        def unanswered() -> None:
            course.unanswered += 1

        answer = await self._insist("POST", FIDES_PATH, unanswered, json=[fides_item(course.plan)])
        found = fides_request_of(answer)
        if found is None:
            course.refuse(answer)
        course.accepted = found is not None
        return found

    async def _upload(self, course: RequestCourse) -> str | None:
        """Upload a sheet with the request; return the id. The same reference is the same request."""
        headers = {"Authorization": f"Bearer {KEYS[SHOP]}", "Content-Type": "text/csv"}
        answer = await self._insist(
            "POST", "/v1/requests/batch", content=sheet_of(course.plan), headers=headers
        )
        return self._registered(course, answer, lambda said: said["lodged"][0]["id"])

    async def _exercise(self, course: RequestCourse) -> str | None:
        """Send the signed message of the agent; return the id. The same message is the same request."""
        headers = {"Authorization": f"Bearer {self._token}"}
        course.message = course.message or agency.exercise_of(course.plan)
        answer = await self._insist("POST", agency.PATH, content=course.message, headers=headers)
        return self._registered(course, answer, lambda said: said["request_id"])

    async def _instruct(self, course: RequestCourse) -> str | None:
        """Send the instruction of the controller; return its own id, the only one that it knows."""
        answer = await self._called(
            "POST", instructions.REQUESTS, json=instructions.instruction_of(course.plan)
        )
        if instructions.EXISTS in answer.text:
            course.accepted = True
            return course.plan.reference
        return self._registered(course, answer, lambda _: course.plan.reference)

    async def _called(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Call as the controller."""
        return await self._insist(
            method, path, headers={"Authorization": instructions.AUTHORIZATION}, **content
        )

    def _registered(
        self, course: RequestCourse, answer: httpx.Response, id_in: Callable[[Any], str]
    ) -> str | None:
        """Return the id in *answer*, or note that it refuses the submission."""
        if not answer.is_success:
            course.refuse(answer)
            return None
        course.accepted = True
        return id_in(answer.json())

    async def _fill_in(self, course: RequestCourse) -> Mapping[str, str]:
        """Open the form, and fill it in as fast as a person."""
        page = await self._insist("GET", form_path(course.plan))
        await asyncio.sleep(TYPING_S)
        return filled(course.plan, page.text)

    async def _send_form(self, course: RequestCourse) -> str | None:
        """Send the form, again if it is not answered; return the id. The same form is the same request."""
        course.form = course.form or await self._fill_in(course)
        answer = await self._insist("POST", form_path(course.plan), data=dict(course.form))
        found = request_of(answer)
        if found is None:
            course.refuse(answer)
        course.accepted = found is not None
        return found

    async def _write(self, course: RequestCourse) -> str:
        """Write a mail; return the id of the request, which the answer names."""
        inbox = self._access.inbox or ("", 0)
        while not await mailed(inbox, course.plan):  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(PAUSE_S)
        course.accepted = True
        return await self._named_in_a_letter(course)

    async def _call_webhook(self, course: RequestCourse) -> str | None:
        """Send the webhook of a platform; return the id of the request, which a letter names."""
        headers, body = webhook_of(course.plan)
        answer = await self._insist("POST", WEBHOOK_PATH, content=body, headers=headers)
        return await self._named_id(course, answer)

    async def _unsubscribe(self, course: RequestCourse) -> str | None:
        """Click on the link in a mail of the shop; return the id of the request, which a letter names."""
        headers = {"Authorization": f"Bearer {KEYS[SHOP]}"}
        mail = await self._insist(
            "POST", LINKS_PATH, json={"email": course.plan.person.email}, headers=headers
        )
        path = httpx.URL(mail.raise_for_status().json()["url"]).path
        return await self._named_id(course, await self._insist("POST", path, data=CLICK))

    async def _named_id(self, course: RequestCourse, answer: httpx.Response) -> str | None:
        """Return the id in the first letter, or note that *answer* refuses the submission."""
        if not answer.is_success:
            course.refuse(answer)
            return None
        course.accepted = True
        return await self._named_in_a_letter(course)

    async def _named_in_a_letter(self, course: RequestCourse) -> str:
        mailbox = course.plan.person.email.casefold()
        while True:
            for letter in self._by_mailbox[mailbox]:
                if letter.request_id:
                    return letter.request_id
            await asyncio.sleep(LETTERS_EVERY_S)

    async def _post(self, course: RequestCourse) -> str | None:
        """Submit by HTTP, as anybody or with a key; return the id."""
        keyed = course.plan.channel is AskingChannel.KEY
        headers = {"Authorization": f"Bearer {KEYS[SHOP]}"} if keyed else {}

        def unanswered() -> None:
            course.unanswered += not keyed

        answer = await self._insist(
            "POST", "/v1/requests", unanswered, json=course.plan.submission, headers=headers
        )
        if not answer.is_success:
            course.refuse(answer)
            return None
        course.accepted = True
        return str(answer.json()["id"])

    async def _publish(self, course: RequestCourse) -> str | None:
        """Submit by an event; return the id, once the request is registered; None if it is rejected."""
        source = PORTAL if course.plan.channel is AskingChannel.PORTAL else SHOP
        event = RequestSubmitted.model_validate(course.plan.submission)
        message = message_of(event, source=source, id=course.plan.reference)
        while True:
            try:
                await self._publishers[source].publish([message])
                break
            except HabeasError:
                await asyncio.sleep(PAUSE_S)
        course.accepted = True
        headers = {"Authorization": f"Bearer {KEYS[source]}"}
        reference = {"reference": course.plan.reference}
        while True:
            answer = await self._insist("GET", "/v1/requests", params=reference, headers=headers)
            if answer.is_success:
                return str(answer.json()["id"])
            if self._is_rejected(reference["reference"]):
                course.refused_with = httpx.codes.UNPROCESSABLE_ENTITY
                return None
            await asyncio.sleep(PAUSE_S)

    def _is_rejected(self, event_id: str) -> bool:
        rejections = (one for one in self.events if one.type == "habeas.request.rejected.v1")
        return any(one.data.get("publisher_id") == event_id for one in rejections)

    async def _follow(self, course: RequestCourse) -> None:
        """Look at the page of the request, and do what it asks for, until it rests."""
        wait, seen = LOOK_S, 0
        while True:
            await self._look(course)
            if course.status == "challenged":
                await self._answer_challenge(course)
            if rests(course):
                return
            letters = len(self._by_request[course.request_id or ""])
            wait = LOOK_S if letters > seen else min(wait * 1.3, LONGEST_LOOK_S)
            seen = letters
            await asyncio.sleep(wait)

    async def _answer_challenge(self, course: RequestCourse) -> None:
        conduct = course.plan.conduct
        if conduct is Conduct.WITHDRAWN:
            if not course.took_back:
                await self._insist("DELETE", f"/v1/requests/{course.request_id}")
                course.took_back = True
        elif conduct is Conduct.STRANGER:
            if course.guessed < guesses(course):
                await self._guess(course)
        elif conduct is Conduct.DISOWNED:
            await self._disown(course)
        elif conduct is not Conduct.SILENT and not course.proven:
            if code := self._newest_code(course):
                if conduct is Conduct.MISTYPED:
                    await self._guess(course)
                course.proven = await self._prove(course, {"kind": "email_code", "code": code})
        elif conduct is not Conduct.SILENT and _wants_details(course.page):
            await self._give_details(course)

    async def _guess(self, course: RequestCourse) -> None:
        wrong = WRONG_CODES[course.plan.right == "erasure"]
        await self._prove(course, {"kind": "email_code", "code": wrong})
        course.guessed += 1

    async def _disown(self, course: RequestCourse) -> None:
        """Follow the link for people who did not ask, once a letter has come."""
        letters = self._by_request[course.request_id or ""]
        paths = [letter.stop_path for letter in letters if letter.stop_path]
        if paths and not course.disowned:
            answer = await self._insist("POST", paths[0])
            course.disowned = answer.is_success

    async def _give_details(self, course: RequestCourse) -> None:
        """Offer details of the records and a signed declaration, as California's law lets people do."""
        person = course.plan.person
        if not course.gave_details and person.details:
            signed = {"name": person.name, "signed_at": datetime.now(UTC).isoformat()}
            points = {"kind": "data_points", "points": dict(person.details)}
            declared = {"kind": "declaration", "text": TEXTS[CURRENT], **signed}
            course.gave_details = await self._prove(course, points, declared)

    async def _prove(self, course: RequestCourse, *proofs: Mapping[str, Any]) -> bool:
        content = {"proofs": proofs}
        answer = await self._insist("POST", f"/v1/requests/{course.request_id}/proofs", json=content)
        return answer.status_code in DONE_HTTP

    def _newest_code(self, course: RequestCourse) -> str | None:
        """Return the newest code that the person was mailed."""
        mailbox = course.plan.person.email.casefold()
        letters = self._by_request[course.request_id or ""]
        codes = [letter.code for letter in letters if letter.code and mailbox in letter.recipients]
        return codes[-1] if codes else None

    async def _fetch(self, course: RequestCourse) -> None:
        """Download package and certificate of an answered request."""
        if not course.plan.by_person or course.status not in ENDED:
            return
        if course.plan.is_instruction:
            if course.page.get("package_url"):
                results = f"{instructions.REQUESTS}/{course.request_id}/results"
                answer = await self._called("GET", results)
                if answer.is_success:
                    course.package, course.package_text = _opened(answer.content)
            return
        if course.page.get("package_url"):
            await self._download(course)
        if course.plan.right == "erasure" and course.page.get("outcome") in {"granted", "partly_granted"}:
            answer = await self._insist("GET", f"/v1/requests/{course.request_id}/certificate")
            if answer.is_success:
                course.certificate = answer.json()["certificate"]

    async def _download(self, course: RequestCourse) -> None:
        """
        Ask for a code, and download with it.

        The newest code is tried as soon as it is mailed; another one is asked for if none opens the package.
        """
        path = f"/v1/requests/{course.request_id}/package"
        tried, asked_at = {self._newest_code(course)}, -math.inf
        while course.package is None:
            code = self._newest_code(course)
            if code not in tried:
                tried.add(code)
                answer = await self._insist("GET", path, params={"code": code or ""})
                if answer.is_success:
                    course.package, course.package_text = _opened(answer.content)
            elif time.monotonic() - asked_at > CODE_WITHIN_S:
                answer = await self._insist("POST", f"{path}/codes")
                course.no_code_with = None if answer.is_success else answer.status_code
                asked_at = time.monotonic()
            else:
                await asyncio.sleep(LETTERS_EVERY_S)

    async def _look(self, course: RequestCourse) -> None:
        """Read the page of the request."""
        if course.request_id is None:
            return
        if course.plan.is_instruction:
            answer = await self._called("GET", f"{instructions.REQUESTS}/{course.request_id}")
            course.page = (
                {"id": course.request_id, **instructions.page_of(answer.json())} if answer.is_success else {}
            )
            return
        answer = await self._insist("GET", f"/v1/requests/{course.request_id}")
        course.page = answer.json() if answer.is_success else {}

    async def _insist(
        self, method: str, path: str, unanswered: Callable[[], None] = lambda: None, **content: Any
    ) -> httpx.Response:
        """Call until there is an answer that is not about the server; return it."""
        while True:
            try:
                answer = await self._http.request(method, path, **content)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                pass
            except httpx.TransportError:
                unanswered()
            else:
                later = answer.status_code == 429 or FOR_NOW.search(answer.content[:MOST_REFUSAL])
                if answer.status_code < 500 and not later:
                    return answer
                if answer.status_code != 429:
                    unanswered()
            await asyncio.sleep(PAUSE_S)


def _wants_details(page: Mapping[str, Any]) -> bool:
    return any(
        "mailbox" not in way and {*way} & {"two_points", "three_points"} for way in page.get("wanted", ())
    )


def guesses(course: RequestCourse) -> int:
    """Return how many codes a stranger guesses: sometimes as many as there are tries."""
    return random.Random(course.plan.reference).choice((1, 2, 6))


def rests(course: RequestCourse) -> bool:
    """Return whether nothing more happens with a request unless the staff acts, or a proof comes."""
    if course.refused_with:
        return True
    return course.status in {*ENDED, "referred"} or _waits(course)


def _waits(course: RequestCourse) -> bool:
    """Return whether a request is stopped, or waits for a proof that will not come."""
    if course.page.get("stopped"):
        return True
    done = {
        Conduct.STRANGER: course.guessed >= guesses(course),
        Conduct.DISOWNED: course.disowned and bool(course.page.get("stopped")),
    }
    return course.status == "challenged" and awaits_proof(course) and done.get(course.plan.conduct, True)


def _opened(package: bytes) -> tuple[dict[str, list[dict[str, Any]]], str]:
    """Return the records in *package*, by collection, and all of its texts."""
    with ZipFile(BytesIO(package)) as archive:
        names = [name for name in archive.namelist() if name.startswith("data/")]
        contents = {name: archive.read(name).decode() for name in names}
        text = archive.read("index.html").decode()
    records = {
        name.removeprefix("data/").removesuffix(".json").partition(".")[2]: orjson.loads(content)
        for name, content in contents.items()
        if name.endswith(".json")
    }
    return records, "\n".join([*contents.values(), text])
