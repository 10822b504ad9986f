"""Attacks on deciding: forged, replayed, altered and guessed decisions, and deciders who may not decide."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from habeas.client.cases import correlation
from habeas.embedded.company import ADA, BRUNO
from habeas.embedded.stack import Stack
from shared.contract.envelope import encode
from shared.contract.events import (
    SESSION_ID,
    AppealDecided,
    Decision,
    ErasureApproved,
    ErasurePlanned,
    ExtensionDecided,
    HoldLifted,
    HoldPlaced,
    IdentityDecided,
    RestrictionLifting,
    StaffRole,
)
from shared.contract.staff import (
    MOST_WRONG_CODES,
    RECOVERY_BYTES,
    STEP_S,
    TEXT_SALT_BYTES,
    code_at,
    decision_id,
    private_key,
    recovery_code,
    recovery_digest,
    salted,
    session_token,
    signed,
    signed_batch,
    written_item,
)
from shared.contract.topology import EVENTS
from shared.runtime.broker import Message
from shared.runtime.vault import Vault
from shared.vocabulary import HoldScope
from tests.integration.forked_processes import said as run
from tests.integration.pipeline import (
    Heard,
    Pipeline,
    Somebody,
    comes_true,
    command,
    fresh_code,
    running,
)
from tests.staff import PASSWORD, signed_in
from tests.waiting import eventually

USED = {"code_spent", "tried_too_often"}
"""In its own half-minute a code is not even compared."""
ADA_ASKS, BRUNO_ASKS = Somebody(ADA.email, ADA.name), Somebody(BRUNO.email, BRUNO.name)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("staff")
    async with running(
        parts, folder, HABEAS_ERASURE_APPROVAL="always", HABEAS_TWO_DECIDERS="true"
    ) as pipeline:
        yield pipeline


@pytest_asyncio.fixture
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening(forged=True) as heard:
        yield heard


async def challenged(pipeline: Pipeline, person: Somebody = ADA_ASKS, **more: Any) -> str:
    """Return a request that waits for proof of identity."""
    case = await pipeline.lodge(person.asks("access", details={"statement": secrets.token_hex(8)}, **more))
    await pipeline.until_it_is("challenged", case)
    return case


def accepts(case: str, by: str = "dana.muster") -> IdentityDecided:
    return IdentityDecided(request_id=case, by=by, verified=True, reason="looked_at", identities=("email",))


async def publish(pipeline: Pipeline, decision: Decision, id_: str | None = None) -> str:
    """Publish a decision as the holder of intake's credential can; return the event's id."""
    id_ = id_ or secrets.token_hex(16)
    known = await correlation(pipeline.mongo_url, pipeline.prefix, decision.request_id)
    body = encode(decision, id=id_, source="habeas/command", time=datetime.now(UTC), correlation=known)
    await pipeline.announce(Message(EVENTS, decision.TYPE, body, id_))
    return id_


async def refusal(heard: Heard, case: str, id_: str) -> str:
    """Return why the decision *id_* was refused."""

    def found() -> str:
        refused = heard.of(case, "decision.refused")
        return next((one["data"]["reason"] for one in refused if one["data"]["decision"] == id_), "")

    return await eventually(found)


async def unmoved(pipeline: Pipeline, case: str) -> None:
    """Check that no decision about a request had an effect."""
    assert (await pipeline.page(case))["status"] == "challenged"
    for service in ("verifier", "intake", "fulfillment"):
        rows = await pipeline.rows(service, case=case)
        assert not [row for row in rows if (row["event"] or {}).get("type") == IdentityDecided.TYPE]


async def taken_up(pipeline: Pipeline, *cases: str) -> None:
    """Wait until the verifier has a decision about the identity in each of *cases*: then its code is used."""

    async def decided() -> bool:
        kind = {"event.type": IdentityDecided.TYPE}
        return all([await pipeline.rows("verifier", case=case, **kind) for case in cases])

    await comes_true(decided)


async def post(pipeline: Pipeline, decision: Decision, **more: Any) -> tuple[int, str]:
    body = {"type": decision.TYPE, "data": decision.model_dump(mode="json", exclude_defaults=True), **more}
    answer = await pipeline.http.post("/v1/staff/decisions", json=body)
    return answer.status_code, str(answer.json().get("detail", ""))


async def said(pipeline: Pipeline, *words: str) -> str:
    """Return the complaint of a verb that must fail."""
    code, _, complaint = await command(pipeline, *words)
    assert code == 2, complaint
    return complaint


# --- the decider ----------------------------------------------------------------------------------------


async def test_one_shell_is_not_two_deciders(pipeline: Pipeline) -> None:
    case = await challenged(pipeline)
    accept = ("verify", "accept", case, "--reason", "looked_at", "--identity", "email", "--as")
    assert (await command(pipeline, *accept, "dana.muster"))[0] == 0
    assert "a colleague has to make the second" in await said(pipeline, *accept, "dana.muster")
    # Another name with the secrets at hand: the key that follows from them is not that account's.
    account = await pipeline.accounts.present("dana.muster")
    await pipeline.accounts.present("robin.muster")
    stolen = signed(
        accepts(case, "robin.muster"),
        private_key(PASSWORD, pipeline.accounts.register.salt("dana.muster")),
        at=datetime.now(UTC),
        nonce=secrets.token_hex(16),
        code=code_at(account.second_factor, datetime.now(UTC)),
    )
    assert await post(pipeline, stolen) == (403, "signature_wrong")
    assert (await pipeline.page(case))["status"] == "challenged"
    assert (await command(pipeline, *accept, "robin.muster"))[0] == 0
    await pipeline.closed(case)


async def test_identity_decider_does_not_approve_the_erasure(pipeline: Pipeline) -> None:
    case = await pipeline.lodge(BRUNO_ASKS.asks("erasure"))
    await pipeline.until_it_is("challenged", case)
    accept = ("verify", "accept", case, "--reason", "looked_at", "--identity", "email", "--as")
    for by in ("dana.muster", "robin.muster"):
        assert (await command(pipeline, *accept, by))[0] == 0
    await taken_up(pipeline, case)
    (await pipeline.prove(case, await pipeline.code_for(BRUNO_ASKS, case))).raise_for_status()  # confirms it
    await pipeline.until_it_is("verified", case)

    async def planned() -> bool:
        return bool(await pipeline.rows("fulfillment", case=case, **{"facts.type": ErasurePlanned.TYPE}))

    await comes_true(planned)
    assert "a colleague" in await said(pipeline, "request", "approve-erasure", case, "--as", "robin.muster")
    assert await pipeline.mentions(BRUNO.email)


async def test_referred_request_is_answered_by_two_accounts(pipeline: Pipeline, tmp_path: Path) -> None:
    case = await pipeline.verified("rectification", BRUNO_ASKS, details={"statement": "In my paper file."})
    await pipeline.until_it_is("referred", case)
    (tmp_path / "answer.txt").write_text("We corrected the paper file.")
    verb = ("request", "answer", case, "--explanation", str(tmp_path / "answer.txt"), "--as", "dana.muster")
    assert (await command(pipeline, *verb))[0] == 0
    assert (await pipeline.page(case))["status"] == "referred"

    async def proposed() -> dict[str, Any]:
        show = ("request", "show", case, "--as", "dana.muster", "--json")
        return dict(json.loads((await command(pipeline, *show))[1])["proposed"] or {})

    shown: dict[str, Any] = await eventually(proposed)
    assert (shown["by"], shown["outcome"]) == ("dana.muster", "granted")
    approve = ("request", "approve-answer", case, "--as")
    assert "a colleague has to make the second" in await said(pipeline, *approve, "dana.muster")
    code, _, complaint = await command(pipeline, *approve, "robin.muster")
    assert code == 0, complaint
    assert (await pipeline.closed(case))["outcome"] == "granted"
    assert "We corrected the paper file." in pipeline.letters_to(BRUNO_ASKS, case)[-1].body()


async def test_purge_is_approved_by_two_accounts(pipeline: Pipeline) -> None:
    collection = f"{pipeline.prefix}billing.invoices"
    code, printed, complaint = await command(
        pipeline, "retention", "purge", collection, "--as", "dana.muster"
    )
    assert code == 0, complaint
    assert printed.startswith("proposed: ")
    number = printed.rsplit(maxsplit=1)[-1].strip("`\n")
    approve = ("retention", "approve", number, "--as")

    async def status() -> str:
        [purge] = json.loads((await command(pipeline, "retention", "purges", number, "--json"))[1])
        return str(purge["status"])

    assert await status() == "proposed"
    assert "a colleague has to make the second" in await said(pipeline, *approve, "dana.muster")
    code, _, complaint = await command(pipeline, *approve, "robin.muster")
    assert code == 0, complaint
    assert await status() != "proposed"


async def test_name_of_the_data_subject_is_no_approver(pipeline: Pipeline) -> None:
    case = await challenged(pipeline)
    decision = await pipeline.accounts.signed(accepts(case))
    free = decision.model_copy(update={"by": "ada"})
    assert await post(pipeline, free) == (403, "signature_wrong")
    claimed = free.model_copy(
        update={"proof": free.proof and free.proof.model_copy(update={"account": "ada"})}
    )
    assert await post(pipeline, claimed) == (403, "signature_wrong")
    await unmoved(pipeline, case)


async def test_own_request_is_not_decided_even_with_another_spelling(
    pipeline: Pipeline, heard: Heard
) -> None:
    case = await challenged(pipeline)
    local, _, domain = ADA.email.partition("@")
    mailboxes = {pipeline.accounts.register.mailbox(f"{local.upper()}+staff@{domain}")}
    account = await pipeline.accounts.present("ada.staff")
    await pipeline.accounts.register.replace(replace(account, mailboxes=frozenset(mailboxes)))
    decision = await pipeline.accounts.signed(accepts(case, "ada.staff"))
    assert await post(pipeline, decision) == (403, "decider_is_concerned")
    assert await refusal(heard, case, await publish(pipeline, decision)) == "decider_is_concerned"
    await unmoved(pipeline, case)


async def test_disabled_account_decides_nothing(pipeline: Pipeline, heard: Heard) -> None:
    case = await challenged(pipeline)
    decision = await pipeline.accounts.signed(accepts(case, "former.muster"))
    account = await pipeline.accounts.register.account("former.muster")
    assert account is not None
    await pipeline.accounts.register.replace(replace(account, disabled=True))
    assert await refusal(heard, case, await publish(pipeline, decision)) == "account_disabled"
    await unmoved(pipeline, case)


async def test_account_without_the_role_decides_nothing(pipeline: Pipeline, heard: Heard) -> None:
    case = await challenged(pipeline)
    await pipeline.accounts.present("vera.viewer", roles=(StaffRole.VIEWER, StaffRole.ADMIN))
    decision = await pipeline.accounts.signed(accepts(case, "vera.viewer"))
    assert await refusal(heard, case, await publish(pipeline, decision)) == "role_missing"
    await pipeline.accounts.present("otto.officer", roles=(StaffRole.INCIDENT_OFFICER,))
    decision = await pipeline.accounts.signed(accepts(case, "otto.officer"))
    assert await post(pipeline, decision) == (403, "role_missing")
    await unmoved(pipeline, case)


# --- the decision ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [IdentityDecided, ErasureApproved, ExtensionDecided, RestrictionLifting])
async def test_decision_published_on_the_broker_without_proof_is_refused(
    pipeline: Pipeline, heard: Heard, kind: type[Decision]
) -> None:
    await pipeline.accounts.present("dana.muster")
    case = await challenged(pipeline)
    fields = {"reason": "complexity" if kind is ExtensionDecided else "person_asks", "verified": True}
    forged = kind.model_validate({"request_id": case, "by": "dana.muster", "identities": ["email"], **fields})
    assert await refusal(heard, case, await publish(pipeline, forged)) == "proof_missing"
    await unmoved(pipeline, case)


async def test_proof_of_one_case_does_not_decide_another(pipeline: Pipeline, heard: Heard) -> None:
    case, other = await challenged(pipeline), await challenged(pipeline, BRUNO_ASKS)
    decision = await pipeline.accounts.signed(accepts(case))
    moved = decision.model_copy(update={"request_id": other})
    assert await refusal(heard, other, await publish(pipeline, moved)) == "signature_wrong"
    await unmoved(pipeline, other)


@pytest.mark.parametrize(
    "change",
    [{"verified": False}, {"identities": ("email", "phone")}, {"reason": "other"}],
    ids=["verdict", "identities", "reason"],
)
async def test_altered_decision_is_refused(pipeline: Pipeline, heard: Heard, change: dict[str, Any]) -> None:
    case = await challenged(pipeline)
    decision = (await pipeline.accounts.signed(accepts(case))).model_copy(update=change)
    assert await refusal(heard, case, await publish(pipeline, decision)) == "signature_wrong"
    await unmoved(pipeline, case)


async def test_proof_of_one_type_does_not_decide_another(pipeline: Pipeline, heard: Heard) -> None:
    case = await challenged(pipeline)
    proof = (await pipeline.accounts.signed(accepts(case))).proof
    forged = ErasureApproved(request_id=case, by="dana.muster", proof=proof)
    assert await refusal(heard, case, await publish(pipeline, forged)) == "signature_wrong"


async def test_same_decision_published_twice_counts_once(pipeline: Pipeline, heard: Heard) -> None:
    case = await challenged(pipeline)
    decision = await pipeline.accounts.signed(accepts(case))
    await publish(pipeline, decision)
    assert await refusal(heard, case, await publish(pipeline, decision)) in USED


async def test_agent_neither_places_nor_lifts_a_legal_hold(pipeline: Pipeline, heard: Heard) -> None:
    case, other = await challenged(pipeline), await challenged(pipeline, BRUNO_ASKS)
    await pipeline.accounts.present("ines.agent", roles=(StaffRole.AGENT,))
    hold = secrets.token_hex(16)
    place = HoldPlaced(request_id=case, by="ines.agent", hold=hold, scope=HoldScope.PERSON, matter="claim_7")
    assert await post(pipeline, await pipeline.accounts.signed(place)) == (403, "role_missing")
    placed = await pipeline.accounts.signed(place.model_copy(update={"by": "dana.muster"}))
    assert (await post(pipeline, placed))[0] == 202
    lift = HoldLifted(request_id=case, by="ines.agent", hold=hold, reason="matter_closed")
    signed_one = await pipeline.accounts.signed(lift)
    assert await post(pipeline, signed_one) == (403, "role_missing")
    assert await refusal(heard, case, await publish(pipeline, signed_one)) == "role_missing"
    elsewhere = lift.model_copy(update={"request_id": other, "by": "robin.muster"})
    forged = await publish(pipeline, await pipeline.accounts.signed(elsewhere))
    assert await refusal(heard, other, forged) == "no_such_hold"
    holds = pipeline.client[f"{pipeline.prefix}_fulfillment"]["holds"]
    _: int = await eventually(partial(holds.count_documents, {"_id": hold, "standing": True}))
    await holds.delete_one({"_id": hold})


async def test_one_code_makes_one_decision_at_all_services(pipeline: Pipeline, heard: Heard) -> None:
    """Also with the id of the event that used it, by an attacker who knows the password."""
    case, other = await challenged(pipeline), await challenged(pipeline, BRUNO_ASKS)
    now = datetime.now(UTC)
    decision = await pipeline.accounts.signed(accepts(case), at=now)
    id_ = await publish(pipeline, decision)
    await taken_up(pipeline, case)
    code, key = decision.proof.code if decision.proof else "", pipeline.accounts.key("dana.muster")
    for again, event in (
        (accepts(other), id_),
        (ExtensionDecided(request_id=other, by="dana.muster", reason="complexity"), secrets.token_hex(16)),
    ):
        spent = signed(again, key, at=now, nonce=secrets.token_hex(16), code=code)
        assert await refusal(heard, other, await publish(pipeline, spent, event)) in USED
    await unmoved(pipeline, other)


async def test_old_proof_is_refused(pipeline: Pipeline, heard: Heard) -> None:
    case = await challenged(pipeline)
    for age in (timedelta(minutes=11), -timedelta(minutes=2)):
        decision = await pipeline.accounts.signed(accepts(case), at=datetime.now(UTC) - age)
        assert await refusal(heard, case, await publish(pipeline, decision)) == "proof_stale"
    await unmoved(pipeline, case)


VIRGINIA = {"country": "US", "subdivision": "VA"}


async def test_explanation_that_was_replaced_after_signing_is_refused(
    pipeline: Pipeline, heard: Heard
) -> None:
    """By the holder of intake's credentials: under the signed name, and with another text at the API."""
    person = Somebody("text.example@example.net", "Text Example")
    case = await challenged(pipeline, person, residence=VIRGINIA)
    (await pipeline.http.post(f"/v1/requests/{case}/appeals", json={"statement": "Why?"})).raise_for_status()
    await eventually(lambda: bool(heard.of(case, "appeal.received")))
    text = salted(b"There is no second account.", secrets.token_bytes(TEXT_SALT_BYTES))
    other = salted(b"Pay us first.", text[:TEXT_SALT_BYTES])
    decided = AppealDecided(request_id=case, by="dana.muster", granted=False, explanation=written_item(text))
    signed_one = await pipeline.accounts.signed(decided)
    status, _ = await post(pipeline, signed_one, text=base64.b64encode(other).decode())
    assert status == 422
    signed_one = await pipeline.accounts.signed(decided)
    vault = Vault(
        pipeline.client,
        prefix=pipeline.prefix,
        master_key=base64.b64decode(pipeline.settings["HABEAS_MASTER_KEY"]),
    )
    assert await vault.seal(case, written_item(text), other)
    assert await refusal(heard, case, await publish(pipeline, signed_one)) == "text_differs"
    assert not heard.of(case, "appeal.answered")
    named = decided.model_copy(update={"explanation": written_item(other)})
    forged = named.model_copy(update={"proof": signed_one.proof})
    assert await refusal(heard, case, await publish(pipeline, forged)) == "signature_wrong"


