"""The modules of ``habeas.client``, each imported at its first use: a verb loads only what it needs."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from habeas.client import (
        accounts,
        audit,
        breach_files,
        breach_scope,
        campaigns,
        cases,
        certificates,
        console_api,
        dead_letters,
        deadlines,
        decisions,
        drop,
        engine,
        erasures,
        event_files,
        identity,
        inbox,
        incident_register,
        laws,
        letters,
        map_draft,
        master_keys,
        opened_cases,
        read_model,
        recipients,
        referrals,
        requests,
        setup_files,
        staff,
        stores,
        tickets,
        waiting_work,
    )

    __all__ = ["accounts", "audit", "breach_files", "breach_scope", "campaigns", "cases"]
    __all__ += ["certificates", "console_api", "dead_letters", "deadlines", "decisions", "drop"]
    __all__ += ["engine", "erasures", "event_files", "identity", "inbox", "incident_register", "laws"]
    __all__ += ["letters", "map_draft", "master_keys", "opened_cases", "read_model", "recipients"]
    __all__ += ["referrals", "requests", "setup_files", "staff", "stores", "tickets", "waiting_work"]
else:

    def __getattr__(name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        return import_module(f"habeas.client.{name}")
