"""
How well documents are read: known pictures, the readings of them, and the verdicts on them.

The pictures and what is on them are described by a manifest. None of them is part of the project.
"""

from habeas.client.evaluation.manifest import Manifest
from habeas.client.evaluation.run import Evaluation, evaluate

__all__ = ["Evaluation", "Manifest", "evaluate"]