# --- batches --------------------------------------------------------------------------------------------


async def post_batch(pipeline: Pipeline, decisions: Sequence[Decision], **texts: bytes) -> list[Any]:
    """Send decisions of one batch to intake; return reason or None for each."""
    forms = []
    for decision in decisions:
        data = decision.model_dump(mode="json", exclude_defaults=True, exclude={"proof"})
        form: dict[str, Any] = {"type": decision.TYPE, "data": data}
        if decision.request_id in texts:
            form["text"] = base64.b64encode(texts[decision.request_id]).decode()
        forms.append(form)
    proof = decisions[0].proof and decisions[0].proof.model_dump(mode="json")
    answer = await pipeline.http.post("/v1/staff/decisions/batch", json={"proof": proof, "decisions": forms})
    return [one["reason"] for one in answer.raise_for_status().json()]


def refuses(case: str, by: str = "dana.muster") -> IdentityDecided:
    return IdentityDecided(request_id=case, by=by, verified=False, reason="proof_not_convincing")


async def test_one_code_decides_a_batch_and_nothing_beside_it(pipeline: Pipeline, heard: Heard) -> None:
    cases = [await challenged(pipeline, person) for person in (ADA_ASKS, BRUNO_ASKS)]
    other = await challenged(pipeline)
    now = datetime.now(UTC)
    batch = await pipeline.accounts.signed_batch([*map(refuses, cases), refuses("0" * 32)], at=now)
    outside = refuses(other).model_copy(update={"proof": batch[0].proof})
    answers = await post_batch(pipeline, [*batch, outside])
    assert answers == [None, None, "no request has this id", "signature_wrong"]
    await taken_up(pipeline, *cases)
    code, key = batch[0].proof.code if batch[0].proof else "", pipeline.accounts.key("dana.muster")
    [again] = signed_batch([refuses(other)], key, at=now, nonce=secrets.token_hex(16), code=code)
    [refused] = await post_batch(pipeline, [again])
    assert refused in USED
    for forged in (again, outside, signed(refuses(other), key, at=now, nonce="0" * 32, code=code)):
        reason = await refusal(heard, other, await publish(pipeline, forged, decision_id(forged)))
        assert reason in {*USED, "signature_wrong"}
    await unmoved(pipeline, other)
    for case in cases:
        await pipeline.closed(case)


