"""Pictures of the set as the readers take them. The set is trusted: no limits are set."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from services.verifier.documents.files.picture import Picture


def picture_of(path: Path) -> Picture:
    """Return a picture upright: red, green and blue."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode == "P":
            upright = upright.convert("RGBA")  # else Pillow warns where a colour is transparent
        return np.ascontiguousarray(np.asarray(upright.convert("RGB")))
