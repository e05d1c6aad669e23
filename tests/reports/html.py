"""What a browser would make of a page."""

from html.parser import HTMLParser

VOID_ELEMENTS = {"meta", "img", "br", "hr", "input", "link", "base", "source", "wbr", "area", "col", "embed", "track"}
LOADING = {"src", "href", "xlink:href", "srcset", "data", "poster", "action", "formaction", "background", "cite"}


class Page(HTMLParser):
    """What a browser would make of a page: nesting, ids, what it loads, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.styles: list[str] = []
        self.scripts: list[str] = []
        self.policy = ""
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "meta" and dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"] or ""
        for name, value in attrs:
            assert not name.startswith("on"), f"<{tag}> has the handler {name}"
            if name in LOADING:
                self.loaded.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name == "style":
                self.styles.append(value or "")
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID_ELEMENTS:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        kinds = {"style": self.styles, "script": self.scripts}
        kinds.get(self.open[-1] if self.open else "", self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())