async def test_decision_of_a_batch_counts_once(pipeline: Pipeline, heard: Heard) -> None:
    """Under another id, under the id of another decision of the batch, and under its own once more."""
    cases = [await challenged(pipeline, person) for person in (ADA_ASKS, BRUNO_ASKS)]
    batch = await pipeline.accounts.signed_batch([*map(accepts, cases)])
    assert await post_batch(pipeline, batch) == [None, None]
    await eventually(lambda: all(heard.of(case, IdentityDecided.TYPE) for case in cases))
    assert await post_batch(pipeline, batch) == [None, None]
    for id_ in (secrets.token_hex(16), decision_id(batch[1])):
        assert await refusal(heard, cases[0], await publish(pipeline, batch[0], id_)) == "code_spent"
    rows = await pipeline.rows("verifier", case=cases[0])
    assert len([row for row in rows if (row["event"] or {}).get("type") == IdentityDecided.TYPE]) == 1


async def test_each_decision_of_a_batch_is_checked_by_itself(pipeline: Pipeline) -> None:
    """One that counts lets no other pass: a role, a mailbox of the decider, a disabled account."""
    own = Somebody("una.muster@example.org", "Una Muster")
    cases = [await challenged(pipeline, person) for person in (ADA_ASKS, own)]
    account = await pipeline.accounts.present("una.muster", (StaffRole.AGENT,), (own.email,))
    beyond = ErasureApproved(request_id=cases[0], by="una.muster")
    decisions = [*(refuses(case, "una.muster") for case in cases), beyond]
    batch = await pipeline.accounts.signed_batch(decisions)
    register, now = pipeline.accounts.register, datetime.now(UTC)
    expected = [None, "decider_is_concerned", "role_missing"]
    assert await post_batch(pipeline, batch) == expected
    assert [await register.refusal(one, decision_id(one), now) for one in batch] == expected
    account = await pipeline.accounts.register.account("una.muster") or account
    await register.replace(replace(account, roles=frozenset({StaffRole.APPROVER})))
    assert await register.refusal(batch[2], decision_id(batch[2]), now) is None
    assert await register.refusal(batch[1], decision_id(batch[1]), now) == "decider_is_concerned"
    await register.replace(replace(account, disabled=True))
    late = now + timedelta(minutes=11)
    assert await register.refusal(batch[0], decision_id(batch[0]), late) is None  # a redelivery
    assert await register.refusal(batch[1], decision_id(batch[1]), now) == "account_disabled"


