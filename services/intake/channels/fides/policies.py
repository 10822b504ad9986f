"""Which right each policy of a client stands for, and each use of data that a person opts out of. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from shared.law import DIRECT_MARKETING, Right

DEFAULT_CONSENT_POLICY = "default_consent_policy"
Wish: TypeAlias = Right | Literal["direct_marketing"]
"""A right, or ``direct_marketing``: an objection to that, and to nothing else."""
DEFAULTS: Mapping[str, Wish] = MappingProxyType(
    {
        "default_access_policy": Right.ACCESS,
        "default_erasure_policy": Right.ERASURE,
        DEFAULT_CONSENT_POLICY: Right.OPT_OUT_OF_SALE,
    }
)
DATA_USES: Mapping[str, Wish] = MappingProxyType({"marketing.communications": "direct_marketing"})


class Action(StrEnum):
    """What clients call a kind of request."""

    ACCESS = "access"
    ERASURE = "erasure"
    CONSENT = "consent"
    UPDATE = "update"


ACTIONS: Mapping[Right, Action] = MappingProxyType(
    {
        Right.ACCESS: Action.ACCESS,
        Right.PORTABILITY: Action.ACCESS,
        Right.KNOW_CATEGORIES: Action.ACCESS,
        Right.ERASURE: Action.ERASURE,
        Right.RECTIFICATION: Action.UPDATE,
    }
)
"""Rights that are not named here are exercised by what clients call consent."""


def right_of(wish: Wish) -> Right:
    """Return the right that is exercised."""
    return Right.OBJECTION if wish == DIRECT_MARKETING else Right(wish)


def action_of(wish: Wish) -> Action:
    """Return what clients call it."""
    return ACTIONS.get(right_of(wish), Action.CONSENT)


@dataclass(frozen=True, slots=True)
class FidesPolicies:
    """What the operator says that policies and uses of data stand for."""

    wishes: Mapping[str, Wish]
    """Key of a policy → what it asks for."""
    data_uses: Mapping[str, Wish]
    """Use of data → what opting out of it, and of all that is part of it, asks for."""

    def opting_out(self, data_use: str, policy_key: str) -> Wish | None:
        """
        Return what is asked for by opting out of *data_use*; None where there is no such policy.

        Of two uses that are named the narrower counts; where none is, the policy says what is asked for.
        """
        parts = data_use.split(".")
        for end in range(len(parts), 0, -1):
            wish = self.data_uses.get(".".join(parts[:end]))
            if wish is not None:
                return wish
        return self.wishes.get(policy_key)


def policy_object(key: str, wish: Wish) -> dict[str, Any]:
    """Return a policy as clients read it."""
    action = action_of(wish)
    rule = {
        "name": f"{key} rule",
        "key": f"{key}_rule",
        "action_type": action,
        "storage_destination": None,
        "masking_strategy": None,
    }
    return {
        "name": key,
        "key": key,
        "rules": [rule],
        "drp_action": None,
        "execution_timeframe": None,
        "conditions": None,
    }
