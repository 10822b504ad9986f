from shared.runtime.mongo import each_with_bson, from_bson, to_bson


def test_each_document_comes_with_its_own_bson() -> None:
    documents = [{"_id": number, "text": "x" * number} for number in (3, 0, 700, 1)]
    pairs = list(each_with_bson(b"".join(map(to_bson, documents))))
    assert [document for document, _ in pairs] == documents
    assert [from_bson(bson) for _, bson in pairs] == [[document] for document in documents]
    assert list(each_with_bson(b"")) == []