async def test_texts_of_a_batch_are_sealed_each_under_its_case(pipeline: Pipeline, heard: Heard) -> None:
    cases, texts, decisions = [], {}, []
    for n in range(2):
        person = Somebody(f"batch{n}@example.net", "Batch Example")
        case = await challenged(pipeline, person, residence=VIRGINIA)
        appeal = await pipeline.http.post(f"/v1/requests/{case}/appeals", json={"statement": "Why?"})
        appeal.raise_for_status()
        texts[case] = salted(b"We looked again: %d." % n, secrets.token_bytes(TEXT_SALT_BYTES))
        item = written_item(texts[case])
        decisions.append(AppealDecided(request_id=case, by="dana.muster", granted=False, explanation=item))
        cases.append(case)
    await eventually(lambda: all(heard.of(case, "appeal.received") for case in cases))
    batch = await pipeline.accounts.signed_batch(decisions)
    swapped = dict(zip(cases, reversed(texts.values()), strict=True))
    assert (
        await post_batch(pipeline, batch, **swapped) == ["the decision does not name what goes with it"] * 2
    )
    assert await post_batch(pipeline, batch, **texts) == [None, None]
    await eventually(lambda: all(heard.of(case, "appeal.answered") for case in cases))


# --- guessing -------------------------------------------------------------------------------------------


