"""The console takes every fact that its queue gets; one without a subscription would be parked."""

from services.console.handlers import subscriptions
from shared.contract.topology import CONSOLE, inboxes


def test_every_type_of_the_queue_has_a_subscription() -> None:
    assert {one.event.TYPE for one in subscriptions()} == set(inboxes()[CONSOLE])
