"""What is there once all tests are collected stays until the end: it is no garbage to look for."""

import gc

OFTEN = (50_000, 20, 100)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*OFTEN)
