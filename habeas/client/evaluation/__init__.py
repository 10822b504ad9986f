"""
The evaluation of the document reader on known pictures.

A manifest describes the pictures and their contents. None of them is part of the project.
"""

from habeas.client.evaluation.failures import write_failures
from habeas.client.evaluation.known_files import Manifest
from habeas.client.evaluation.run import Evaluation, evaluate

__all__ = ["Evaluation", "Manifest", "evaluate", "write_failures"]
