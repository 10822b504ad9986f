import tracemalloc

from services.fulfillment.package.builder import build
from services.fulfillment.package.survey import PackageSection
from tests.unit.fulfillment.sample_records import CUSTOMERS, SIGNER, Many, contents


def test_memory_does_not_grow_with_the_number_of_records() -> None:
    def peak(records: int) -> int:
        tracemalloc.start()
        package = build(contents(PackageSection(CUSTOMERS, Many(records))), signer=SIGNER)
        size = sum(map(len, package))
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size > records
        return reached

    peak(200)  # fills the caches of languages and templates
    assert peak(50_000) < peak(500) + 1_500_000
