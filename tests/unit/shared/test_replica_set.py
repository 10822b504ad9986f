import pytest

from shared.errors import ConfigurationError
from shared.runtime.replica_set import Access

URL = "mongodb://habeas:p%40ss@database:27017/?authSource=admin&replicaSet=rs0"


def test_the_url_of_clients_names_member_and_set() -> None:
    assert Access.read(URL) == Access(member="database:27017", replica_set="rs0")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mongodb://habeas:p@database:27017/", id="no replica set"),
        pytest.param("mongodb://habeas:p@one:1,two:2/?replicaSet=rs0", id="two members"),
        pytest.param("", id="empty"),
    ],
)
def test_a_url_that_says_too_little_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must be mongodb://…@host:port"):
        Access.read(url)
