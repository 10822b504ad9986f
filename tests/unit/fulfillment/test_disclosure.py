"""Disclosure by right: copies, descriptions and transfers."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import DataMap, Facts
from services.fulfillment.datamap.reader import parse
from services.fulfillment.handlers import answer
from services.fulfillment.package.portability import reason_against
from services.fulfillment.package.verification import verify_package
from services.fulfillment.package.withheld import NOT_PROVIDED, OTHER_BASIS
from services.fulfillment.recipients.handlers import MOST_TRYING, transfer
from services.fulfillment.recipients.receivers import PackageReceiver, ReceiverUnproven
from services.fulfillment.search.findings import Coverage, Findings, FoundRecord, RecordTuple, SearchStatus
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.state import FulfillmentStatus
from shared.contract.answer import PackageFacts, TransferResult, facts_of
from shared.contract.events import Assurance, Fact, Outcome, RequestFulfilled, TransferOrdered
from shared.law import Regulation, Right
from shared.runtime.safe_http import NotAllowed, ReceiverRefused, ReceiverUnavailable
from tests.openpgp_keys import ReceiverKey
from tests.runtime_fakes import MemoryVault
from tests.unit.fulfillment.handler_fakes import (
    CASE,
    HOUSE,
    NOW,
    Counter,
    Courier,
    Proofs,
    answer_of,
    stage,
    whole,
)
from tests.unit.fulfillment.sample_records import parsed, repacked, unpacked

MAP = parse(
    {
        "shop.yml": """
