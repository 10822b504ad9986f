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

from services.verifier.documents.files.refusal import FileFlaw, FileRefused
from services.verifier.documents.files.sniff import FileKind
from services.verifier.documents.files.thumbnails import Picture

MOST_PIXELS: Final = 20_000_000
FORMATS: Final = {
    FileKind.JPEG: ("JPEG", "MPO"),
    FileKind.PNG: ("PNG",),
    FileKind.HEIC: ("HEIF",),
    FileKind.TIFF: ("TIFF",),
}
ONE_OF_MANY: Final = frozenset({"MPO", "HEIF"})
"""Phones put a second view into these (depth, brightness); the first is the photo."""
JPEG_QUALITY: Final = 90
TOO_LARGE: Final = "too large"
PAPER: Final = (255, 255, 255)


def decode(content: bytes, kind: FileKind) -> Picture:
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
            raise FileRefused(FileFlaw.DECODE_LIMIT) from error
        except ValueError as error:
            too_large = TOO_LARGE in str(error)  # a comment or profile: Pillow has no class of error for it
            raise FileRefused(FileFlaw.DECODE_LIMIT if too_large else FileFlaw.BROKEN) from error


def encode(pixels: bytes, size: tuple[int, int]) -> bytes:
    """
    Return a JPEG made here: it is shown to the staff instead of the file that came.

    Args:
        pixels: A byte of red, of green and of blue for each, row by row.
        size: Width and height in pixels.
    """
    buffer = BytesIO()
    Image.frombytes("RGB", size, pixels).save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _decode(content: bytes, kind: FileKind) -> Picture:
    with Image.open(BytesIO(content), formats=FORMATS[kind]) as image:
        if image.format not in ONE_OF_MANY and _has_second_frame(image):
            raise FileRefused(FileFlaw.TYPE_NOT_ALLOWED)
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
    """Return *image* as it looks on white paper: transparent parts must not carry a text of their own."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, (*PAPER, 255))
    return Image.alpha_composite(paper, layer).convert("RGB")
