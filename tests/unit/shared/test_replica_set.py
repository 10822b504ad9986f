import pytest

from shared.errors import ConfigurationError
from shared.runtime.replica_set import Access, configuration_of, with_missing

URL = "mongodb://habeas:p%40ss@database:27017/?authSource=admin&replicaSet=rs0"
THREE = Access(members=("one:1", "two:2", "three:3"), replica_set="rs0")


def test_the_url_of_clients_names_member_and_set() -> None:
    assert Access.read(URL) == Access(members=("database:27017",), replica_set="rs0")
    assert Access.read("mongodb://habeas:p@one:1,two:2,three:3/?replicaSet=rs0") == THREE


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mongodb://habeas:p@database:27017/", id="no replica set"),
        pytest.param("mongodb://habeas:p@one:1,/?replicaSet=rs0", id="member without a name"),
        pytest.param("", id="empty"),
    ],
)
def test_a_url_that_says_too_little_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must be mongodb://…@host:port"):
        Access.read(url)


def test_administrator_reaches_whichever_member_is_the_primary() -> None:
    url = THREE.url_for("mongodb://root:p%40ss@one:1/?authSource=admin&directConnection=true")
    assert url == "mongodb://root:p%40ss@one:1,two:2,three:3/?authSource=admin&replicaSet=rs0"


def test_replica_set_of_one_gets_each_missing_member_once() -> None:
    one = Access(members=("one:1",), replica_set="rs0")
    configuration = {**configuration_of(one), "version": 4}
    two = with_missing(configuration, THREE)
    assert two is not None
    assert (two["version"], two["members"][-1]) == (5, {"_id": 1, "host": "two:2"})
    three = with_missing(two, THREE)
    assert three is not None
    assert [member["host"] for member in three["members"]] == list(THREE.members)
    assert with_missing(three, THREE) is None
