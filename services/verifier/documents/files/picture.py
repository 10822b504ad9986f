"""
Decodes pictures, within limits, into nothing but pixels; their quality and perceptual hashes.

Pillow decodes, from an allow-list of one format per file, with its bomb warning made an error: OpenCV
loaded a 400-megapixel bomb without a word, so it never sees a file.
"""

import hashlib
import warnings
from io import BytesIO
from typing import Any, Final

import cv2
import numpy as np
import pillow_heif
from PIL import Image, ImageOps

from services.verifier.documents.files.sniff import FileKind
from services.verifier.documents.results import Check, FileFlaw, FileRefused

Picture = np.ndarray[Any, Any]
"""Rows and columns of grey, or of red, green and blue; 8 bits each."""
MOST_PIXELS: Final = 20_000_000
FORMATS: Final = {
    FileKind.JPEG: ("JPEG", "MPO"),
    FileKind.PNG: ("PNG",),
    FileKind.HEIC: ("HEIF",),
    FileKind.TIFF: ("TIFF",),
}
ONE_OF_MANY: Final = frozenset({"MPO", "HEIF"})
"""Phones put a second view into these (depth, brightness); the first is the photo."""
SIDE: Final = 8
"""Fields of a perceptual hash in each direction."""
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


def decode(content: bytes, kind: FileKind) -> Picture:
    """
    Return the picture in *content*, upright, without metadata, transparency or colour profile.

    Raises FileRefused if it is broken, has more than ``MOST_PIXELS`` pixels, or is several pictures in one.
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
            too_large = "too large" in str(error)  # a comment or profile: Pillow has no class of error for it
            raise FileRefused(FileFlaw.DECODE_LIMIT if too_large else FileFlaw.BROKEN) from error


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
    paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return Image.alpha_composite(paper, layer).convert("RGB")


def perceptual_hash(picture: Picture) -> str:
    """
    Return the difference hash of *picture*: 64 bits in hexadecimal, close for pictures that look alike.

    Each bit says whether one of 8 times 9 fields is darker than its right neighbour: it finds copies.
    """
    small = np.asarray(Image.fromarray(picture).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX))
    return np.packbits(small[:, :-1] < small[:, 1:]).tobytes().hex()


def digest(picture: Picture) -> str:
    """Return the SHA-256 of *picture* as a portable pixmap: the same for other metadata and compressors."""
    rows, columns, _ = picture.shape
    return hashlib.sha256(b"P6 %d %d 255\n" % (columns, rows) + picture.tobytes()).hexdigest()


def quality(picture: Picture) -> tuple[Check, ...]:
    """Return faults of *picture*, as hints: readable text counts more."""
    if min(picture.shape[:2]) < LEAST_SHORT_SIDE or max(picture.shape[:2]) < LEAST_LONG_SIDE:
        return (Check.failed("image_size", "image_too_small"),)
    grey, _ = reduced(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), COMPARED_PIXELS)
    return (
        Check.unsure("image_sharpness", "image_blurred", unless=sharpness(grey) >= LEAST_SHARPNESS),
        Check.unsure("image_light", "image_glare", unless=glare(grey) <= MOST_GLARE),
    )


def sharpness(grey: Picture) -> float:
    """Return the variance of the Laplacian of *grey*: low where there are no sharp edges."""
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def glare(grey: Picture) -> float:
    """Return the share of *grey* in its largest burnt-out spot; not white paper or spots at the edge."""
    burnt = (grey >= GLARE).astype(np.uint8)
    if burnt.mean() > PAPER_SHARE:
        return 0.0
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(burnt)
    areas = sizes[:, cv2.CC_STAT_AREA].copy()
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    areas[np.unique(np.concatenate([[0], *edges]))] = 0
    return float(np.max(areas) / burnt.size)


def reduced(picture: Picture, longest: int) -> tuple[Picture, float]:
    """Return *picture* with a long side of at most *longest* pixels, and by how much it was made smaller."""
    rows, columns = picture.shape[:2]
    scale = min(1.0, longest / max(rows, columns))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))  # a line stays one
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA), scale
