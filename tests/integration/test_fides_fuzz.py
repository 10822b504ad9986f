"""Whatever is sent is taken or refused: nothing breaks, and no request that was taken is lost."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.channels.fides.bodies import CREATES, items_of
from shared.contract.answer import SUBMISSION
from tests.unit.fakes import Office
from tests.unit.fides_clients import Calling, calling, hex_of, item

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
LABELLED = st.fixed_dictionaries(
    {
        "label": st.text(max_size=8),
        "value": st.text(max_size=8) | st.integers() | st.lists(st.text(max_size=4)),
    }
)
IDENTITY = st.dictionaries(
    st.sampled_from(
        ["email", "phone_number", "external_id", "fides_user_device_id", "ljt_readerID", "name", "loyalty"]
    )
    | st.text(max_size=6),
    st.sampled_from(["a@example.org", "+4930123456", "", " "]) | LABELLED | JSON,
    max_size=4,
)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "identity": IDENTITY | JSON,
        "policy_key": st.sampled_from(["default_access_policy", "leave_me", "odd"]) | JSON,
        "requested_at": st.datetimes().map(str) | JSON,
        "custom_privacy_request_fields": st.dictionaries(st.text(max_size=6), LABELLED | JSON, max_size=3)
        | JSON,
        "location": st.sampled_from(["us_ca", "DE", "D", "us_california"]) | JSON,
        "encryption_key": JSON,
        "consent_preferences": st.lists(
            st.fixed_dictionaries({"data_use": st.text(max_size=8), "opt_in": st.booleans() | JSON}),
            max_size=2,
        )
        | JSON,
        "external_id": JSON,
        "odd": JSON,
    },
)
CHANGES = st.lists(ITEM, max_size=4)
PATHS = st.sampled_from(
    [
        ("POST", "/privacy-request"),
        ("POST", "/privacy-request/authenticated"),
        ("POST", "/privacy-request/search"),
        ("POST", "/privacy-request/{name}/verify"),
        ("PATCH", "/privacy-request/administrate/approve"),
        ("PATCH", "/privacy-request/administrate/deny"),
        ("PATCH", "/privacy-request/administrate/cancel"),
        ("POST", "/consent-request"),
        ("POST", "/consent-request/{consent}/verify"),
        ("PATCH", "/consent-request/{consent}/preferences"),
        ("POST", "/oauth/token"),
    ]
)
SHAPED = (
    st.fixed_dictionaries(
        {},
        optional={
            "identity": IDENTITY,
            "code": JSON,
            "consent": st.lists(
                st.fixed_dictionaries({"data_use": st.text(min_size=1, max_size=8), "opt_in": st.booleans()}),
                max_size=3,
            ),
            "policy_key": st.sampled_from(["default_consent_policy", "leave_me", "odd"]),
            "browser_identity": IDENTITY,
            "request_ids": st.lists(st.text(max_size=8) | st.just("{name}"), max_size=3),
            "reason": JSON,
            "filters": st.dictionaries(
                st.sampled_from(["status", "request_id", "identities", "created_gt", "is_overdue"]),
                JSON,
                max_size=2,
            ),
            "exclude_ids": JSON,
        },
    )
    | JSON
)


async def _served(client: Calling, changes: list[dict[str, Any]]) -> None:
    body = json.dumps([item() | change for change in changes]).encode()
    answer = await client.call("POST", "/privacy-request", body)
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 200:
        found = answer.json()
        assert len(found["succeeded"]) + len(found["failed"]) == len(changes)
        for one in found["succeeded"]:
            assert SUBMISSION in client.office.sealed(hex_of(one["id"]))
            assert one["id"] in {hit["id"] for hit in (await _all(client))}


async def _all(client: Calling) -> list[dict[str, Any]]:
    await client.log_in()
    return list((await client.search(size=100, include_identities=True))["items"])


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_whatever_is_asked_is_taken_or_refused_and_what_is_taken_is_found(
    changes: list[dict[str, Any]],
) -> None:
    async def work() -> None:
        async with calling(Office()) as client:
            await _served(client, changes)

    asyncio.run(work())


@settings(max_examples=150, deadline=None)
@given(PATHS, SHAPED | st.binary(max_size=40))
def test_whatever_is_sent_anywhere_breaks_nothing(call: tuple[str, str], sent: Any) -> None:
    async def work() -> None:
        office = Office()
        async with calling(office) as client:
            await client.log_in()
            name = await client.made()
            begun = await client.call("POST", "/consent-request", {"identity": {"email": "a@example.org"}})
            path = call[1].format(name=name, consent=begun.json()["consent_request_id"])
            body = sent if isinstance(sent, bytes) else json.dumps(sent).replace("{name}", name).encode()
            answer = await client.call(call[0], path, body)
            assert answer.status_code < 500, answer.text
            await office.work()
            assert not office.broker.parked("intake")

    asyncio.run(work())


@given(st.lists(JSON, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_each_item_of_a_list_is_cut_out_as_it_was_written(
    items: list[Any], indent: int | None, escaped: bool
) -> None:
    written = [
        json.dumps(one, indent=indent, ensure_ascii=escaped).encode("utf-8", "replace") for one in items
    ]
    body = b" [\n" + b" ,\t".join(written) + b"\n] "
    assert items_of(body) == written


def test_numbers_of_any_length_are_cut_out() -> None:
    body = b"[%b]" % (b'{"odd": ' + b"9" * 4_299 + b', "identity": {}, "policy_key": "k"}')
    assert len(CREATES.validate_json(body)) == len(items_of(body)) == 1
