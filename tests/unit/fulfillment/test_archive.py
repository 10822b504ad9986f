import io
import zipfile

import pytest

from services.fulfillment.package.archive import ZIP64_FROM, CompressedBytes, File, ZipArchive

CONTENT = [b"one ", b"two"]


def written(*files: File, zip64_from: int = ZIP64_FROM) -> bytes:
    archive = ZipArchive(zip64_from)
    return b"".join([*(piece for file in files for piece in archive.add(file)), *archive.close()])


def unpacked(archived: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archived)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("most_bytes", [0, ZIP64_FROM - 1, ZIP64_FROM])
def test_file_with_sizes_of_any_form_is_read_back(most_bytes: int) -> None:
    assert unpacked(written(File("a.txt", CONTENT, most_bytes))) == {"a.txt": b"one two"}


def test_only_a_file_that_may_need_it_gets_64_bit_sizes() -> None:
    assert written(File("a.txt", CONTENT, ZIP64_FROM - 1)) == written(File("a.txt", CONTENT))
    assert written(File("a.txt", CONTENT, ZIP64_FROM)) != written(File("a.txt", CONTENT))


@pytest.mark.parametrize("zip64_from", [1, 100, 300, ZIP64_FROM])
def test_file_beyond_32_bits_is_found(zip64_from: int) -> None:
    files = {f"{number}/größe.txt": b"ab" * 10**number for number in range(4)}
    archived = written(
        *(File(name, [text], len(text)) for name, text in files.items()), zip64_from=zip64_from
    )
    assert unpacked(archived) == files


def test_offsets_and_sizes_use_64_bits_where_needed() -> None:
    archived = written(*(File(str(number), [b"x"]) for number in range(4)), zip64_from=100)
    with zipfile.ZipFile(io.BytesIO(archived)) as archive:
        far = [info for info in archive.infolist() if info.header_offset >= 100]
    assert [archived.count(mark) for mark in (b"\1\0\x18\0", b"PK\6\6", b"PK\6\7")] == [len(far), 1, 1]


def test_precompressed_bytes_mix_with_others() -> None:
    known = CompressedBytes(b"who is asked, and why " * 20)
    mixed = [b"who is asked ", known, known, b"and why is who asked, " * 9, b"who ", known, b"and why "]
    assert unpacked(written(File("a", mixed), File("b", [known]), File("c", mixed), File("d", []))) == {
        "a": b"".join(mixed),
        "b": bytes(known),
        "c": b"".join(mixed),
        "d": b"",
    }


def test_file_has_the_same_bytes_at_any_offset() -> None:
    one, other = File("one", [b"much the same" * 99]), File("two", [b"much the same" * 99])
    alone = written(other)[: len(written(other)) - len(written())]
    assert alone[: alone.index(b"PK\1\2")] in written(one, other)


def test_small_archive_has_few_pieces() -> None:
    archive = ZipArchive()
    files = [File(str(number), [b"small"]) for number in range(99)]
    assert [piece for file in files for piece in archive.add(file)] == []
    assert len(list(archive.close())) == 1
