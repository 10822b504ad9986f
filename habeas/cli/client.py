"""The modules of ``habeas.client``, each imported at its first use: a verb loads only what it needs."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from habeas.client import (
        accounts,
        audit,
        backup_manifest,
        backups,
        breach_files,
        breach_scope,
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
        migrations,
        opened_cases,
        opened_incidents,
        private_files,
        read_model,
        referrals,
        republication,
        requests,
        setup_files,
        staff,
        stores,
        tickets,
        unhandled_facts,
        upkeep,
        waiting_work,
        watched_facts,
    )

    __all__ = ["accounts", "audit", "backup_manifest", "backups", "breach_files", "breach_scope", "cases"]
    __all__ += ["certificates", "console_api", "dead_letters", "deadlines", "decisions", "drop"]
    __all__ += ["engine", "erasures", "event_files", "identity", "inbox", "incident_register", "laws"]
    __all__ += ["letters", "map_draft", "master_keys", "migrations", "opened_cases"]
    __all__ += ["opened_incidents", "private_files", "read_model", "referrals", "republication", "requests"]
    __all__ += ["setup_files", "staff", "stores", "tickets", "unhandled_facts", "upkeep", "waiting_work"]
    __all__ += ["watched_facts"]
else:

    def __getattr__(name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        return import_module(f"habeas.client.{name}")
