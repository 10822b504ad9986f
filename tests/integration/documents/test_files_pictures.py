from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter
from PIL.PngImagePlugin import PngInfo

from services.verifier.documents.examiner.reuse import distance
from services.verifier.documents.files.jpeg import encode
from services.verifier.documents.files.opener import OpenedFile, open_file
from services.verifier.documents.files.picture import (
    Picture,
    decode,
    digest,
    perceptual_hash,
    quality,
)
from services.verifier.documents.files.sniff import FileKind
from services.verifier.documents.results import CheckResult, reasons_of
from tests import hostile

ORIENTATION = 0x0112
WHERE = "48.2082N 16.3738E"
NOISE = hostile.drawing()


def opened(content: bytes) -> OpenedFile:
    return open_file(content, "")


def checkers(width: int, height: int) -> Image.Image:
    """Return a picture of squares: sharp everywhere."""
    rows, columns = np.indices((height, width)) // 8
    return Image.fromarray((((rows + columns) % 2) * 200 + 20).astype(np.uint8)).convert("RGB")


def photo_with_metadata() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = WHERE
    return hostile.encoded(NOISE, exif=exif)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(hostile.pixel_bomb, "file_decode_limit", id="400 megapixels in 389 kB"),
        pytest.param(hostile.text_bomb, "file_decode_limit", id="a comment of 200 MB"),
        pytest.param(lambda: hostile.png(60_000, 400), "file_decode_limit", id="24 megapixels declared"),
        pytest.param(
            lambda: hostile.encoded(NOISE, "TIFF", save_all=True, append_images=[NOISE]),
            "file_type_not_allowed",
            id="a TIFF of two pages",
        ),
        pytest.param(
            lambda: hostile.encoded(NOISE, "PNG", save_all=True, append_images=[NOISE.rotate(90)]),
            "file_type_not_allowed",
            id="an animated PNG",
        ),
        pytest.param(lambda: hostile.png(300, 300, rows=b"nonsense"), "file_broken", id="no pixels"),
        pytest.param(lambda: b"II*\x00" + bytes(200), "file_broken", id="an empty TIFF"),
    ],
)
def test_a_picture_that_is_a_trap_is_refused_with_the_reason(make: Callable[[], bytes], reason: str) -> None:
    assert reasons_of(opened(make()).checks) == (reason,)


def test_twenty_megapixels_are_taken() -> None:
    content = hostile.encoded(Image.new("L", (5000, 4000)), "PNG")

    assert opened(content).pictures[0].shape == (4000, 5000, 3)


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_photo_is_turned_as_its_camera_was_held(turned: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = turned
    upright = turned <= 4

    picture = opened(hostile.encoded(NOISE, exif=exif)).pictures[0]

    assert picture.shape[:2] == ((400, 640) if upright else (640, 400))


def test_what_is_kept_of_a_photo_has_no_metadata() -> None:
    content = photo_with_metadata()
    assert WHERE.encode() in content

    picture = opened(content).pictures[0]
    shown = encode(picture.tobytes(), (picture.shape[1], picture.shape[0]))

    assert WHERE.encode() not in shown
    with Image.open(BytesIO(shown)) as image:
        assert not image.getexif()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_eight_bits_of_red_green_and_blue(mode: str) -> None:
    image = NOISE.convert("L").convert("I;16") if mode == "I;16" else NOISE.convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"

    picture = opened(hostile.encoded(image, kind)).pictures[0]

    assert picture.shape == (400, 640, 3)
    assert picture.dtype == np.uint8


def test_what_is_transparent_looks_like_paper() -> None:
    """Black letters on transparent black would be read as nothing, and shown as something."""
    content = hostile.encoded(Image.new("RGBA", (300, 300), (0, 0, 0, 0)), "PNG")

    assert (decode(content, FileKind.PNG) == 255).all()


def test_the_same_pixels_have_the_same_digest_whatever_surrounds_them() -> None:
    note = PngInfo()
    note.add_text("Comment", WHERE)
    plain, noted = hostile.encoded(NOISE, "PNG"), hostile.encoded(NOISE, "PNG", pnginfo=note)

    assert plain != noted
    assert opened(plain).digest == opened(noted).digest
    assert opened(plain).digest != opened(hostile.encoded(NOISE)).digest


def test_a_copy_looks_like_its_original_and_another_picture_does_not() -> None:
    original = np.asarray(Image.effect_mandelbrot((600, 400), (-2, -1, 1, 1), 60).convert("RGB"))
    copy = np.asarray(Image.fromarray(original).resize((450, 300)).filter(ImageFilter.GaussianBlur(1)))
    other = np.rot90(original)

    assert len(perceptual_hash(original)) == 16
    assert distance(perceptual_hash(original), perceptual_hash(copy)) <= 6
    assert distance(perceptual_hash(original), perceptual_hash(other)) > 12
    assert digest(original) != digest(copy)


def with_reflection() -> Picture:
    picture = np.asarray(checkers(800, 600)).copy()
    picture[200:400, 300:500] = 255
    return picture


@pytest.mark.parametrize(
    ("picture", "reasons"),
    [
        pytest.param(np.asarray(checkers(800, 600)), (), id="good"),
        pytest.param(np.asarray(checkers(180, 130)), ("image_too_small",), id="too small"),
        pytest.param(
            np.asarray(checkers(800, 600).filter(ImageFilter.GaussianBlur(9))),
            ("image_blurred",),
            id="blurred",
        ),
        pytest.param(with_reflection(), ("image_glare",), id="reflection"),
        pytest.param(
            np.pad(np.asarray(checkers(500, 300)), ((90, 90), (9, 9), (0, 0)), constant_values=255),
            (),
            id="paper",
        ),
    ],
)
def test_a_picture_that_cannot_be_read_well_is_noticed(picture: Picture, reasons: tuple[str, ...]) -> None:
    assert reasons_of(quality(picture)) == reasons


def test_only_size_is_a_failure_since_what_is_blurred_may_still_be_read() -> None:
    blurred = quality(np.asarray(checkers(800, 600).filter(ImageFilter.GaussianBlur(9))))

    assert CheckResult.FAIL not in {check.result for check in blurred}
