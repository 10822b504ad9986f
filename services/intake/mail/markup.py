"""HTML of mails as the text that its reader sees. Pure; nothing raises."""

from html.parser import HTMLParser

LARGEST = 400_000
"""Characters that are looked at."""
UNSEEN = frozenset({"script", "style", "head", "title", "template", "object", "noscript", "svg"})
EARLIER = frozenset({"blockquote"})
"""What holds earlier mails."""
EARLIER_CLASSES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "gmail_signature")
EARLIER_IDS = ("divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container", "replysplit")
BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "hr", "td"})
VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr", "source"})


class _Reader(HTMLParser):
    """Gathers what is seen, up to the first thing that opens an earlier mail and is never closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.skipping: list[str] = []
        """Elements that are open, from the one on that is not seen."""
        self.over = False
        """Whether all that follows belongs to an earlier mail."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if tag in BREAKS:
            self.text.append("\n")
        if tag in VOID:
            return
        said = {name: (value or "").lower() for name, value in attrs}
        if any(mark in said.get("id", "") for mark in EARLIER_IDS):
            self.over = True
        if self.skipping or _is_hidden(tag, said):
            self.skipping.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element, and with it what was left open in it."""
        if tag in BREAKS:
            self.text.append("\n")
        if tag in self.skipping:
            while self.skipping.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Take text that is seen."""
        if not self.skipping and not self.over:
            self.text.append(data)


def text_of(html: str) -> str:
    """Return what a reader sees of *html*, without earlier mails and signatures that are marked as such."""
    reader = _Reader()
    try:
        reader.feed(html[:LARGEST])
        reader.close()
    except AssertionError:  # the library's word for markup that it cannot follow
        pass
    lines = (" ".join(line.split()) for line in "".join(reader.text).split("\n"))
    return "\n".join(line for line in lines if line)


def _is_hidden(tag: str, said: dict[str, str]) -> bool:
    marked = any(name in said.get("class", "") for name in EARLIER_CLASSES)
    style = said.get("style", "").replace(" ", "")
    return tag in UNSEEN | EARLIER or marked or "display:none" in style
