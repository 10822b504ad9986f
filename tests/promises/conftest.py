"""
One running installation for all promises that need no settings of their own, and people for each promise.

Tests of the shared installation get people by the fixture ``people``: a promise has four that no other has.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests import workers
from tests.conftest import given
from tests.integration.controller_server import Receiver
from tests.integration.pipeline import Heard, Pipeline, running
from tests.integration.test_mail_in import Writer, open_inbox
from tests.promises.people import CUSTOMERS, People, SharedPeople, shared_people


def refuse() -> NoReturn:
    pytest.fail("erasures change the order of people: use the fixture `people`")


@pytest.fixture(scope="session")
def parts_of_session(request: pytest.FixtureRequest) -> Stack | None:
    if given("AMQP_URL"):
        return None
    stack: Stack = request.getfixturevalue(
        "shared_parts" if workers.is_worker(request.config) else "own_parts"
    )
    return stack


@pytest_asyncio.fixture(scope="session")
async def receiver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Receiver]:
    async with Receiver().open(tmp_path_factory.mktemp("receiver")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session")
async def pipeline(
    parts_of_session: Stack | None, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("promises")
    agreed = {
        "url": receiver.url,
        "certificate": str(receiver.key.file(folder)),
        "fingerprint": receiver.key.fingerprint,
    }
    settings: Any = {
        "SSL_CERT_FILE": str(receiver.certificate),
        "HABEAS_TRANSFER_ALLOW": '["localhost"]',
        "HABEAS_RECEIVERS": json.dumps({"localhost": agreed}),
    }
    async with running(parts_of_session, folder, customers=CUSTOMERS, **settings) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="session")
async def people_of_all(pipeline: Pipeline) -> AsyncIterator[SharedPeople]:
    shared = await shared_people(pipeline)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "people", refuse)
        yield shared


@pytest.fixture
def people(request: pytest.FixtureRequest, pipeline: Pipeline, people_of_all: SharedPeople) -> People:
    """Return the four people of the promise of this file; each is for one test."""
    promise = re.search(r"test_p(\d\d)_", request.path.name)
    assert promise
    return People(pipeline, people_of_all, int(promise[1]), request.function.__name__)


@pytest_asyncio.fixture(scope="session")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


@pytest_asyncio.fixture(scope="session")
async def writer(
    parts_of_session: Stack | None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Writer]:
    """Return a person who writes mails, to an installation with an inbox."""
    async with open_inbox(parts_of_session, tmp_path_factory.mktemp("mail")) as writer:
        yield writer
