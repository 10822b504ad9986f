"""Documents as the driver's bytes, and its errors as ours."""

import pytest
from pymongo.errors import BulkWriteError

from shared.errors import PermanentError, StoreUnavailable
from shared.runtime.mongo import Document, each_with_bson, from_bson, to_bson, translated


def test_each_document_comes_with_its_own_bson() -> None:
    documents = [{"_id": number, "text": "x" * number} for number in (3, 0, 700, 1)]
    pairs = list(each_with_bson(b"".join(map(to_bson, documents))))
    assert [document for document, _ in pairs] == documents
    assert [from_bson(bson) for _, bson in pairs] == [[document] for document in documents]
    assert list(each_with_bson(b"")) == []


@pytest.mark.parametrize(
    ("write_errors", "concern_errors", "expected"),
    [
        ([], [{"code": 11602}], StoreUnavailable),
        ([{"index": 0, "code": 91}], [], StoreUnavailable),
        ([{"index": 0, "code": 121}], [], PermanentError),
    ],
)
def test_bulk_write_that_was_not_confirmed_may_be_repeated(
    write_errors: list[Document], concern_errors: list[Document], expected: type[Exception]
) -> None:
    with pytest.raises(expected), translated("write"):
        raise BulkWriteError({"writeErrors": write_errors, "writeConcernErrors": concern_errors})
