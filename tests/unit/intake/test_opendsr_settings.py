"""Which controllers are served, and what signs for us; what does not fit is named at the start."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from services.intake.channels.opendsr.certificate import ProcessorCertificate
from services.intake.channels.opendsr.messages import Version
from services.intake.settings import IntakeSettings
from shared.errors import ConfigurationError
from shared.runtime.settings import load
from tests.unit.controllers import DOMAIN, certificate_of, pem_of, rsa_key, verifies
from tests.unit.fakes import NOW

SHOP = {"id": "shop", "key": "shop-key", "secret": "the secret of the shop is long"}
CLUB = {"id": "club", "key": "club-key", "secret": "the secret of the club is long"}
NEEDED = {
    "HABEAS_AMQP_URL": "amqp://guest:guest@127.0.0.1",
    "HABEAS_MONGO_URL": "mongodb://127.0.0.1",
    "HABEAS_MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
}


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_controllers_are_disabled_by_default() -> None:
    settings = load(IntakeSettings)
    assert settings.opendsr_controllers == ()
    assert settings.opendsr_identities == {"email": "email"}


def test_configured_values_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HABEAS_OPENDSR_CONTROLLERS", json.dumps([SHOP, CLUB]))
    monkeypatch.setenv("HABEAS_OPENDSR_IDENTITIES", '{"controller_customer_id": "customer_no"}')
    key = tmp_path / "key.pem"
    key.write_text(pem_of(rsa_key()), encoding="utf-8")
    monkeypatch.setenv("HABEAS_OPENDSR_KEY_FILE", str(key))
    settings = load(IntakeSettings)
    assert [one.source for one in settings.opendsr_controllers] == ["opendsr/shop", "opendsr/club"]
    assert settings.opendsr_key.get_secret_value().startswith("-----BEGIN PRIVATE KEY-----")
    assert "the secret" not in repr(settings)
    assert "PRIVATE KEY" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("CONTROLLERS", [SHOP, CLUB | {"id": "shop"}], id="one id twice"),
        pytest.param("CONTROLLERS", [SHOP, CLUB | {"key": "shop-key"}], id="one key twice"),
        pytest.param("CONTROLLERS", [SHOP, CLUB | {"secret": SHOP["secret"]}], id="one secret twice"),
        pytest.param("CONTROLLERS", [SHOP | {"secret": "too short"}], id="a short secret"),
        pytest.param("CONTROLLERS", [SHOP | {"key": "a:b"}], id="a key with a colon"),
        pytest.param("CONTROLLERS", [SHOP | {"id": "a b"}], id="an id with a blank"),
        pytest.param("CONTROLLERS", [SHOP | {"secrets": "x"}], id="a slip"),
        pytest.param("CONTROLLERS", [{"id": "shop"}], id="no secret"),
        pytest.param("IDENTITIES", {"shoe_size": "shoe"}, id="no identity type"),
        pytest.param("IDENTITIES", {"email": "E mail"}, id="no identity"),
        pytest.param("IDENTITIES", {}, id="none"),
        pytest.param("URL", "http://opendsr.example.com", id="no HTTPS"),
        pytest.param("URL", "https://", id="no host"),
        pytest.param("URL", "https://opendsr.example.com?x", id="a query"),
    ],
)
def test_invalid_settings_are_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: Any) -> None:
    written = value if isinstance(value, str) else json.dumps(value)
    monkeypatch.setenv(f"HABEAS_OPENDSR_{variable}", written)
    with pytest.raises(ConfigurationError, match=f"HABEAS_OPENDSR_{variable}") as caught:
        load(IntakeSettings)
    assert "the secret of" not in str(caught.value)


def made(**changes: Any) -> Callable[[], tuple[str, str]]:
    return lambda: (pem_of(rsa_key()), certificate_of(rsa_key(), now=NOW, **changes))


def of_a_curve() -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    return pem_of(key), certificate_of(key, now=NOW)


def short() -> tuple[str, str]:
    key = rsa_key(1024)
    return pem_of(key), certificate_of(key, now=NOW)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pair", "says"),
    [
        pytest.param(lambda: ("", ""), "KEY: is not a private key", id="nothing"),
        pytest.param(
            lambda: (pem_of(rsa_key()), ""), "CERTIFICATE: is not a certificate", id="no certificate"
        ),
        pytest.param(of_a_curve, "KEY: must be an RSA key", id="a curve"),
        pytest.param(short, "KEY: must be an RSA key", id="a short key"),
        pytest.param(
            lambda: (pem_of(rsa_key(2048, 2)), certificate_of(rsa_key(), now=NOW)),
            "CERTIFICATE: does not belong to HABEAS_OPENDSR_KEY",
            id="of another key",
        ),
        pytest.param(made(days=(-9, -1)), "CERTIFICATE: is valid until 2026-03-04", id="expired"),
        pytest.param(made(days=(1, 9)), "CERTIFICATE: is valid", id="not valid yet"),
        pytest.param(made(common="example.com"), "CERTIFICATE: must be for", id="another common name"),
        pytest.param(made(common=None), "CERTIFICATE: must be for", id="no common name"),
        pytest.param(made(alternative="example.com"), "CERTIFICATE: must be for", id="another host"),
        pytest.param(made(alternative=None), "CERTIFICATE: must be for", id="no alternative name"),
        pytest.param(made(alternative="*.example.com"), "CERTIFICATE: must be for", id="a wildcard"),
    ],
)
def test_an_unusable_certificate_is_refused(pair: Callable[[], tuple[str, str]], says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"HABEAS_OPENDSR_{says}"):
        ProcessorCertificate.of(*pair(), DOMAIN, NOW)


@pytest.mark.slow
def test_the_certificate_chain_is_served_with_ours_first() -> None:
    leaf = certificate_of(rsa_key(), now=NOW)
    chain = leaf + certificate_of(rsa_key(2048, 1), common="Example Authority", now=NOW)
    certified = ProcessorCertificate.of(pem_of(rsa_key()), chain, DOMAIN, NOW + timedelta(days=30))
    assert certified.pem == chain.encode()
    headers = certified.headers(b"body", Version.TWO)
    assert verifies(leaf.encode(), headers["X-OpenDSR-Signature"], b"body")
