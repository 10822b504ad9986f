"""The languages that letters are written in; the catalogues are in ``templates/locale``."""

from pathlib import Path

from shared.pages.translation import Catalogues

TEMPLATES = Path(__file__).parents[1] / "templates"
CATALOGUES = Catalogues(TEMPLATES / "locale")
LANGUAGES = CATALOGUES.languages
"""Languages that letters are written in; any other language is answered in the first."""
REGIONAL = CATALOGUES.regional
"""Tags of the regional catalogues, of which each inherits from that of its language."""
