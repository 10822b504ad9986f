"""
Mutated files never end in an exception: always in pictures, or in a check that says why not.

The decoders run in this process here, without the sandbox: what they do to it shows.
"""

import random
import resource
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.documents.files.opener import OpenedFile, open_file
from services.verifier.documents.results import CheckResult
from tests import hostile
from tests.extent import extent

SMALL = hostile.drawing(80, 60)
SEEDS = {
    "jpeg": hostile.encoded(SMALL),
    "progressive": hostile.encoded(SMALL, progressive=True),
    "png": hostile.encoded(SMALL, "PNG"),
    "heic": hostile.encoded(SMALL, "HEIF"),
    "tiff": hostile.encoded(SMALL, "TIFF", compression="tiff_lzw"),
    "pdf": hostile.bill_pdf(),
    "pdf by hand": hostile.one_page(b"/Annots[<</Subtype/Link/A<</S/URI/URI(https://example.org)>>>>]"),
}
MAGICS = [
    b"\xff\xd8\xff",
    hostile.PNG_SIGNATURE,
    b"II*\x00",
    b"MM\x00*",
    b"%PDF-1.7\n",
    b"\0\0\0\x18ftypheic",
]
MUTANTS = 100
SEEDS_OF_DICE = extent(1, 12)
MOST_GROWTH_KB = 400_000


def settled(opened: OpenedFile) -> bool:
    """Return whether there are pictures, or one reason why not."""
    failed = [check for check in opened.checks if check.name == "file" and check.result is CheckResult.FAIL]
    return bool(opened.pictures) != (len(failed) == 1 and len(failed[0].reasons) == 1)


def mutants(content: bytes, seed: int) -> Iterator[bytes]:
    """Yield *content* with bytes changed, cut out, doubled or cut off."""
    dice = random.Random(seed)
    for _ in range(MUTANTS):
        mutant = bytearray(content)
        for _ in range(dice.choice((1, 2, 8, 64))):
            at = dice.randrange(len(mutant))
            match dice.randrange(5):
                case 0:
                    mutant[at] = dice.randrange(256)
                case 1:
                    mutant[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"))
                case 2:
                    del mutant[at : at + dice.randrange(1, 64)]
                case 3:
                    mutant[at:at] = mutant[at : at + 200]
                case _:
                    mutant[at] ^= 1 << dice.randrange(8)
            mutant = mutant or bytearray(b"\0")
        yield bytes(mutant)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(SEEDS_OF_DICE))
@pytest.mark.parametrize("name", SEEDS)
def test_a_damaged_file_is_opened_or_refused(name: str, seed: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for mutant in mutants(SEEDS[name], seed):
        assert settled(open_file(mutant, ""))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH_KB


@given(st.sampled_from(MAGICS), st.binary(max_size=400), st.sampled_from([b"", b"\xff\xd9", b"\n%%EOF\n"]))
def test_random_bytes_behind_a_magic_are_opened_or_refused(magic: bytes, content: bytes, end: bytes) -> None:
    assert settled(open_file(magic + content + end, ""))


@given(st.binary(max_size=200), st.text(max_size=40))
def test_random_bytes_of_any_declared_type_are_refused(content: bytes, media_type: str) -> None:
    assert settled(open_file(content, media_type))
