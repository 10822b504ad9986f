"""
Draws a file: nothing of it passes on but pixels.

No picture file is written here. An attacker in this process could write one that does harm where it
is looked at; with pixels they can only paint.
"""

from services.verifier.documents.files.opener import open_file
from services.verifier.documents.files.thumbnails import reduced
from services.verifier.documents.results import PageFacts
from services.verifier.documents.worker.frames import LONGEST_SHOWN, MOST_SHOWN, Request, frame


def show(request: Request) -> bytes:
    """Return a preview of the first pages of the file: facts about them, then their pixels."""
    opened = open_file(request.content, request.media_type)
    pictures = [reduced(picture, LONGEST_SHOWN)[0] for picture in opened.pictures[:MOST_SHOWN]]
    sizes = tuple((picture.shape[1], picture.shape[0]) for picture in pictures)
    drawn = PageFacts(pages=opened.pages, sizes=sizes, checks=opened.checks)
    return frame(drawn.model_dump_json().encode()) + b"".join(picture.tobytes() for picture in pictures)
