"""Names of files in headers of anyone."""

import pytest

from shared.runtime.file_names import LONGEST_NAME, attachment_named, name_in


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", ""),
        ("attachment", ""),
        ('attachment; filename="scan of it.pdf"', "scan of it.pdf"),
        ("attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"),
        ("attachment; filename*=iso-8859-1''Gr%F6%DFe.pdf", "Größe.pdf"),
        (b'attachment; filename="Gr\xf6\xdfe.pdf"'.decode("latin-1"), "Größe.pdf"),
        ('attachment; filename="Größe.pdf"'.encode().decode("latin-1"), "Größe.pdf"),
        ("attachment; filename*=utf-7''a%2BAGI-", ""),
        ("attachment; filename*=idna''a", ""),
        ("attachment; filename*=a%00b''a", ""),
        ("attachment; filename*=UTF-8''a%00b%1B%5B31m%C2%9Bc%E2%80%AEd.pdf", "a b [31m c d.pdf"),
        ("attachment; filename*=UTF-8''%FF.pdf", "\N{REPLACEMENT CHARACTER}.pdf"),
        ("(" * 4000, ""),
        ("attachment; filename=" + "(" * 4000, "(" * LONGEST_NAME),
        ("attachment; " + "x" * 5000 + "; filename=a.pdf", ""),
        ("attachment; filename*0=a; filename*1=b.pdf", "ab.pdf"),
        ("attachment; filename*" + "9" * 4030 + "=a", "a"),
    ],
)
def test_name_is_one_printable_line(header: str, name: str) -> None:
    assert name_in(header) == name


@pytest.mark.parametrize("name", ["scan of it.pdf", "Größe.pdf", "你" * LONGEST_NAME])
def test_header_for_a_name_is_read_as_this_name(name: str) -> None:
    assert attachment_named(name).isascii()
    assert name_in(attachment_named(name)) == name


def test_header_for_a_long_name_has_its_beginning() -> None:
    assert name_in(attachment_named("你" * 9000)) == "你" * LONGEST_NAME


def test_header_without_a_name_has_none() -> None:
    assert attachment_named("") == "attachment"