async def test_second_factor_is_not_guessed_with_a_stolen_password(pipeline: Pipeline, heard: Heard) -> None:
    case = await challenged(pipeline)
    key = pipeline.accounts.key("guess.muster")

    def guess(code: str) -> Decision:
        at = datetime.now(UTC)
        return signed(accepts(case, "guess.muster"), key, at=at, nonce=secrets.token_hex(16), code=code)

    def half_minute() -> int:
        return int(datetime.now(UTC).timestamp()) // STEP_S

    while True:  # until three tries fall into one half-minute
        account, begun = await pipeline.accounts.present("guess.muster"), half_minute()
        now = datetime.now(UTC)
        right = code_at(account.second_factor, now)
        wrong = next(code for code in ("000000", "000001", "000002") if code != right)
        answers = [await post(pipeline, guess(wrong)) for _ in range(2)]
        reason = await refusal(heard, case, await publish(pipeline, guess(wrong)))
        if half_minute() == begun:
            break
    assert answers == [(403, "code_wrong"), (403, "tried_too_often")]
    assert reason == "tried_too_often"
    tries = pipeline.client[f"{pipeline.prefix}_staff"]["tries"]
    whose = f"guess.muster/{account.enrolment}"
    await tries.insert_many(
        [{"_id": f"{whose}/{step}", "account": whose, "at": now} for step in range(MOST_WRONG_CODES - 1)]
    )
    assert await post(pipeline, guess(right)) == (403, "account_locked")
    await unmoved(pipeline, case)


