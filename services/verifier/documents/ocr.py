"""Makes the engine PP-OCR of the package ``rapidocr``: one thread, and no telemetry."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.verifier.documents.files.picture import Picture

if TYPE_CHECKING:
    from rapidocr import RapidOCR

LEAST_WIDTH = 96
"""Of a line as it is read, 48 pixels high; a shorter one is filled up, which costs time (default: 320)."""
STRIDE = 32
"""Pixels; the sides of a picture in which lines are looked for are multiples of it."""
INKS = ((np.arange(256, dtype=np.float64) / 255 - 0.5) / 0.5).astype(np.float32)
"""What the model takes for each value of a pixel."""
DETECTOR, RECOGNIZER = (
    Path(__file__).parent / "models" / f"{model}.onnx" for model in ("detector", "recognizer")
)
"""The models of the package with 8 bits, which take half the time (docs/adr/0049)."""
ONE_THREAD = dict.fromkeys(
    (f"EngineConfig.onnxruntime.{kind}_op_num_threads" for kind in ("intra", "inter")), 1
)


@cache
def precise_engine() -> "RapidOCR":
    """
    Return the engine for marks, and for zones that are hard to read; loaded once for each process.

    Its models have single precision: with those of 8 bits, two of 32 marks were missed.
    """
    return paddle_engine({"Global.log_level": "error", "Det.limit_type": "max", "Det.limit_side_len": 960})


@cache
def line_engine() -> "RapidOCR":
    """
    Return the engine for print and zones; loaded once for each process.

    Its models have 8 bits: lines cost the most of a document. Flags of single calls would stick, so none is
    used.
    """
    steps = ("use_cls", "use_preprocess_img", "use_vertical_padding")
    shape = {"Rec.rec_img_shape": [3, 48, LEAST_WIDTH]}
    models = {"Det.model_path": str(DETECTOR), "Rec.model_path": str(RECOGNIZER)}
    return paddle_engine(
        {"Global.log_level": "critical", **models, **shape, **{f"Global.{step}": False for step in steps}}
    )


def line_corners(engine: "RapidOCR", picture: Picture, scale: float) -> NDArray[np.float32]:
    """
    Return the corners of each line of text in *picture*, in its pixels; it is made *scale* times as large.

    The engine's own steps enlarge a flat picture, count in double precision and cut out each line: three
    hundredths of the time of a document.
    """
    height, width = picture.shape[:2]
    wide, high = (max(1, round(int(side * scale) / STRIDE)) * STRIDE for side in (width, height))
    planes = cv2.LUT(cv2.resize(picture, (wide, high)), INKS).transpose(2, 0, 1)
    loaded: Any = engine
    detector = loaded._load_det_model()  # noqa: SLF001 - nothing public gives places alone
    found = detector.session(np.ascontiguousarray(planes[np.newaxis]))
    boxes, _ = detector.postprocess_op(found, (height, width))
    return np.asarray(detector.sorted_boxes(boxes), dtype=np.float32).reshape(-1, 4, 2)


def paddle_engine(params: Mapping[str, object]) -> "RapidOCR":
    """Return an engine with *params*; it loads 200 MB."""
    from rapidocr import RapidOCR  # noqa: PLC0415 - only where used

    # From version 1.29 on, onnxruntime for Linux sends events, and keeps them and an id in the home folder.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return RapidOCR(params={**params, **ONE_THREAD})
