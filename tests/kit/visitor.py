"""A visitor who follows every link of a site in a real browser, and notes whatever a browser complains of."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urldefrag, urlsplit

from kit.browser import browser
from kit.pages import serving
from landfast.client import Client


@dataclass  # Playwright sets attributes on the owner of a handler
class Visitor:
    """One window, and what went wrong in it.

    Args:
        page: The page of Playwright's synchronous API.
        base: The site, without a final slash.
        allowed: Further origins that pages may ask.
    """

    page: Any
    base: str
    allowed: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self._note(f"script: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def visit(self, path: str) -> str:
        """Open a page of the site and return its text; anything but an answer is a problem."""
        reply = self.page.goto(self.base + path, wait_until="load")
        if reply is None or reply.status >= 400:
            self._note(f"answered {reply and reply.status}")
        return str(self.page.inner_text("body"))

    def crawl(self, start: str = "/", *, most: int = 400) -> list[str]:
        """Visit every page that links lead to, each once, and return their paths."""
        seen, waiting = {start}, deque([start])
        visited: list[str] = []
        while waiting and len(visited) < most:
            path = waiting.popleft()
            visited.append(path)
            self.visit(path)
            for link in self.links():
                if link not in seen:
                    seen.add(link)
                    waiting.append(link)
        return visited

    def links(self) -> list[str]:
        """Return the links of the page that is open and that lead to pages of the site."""
        hrefs = self.page.eval_on_selector_all(
            "a[href]:not([download])", "links => links.map(link => link.href)"
        )
        own = [urldefrag(str(href)).url for href in hrefs if str(href).startswith(self.base + "/")]
        return [link.removeprefix(self.base) for link in dict.fromkeys(own) if _is_page(link)]

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self._note(f"console: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self._note(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        self.asked.add(origin)
        if origin not in {self.base, *self.allowed} and parts.scheme not in {
            "about",
            "blob",
            "data",
        }:
            self._note(f"asked {request.url}")

    def _note(self, problem: str) -> None:
        self.problems.append(f"{self.page.url}: {problem}")


def _is_page(link: str) -> bool:
    query = urlsplit(link).query
    return "format=json" not in query and "/raw" not in urlsplit(link).path


@contextlib.contextmanager
def visiting(base: str, *, allowed: tuple[str, ...] = (), **window: Any) -> Iterator[Visitor]:
    """Open a browser on a site until the block ends; `window` is for a Playwright context."""
    with browser() as shown:
        context = shown.page.context.browser.new_context(**window)
        try:
            yield Visitor(context.new_page(), base, allowed)
        finally:
            context.close()


def every_page(client: Client, *, most: int = 60, **site: Any) -> list[str]:
    """Serve a registry, follow the links of its pages in a browser, and return them.

    Args:
        client: Of the registry.
        most: Pages to visit.
        site: Further fields of `Site`.

    Raises:
        AssertionError: If the browser complains of one.
    """
    with serving(client, **site) as served, visiting(served.url) as visitor:
        visited = visitor.crawl(most=most)
    assert not visitor.problems, "\n".join(visitor.problems)
    return visited
