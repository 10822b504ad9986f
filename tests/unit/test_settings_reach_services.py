"""Each setting that .env.example documents reaches each service that reads it, in docker-compose.yml too."""

import importlib
import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from pydantic import SecretStr

from shared.runtime import environment_check, variables
from shared.runtime.settings import Settings, effective

ROOT = Path(__file__).parents[2]
SERVICES = ("intake", "verifier", "fulfillment", "notifier", "console")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
PAGE = (ROOT / ".env.example").read_text(encoding="utf-8")
DOCUMENTED = dict(re.findall(r"((?:^#[^\n]*\n)+)^(?:# ?)?(HABEAS_[A-Z_]+)=", PAGE, re.MULTILINE))
DOCUMENTED = {name: comment for comment, name in DOCUMENTED.items()}
each_service = pytest.mark.parametrize("service", SERVICES)


def read_by(service: str) -> dict[str, Any]:
    """Return variable → field of every setting that a process of *service* reads."""
    plans = importlib.import_module(f"services.{service}.bootstrap").PLANS
    return {
        f"HABEAS_{name.upper()}": field
        for plan in plans
        for name, field in plan.settings.model_fields.items()
    }


def passed_to(service: str) -> dict[str, str | None]:
    environment: dict[str, str | None] = COMPOSE["services"][service]["environment"]
    return environment


def is_secret(field: Any) -> bool:
    return "SecretStr" in str(field.annotation) and field.annotation in (SecretStr, SecretStr | None)


@each_service
def test_every_setting_of_a_service_takes_effect_in_compose(service: str) -> None:
    passed = passed_to(service)
    missing = [
        name
        for name in read_by(service)
        if name not in variables.MADE_BY_COMPOSE
        and (name not in passed or (passed[name] or f"${{{name}").find(name) < 0)
    ]
    assert missing == []


@each_service
def test_compose_passes_a_service_no_setting_that_it_does_not_read(service: str) -> None:
    read = read_by(service)
    assert [name for name in passed_to(service) if name.removesuffix("_FILE") not in read] == []


@each_service
def test_every_setting_that_compose_fixes_is_refused_in_env(service: str) -> None:
    fixed = {
        name.removesuffix("_FILE")
        for name, value in passed_to(service).items()
        if value is not None and name.removesuffix("_FILE") not in str(value)
    }
    assert fixed <= variables.MADE_BY_COMPOSE.keys()


def test_every_setting_that_compose_fixes_says_so_in_env_example() -> None:
    silent = [name for name in variables.MADE_BY_COMPOSE if "docker compose" not in DOCUMENTED[name]]
    assert silent == []


def test_known_variables_are_those_of_the_settings_classes() -> None:
    assert {name for service in SERVICES for name in read_by(service)} == variables.SETTINGS


def test_known_variables_of_compose_are_those_that_it_reads() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(HABEAS_[A-Z_]+)", text)) - variables.SETTINGS == variables.COMPOSE


def test_every_documented_variable_is_known() -> None:
    assert variables.unknown(DOCUMENTED) == []


def checked(**environment: str) -> tuple[int, str]:
    """Check the variables of a ``.env`` as compose does; return the exit code and the message."""
    message = io.StringIO()
    with patch.dict(os.environ, environment, clear=True), redirect_stderr(message):
        return environment_check.main(), message.getvalue()


def test_check_of_env_ends_with_its_code() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "shared.runtime.environment_check"],
        env={"HABEAS_HTTP_PORT": "9090"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, "HABEAS_PORT" in ended.stderr) == (2, True)


def test_a_copy_of_env_example_is_accepted_by_compose() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("HABEAS_")]
    code, message = checked(**dict(line.split("=", 1) for line in lines))
    assert (code, message) == (0, "")


def test_variables_of_the_image_alone_are_accepted_by_compose() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    image = dict(re.findall(r"(HABEAS_[A-Z_]+)=(\S+)", dockerfile))
    assert image
    code, message = checked(**{name: value for name, value in image.items() if name != "HABEAS_MODELS"})
    assert (code, message) == (0, "")


