"""Draws a zone in the ways that it is read in."""

from dataclasses import dataclass

import cv2
import numpy as np

from services.verifier.documents.mrz.bars import Picture


@dataclass(frozen=True, slots=True)
class Rendering:
    """One way to draw a zone."""

    text: float
    """Height of a character, in pixels."""
    even: bool
    """Whether the paper is made white and the ink black, in all places."""


RENDERINGS = (
    Rendering(20, even=True),
    Rendering(16, even=False),
    Rendering(25, even=True),
    Rendering(22, even=False),
    Rendering(17, even=True),
)
"""In the order in which they are tried; sizes that the model reads well."""


def evened(block: Picture, text: float) -> Picture:
    """Return *block* with white paper and black ink, shadows and glare taken away."""
    size = round(text) | 1
    paper = cv2.morphologyEx(block, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    paper = cv2.GaussianBlur(paper, (0, 0), text / 2)
    flat = np.clip(block.astype(np.float32) * 235 / np.maximum(paper, 1), 0, 235)
    black = np.percentile(flat, 2)
    return np.clip((flat - black) * 255 / max(1.0, 235 - black), 0, 255).astype(np.uint8)


def rendered(block: Picture, rendering: Rendering) -> Picture:
    """Return *block*, with characters of the height of *rendering*, drawn in that way."""
    return evened(block, rendering.text) if rendering.even and block.size else block
