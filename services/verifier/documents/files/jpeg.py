"""Walks the segments of a JPEG to its end (ISO/IEC 10918-1 annex B). Pure."""

from typing import Final

from services.verifier.documents.files.refusal import FileFlaw, FileRefused

END: Final = b"\xff\xd9"
START_OF_SCAN: Final = 0xDA
END_OF_IMAGE: Final = 0xD9
MARKER: Final = 0xFF
WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def end_of_jpeg(content: bytes) -> int:
    """
    Return the offset after the last end-of-image marker of *content*.

    Only the bytes behind the header are searched: the thumbnail inside a header has an end of its own.

    Raises:
        Refused: There is none: the file was cut off.
    """
    end = content.rfind(END, _first_scan(content))
    if end < 0:
        raise FileRefused(FileFlaw.BROKEN)
    return end + len(END)


def _first_scan(content: bytes) -> int:
    """Return the offset of the compressed picture."""
    at = 2
    while at + 4 <= len(content) and content[at] == MARKER:
        code = content[at + 1]
        if code == START_OF_SCAN:
            return at
        if code == MARKER:
            at += 1  # fill bytes may stand before a marker
        elif code in WITHOUT_LENGTH:
            at += 2
        elif code == END_OF_IMAGE:
            break
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    raise FileRefused(FileFlaw.BROKEN)
