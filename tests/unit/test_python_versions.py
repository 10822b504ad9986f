"""What differs between versions of Python, and must not differ in our answers."""

from http import HTTPStatus

from services.intake.http.description import RENAMED, phrase_of


def test_names_of_statuses_are_those_of_the_newest_python() -> None:
    assert phrase_of(404) == HTTPStatus.NOT_FOUND.phrase
    assert {status: phrase_of(status) for status in RENAMED} == {
        413: "Content Too Large",
        414: "URI Too Long",
        416: "Range Not Satisfiable",
        422: "Unprocessable Content",
    }