dataset:
  - fides_key: shop
    meta:
      habeas:
        {purpose: To deliver., legal_basis: Art. 6(1)(b) GDPR, source: The person, recipients: [Carrier]}
    collections:
      - name: users
        fields:
          - {name: _id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - name: score
            data_categories: [user.telemetry]
            meta: {habeas: {source: derived}}
      - name: invoices
        meta: {habeas: {purpose: To keep books., legal_basis: Art. 6(1)(c) GDPR}}
        fields:
          - {name: _id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: total, data_categories: [user.payment]}
      - name: letters
        meta: {habeas: {legal_basis: Art. 6(1)(c) GDPR}}
        fields:
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
"""
    }
)
USERS, INVOICES, LETTERS = MAP.collections
ADA = "ada@example.org"


def record(key: str, **fields: Any) -> FoundRecord:
    document = {"_id": 1, "email": ADA, **fields}
    return FoundRecord(MAP.by_key[key], {"_id": 1}, document, (OwnershipMatch("email", None, (ADA,)),))


def findings(*found: FoundRecord, data_map: DataMap = MAP) -> Findings:
    counts = [(c.key, sum(f.collection is c for f in found)) for c in data_map.collections]
    coverage = tuple(Coverage(key, SearchStatus.SEARCHED, count) for key, count in counts)
    return Findings(data_map.version, RecordTuple(found), coverage)


HELD = findings(record("shop.users", score=17), record("shop.invoices", total=9_999))


async def files(ctx: FulfillmentContext, fact: Fact) -> dict[str, bytes]:
    assert isinstance(fact, RequestFulfilled | TransferOrdered)
    package = await whole(ctx.vault.open_stream(CASE, fact.package or ""))
    content = unpacked(package)
    assert (
        verify_package(repacked(content.items()), issuer=HOUSE.signer.public_key.fingerprint).problems == ()
    )
    return content


async def test_portability_covers_data_on_consent_or_contract_and_names_the_rest() -> None:
    event, ctx = await stage(MAP, HELD, Right.PORTABILITY)
    [fulfilled] = await answer(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    content = await files(ctx, fulfilled)
    assert parsed(content["data/default.users.json"]) == [{"_id": 1, "email": ADA}]
    assert {"data/default.users.csv", "schema/default.users.json", "manifest.json"} <= content.keys()
    assert not [name for name, text in content.items() if b"9999" in text or b"invoices" in name.encode()]
    assert fulfilled.outcome is Outcome.PARTLY_GRANTED
    assert fulfilled.dispositions == {"disclosed": 1}
    left = [(item.label, item.reason) for item in (await answer_of(ctx, fulfilled.answer)).withheld]
    assert left == [("Usage measurements", NOT_PROVIDED), ("Invoices", OTHER_BASIS)]
    named = {(item["what"], item["reason"]) for item in parsed(content["about.json"])["left_out"]}
    assert named == set(left)
    assert "We hold it neither on your consent nor for a contract" in content["index.html"].decode()


async def test_access_covers_all_data() -> None:
    event, ctx = await stage(MAP, HELD)
    [fulfilled] = await answer(event, ctx)
    content = await files(ctx, fulfilled)
    assert parsed(content["data/default.users.json"])[0]["score"] == 17
    assert parsed(content["data/default.invoices.json"])[0]["total"] == 9_999
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.outcome is Outcome.GRANTED


@pytest.mark.parametrize("named", [Regulation.CCPA, Regulation.GDPR])
async def test_in_california_portability_is_a_form_of_access(named: Regulation) -> None:
    event, ctx = await stage(MAP, HELD, Right.PORTABILITY, regulation=named)
    event = event.model_copy(update={"laws": ("gdpr@2018-05-25", "us-ca-ccpa@2026-01-01")})
    [fulfilled] = await answer(event, ctx)
    assert "data/default.invoices.json" in await files(ctx, fulfilled)


async def test_portability_without_portable_data_is_refused_with_the_reason() -> None:
    event, ctx = await stage(MAP, findings(record("shop.invoices")), Right.PORTABILITY)
    assert isinstance(ctx.copies, Counter)
    [fulfilled] = await answer(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.outcome is Outcome.REFUSED
    assert fulfilled.reasons == {OTHER_BASIS: 1}
    assert fulfilled.package is None
    assert not ctx.copies.cases, "what was refused is no copy"
    assert isinstance(ctx.vault, MemoryVault)
    assert not [name for name in ctx.vault.items[CASE] if "package" in name], "no package is stored"


@pytest.mark.parametrize(
    ("basis", "source", "reason"),
    [
        ("Art. 6(1)(b) GDPR (performance of a contract)", "The person, when ordering", None),
        ("Art. 6(1)(a) GDPR", "observed", None),
        ("Consent", "Our own metering.", None),
        ("Art. 6(1)(c) GDPR (legal obligation, not a contract)", "The person", OTHER_BASIS),
        ("Legitimate interests", "provided", OTHER_BASIS),
        ("Contract", "derived", NOT_PROVIDED),
        ("Contract", "Bank and payment provider.", NOT_PROVIDED),
        ("Contract", "Our own systems; the person, for the keys.", None),
        (None, None, None),
        ("Vertrag", "Einwohnerverzeichnis", None),
    ],
)
def test_data_is_left_out_only_where_the_map_says_that_the_right_does_not_cover_it(
    basis: str | None, source: str | None, reason: str | None
) -> None:
    assert reason_against(Facts(legal_basis=basis, source=source)) == reason


async def test_categories_are_disclosed_with_their_facts_and_without_values() -> None:
    held = findings(record("shop.users", score=17), record("shop.invoices", total=9_999))
    event, ctx = await stage(MAP, held, Right.KNOW_CATEGORIES, regulation=Regulation.CCPA)
    [fulfilled] = await answer(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.outcome is Outcome.GRANTED
    content = await files(ctx, fulfilled)
    assert content.keys() == {
        "index.html",
        "about.json",
        "public-key.pem",
        "manifest.json",
        "manifest.json.sig",
    }
    assert not [name for name, text in content.items() if ADA.encode() in text or b"9999" in text]
    payments = parsed(content["about.json"])["categories"]["user.payment"]
    assert payments["purposes"] == ["To keep books."]
    assert payments["statutory"] == "Commercial information (.140(v)(1)(D))"
    page = content["index.html"].decode()
    assert "To keep books." in page
    assert "Carrier" in page
    answered = await answer_of(ctx, fulfilled.answer)
    assert answered.categories == ("Email address", "Payments", "Usage measurements")
    assert ctx.copies.cases == set()  # type: ignore[attr-defined]  # no copy was given


async def test_only_collections_in_which_the_person_was_found_count() -> None:
    event, ctx = await stage(MAP, findings(record("shop.users")), Right.KNOW_CATEGORIES)
    [fulfilled] = await answer(event, ctx)
    content = await files(ctx, fulfilled)
    assert "user.payment" not in parsed(content["about.json"])["categories"]


@pytest.mark.parametrize("laws", [("us-ca-ccpa@2026-01-01",), ("gdpr@2018-05-25", "us-ca-ccpa@2026-01-01")])
async def test_a_proof_that_is_enough_for_categories_alone_gets_the_categories(laws: tuple[str, ...]) -> None:
    event, ctx = await stage(MAP, HELD, assurance=Assurance.REASONABLE)
    event = event.model_copy(update={"laws": laws})
    [fulfilled] = await answer(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.outcome is Outcome.PARTLY_GRANTED
    assert fulfilled.reasons == {"needs_more_proof": 1}
    assert not [name for name in await files(ctx, fulfilled) if name.startswith("data/")]


async def test_the_same_proof_is_enough_for_a_copy_in_europe() -> None:
    event, ctx = await stage(MAP, HELD, assurance=Assurance.REASONABLE)
    [fulfilled] = await answer(event, ctx)
    assert "data/default.users.json" in await files(ctx, fulfilled)


async def test_about_states_everything_that_article_15_demands() -> None:
    event, ctx = await stage(MAP, HELD)
    machines = "A machine alone decides on credit up to 100 EUR, by age of the account."
    ctx = replace(ctx, house=replace(ctx.house, automated_decisions=machines))
    [fulfilled] = await answer(event, ctx)
    content = await files(ctx, fulfilled)
    about = parsed(content["about.json"])
    assert machines in content["index.html"].decode()
    assert about["complaints"] == "Authority"
    assert len(about["rights"]) == 4
    assert about["automated_decisions"] == machines
    email = about["categories"]["user.contact.email"]
    assert {"purposes", "recipients", "storage", "sources", "transfers", "legal_bases"} <= email.keys()
    assert about["categories"]["user.telemetry"]["sources"] == ["derived"]


async def test_the_first_copy_is_no_reason_and_a_further_one_is_counted_for_the_staff() -> None:
    event, ctx = await stage(MAP, HELD)
    [first] = await answer(event, ctx)
    again = replace(ctx, case_id="b" * 32)
    await ctx.vault.create("b" * 32)
    submission = await ctx.vault.open(CASE, "submission")
    await ctx.vault.seal("b" * 32, "submission", submission)
    [second] = await answer(event.model_copy(update={"request_id": "b" * 32}), again)
    assert isinstance(first, RequestFulfilled)
    assert isinstance(second, RequestFulfilled)
    assert "further_copy" not in first.reasons
    assert second.reasons["further_copy"] == 1


async def test_identities_shared_with_others_are_counted_for_the_staff() -> None:
    event, ctx = await stage(MAP, replace(HELD, shared=("phone_number",)))
    [fulfilled] = await answer(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.reasons["shared_identity"] == 1
    assert fulfilled.outcome is Outcome.GRANTED


async def test_size_and_digest_of_a_package_lie_beside_it() -> None:
    event, ctx = await stage(MAP, HELD)
    [fulfilled] = await answer(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    name = fulfilled.package or ""
    package = await whole(ctx.vault.open_stream(CASE, name))
    facts = PackageFacts.model_validate_json(await ctx.vault.open(CASE, facts_of(name)))
    assert facts == PackageFacts(size=len(package), sha256=hashlib.sha256(package).hexdigest())


IMPORT = "https://import.example.com/x"


@pytest.fixture(scope="module")
def key() -> ReceiverKey:
    return ReceiverKey()


@pytest.fixture
def receiver(key: ReceiverKey, tmp_path: Path) -> PackageReceiver:
    return key.receiver(IMPORT, tmp_path)


async def ordered(
    courier: Courier, receiver: PackageReceiver | None, to: str = IMPORT
) -> tuple[TransferOrdered, FulfillmentContext]:
    event, ctx = await stage(MAP, HELD, Right.PORTABILITY, courier=courier, transfer_to=to)
    known = {"import.example.com": receiver} if receiver else {}
    ctx = replace(ctx, house=replace(HOUSE, receivers=known), receivers=Proofs())
    [order] = await answer(event, ctx)
    assert isinstance(order, TransferOrdered)
    assert courier.parcels == []
    return order, ctx


async def transferred(order: TransferOrdered, ctx: FulfillmentContext) -> TransferResult:
    [fulfilled] = await transfer(order, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.package == order.package, "the person can download it in any case"
    result = (await answer_of(ctx, fulfilled.answer)).transfer
    assert result is not None
    return result


@pytest.mark.slow
async def test_a_package_goes_to_another_controller_and_the_receipt_is_kept(
    receiver: PackageReceiver, key: ReceiverKey
) -> None:
    courier = Courier()
    order, ctx = await ordered(courier, receiver)
    [fulfilled] = await transfer(order, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    [(parcel, body)] = courier.parcels
    assert parcel.key == order.package
    assert b"habeas-transfer" not in body
    sent = json.loads(key.opened(body))
    package = base64.b64decode(sent["package"]["content"])
    assert hashlib.sha256(package).hexdigest() == sent["package"]["sha256"]
    assert len(package) == sent["package"]["bytes"]
    assert package == await whole(ctx.vault.open_stream(CASE, order.package))
    result = (await answer_of(ctx, fulfilled.answer)).transfer
    assert result is not None
    assert (result.done, result.to) == (True, "import.example.com")
    assert fulfilled.reasons["transferred"] == 1
    assert fulfilled.package == order.package
    kept = [name for name in ctx.vault.items[CASE] if name.startswith("transfer_receipt")]  # type: ignore[attr-defined]
    assert b"imports/7" in await ctx.vault.open(CASE, kept[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "reason"),
    [(ReceiverRefused(), "refused"), (NotAllowed(), "not_allowed")],
    ids=["refused", "not allowed"],
)
async def test_failed_transfer_is_offered_for_download(
    error: Exception, reason: str, receiver: PackageReceiver
) -> None:
    result = await transferred(*await ordered(Courier(error), receiver))
    assert (result.done, result.reason) == (False, reason)


async def test_receiver_without_a_key_gets_nothing() -> None:
    courier = Courier()
    result = await transferred(*await ordered(courier, None))
    assert (result.done, result.reason, courier.parcels) == (False, "no_key", [])


@pytest.mark.parametrize("flaw", [{"revoked": True}, {"expires_at": NOW}], ids=["revoked", "expired"])
async def test_receiver_with_an_invalid_key_gets_nothing(
    flaw: dict[str, Any], receiver: PackageReceiver
) -> None:
    courier = Courier()
    invalid = replace(receiver, certificate=replace(receiver.certificate, **flaw))
    result = await transferred(*await ordered(courier, invalid))
    assert (result.done, result.reason, courier.parcels) == (False, "no_key", [])


async def test_receiver_that_does_not_prove_its_key_gets_nothing(receiver: PackageReceiver) -> None:
    courier = Courier()
    order, ctx = await ordered(courier, receiver)
    result = await transferred(order, replace(ctx, receivers=Proofs(ReceiverUnproven())))
    assert (result.done, result.reason, courier.parcels) == (False, "unproven", [])


@pytest.mark.slow
async def test_silent_receiver_gets_the_same_package_again_until_the_end(receiver: PackageReceiver) -> None:
    courier = Courier(ReceiverUnavailable())
    order, ctx = await ordered(courier, receiver)
    for _ in range(2):
        with pytest.raises(ReceiverUnavailable):
            await transfer(order, ctx)
    assert courier.parcels[0][0].key == courier.parcels[1][0].key
    assert courier.parcels[0][1] == courier.parcels[1][1]
    later = replace(ctx, now=ctx.now + MOST_TRYING + timedelta(seconds=1))
    assert (await transferred(order, later)).reason == "unreachable"


@pytest.mark.slow
async def test_package_is_encrypted_anew_to_a_changed_key(receiver: PackageReceiver, tmp_path: Path) -> None:
    courier, changed = Courier(ReceiverUnavailable()), ReceiverKey()
    order, ctx = await ordered(courier, receiver)
    with pytest.raises(ReceiverUnavailable):
        await transfer(order, ctx)
    house = replace(HOUSE, receivers={"import.example.com": changed.receiver(IMPORT, tmp_path)})
    with pytest.raises(ReceiverUnavailable):
        await transfer(order, replace(ctx, house=house))
    assert json.loads(changed.opened(courier.parcels[1][1]))["format"] == "habeas-transfer/1"


async def test_nothing_is_sent_to_an_address_without_https(receiver: PackageReceiver) -> None:
    courier = Courier()
    result = await transferred(*await ordered(courier, receiver, "Other Company Ltd"))
    assert courier.parcels == []
    assert (result.to, result.reason) == ("", "not_allowed")


async def test_nothing_is_sent_for_a_request_that_was_withdrawn() -> None:
    courier = Courier()
    order, ctx = await ordered(courier, None)
    withdrawn = replace(ctx, known=replace(ctx.known, status=FulfillmentStatus.WITHDRAWN))
    assert await transfer(order, withdrawn) == []
    assert courier.parcels == []
