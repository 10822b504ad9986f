"""The tables of breach notices in ``docs/reference/letters.md``: elements and provisions."""

from collections.abc import Callable, Iterable, Iterator

from shared.law.breaches import BreachPolicy, NoticeElement, RequiredStatement
from shared.law.library import breach_policies

STATE = "us-tx"
"""The State that stands for all but California: they have one model."""


def tables() -> str:
    """Return the elements of notices to people, customers and authorities, as Markdown."""
    newest = {policy.law: policy for policy in breach_policies()}
    shown = [policy for law, policy in newest.items() if not law.startswith("us-")]
    shown += [newest["us-ca"], newest[STATE]]
    return "\n".join(
        (
            "### To people\n",
            *_table(shown, lambda policy: policy.letter),
            "### To customers of a processor\n",
            *_table(shown, lambda policy: policy.to_controller),
            "### To authorities\n",
            *_table(shown, lambda policy: policy.report),
        )
    )


def _table(
    policies: Iterable[BreachPolicy], statements: Callable[[BreachPolicy], Iterable[RequiredStatement]]
) -> Iterator[str]:
    said = [one for policy in policies for one in statements(policy)]
    yield "| Element | Demanded by |\n|---|---|"
    for element in NoticeElement:
        found = (one for one in said if one.element is element)
        if cited := ", ".join(dict.fromkeys(f"{one.provision} ({one.read})" for one in found)):
            yield f"| `{element}` | {cited} |"
    yield ""
