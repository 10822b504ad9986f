"""Images and tools that the product is built with are pinned to a version or a digest."""

import re

import pytest

from tests.unit.pages import text

PINNED = re.compile(r"[\w./-]+(:v?\d+\.\d+\.\d+[\w.-]*|@sha256:[0-9a-f]{64})")
OURS = frozenset({"habeas:latest", "habeas-verifier:latest"})
IMAGES = sorted(
    {
        *re.findall(r"image: \$\{\w+:-([^}]+)\}", text("docker-compose.yml")),
        *re.findall(
            r"PYTHON_IMAGE(?:: \$\{\w+:-|=)([^}\s]+)", text("docker-compose.yml") + text("Dockerfile")
        ),
    }
    - OURS
)


def test_images_are_named_in_both_files() -> None:
    assert len(IMAGES) == 6


@pytest.mark.parametrize("image", IMAGES)
def test_image_has_a_full_version_or_a_digest(image: str) -> None:
    assert PINNED.fullmatch(image)


@pytest.mark.parametrize(
    "image", ["mongo", "mongo:8", "mongo:latest", "rabbitmq:4-management", "python:3.13-slim"]
)
def test_image_with_a_moving_tag_is_not_pinned(image: str) -> None:
    assert not PINNED.fullmatch(image)


def test_uv_has_one_version_wherever_it_is_installed() -> None:
    assert re.search(r"^ARG UV_VERSION=\d+\.\d+\.\d+$", text("Dockerfile"), re.MULTILINE)
    assert "uv==${UV_VERSION}" in text("Dockerfile")
    assert '"uv==$(uv_version)"' in text("scripts/setup")
