"""Packed content: it comes back as it was, takes less room with a template, and hides what is secret."""

import os
import zlib

import pytest

from shared.runtime.packed_content import (
    MOST_BYTES,
    NO_TEMPLATE,
    TEMPLATE_BYTES,
    PackingTemplate,
    is_packed,
    packed,
    unpacked,
)

LETTER = b"".join(b"line %d of a letter\n" % n for n in range(400))


@pytest.mark.parametrize("like", [b"", LETTER, LETTER[:100], os.urandom(TEMPLATE_BYTES) + LETTER])
def test_packed_content_comes_back(like: bytes) -> None:
    small = packed(LETTER, PackingTemplate(like))
    assert small is not None
    assert unpacked(small, PackingTemplate(like)) == LETTER


def test_content_like_its_template_takes_a_fraction_of_the_room() -> None:
    alone, alike = packed(LETTER), packed(LETTER, PackingTemplate(LETTER))
    assert len(alike or LETTER) * 8 < len(alone or b"")


@pytest.mark.parametrize("content", [b"", b"x", os.urandom(1_000), bytes(MOST_BYTES + 1)])
def test_content_that_gains_nothing_or_takes_long_stays_as_it_is(content: bytes) -> None:
    assert packed(content) is None


def test_another_template_does_not_unpack() -> None:
    small = packed(LETTER, PackingTemplate(LETTER)) or b""
    with pytest.raises(ValueError, match="template"):
        unpacked(small, NO_TEMPLATE)


def test_secrets_and_pictures_are_not_packed() -> None:
    secret = ["code_1", "package_code_1", "alias_1", "proof_1", "proof_1_page_1", "report_1"]
    assert not any(map(is_packed, secret))
    assert all(map(is_packed, ["submission", "letter_1", "answer_1", "package_1", "erasure_plan_1"]))


@pytest.mark.parametrize("size", [MOST_BYTES, MOST_BYTES + 1, 64 << 20])
def test_content_that_unpacks_to_more_than_was_ever_packed_is_refused(size: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(size)) + packer.flush()
    if size <= MOST_BYTES:
        assert unpacked(bomb) == bytes(size)
        assert unpacked(packed(bytes(size)) or b"") == bytes(size)
        return
    with pytest.raises(ValueError, match="larger than"):
        unpacked(bomb)
