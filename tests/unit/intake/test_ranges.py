"""Which bytes of a download a request wants."""

import pytest

from services.intake.http.packages import ByteRange, NotSatisfiable, RangeRequest, span

ETAG = '"abc"'
ALL = ByteRange(0, 10)


@pytest.mark.parametrize(
    ("range_", "wanted"),
    [
        ("", ALL),
        ("bytes=0-", ALL),
        ("bytes=3-", ByteRange(3, 10)),
        ("Bytes=3-5", ByteRange(3, 6)),
        ("bytes=3-99", ByteRange(3, 10)),
        ("bytes=9-9", ByteRange(9, 10)),
        ("bytes=-4", ByteRange(6, 10)),
        ("bytes=-99", ALL),
        ("bytes=5-3", ALL),
        ("bytes=-", ALL),
        ("bytes=0-1,4-5", ALL),
        ("bytes=a-b", ALL),
        ("lines=1-2", ALL),
        ("bytes=" + "9" * 40 + "-", ALL),
    ],
)
def test_one_range_is_sent_and_what_is_none_counts_as_none(range_: str, wanted: ByteRange) -> None:
    assert span(RangeRequest(range_), size=10, etag=ETAG) == wanted
    assert span(RangeRequest(range_, ETAG), size=10, etag=ETAG) == wanted


@pytest.mark.parametrize("tag", ['"other"', f"W/{ETAG}", "Wed, 25 Nov 2026 09:00:00 GMT", "abc"])
def test_a_range_of_something_else_is_answered_with_all(tag: str) -> None:
    assert span(RangeRequest("bytes=3-", tag), size=10, etag=ETAG) == ALL


@pytest.mark.parametrize("range_", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_behind_the_end_is_an_error(range_: str) -> None:
    with pytest.raises(NotSatisfiable):
        span(RangeRequest(range_), size=10, etag=ETAG)
