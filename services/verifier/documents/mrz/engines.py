"""The engines that read text: Tesseract with the model for zones, and PP-OCR for the rest."""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from services.verifier.documents.files.picture import Picture
from services.verifier.documents.mrz.repair import MOST_NOISE, EngineText
from services.verifier.documents.ocr import paddle
from services.verifier.documents.worker.confinement import MODELS_VARIABLE, OWN_MODELS

MODEL = "mrz"
OTHER_CONFIDENCE = 100
"""Of PP-OCR's reads: its errors differ from Tesseract's, so it is believed where both agree."""
LEAST_SIDE = 8
"""Of a picture, in pixels; Tesseract raises below."""


def models_folder() -> Path:
    """Return the folder of the model: ``HABEAS_MODELS``, else where ``scripts/models`` puts it."""
    return Path(os.environ.get(MODELS_VARIABLE) or OWN_MODELS)


def has_model(folder: Path) -> bool:
    """Return whether the model for zones is in *folder*."""
    return (folder / f"{MODEL}.traineddata").is_file()


def lines_by_tesseract(grey: Picture, folder: Path) -> list[EngineText]:
    """Return the lines that the model for zones reads in *grey* (rows by columns), from the top."""
    if min(grey.shape) < LEAST_SIDE:
        return []
    height, width = grey.shape
    engine = _tesseract(folder)
    engine.SetImageBytes(np.ascontiguousarray(grey).tobytes(), width, height, 1, width)
    engine.SetSourceResolution(300)
    try:
        lines = str(engine.GetUTF8Text()).splitlines()
    except RuntimeError:  # it found no text at all
        return []
    return _with_confidences(lines, engine.AllWordConfidences())


def _with_confidences(lines: Iterable[str], confidences: Iterable[int]) -> list[EngineText]:
    """Give each line the confidence of its least sure word; that of a word is of its least sure character."""
    left = iter(confidences)
    texts = []
    for line in lines:
        words = [(word, next(left, 0)) for word in line.split()]
        long = [confidence for word, confidence in words if len(word) > MOST_NOISE]
        texts.append(EngineText(line, min(long, default=0)))
    return texts


def lines_by_paddle(picture: Picture) -> list[EngineText]:
    """Return the lines that PP-OCR reads in *picture*, from the top, pieces of one line joined."""
    # flags stick from call to call, so all are given
    found = _engine()(picture, use_det=True, use_cls=False, use_rec=True)
    if found.boxes is None or found.txts is None:
        return []
    pieces = [_piece(box, text) for box, text in zip(found.boxes, found.txts, strict=True)]
    return [EngineText(line, OTHER_CONFIDENCE) for line in _joined(sorted(pieces))]


@cache
def _tesseract(folder: Path) -> Any:
    # its threads cost more than they gain on a few lines; read once, when the library is loaded
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    import tesserocr  # noqa: PLC0415 - it loads 30 MB: only where used

    return tesserocr.PyTessBaseAPI(
        path=str(folder), lang=MODEL, oem=tesserocr.OEM.LSTM_ONLY, psm=tesserocr.PSM.SINGLE_BLOCK
    )


@cache
def _engine() -> Any:
    return paddle({"Global.log_level": "error", "Det.limit_type": "max", "Det.limit_side_len": 960})


Piece = tuple[float, float, float, str]
"""Middle, height and left end of a piece of a line, in pixels, and its text."""


def _piece(box: Any, text: str) -> Piece:
    corners = np.asarray(box, np.float32)
    top, bottom = corners[:2, 1].mean(), corners[2:, 1].mean()
    return float(top + bottom) / 2, float(bottom - top), float(corners[:, 0].min()), text


def _joined(pieces: list[Piece]) -> list[str]:
    rows: list[list[Piece]] = []
    for piece in pieces:
        if rows and piece[0] - rows[-1][0][0] < 0.5 * piece[1]:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return ["".join(text for *_, text in sorted(row, key=lambda piece: piece[2])) for row in rows]
