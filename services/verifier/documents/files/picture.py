"""
Decodes pictures, within limits, into nothing but pixels.

Pillow decodes, from an allow-list of one format per file, with its bomb warning made an error: OpenCV
loaded a 400-megapixel bomb without a word, so it never sees a file.
"""

import warnings
from io import BytesIO
from typing import Final

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

from services.verifier.documents.files.refusal import Refusal, Refused
from services.verifier.documents.files.scaling import Picture
from services.verifier.documents.files.sniff import Kind

MOST_PIXELS: Final = 20_000_000
FORMATS: Final = {Kind.JPEG: ("JPEG", "MPO"), Kind.PNG: ("PNG",), Kind.HEIC: ("HEIF",), Kind.TIFF: ("TIFF",)}
ONE_OF_MANY: Final = frozenset({"MPO", "HEIF"})
"""Phones put a second view into these (depth, brightness); the first is the photo."""
JPEG_QUALITY: Final = 90
TOO_LARGE: Final = "too large"
PAPER: Final = (255, 255, 255)


def decode(content: bytes, kind: Kind) -> Picture:
    """
    Return the picture in *content*, upright, without metadata, transparency or colour profile.

    Raises:
        Refused: It is broken, has more than ``MOST_PIXELS`` pixels, or is several pictures in one.
    """
    pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _decode(content, kind)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise Refused(Refusal.DECODE_LIMIT) from error
        except ValueError as error:
            too_large = TOO_LARGE in str(error)  # a comment or profile: Pillow has no class of error for it
            raise Refused(Refusal.DECODE_LIMIT if too_large else Refusal.BROKEN) from error


def encode(pixels: bytes, size: tuple[int, int]) -> bytes:
    """
    Return a JPEG made here: what is shown to staff instead of the file that came.

    Args:
        pixels: A byte of red, of green and of blue for each, row by row.
        size: Width and height in pixels.
    """
    buffer = BytesIO()
    Image.frombytes("RGB", size, pixels).save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _decode(content: bytes, kind: Kind) -> Picture:
    with Image.open(BytesIO(content), formats=FORMATS[kind]) as image:
        if image.format not in ONE_OF_MANY and _has_second_frame(image):
            raise Refused(Refusal.TYPE_NOT_ALLOWED)
        image.seek(0)
        return np.asarray(_flatten(ImageOps.exif_transpose(image)))


def _has_second_frame(image: Image.Image) -> bool:
    """Return whether *image* is animated or has pages; they are not counted: there may be millions."""
    try:
        image.seek(1)
    except EOFError:
        return False
    return True


def _flatten(image: Image.Image) -> Image.Image:
    """Return *image* as it looks on white paper: what is transparent must not carry a text of its own."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, (*PAPER, 255))
    return Image.alpha_composite(paper, layer).convert("RGB")