async def test_right_code_is_not_found_among_many_guesses_of_a_half_minute(pipeline: Pipeline) -> None:
    account, key = await pipeline.accounts.present("brute.muster"), pipeline.accounts.key("brute.muster")
    register = pipeline.accounts.register
    now = datetime.fromtimestamp(int(datetime.now(UTC).timestamp()) // STEP_S * STEP_S, UTC)
    right = code_at(account.second_factor, now)

    def guess(code: str, at: datetime = now) -> Decision:
        decision = accepts(secrets.token_hex(16), "brute.muster")
        return signed(decision, key, at=at, nonce=secrets.token_hex(16), code=code)

    wrong = [code for code in map("{:06}".format, range(40)) if code != right]
    first = guess(wrong[0])
    assert [await register.flaw(first, "first", now) for _ in range(3)] == ["code_wrong"] * 3
    for n, code in enumerate((*wrong[1:], right)):
        later = now + timedelta(seconds=n % STEP_S)
        assert await register.flaw(guess(code), f"{n}", later) == "tried_too_often"
        assert await register.refusal(guess(code), f"published {n}", later) == "tried_too_often"
    for n in range(1, MOST_WRONG_CODES):
        later = now + timedelta(seconds=n * STEP_S)
        known = {code_at(account.second_factor, later - timedelta(seconds=ago)) for ago in (0, STEP_S)}
        other = next(code for code in wrong if code not in known)
        assert await register.refusal(guess(other, later), f"later {n}", later) == "code_wrong"
    later = now + timedelta(seconds=MOST_WRONG_CODES * STEP_S)
    last = guess(code_at(account.second_factor, later), later)
    assert await register.refusal(last, "last", later) == "account_locked"


async def test_parallel_guesses_are_one_try(pipeline: Pipeline) -> None:
    account, key = await pipeline.accounts.present("racer.muster"), pipeline.accounts.key("racer.muster")
    now = datetime.now(UTC)
    right = code_at(account.second_factor, now)
    guesses = [
        signed(accepts(secrets.token_hex(16), "racer.muster"), key, at=now, nonce=f"{n:032}", code=right)
        for n in range(20)
    ]
    answers = await asyncio.gather(
        *(pipeline.accounts.register.flaw(one, f"{n}", now) for n, one in enumerate(guesses))
    )
    assert sorted(map(str, answers)) == ["None", *["tried_too_often"] * 19]


async def test_decision_checked_by_intake_counts_when_it_arrives_late(pipeline: Pipeline) -> None:
    """A broker that is away delays events; each service that acts on one counts the same try."""
    await pipeline.accounts.present("late.muster")
    now, register = datetime.now(UTC), pipeline.accounts.register
    late, event = now + timedelta(minutes=9), secrets.token_hex(16)
    decision = await pipeline.accounts.signed(accepts(secrets.token_hex(16), "late.muster"), at=now)
    assert await register.flaw(decision, event, now) is None
    assert [await register.refusal(decision, event, late) for _ in range(2)] == [None, None]
    assert await register.refusal(decision, secrets.token_hex(16), late) == "code_wrong"


async def test_overheard_code_does_not_count_two_minutes_later(pipeline: Pipeline) -> None:
    now, register = datetime.now(UTC), pipeline.accounts.register
    decision = await pipeline.accounts.signed(accepts(secrets.token_hex(16), "heard.muster"), at=now)
    later = now + timedelta(minutes=2)
    assert await register.refusal(decision, secrets.token_hex(16), later) == "code_wrong"


async def test_next_code_makes_the_next_decision(pipeline: Pipeline) -> None:
    account, key = await pipeline.accounts.present("quick.muster"), pipeline.accounts.key("quick.muster")
    now, register = datetime.now(UTC), pipeline.accounts.register
    for n in range(3):
        at = now + timedelta(seconds=n * STEP_S)
        code, decision = code_at(account.second_factor, at), accepts(secrets.token_hex(16), "quick.muster")
        proven = signed(decision, key, at=at, nonce=secrets.token_hex(16), code=code)
        assert await register.flaw(proven, f"{n} of quick.muster", at) is None
        assert await register.refusal(proven, f"{n} of quick.muster", at) is None


async def test_stranger_cannot_lock_an_account(pipeline: Pipeline) -> None:
    case = await challenged(pipeline)
    decision = await pipeline.accounts.signed(accepts(case, "busy.muster"))
    forged = decision.model_copy(
        update={"proof": decision.proof and decision.proof.model_copy(update={"code": "000000"})}
    )
    for _ in range(MOST_WRONG_CODES + 1):
        assert await post(pipeline, forged) == (403, "signature_wrong")
    assert (await post(pipeline, decision))[0] == 202


async def test_salt_does_not_reveal_existing_accounts(pipeline: Pipeline) -> None:
    await pipeline.accounts.present("dana.muster")
    salts = [
        (await pipeline.http.get(f"/v1/staff/accounts/{name}/salt")).raise_for_status().json()["salt"]
        for name in ("dana.muster", "nobody.muster", "nobody.muster")
    ]
    assert salts[1] == salts[2] != salts[0]
    assert {len(salt) for salt in salts} == {32}
    case = await challenged(pipeline)
    unknown = await pipeline.accounts.signed(accepts(case, "dana.muster"))
    proof = unknown.proof and unknown.proof.model_copy(update={"account": "nobody.muster"})
    named = unknown.model_copy(update={"by": "nobody.muster", "proof": proof})
    assert await post(pipeline, named) == (403, "signature_wrong")


async def test_staff_shell_needs_neither_master_key_nor_database_nor_broker(pipeline: Pipeline) -> None:
    case = await challenged(pipeline)
    secret = {f"HABEAS_{name}" for name in ("MASTER_KEY", "MONGO_URL", "AMQP_URL", "API_KEYS", "CREDENTIALS")}
    account = await pipeline.accounts.present("dana.muster")
    settings = {name: value for name, value in pipeline.settings.items() if name not in secret}
    bare = replace(pipeline, settings=settings, staff=pipeline.accounts)
    code = code_at(account.second_factor, datetime.now(UTC))
    words = ("verify", "refuse", case, "--reason", "proof_not_convincing", "--as", "dana.muster")
    assert not secret & bare.environment.keys()
    ended, _, complaint = await command(bare, *words)
    assert (ended, complaint) == (0, ""), code
    await pipeline.closed(case)


# --- accounts -------------------------------------------------------------------------------------------


async def enrolled(pipeline: Pipeline, *words: str) -> dict[str, str]:
    """Run a verb that makes or resets an account; return the secrets that it prints."""
    code, printed, complaint = await command(pipeline, "staff", *words, "--json")
    assert code == 0, complaint
    return dict(json.loads(printed))


async def refuse_as(
    pipeline: Pipeline, case: str, secret: Mapping[str, str], *, begins: bool = True
) -> tuple[int, str]:
    """Refuse an identity with the secrets of an account, in a session that *begins* or one from before."""
    key = base64.b32decode(parse_qs(urlsplit(secret["authenticator"]).query)["secret"][0])
    environment = {
        **pipeline.environment,
        "HABEAS_CONSOLE_URL": await pipeline.console(),
        "HABEAS_STAFF_ACCOUNT": secret["account"],
        "HABEAS_STAFF_PASSWORD": secret["password"],
    }
    ended, complaint = 0, ""
    refuse = ("verify", "refuse", case, "--reason", "proof_not_convincing")
    for words in (*([("login",)] if begins else []), refuse):
        await fresh_code(pipeline, secret["account"])
        code = code_at(key, datetime.now(UTC))
        ended, _, complaint = await run("habeas", (*words, "--code", code), environment)
        if ended:
            break
    return ended, complaint


async def test_account_decides_until_it_is_disabled_and_again_after_a_reset(pipeline: Pipeline) -> None:
    words = ("--mailbox", "nora.muster@example.org", "--role", "agent")
    first = await enrolled(pipeline, "add", "nora.muster", *words)
    case = await challenged(pipeline)
    assert await refuse_as(pipeline, case, first) == (0, "")
    assert (await command(pipeline, "staff", "disable", "nora.muster"))[0] == 0
    case = await challenged(pipeline)
    ended, complaint = await refuse_as(pipeline, case, first, begins=False)
    assert (ended, "the session is over" in complaint) == (2, True)
    ended, complaint = await refuse_as(pipeline, case, first)
    assert (ended, "do not fit together" in complaint) == (2, True)
    again = await enrolled(pipeline, "reset", "nora.muster")
    ended, complaint = await refuse_as(pipeline, case, first)
    assert (ended, "do not fit together" in complaint) == (2, True)
    assert await refuse_as(pipeline, case, again) == (0, "")


async def test_one_person_has_one_account(pipeline: Pipeline) -> None:
    words = ("--mailbox", "Otis.Muster+x@example.org", "--role", "agent")
    await enrolled(pipeline, "add", "otis.muster", *words)
    other = ("staff", "add", "otis.second", "--mailbox", "otis.muster@example.org", "--role", "approver")
    assert "one person has one account" in await said(pipeline, *other)
    assert "is there already" in await said(
        pipeline, "staff", "add", "otis.muster", "--mailbox", "otis@example.net", "--role", "agent"
    )


async def test_register_holds_no_password_and_no_second_factor_in_clear(pipeline: Pipeline) -> None:
    words = ("--mailbox", "paul.muster@example.org", "--role", "agent", "--name", "Paul Muster")
    secret = await enrolled(pipeline, "add", "paul.muster", *words)
    stored = await pipeline.client[f"{pipeline.prefix}_staff"]["accounts"].find_one({"_id": "paul.muster"})
    key = base64.b32decode(parse_qs(urlsplit(secret["authenticator"]).query)["secret"][0])
    assert stored is not None
    held = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in stored.values())
    for hidden in (secret["password"].encode(), key, b"paul.muster@example.org"):
        assert hidden not in held


