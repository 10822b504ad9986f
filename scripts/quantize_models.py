"""
Makes the models that find and read lines of text faster: with weights and values of 8 bits.

    uv run --extra documents --with onnx==1.23.2 python scripts/quantize_models.py FOLDER

They are made of the models in the package ``rapidocr`` (PP-OCRv6, small; Apache-2.0), and written where the
verifier loads them. FOLDER has JPEG pictures of documents and letters. The range of each value inside a model
is measured with them, and nothing else of them is kept: some forty of any kind will do.
"""

import random
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx.version_converter
import rapidocr
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from services.verifier.documents.files.picture import Picture
from services.verifier.documents.ocr import DETECTOR, INKS, RECOGNIZER, STRIDE, line_corners, paddle_engine

PACKAGED = Path(rapidocr.__file__).parent / "models"
SOURCES = {DETECTOR: "PP-OCRv6_det_small.onnx", RECOGNIZER: "PP-OCRv6_rec_small.onnx"}
STEPS = {
    DETECTOR: [
        "Conv",
        "ConvTranspose",
        "MatMul",
        "Gemm",
        "Add",
        "Mul",
        "Relu",
        "MaxPool",
        "Concat",
        "Resize",
    ],
    RECOGNIZER: ["Conv", "MatMul", "Gemm"],
}
"""Operations that are done with 8 bits; the rest of a model stays as it is."""
OPSET = 17
"""Of ONNX: the packaged models have 11, in which each channel cannot have a range of its own."""
SIDE = 1200
"""Of the pictures, in pixels: about that in which the verifier looks for lines."""
MOST_LINES = 8
"""Of each picture."""
LINE_HEIGHT = 48
"""In pixels, as lines are read."""

Planes = NDArray[np.float32]


class Inputs(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    """Hands a model its inputs, one after the other."""

    def __init__(self, inputs: Iterable[Planes]) -> None:
        self._inputs = iter(inputs)

    def get_next(self) -> dict[str, Planes] | None:
        """Return the next input; none after the last."""
        following = next(self._inputs, None)
        return None if following is None else {"x": following}


def pages(pictures: Sequence[Picture]) -> Iterator[Planes]:
    """Yield *pictures* as lines are looked for in them."""
    for picture in pictures:
        scale = SIDE / max(picture.shape[:2])
        high, wide = (round(side * scale / STRIDE) * STRIDE for side in picture.shape[:2])
        yield planes(cv2.resize(picture, (wide, high)))


def lines(pictures: Sequence[Picture]) -> Iterator[Planes]:
    """Yield some lines of each of *pictures*, as they are read."""
    engine = paddle_engine({})
    chance = random.Random(1)  # noqa: S311 - the same lines each time
    for picture in pictures:
        corners = line_corners(engine, picture, SIDE / max(picture.shape[:2]))
        chosen = chance.sample(list(corners), min(MOST_LINES, len(corners)))
        for line in engine.crop_text_regions(picture, np.asarray(chosen)):
            wide = max(LINE_HEIGHT, round(LINE_HEIGHT * line.shape[1] / line.shape[0]))
            yield planes(cv2.resize(line, (wide, LINE_HEIGHT)))


def planes(picture: Picture) -> Planes:
    """Return *picture* as a model takes it: colours, rows, columns."""
    return np.ascontiguousarray(cv2.LUT(picture, INKS).transpose(2, 0, 1)[np.newaxis])


def quantize(model: Path, inputs: Iterable[Planes]) -> None:
    """
    Write *model* with 8 bits, with the ranges that *inputs* have.

    Weights have 7 bits: sums of products of 8 bits overflow on processors without VNNI.
    """
    source = onnx.load(PACKAGED / SOURCES[model])
    newer = onnx.version_converter.convert_version(source, OPSET)
    newer.metadata_props.extend(source.metadata_props)  # the letters that it knows
    with tempfile.TemporaryDirectory() as folder:
        newest, prepared = Path(folder, "newest.onnx"), Path(folder, "prepared.onnx")
        onnx.save(newer, newest)
        quant_pre_process(newest, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            model,
            Inputs(inputs),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=STEPS[model],
        )
    sys.stdout.write(f"{model}: {model.stat().st_size / 1e6:.1f} MB\n")


def main() -> None:
    """Make both models with the pictures in the folder that the command line names."""
    found = [cv2.imread(str(path)) for path in sorted(Path(sys.argv[1]).rglob("*.jpg"))]
    pictures = [np.asarray(picture) for picture in found if picture is not None]
    quantize(DETECTOR, pages(pictures))
    quantize(RECOGNIZER, lines(pictures))


if __name__ == "__main__":
    main()
