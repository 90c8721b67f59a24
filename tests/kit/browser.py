"""Read pages in headless Chromium, and take their pictures once they show what they should."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.servers.process import ServerMissing

PICTURES = "LANDFAST_TEST_PICTURES"
"""Folder for the pictures of the documentation; unset, pages are only read."""

# Quiet: without these it looks for its maker's hosts at every start.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class PageLacksText(AssertionError):
    """A page did not show in time what was asked for; the message ends with what it shows."""


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser window."""

    page: Any
    """The page of Playwright's synchronous API, for clicks."""

    def open(self, url: str, *texts: str, timeout_s: float = 120) -> str:
        """Open a page and return its text once it shows all of `texts`.

        Raises:
            PageLacksText: If it does not in time.
        """
        self.page.goto(url, wait_until="domcontentloaded", timeout=timeout_s * 1000)
        return self.wait(*texts, timeout_s=timeout_s)

    def wait(self, *texts: str, timeout_s: float = 120) -> str:
        """Return the text of the page that is open once it shows all of `texts`; white space is one blank."""
        deadline = time.monotonic() + timeout_s
        while True:
            shown = re.sub(r"\s+", " ", self.page.inner_text("body"))
            missing = [text for text in texts if text not in shown]
            if not missing:
                return shown
            if time.monotonic() > deadline:
                raise PageLacksText(
                    f"{self.page.url} does not show {missing}; it shows:\n{shown[:4000]}"
                )
            self.page.wait_for_timeout(250)

    def picture(self, name: str, *texts: str) -> Path | None:
        """Save what is shown as `name`.png, after `texts` are seen; only where pictures are asked for.

        Returns:
            The file; None if `LANDFAST_TEST_PICTURES` names no folder.
        """
        self.wait(*texts)
        folder = os.environ.get(PICTURES)
        if not folder:
            return None
        target = Path(folder) / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(1000)  # transitions and fonts
        self.page.screenshot(path=str(target))
        return target


@contextlib.contextmanager
def browser(*, width: int = 1440, height: int = 900) -> Iterator[Browser]:
    """Run headless Chromium until the block ends.

    Args:
        width: Of the window, pixels.
        height: Of the window, pixels.

    Raises:
        ServerMissing: Chromium or Playwright is not installed.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise ServerMissing("no Chromium: apt-get install chromium")
    if importlib.util.find_spec("playwright") is None:
        raise ServerMissing("Playwright is not installed: pip install playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=list(_FLAGS))
        try:
            yield Browser(chromium.new_page(viewport={"width": width, "height": height}))
        finally:
            chromium.close()
