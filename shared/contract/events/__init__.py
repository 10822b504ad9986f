"""
Events by subject; ``breaches`` is imported by its name. No fact holds personal data.

A *fact* says what happened, in the past tense; a service publishes it and others act on it. A
*submission* comes from an upstream system and carries personal data: it is sealed on arrival and goes
no further. A *record* stays in its service's own journal. The envelope around each is
``shared.contract.envelope``'s business.
"""

from shared.contract.events.base import *
from shared.contract.events.fulfillment import *
from shared.contract.events.identity import *
from shared.contract.events.letters import *
from shared.contract.events.requests import *
from shared.contract.events.staff import *
from shared.contract.events.submissions import *
from shared.vocabulary import *
