"""Files that verbs write: for their owner alone, and nowhere but in the folder that was named."""

import stat
from pathlib import Path

import pytest

from habeas.client.accounts import write_definitions
from habeas.client.private_files import replaced, write_files
from shared.errors import ConfigurationError


def test_written_files_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "report.json").touch(mode=0o644)
    first, second = write_files({"identity-1.jpg": b"a picture", "report.json": b"{}"}, tmp_path / "proofs")
    assert (first.read_bytes(), second.read_bytes()) == (b"a picture", b"{}")
    [again] = write_files({"report.json": b"{}"}, tmp_path)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (first, second, again, first.parent)]
    assert modes == [0o600, 0o600, 0o600, 0o700]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "..", ".ssh", "", "a\n", "a b", "x" * 200])
def test_name_that_leads_out_of_the_folder_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigurationError, match="nothing is written"):
        write_files({"good.html": b"1", name: b"2"}, tmp_path / "new")
    assert not [*tmp_path.iterdir()]


def test_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("kept")
    (tmp_path / "page.html").symlink_to(tmp_path / "other")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_files({"page.html": b"new"}, tmp_path)
    assert (tmp_path / "other").read_text() == "kept"


def test_file_is_replaced_once_its_text_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "register.csv"
    file.write_text("last year")
    with pytest.raises(UnicodeEncodeError), replaced(file) as text:
        text.write("half \ud800")
    assert [one.read_text() for one in tmp_path.iterdir()] == ["last year"]
    with replaced(file) as text:
        text.write("whole")
    assert ([*tmp_path.iterdir()], file.read_text()) == ([file], "whole")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["nothing", "a file of all", "a link"])
def test_definitions_with_passwords_are_for_their_owner_alone_and_follow_no_link(
    tmp_path: Path, there: str
) -> None:
    file, other = tmp_path / "definitions.json", tmp_path / "other"
    other.write_text("kept")
    if there == "a file of all":
        file.touch(mode=0o666)
        file.chmod(0o666)
    elif there == "a link":
        file.symlink_to(other)
    write_definitions(file, "amqp://127.0.0.1/", {"intake": ("habeas-intake", "sesame")})
    assert stat.S_IMODE(file.lstat().st_mode) == 0o600
    assert not file.is_symlink()
    assert "sesame" in file.read_text()
    assert other.read_text() == "kept"
