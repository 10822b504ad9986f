"""However a message is made, on the wire its end is the only line that consists of a dot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.letters.mime import in_lines, stuffed, wired

LINES = st.lists(st.sampled_from([b".", b"..", b"\r\n", b"\r", b"\n", b"a"]), max_size=12).map(b"".join)


@given(LINES)
def test_the_end_of_a_message_is_its_only_dot_alone(message: bytes) -> None:
    *lines, end, nothing = wired(message).split(b"\r\n")
    assert (end, nothing) == (b".", b"")
    assert b"." not in lines
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    read = [line.removeprefix(b".") for line in lines]
    assert b"".join(line + b"\r\n" for line in read) == in_lines(message)


@given(LINES, LINES)
def test_whole_lines_can_be_made_ready_one_by_one(one: bytes, other: bytes) -> None:
    parts = in_lines(one), in_lines(other)
    assert b"".join(map(stuffed, parts)) == stuffed(b"".join(parts))


@pytest.mark.parametrize("message", [b"a\r\nb\r\n", b"a\nb", b"a\rb", b"a\r\nb\n"])
def test_each_line_ends_as_mail_servers_want_it(message: bytes) -> None:
    assert in_lines(message) == b"a\r\nb\r\n"
