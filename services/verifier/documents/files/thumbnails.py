"""Makes pictures smaller. Pure."""

from typing import Any

import cv2
import numpy as np

Picture = np.ndarray[Any, Any]
"""Rows and columns of grey, or of red, green and blue; 8 bits each."""


def reduced(picture: Picture, longest: int) -> tuple[Picture, float]:
    """Return *picture* with a long side of at most *longest* pixels, and by how much it was made smaller."""
    rows, columns = picture.shape[:2]
    scale = min(1.0, longest / max(rows, columns))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))  # a line stays one
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA), scale
