"""The calls of California's DROP, on a server that keeps to its rules."""

import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import Response
from httpx import ASGITransport
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.drop.client import (
    DropCallRejected,
    DropClient,
    DropRetryLater,
    ListArchive,
    StatusFile,
)
from services.intake.channels.drop.terms import hours, is_closed, kind_of
from shared.contract.drop import LineSplitter, ListKind, row_of
from tests.drop_platform import KEY, California, hash_of
from tests.integration.controller_server import certificate

NOON = datetime(2026, 11, 26, 20, tzinfo=UTC)


def of(california: California, key: str = KEY) -> DropClient:
    return DropClient("http://drop.example.com", key, transport=ASGITransport(california.app))


async def fetched(platform: DropClient) -> ListArchive:
    """Fetch the lists as whole archive."""
    async with platform.download() as arriving:
        assert arriving is not None
        return ListArchive(io.BytesIO(b"".join([piece async for piece in arriving.pieces])))


def open_all_day() -> California:
    return California(clock=lambda: NOON)


def csv(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())


@pytest.mark.slow
async def test_lists_are_downloaded_and_answered_over_tls(tmp_path: Path) -> None:
    california = open_all_day()
    id_ = california.ask("Email", hash_of("kim@example.org"))
    file, trust = certificate(tmp_path, "localhost")
    async with california.open(file) as url:
        platform = DropClient(url, KEY, trust)
        archive = await fetched(platform)
        name = archive.lists()[ListKind.EMAIL]
        assert b"".join(archive.pieces(name)).decode() == f"ID,Hash\n{id_},{hash_of('kim@example.org')}\n"
        taken = await platform.upload([StatusFile(name, csv(f"Id,Status\n{id_},3\n"))])
        amended = await platform.amend([StatusFile(name, csv(f"Id,Status\n{id_},2\n"))])
    assert (taken.accepted, amended.rejected) == ((name,), ())
    assert (california.told, california.amended) == ({id_: 3}, {id_: 2})


async def test_a_selected_list_without_requests_is_a_file_without_rows() -> None:
    california = open_all_day()
    california.ask("Email", hash_of("kim@example.org"))
    archive = await fetched(of(california))
    assert set(archive.lists()) == set(ListKind) - {ListKind.REMOVED}
    assert b"".join(archive.pieces(archive.lists()[ListKind.NDZ])) == b"ID,Hash\n"


async def test_nothing_new_is_no_archive() -> None:
    async with of(open_all_day()).download() as arriving:
        assert arriving is None


async def test_unfinished_lists_are_fetched_again_when_the_platform_says() -> None:
    california = open_all_day()
    california.ask("Email", hash_of("kim@example.org"))
    california.preparing = 1
    with pytest.raises(DropRetryLater) as reported:
        await fetched(of(california))
    assert reported.value.after == timedelta(seconds=1)
    await fetched(of(california))


async def test_no_second_download_before_the_first_is_answered() -> None:
    california = open_all_day()
    california.ask("Email", hash_of("kim@example.org"))
    await fetched(of(california))
    with pytest.raises(DropCallRejected) as reported:
        await fetched(of(california))
    assert reported.value.status == 409


async def test_unexpected_statuses_are_refused() -> None:
    with pytest.raises(DropCallRejected) as reported:
        await of(open_all_day()).upload([StatusFile("20261126_4821_Email.csv", csv("Id,Status\n"))])
    assert reported.value.status == 409


async def test_a_key_that_is_not_good_is_refused_and_not_said() -> None:
    with pytest.raises(DropCallRejected) as reported:
        await fetched(of(open_all_day(), "another key"))
    assert reported.value.status == 401
    assert "another key" not in f"{reported.value} {of(open_all_day(), 'another key')!r}"


@pytest.mark.parametrize("body", ["Id,Status\nAAAAAAAAAAAA,3\n", "ID,Status\n", "Id,Status\n{id},1\n"])
async def test_a_refused_file_is_reported(body: str) -> None:
    california = open_all_day()
    id_ = california.ask("Email", hash_of("kim@example.org"))
    await fetched(of(california))
    taken = await of(california).upload(
        [StatusFile("20261126_4821_Email.csv", csv(body.replace("{id}", id_)))]
    )
    assert (taken.accepted, taken.rejected) == ((), ("20261126_4821_Email.csv",))


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        (Response(status_code=429, headers={"Retry-After": "30"}), 30),
        (Response(status_code=429), 60),
        (Response(status_code=500), 60),
        (Response(status_code=503, headers={"Retry-After": "99999999"}), 6 * 3600),
        (Response(status_code=202, headers={"Retry-After": "Thu, 26 Nov 2026 20:00:00 GMT"}), 60),
        (Response(status_code=202, headers={"Retry-After": "0"}), 1),
    ],
)
async def test_the_platform_is_left_alone_for_as_long_as_it_says(answer: Response, after: int) -> None:
    california = open_all_day()
    california.answers = [answer]
    with pytest.raises(DropRetryLater) as reported:
        await fetched(of(california))
    assert reported.value.after == timedelta(seconds=after)


async def test_a_platform_that_is_not_there_is_asked_again() -> None:
    with pytest.raises(DropRetryLater):
        await fetched(DropClient("http://127.0.0.1:1", KEY))


