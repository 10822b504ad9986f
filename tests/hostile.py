"""Files that nobody should have to open, made here: bombs, active documents; and a few honest ones."""

import struct
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any

import pikepdf
import pillow_heif
import zxingcpp
from PIL import Image, ImageDraw
from reportlab.pdfgen import canvas

pillow_heif.register_heif_opener()
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def drawing(width: int = 640, height: int = 400) -> Image.Image:
    """Return a picture with sharp edges, unlike itself in every direction."""
    image = Image.effect_noise((width, height), 60).convert("RGB")
    ImageDraw.Draw(image).rectangle((0, 0, width // 4, height // 4), fill="navy")
    return image


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *chunks: bytes, rows: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG_SIGNATURE + header + b"".join(chunks) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@cache
def pixel_bomb(side: int = 20_000) -> bytes:
    """Return a PNG of *side* times *side* zeros: 400 million pixels in 389 kB."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    return png(side, side, rows=rows)


@cache
def text_bomb() -> bytes:
    """Return a small PNG with a comment of 200 MB."""
    comment = b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)
    return png(300, 300, chunk(b"zTXt", comment), rows=zlib.compress(bytes(301) * 300))


def page_pdf(
    draw: Callable[[canvas.Canvas], object] = lambda page: page.drawString(60, 760, "Hello"), **options: Any
) -> bytes:
    buffer = BytesIO()
    page = canvas.Canvas(buffer, pagesize=(595, 842), **options)
    draw(page)
    page.save()
    return buffer.getvalue()


def bill_page(page: canvas.Canvas) -> None:
    page.setFont("Helvetica", 10)
    page.drawString(60, 760, "Northwind Energy Ltd")
    page.drawString(400, 760, "Invoice date: 12 November 2026")
    for step, line in enumerate(("Ms Ada Example", "12 Meadow Lane", "Springfield, IL 62704")):
        page.drawString(60, 700 - 14 * step, line)


@cache
def bill_pdf() -> bytes:
    return page_pdf(bill_page)


def changed_pdf(change: Callable[[pikepdf.Pdf], object], **options: Any) -> bytes:
    """Return a letter after *change*."""
    with pikepdf.open(BytesIO(bill_pdf())) as pdf:
        change(pdf)
        buffer = BytesIO()
        pdf.save(buffer, **options)
        return buffer.getvalue()


@cache
def flate_bomb() -> bytes:
    """Return a PDF whose page is 400 MB of blanks, compressed twice into a few kilobytes."""
    packer = zlib.compressobj(9)
    once = b"".join(packer.compress(b" " * 1_000_000) for _ in range(400)) + packer.flush()
    twice = zlib.compress(once, 9)

    def explode(pdf: pikepdf.Pdf) -> None:
        stream = pikepdf.Stream(pdf, b"")
        stream.write(twice, filter=pikepdf.Array([pikepdf.Name.FlateDecode, pikepdf.Name.FlateDecode]))
        pdf.pages[0].obj.Contents = pdf.make_indirect(stream)

    as_it_is = {"stream_decode_level": pikepdf.StreamDecodeLevel.none, "compress_streams": False}
    return changed_pdf(explode, **as_it_is)


def handmade_pdf(*objects: bytes) -> bytes:
    """Return a PDF of *objects* (the first is the catalogue), with a table that is right."""
    content, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return (
        content
        + b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
        + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(content))
    )


@cache
def looping_pages() -> bytes:
    """Return a PDF whose page tree is its own branch."""
    return handmade_pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Pages/Kids[2 0 R]/Count 1/Parent 2 0 R>>",
    )


def one_page(extra: bytes = b"", box: bytes = b"0 0 595 842") -> bytes:
    """Return a PDF of one empty page, with *extra* entries in the page."""
    return handmade_pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[%b]%b>>" % (box, extra),
    )


def barcode(payload: bytes, scale: int = 3) -> Image.Image:
    """Return *payload* as a PDF417 symbol on white."""
    symbol = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.PDF417)
    return Image.fromarray(symbol.to_image(scale=scale)).convert("RGB")