def test_misspelt_variable_in_env_stops_compose_and_names_the_nearest() -> None:
    code, message = checked(HABEAS_ERASURE_APROVAL="always")
    assert code == 2
    assert "HABEAS_ERASURE_APROVAL: is not a setting; did you mean HABEAS_ERASURE_APPROVAL?" in message


def test_setting_that_compose_fixes_is_refused_in_env_with_the_remedy() -> None:
    code, message = checked(HABEAS_HTTP_PORT="9090")
    assert code == 2
    assert "HABEAS_PORT" in message


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("HABEAS_ERASURE_APPROVAL_FILE", "give HABEAS_ERASURE_APPROVAL itself"),
        ("HABEAS_TWO_DECIDERS_FILE", "give HABEAS_TWO_DECIDERS itself"),
        ("HABEAS_STAFF_PASSWORD_FILE", "set it where the command runs"),
        ("HABEAS_MASTER_KEY_FILE", "put it into the file keys/master_key of HABEAS_SECRETS"),
        ("HABEAS_STAFF_ACCOUNT", "set it where the command runs"),
        ("HABEAS_TEST_CAMPAIGN", "set it where the command runs"),
    ],
)
def test_variable_that_no_service_of_compose_reads_is_refused_in_env(name: str, remedy: str) -> None:
    code, message = checked(**{name: "always"})
    assert code == 2
    assert f"{name}: has no effect in .env; {remedy}" in message


def test_settings_that_compose_takes_from_files_are_known() -> None:
    passed = {name for service in SERVICES for name in passed_to(service)}
    assert {name for name in passed if name.endswith("_FILE")} == variables.COMPOSE_FILES


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_memory_and_processors_of_every_container_that_stays_are_limited(service: str) -> None:
    assert {"mem_limit", "cpus"} <= COMPOSE["services"][service].keys() or service == "secrets"


def test_commands_reach_the_stores_that_fulfillment_reaches() -> None:
    command, fulfillment = COMPOSE["services"]["command"], COMPOSE["services"]["fulfillment"]
    assert command["networks"] == fulfillment["networks"]
    assert {"HABEAS_DATAMAP", "HABEAS_STORES"} <= command["environment"].keys()


def test_upkeep_destroys_overdue_keys_and_copies_heads_every_day() -> None:
    upkeep = COMPOSE["services"]["upkeep"]
    assert upkeep["entrypoint"][:4] == ["python", "-m", "habeas", "upkeep"]
    assert (upkeep["restart"], upkeep["profiles"]) == ("unless-stopped", [])
    assert {"HABEAS_LOG_LEVEL", "HABEAS_LOG_FORMAT"} <= upkeep["environment"].keys()


@pytest.mark.slow
@each_service
def test_services_wait_for_the_check_of_env(service: str) -> None:
    check = COMPOSE["services"]["settings"]
    assert check["command"] == ["habeas.shared.runtime.environment_check"]
    assert check["env_file"] == [{"path": ".env", "required": False}]
    assert COMPOSE["services"][service]["depends_on"]["settings"] == {
        "condition": "service_completed_successfully"
    }


@pytest.mark.parametrize("module", [f"services.{service}.bootstrap" for service in SERVICES])
def test_effective_settings_in_the_log_hold_no_secret(module: str) -> None:
    secret = "sesame-sesame-sesame-sesame"
    for plan in importlib.import_module(module).PLANS:
        values: dict[str, Any] = {
            name: SecretStr(secret) if is_secret(field) else f"amqp://user:{secret}@broker/"
            for name, field in plan.settings.model_fields.items()
            if is_secret(field) or field.annotation is str
        }
        values["stores"] = {"default": SecretStr(secret)}
        settings: Settings = plan.settings.model_construct(**values)
        shown = effective([settings])
        assert secret not in json.dumps(shown)
        assert shown["HABEAS_AMQP_URL"] == "set"
        assert shown["HABEAS_BATCH"] == 500