async def test_program_decides_only_with_its_key_and_not_with_an_empty_code_of_a_person(
    pipeline: Pipeline, heard: Heard
) -> None:
    case = await challenged(pipeline)
    account = await pipeline.accounts.present("dana.muster")
    bare = signed(
        accepts(case),
        pipeline.accounts.key("dana.muster"),
        at=datetime.now(UTC),
        nonce=secrets.token_hex(16),
    )
    assert account.second_factor
    assert await refusal(heard, case, await publish(pipeline, bare)) in {"code_wrong", "tried_too_often"}
    await unmoved(pipeline, case)


# --- sessions -------------------------------------------------------------------------------------------

SESSION = "/v1/staff/session"


async def shown(pipeline: Pipeline, bearer: Mapping[str, str]) -> int:
    return (await pipeline.http.get(SESSION, headers=bearer)).status_code


async def test_session_lasts_until_its_holder_signs_out(pipeline: Pipeline, heard: Heard) -> None:
    bearer = await pipeline.accounts.sign_in(pipeline.http, "sina.muster", {StaffRole.VIEWER})
    mine = (await pipeline.http.get(SESSION, headers=bearer)).raise_for_status().json()
    assert (mine["account"], mine["roles"]) == ("sina.muster", ["viewer"])
    assert (await pipeline.http.delete(SESSION, headers=bearer)).status_code == 204
    assert await shown(pipeline, bearer) == 401
    id_ = session_token(bearer["Authorization"].removeprefix("Bearer "))[:SESSION_ID]
    [ended] = await eventually(lambda: heard.of(id_, "staff.signed_out"))
    assert ended["data"]["by"] == "sina.muster"


async def test_session_without_a_valid_signature_never_begins(pipeline: Pipeline, heard: Heard) -> None:
    await pipeline.accounts.present("dana.muster")
    secret = secrets.token_urlsafe(32)
    forged = signed_in("dana.muster", secret)
    assert await refusal(heard, forged.request_id, await publish(pipeline, forged)) == "proof_missing"
    true = await pipeline.accounts.signed(signed_in("dana.muster", "another secret"))
    moved = forged.model_copy(update={"proof": true.proof})
    assert await refusal(heard, forged.request_id, await publish(pipeline, moved)) == "signature_wrong"
    assert await shown(pipeline, {"Authorization": f"Bearer {secret}"}) == 401


async def test_repeated_sign_in_revives_no_session(pipeline: Pipeline, heard: Heard) -> None:
    secret = secrets.token_urlsafe(32)
    bearer = {"Authorization": f"Bearer {secret}"}
    begun = await pipeline.accounts.signed(signed_in("resi.muster", secret))
    await publish(pipeline, begun)
    await comes_true(lambda: _is_shown(pipeline, bearer))
    await pipeline.http.delete(SESSION, headers=bearer)
    assert await refusal(heard, begun.request_id, await publish(pipeline, begun)) in USED
    again = await pipeline.accounts.signed(signed_in("resi.muster", secret))
    assert await refusal(heard, begun.request_id, await publish(pipeline, again)) == "session_exists"
    assert await shown(pipeline, bearer) == 401


async def _is_shown(pipeline: Pipeline, bearer: Mapping[str, str]) -> bool:
    return await shown(pipeline, bearer) == 200


