"""The page in a real browser, and what is found wrong with it."""

from __future__ import annotations

import re
from contextlib import contextmanager

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect
from service import start

SIZES = {
    "desktop": {"width": 1280, "height": 900},
    "phone": {"width": 380, "height": 800},
}


@contextmanager
def dashboard(*folders, **environment):
    """Serve the page of these runs in a process of its own; give its address."""
    process = start(
        "dashboard", *map(str, folders), "--listen", "127.0.0.1:0", **environment
    )
    try:
        yield re.search(r"http://\S+", process.stdout.readline())[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def opened(browser, url, size="desktop", *, may_say="nothing", **more):
    """Open the page; at the end, nothing came from elsewhere, and no error.

    ``may_say``: text of errors in the console that the test provokes.
    """
    context = browser.new_context(
        viewport=SIZES[size],
        is_mobile=size == "phone",
        has_touch=size == "phone",
        **more,
    )
    page = context.new_page()
    asked, wrong, at_once = [], [], [0, 0]

    def count(request, change):
        if request.resource_type == "fetch":
            at_once[0] += change
            at_once[1] = max(at_once)

    page.on("request", lambda request: (asked.append(request.url), count(request, 1)))
    for name in ("requestfinished", "requestfailed"):
        page.on(name, lambda request: count(request, -1))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda line: (
            wrong.append(line.text)
            if line.type in {"error", "warning"} and may_say not in line.text
            else None
        ),
    )
    page.goto(url)
    expect(page.locator("#first")).to_be_visible()
    yield page
    context.close()
    elsewhere = [one for one in asked if not one.startswith(url)]
    assert (elsewhere, wrong) == ([], [])
    # Beside the stream one request is under way at a time.
    assert at_once[1] == 1


def barriers(page):
    """Return what axe-core finds that keeps people from using the page."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run()")["violations"]
    return [
        (one["id"], node["target"], node.get("failureSummary"))
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
