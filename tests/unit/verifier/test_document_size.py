"""A document in JSON may be as large as one that is uploaded, to the byte."""

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contract.events import MOST_DOCUMENT_BYTES, Document


def document(size: int) -> dict[str, Any]:
    content = base64.b64encode(bytes(size)).decode()
    return {"kind": "document", "slot": "identity", "media_type": "image/jpeg", "content": content}


@pytest.mark.slow
def test_a_document_of_the_largest_size_is_taken() -> None:
    assert len(Document.model_validate(document(MOST_DOCUMENT_BYTES)).content) == MOST_DOCUMENT_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("more", [1, 2, 3])
def test_a_larger_one_is_refused_however_base64_rounds(more: int) -> None:
    with pytest.raises(ValidationError, match="at most"):
        Document.model_validate(document(MOST_DOCUMENT_BYTES + more))