async def test_session_ends_with_its_account(pipeline: Pipeline) -> None:
    for verb in ("disable", "reset"):
        bearer = await pipeline.accounts.sign_in(pipeline.http, f"{verb}.muster")
        assert await shown(pipeline, bearer) == 200
        assert (await command(pipeline, "staff", verb, f"{verb}.muster"))[0] == 0
        assert await shown(pipeline, bearer) == 401


async def test_journal_of_a_session_opens_none(pipeline: Pipeline) -> None:
    """Nor does the register: a copy of intake's database holds hashes of secrets."""
    bearer = await pipeline.accounts.sign_in(pipeline.http, "cora.muster")
    secret = bearer["Authorization"].removeprefix("Bearer ")
    token = session_token(secret)
    rows = await pipeline.rows("intake", case=token[:SESSION_ID])
    assert rows
    assert secret not in str(rows)
    assert await shown(pipeline, {"Authorization": f"Bearer {token}"}) == 401


async def test_actions_of_a_session_are_on_record_and_change_nothing_for_the_person(
    pipeline: Pipeline, heard: Heard
) -> None:
    case = await challenged(pipeline)
    await pipeline.accounts.present("robin.muster")
    bearer = await pipeline.accounts.sign_in(pipeline.http, "alma.muster", {StaffRole.AGENT})
    before, url = await page_with_letter(pipeline, case), f"/v1/staff/cases/{case}"
    text, scan = f"Called {ADA.name}.", b"%PDF-1.7 of " + ADA.email.encode()
    for action, body in (
        ("owner", {"json": {"owner": "robin.muster"}}),
        ("notes", {"json": {"text": text}}),
        ("files", {"content": scan}),
    ):
        (await pipeline.http.post(f"{url}/{action}", headers=bearer, **body)).raise_for_status()
    await eventually(lambda: len(_actions(heard, case)) == 3)
    done = _actions(heard, case)
    assert {one["data"]["by"] for one in done} == {"alma.muster"}
    assert ADA.name not in str(done)
    assert await pipeline.page(case) == before
    vault = Vault(
        pipeline.client,
        prefix=pipeline.prefix,
        master_key=base64.b64decode(pipeline.settings["HABEAS_MASTER_KEY"]),
    )
    assert (await vault.open(case, done[1]["data"]["note"])).decode() == text
    assert b"".join([piece async for piece in vault.open_stream(case, done[2]["data"]["item"])]) == scan


async def page_with_letter(pipeline: Pipeline, case: str) -> dict[str, Any]:
    """Return the page of a request that waits for proof, once it says that its letter is sent."""

    async def page() -> dict[str, Any]:
        found = await pipeline.page(case)
        return found if "letter_sent" in {entry["what"] for entry in found["timeline"]} else {}

    return await eventually(page)


def _actions(heard: Heard, case: str) -> list[dict[str, Any]]:
    types = ("case.assigned", "case.noted", "file.attached")
    return [one for type_ in types for one in heard.of(case, type_)]


async def test_session_finds_the_cases_of_a_mailbox_and_no_stranger_does(pipeline: Pipeline) -> None:
    case = await challenged(pipeline, BRUNO_ASKS)
    bearer = await pipeline.accounts.sign_in(pipeline.http, "sira.muster", {StaffRole.AGENT})
    search = {"mailbox": BRUNO.email.upper()}
    found = await pipeline.http.post("/v1/staff/search", headers=bearer, json=search)
    assert found.raise_for_status().json()["cases"][0] == case
    assert (await pipeline.http.post("/v1/staff/search", json=search)).status_code == 401


async def test_session_of_a_reader_changes_no_case(pipeline: Pipeline) -> None:
    case = await challenged(pipeline)
    bearer = await pipeline.accounts.sign_in(pipeline.http, "vera.viewer", {StaffRole.VIEWER})
    url = f"/v1/staff/cases/{case}"
    bodies: dict[str, dict[str, Any]] = {
        "owner": {"json": {"owner": None}},
        "notes": {"json": {"text": "x"}},
        "files": {"content": b"%PDF-"},
    }
    for action, body in bodies.items():
        assert (await pipeline.http.post(f"{url}/{action}", headers=bearer, **body)).status_code == 403


async def test_recovery_code_stands_for_one_code_and_never_again(pipeline: Pipeline) -> None:
    """It takes the place of a lost second factor, but not of the password; after a week it stays used."""
    register, name = pipeline.accounts.register, "kim.muster"
    account = await pipeline.accounts.present(name)
    code = recovery_code(secrets.token_bytes(RECOVERY_BYTES))
    await register.replace(replace(account, recovery=(recovery_digest(code),)))
    first, second = [await challenged(pipeline, person) for person in (ADA_ASKS, BRUNO_ASKS)]
    now, key = datetime.now(UTC), pipeline.accounts.key(name)

    def decides(case: str, by_code: str) -> Decision:
        return signed(accepts(case, name), key, at=now, nonce=secrets.token_hex(16), code=by_code)

    assert (
        await register.flaw(decides(first, "a" * 16), "1" * 32, now - timedelta(seconds=STEP_S))
        == "code_wrong"
    )
    decided = decides(first, code)
    await publish(pipeline, decided, decision_id(decided))

    async def seen() -> bool:
        return bool(await pipeline.rows("verifier", case=first, **{"event.type": IdentityDecided.TYPE}))

    await comes_true(seen)
    used = pipeline.client[f"{pipeline.prefix}_staff"]["codes"]
    assert await used.count_documents({"_id": {"$regex": recovery_digest(code)}, "at": None}) == 1
    # A half-minute in which nothing was tried: the service may have counted its try in a later one than now.
    later = datetime.now(UTC) + timedelta(seconds=STEP_S)
    assert await register.flaw(decides(second, code), "2" * 32, later) == "code_spent"
