import io
import zipfile

import pytest

from services.fulfillment.package.builder import ZIP64_FROM, File, ZipArchive

CONTENT = [b"one ", b"two"]


def written(*files: File) -> bytes:
    archive = ZipArchive()
    return b"".join([*(piece for file in files for piece in archive.add(file)), *archive.close()])


def unpacked(archived: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archived)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("most_bytes", [0, ZIP64_FROM - 1, ZIP64_FROM])
def test_file_with_sizes_of_any_form_is_read_back(most_bytes: int) -> None:
    files = [File(f"{number}/größe.txt", CONTENT, most_bytes) for number in range(4)]
    assert unpacked(written(*files)) == {file.name: b"one two" for file in files}


def test_only_a_file_that_may_need_it_gets_64_bit_sizes() -> None:
    assert written(File("a.txt", CONTENT, ZIP64_FROM - 1)) == written(File("a.txt", CONTENT))
    assert written(File("a.txt", CONTENT, ZIP64_FROM)) != written(File("a.txt", CONTENT))


def test_file_has_the_same_bytes_at_any_offset() -> None:
    one, other = File("one", [b"much the same" * 99]), File("two", [b"much the same" * 99])
    alone = written(other)[: len(written(other)) - len(written())]
    assert alone[: alone.index(b"PK\1\2")] in written(one, other)


def test_small_archive_has_few_pieces() -> None:
    archive = ZipArchive()
    files = [File(str(number), [b"small"]) for number in range(99)]
    assert [piece for file in files for piece in archive.add(file)] == []
    assert len(list(archive.close())) == 1
