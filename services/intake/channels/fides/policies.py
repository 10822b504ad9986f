"""Rights of the clients' policies, and of the uses of data that a person opts out of. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from shared.law import DIRECT_MARKETING, Right

DEFAULT_CONSENT_POLICY = "default_consent_policy"
Wish: TypeAlias = Right | Literal["direct_marketing"]
"""A right, or ``direct_marketing``: an objection to that alone."""
DEFAULTS: Mapping[str, Wish] = MappingProxyType(
    {
        "default_access_policy": Right.ACCESS,
        "default_erasure_policy": Right.ERASURE,
        DEFAULT_CONSENT_POLICY: Right.OPT_OUT_OF_SALE,
    }
)
DATA_USES: Mapping[str, Wish] = MappingProxyType({"marketing.communications": "direct_marketing"})


class Action(StrEnum):
    """The clients' name for a kind of request."""

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
"""Rights without an entry are consent in the clients' terms."""


def right_of(wish: Wish) -> Right:
    """Return the right."""
    return Right.OBJECTION if wish == DIRECT_MARKETING else Right(wish)


def action_of(wish: Wish) -> Action:
    """Return the clients' name of the right."""
    return ACTIONS.get(right_of(wish), Action.CONSENT)


@dataclass(frozen=True, slots=True)
class FidesPolicies:
    """The operator's meaning of policies and uses of data."""

    wishes: Mapping[str, Wish]
    """Key of a policy → the right that it requests."""
    data_uses: Mapping[str, Wish]
    """Use of data → the right requested by opting out of it and of its parts."""

    def opting_out(self, data_use: str, policy_key: str) -> Wish | None:
        """
        Return the request made by opting out of *data_use*; None without a policy.

        The narrower of two configured uses counts; without any, the policy counts.
        """
        parts = data_use.split(".")
        for end in range(len(parts), 0, -1):
            wish = self.data_uses.get(".".join(parts[:end]))
            if wish is not None:
                return wish
        return self.wishes.get(policy_key)


def policy_object(key: str, wish: Wish) -> dict[str, Any]:
    """Return a policy in the clients' form."""
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