@pytest.mark.parametrize(
    "answer",
    [
        Response(b"PK", media_type="application/zip"),
        Response(b"PK", media_type="application/zip", headers={"Content-Disposition": 'filename="../x.zip"'}),
    ],
)
async def test_an_archive_without_a_name_is_not_taken(answer: Response) -> None:
    california = open_all_day()
    california.answers = [answer]
    with pytest.raises(DropCallRejected):
        await fetched(of(california))


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'{"accepted": 1}', b'{"accepted": [{}]}', b"{}"])
async def test_an_unknown_answer_is_left_to_the_staff(content: bytes) -> None:
    california = open_all_day()
    california.answers = [Response(content, 400, media_type="application/json")]
    with pytest.raises(DropCallRejected):
        await of(california).upload([])


@pytest.mark.slow
@given(st.binary(max_size=300), st.sampled_from([202, 400, 404, 409, 418, 500]))
async def test_any_answer_of_the_platform_is_a_known_error(content: bytes, status: int) -> None:
    california = open_all_day()
    california.answers = [Response(content, status), Response(content, status)]
    with pytest.raises((DropRetryLater, DropCallRejected)):
        await fetched(of(california))
    with suppress(DropRetryLater, DropCallRejected):
        await of(california).upload([])


def test_a_damaged_list_is_one_of_our_errors() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("20261126_4821_Email.csv", "ID,Hash\n" * 50)
    whole = made.getvalue()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        archived = ListArchive(io.BytesIO(bytes(damaged)))
        with suppress(DropCallRejected):
            for name in archived.lists().values():
                list(archived.pieces(name))


async def test_an_archive_that_breaks_off_is_asked_for_again() -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"PK"
            raise httpx.ReadError("")

    named = {"Content-Disposition": 'filename="20261126_4821_DROP.zip"', "Content-Type": "application/zip"}
    answer = httpx.Response(200, headers=named, stream=Broken())
    platform = DropClient("http://x.example", KEY, transport=httpx.MockTransport(lambda _: answer))
    async with platform.download() as arriving:
        assert arriving is not None
        assert await anext(arriving.pieces) == b"PK"
        with pytest.raises(DropRetryLater):
            await anext(arriving.pieces)


async def test_an_archive_that_is_sent_damaged_is_one_of_our_errors() -> None:
    california = open_all_day()
    named = {"Content-Disposition": 'filename="20261126_4821_DROP.zip"', "Content-Encoding": "gzip"}
    california.answers = [Response(b"no gzip", media_type="application/zip", headers=named)]
    with pytest.raises(DropCallRejected):
        await fetched(of(california))


@given(st.binary(max_size=500))
def test_an_archive_of_anything_is_not_taken(content: bytes) -> None:
    with pytest.raises(DropCallRejected):
        ListArchive(io.BytesIO(content)).lists()


def test_files_that_are_no_known_list_are_named_beside_the_lists() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("20261126_4821_Email.csv", "ID,Hash\n")
        archive.writestr("20261126_4821_Novel.csv", "ID,Hash\n")
        archive.writestr("20261127_4821_Email.csv", "ID,Hash\n")
    assert ListArchive(made).lists() == {ListKind.EMAIL: "20261126_4821_Email.csv"}
    assert ListArchive(made).others() == ("20261126_4821_Novel.csv", "20261127_4821_Email.csv")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("20261126_4821_NDZ.csv", ListKind.NDZ),
        ("20261126_4821_NameVIN.csv", ListKind.NAME_VIN),
        ("20261126_4821_CTVID.csv", ListKind.CTV_ID),
        ("20261126_4821_Removed.csv", ListKind.REMOVED),
        ("../20261126_4821_Email.csv", None),
        ("20261126_4821_Email.zip", None),
    ],
)
def test_a_file_is_known_by_its_name(name: str, kind: ListKind | None) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize(
    ("at", "closed"),
    [
        pytest.param(datetime(2026, 11, 26, 8, 59, 59, tzinfo=UTC), False, id="before, in winter"),
        pytest.param(datetime(2026, 11, 26, 9, tzinfo=UTC), True, id="it closes"),
        pytest.param(datetime(2026, 11, 26, 10, 59, 59, tzinfo=UTC), True, id="its last second"),
        pytest.param(datetime(2026, 11, 26, 11, tzinfo=UTC), False, id="it opens"),
        pytest.param(datetime(2026, 7, 1, 8, tzinfo=UTC), True, id="an hour earlier in summer"),
        pytest.param(datetime(2026, 7, 1, 10, tzinfo=UTC), False, id="and opens earlier"),
    ],
)
def test_the_platform_is_closed_from_one_to_three_in_california(at: datetime, closed: bool) -> None:
    assert is_closed(at, hours("01:00/03:00")) is closed


def test_a_platform_without_hours_is_never_closed() -> None:
    assert not is_closed(datetime(2026, 11, 26, 10, tzinfo=UTC), hours(""))


def test_a_row_is_an_id_and_a_hash() -> None:
    row = row_of(f"A7kP2xQ9Lm4R,{hash_of('x')}")
    assert row is not None
    assert (row.id, len(row.hash)) == ("A7kP2xQ9Lm4R", 32)
    assert row_of(f"A7kP2xQ9Lm4R,{hash_of('x')},Email") == row
    assert row_of(f'"A7kP2xQ9Lm4R","{hash_of("x")}"') == row


@given(st.text())
def test_any_other_line_is_no_row(line: str) -> None:
    row = row_of(line)
    assert row is None or (len(row.hash) == 32 and len(row.id) == 12)


@given(st.lists(st.text(alphabet="aé\r", max_size=5), max_size=8), st.integers(1, 7))
def test_lines_are_the_same_however_they_arrive(lines: list[str], size: int) -> None:
    content = "\n".join(lines).encode()
    cut = LineSplitter()
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    found = [line for piece in pieces for line in cut.of(piece)]
    every = [*found, *cut.rest()]
    assert [line for line in every if line] == [line.strip() for line in lines if line.strip()]
