"""The quality of a picture, so that a person can be asked for a better one."""

from typing import Final

import cv2
import numpy as np

from services.verifier.documents.files.thumbnails import Picture, reduced
from services.verifier.documents.results import Check, CheckResult

LEAST_SHORT_SIDE, LEAST_LONG_SIDE = 120, 200
"""Pixels. The lines of a machine-readable zone have 30 to 44 letters, which need about 6 each."""
COMPARED_PIXELS: Final = 1000
"""Sharpness is compared at one size: a small picture's edges are steeper."""
LEAST_SHARPNESS: Final = 100.0
"""Variance of the Laplacian; photos with motion blur of which a zone was still read have 170 and more."""
GLARE: Final = 253
MOST_GLARE: Final = 0.02
"""Of the picture in one burnt-out spot."""
PAPER_SHARE: Final = 0.25
"""A picture that is white in more than this is a page or a screenshot, not a photo with a reflection."""


def quality(picture: Picture) -> tuple[Check, ...]:
    """Return faults of *picture*, as hints: readable text counts more."""
    if min(picture.shape[:2]) < LEAST_SHORT_SIDE or max(picture.shape[:2]) < LEAST_LONG_SIDE:
        return (Check(name="image_size", result=CheckResult.FAIL, reasons=("image_too_small",)),)
    grey, _ = reduced(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), COMPARED_PIXELS)
    return (
        _hint("image_sharpness", "image_blurred", holds=sharpness(grey) >= LEAST_SHARPNESS),
        _hint("image_light", "image_glare", holds=glare(grey) <= MOST_GLARE),
    )


def sharpness(grey: Picture) -> float:
    """Return the variance of the Laplacian of *grey*: low where there are no sharp edges."""
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def glare(grey: Picture) -> float:
    """
    Return how much of *grey* the largest burnt-out spot covers.

    Spots that reach the edge do not count, nor do those of a page: both are white paper, not a reflection.
    """
    burnt = (grey >= GLARE).astype(np.uint8)
    if burnt.mean() > PAPER_SHARE:
        return 0.0
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(burnt)
    areas = sizes[:, cv2.CC_STAT_AREA].copy()
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    areas[np.unique(np.concatenate([[0], *edges]))] = 0
    return float(areas.max() / burnt.size)


def _hint(name: str, reason: str, *, holds: bool) -> Check:
    if holds:
        return Check(name=name, result=CheckResult.PASS)
    return Check(name=name, result=CheckResult.INCONCLUSIVE, reasons=(reason,))
