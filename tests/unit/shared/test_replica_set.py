import pytest

from shared.errors import ConfigurationError
from shared.replica_set import Access

URL = "mongodb://habeas:p%40ss@database:27017/?authSource=admin&replicaSet=rs0"


def test_the_url_of_the_services_names_member_set_and_user() -> None:
    assert Access.read(URL) == Access(
        member="database:27017", replica_set="rs0", user="habeas", password="p@ss"
    )


def test_a_password_is_never_shown() -> None:
    assert "p@ss" not in repr(Access.read(URL))


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mongodb://database:27017/?replicaSet=rs0", id="no user"),
        pytest.param("mongodb://habeas@database:27017/?replicaSet=rs0", id="no password"),
        pytest.param("mongodb://habeas:p@database:27017/", id="no replica set"),
        pytest.param("mongodb://habeas:p@one:1,two:2/?replicaSet=rs0", id="two members"),
        pytest.param("", id="empty"),
    ],
)
def test_a_url_that_says_too_little_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must be mongodb://user:password@host:port"):
        Access.read(url)
