import io
import zipfile

import pytest

from services.fulfillment.package.archive import ZIP64_FROM, Archive, File

CONTENT = [b"one ", b"two"]


def written(file: File) -> bytes:
    archive = Archive()
    return b"".join([*archive.add(file), *archive.close()])


@pytest.mark.parametrize("most_bytes", [0, ZIP64_FROM - 1, ZIP64_FROM])
def test_a_file_is_read_back_whatever_form_its_sizes_have(most_bytes: int) -> None:
    with zipfile.ZipFile(io.BytesIO(written(File("a.txt", CONTENT, most_bytes)))) as archive:
        assert archive.testzip() is None
        assert archive.read("a.txt") == b"one two"


def test_only_a_file_that_may_need_it_gets_64_bit_sizes() -> None:
    assert written(File("a.txt", CONTENT, ZIP64_FROM - 1)) == written(File("a.txt", CONTENT))
    assert written(File("a.txt", CONTENT, ZIP64_FROM)) != written(File("a.txt", CONTENT))
