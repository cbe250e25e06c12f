"""A proxy in front of a service of the sandbox, which edits replies."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from recorded import mast_request, reaching

from harvester.archives.mast.archive import Mast
from harvester.archives.mast.hst import HST
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import Ask, StampSize, Survey, Target
from harvester.sandbox.server import Sandbox, SandboxOptions
from harvester.settings.settings import SERVICES

F160W = Survey.parse("hst:WFC3/IR:F160W")


class EditingProxy:
    """Forwards requests, and edits the replies as a test says."""

    def __init__(self, upstream):
        self.upstream = upstream
        #: Queries in their order; None for requests for columns.
        self.asked = []
        #: Makes the edited reply (JSON, bytes, or a status) of a query and its reply.
        #: The query is None for columns or an upload, and text for SQL.
        self.edit = lambda _asked, answer: answer

    @property
    def kinds(self):
        """The kinds of the queries so far."""
        return [kind(one) for one in self.asked if one]

    async def answer(self, request):
        """Forward a request, and give the edited reply."""
        asked = await mast_request(request)
        self.asked.append(asked)
        async with (
            ClientSession() as session,
            session.request(
                request.method,
                self.upstream + request.raw_path,
                data=await request.read(),
                headers={"Content-Type": request.headers.get("Content-Type", "")},
                allow_redirects=False,
            ) as reply,
        ):
            is_json = reply.content_type == "application/json"
            whole = await (reply.json() if is_json else reply.read())
            if not is_json and asked is None and request.method == "GET":
                asked = request.query.get("cmd")
            answer = self.edit(asked, whole)
            status, kind_of_it = reply.status, reply.content_type
        if isinstance(answer, int):
            return web.Response(status=answer, text="<html>no</html>")
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return web.Response(body=body, status=status, content_type=kind_of_it)


def kind(asked):
    """Give the kind of a query: count, products, list, sample, or part of a list."""
    if asked["service"] == "Mast.Caom.Products":
        return "products"
    if asked["params"]["columns"] != "*":
        return "count"
    names = {one["paramName"] for one in asked["params"]["filters"]}
    return "part" if "s_ra" in names else "list" if "filters" in names else "sample"


def is_list(asked):
    """Whether a query lists the images of a survey, or a part of them."""
    return asked is not None and kind(asked) in {"list", "part"}


@asynccontextmanager
async def proxied(service="mast", **options):
    """Give a sandbox, and a proxy in front of one of its services."""
    wanted = {"seed": 3, "targets": 40, "rates": {}} | options
    async with Sandbox(SandboxOptions(**wanted)) as sandbox:
        proxy = EditingProxy(sandbox.urls[service])
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", proxy.answer)
        async with TestServer(app, host="127.0.0.1") as server:
            proxy.url = str(server.make_url("/")).rstrip("/")
            yield sandbox, proxy


@asynccontextmanager
async def archive(sandbox, proxy, folder, survey=F160W):
    """Give the locator of HST behind the proxy, with a ledger for its list."""
    path = folder / "ledger.sqlite"
    if not path.exists():
        create_ledger(path, targets=[], rejects=[], surveys=[survey], facts={})
    urls = sandbox.urls | {"mast": proxy.url}
    async with Ledger.open(path) as ledger, reaching(urls) as transport:
        yield Mast(
            transport,
            ledger,
            HST,
            bases=SERVICES,
            size=StampSize.parse("40px"),
            observations="best",
        )


async def located(mast, sandbox, survey=F160W):
    """Locate the galaxies of a sandbox; give findings by number."""
    asks = [
        Ask(Target(n, f"g{n}", one.ra, one.dec, f"g{n}"))
        for n, one in enumerate(sandbox.sky.galaxies)
    ]
    found = [f for batch in [b async for b in mast.locate(survey, asks)] for f in batch]
    return {finding.target.number: finding for finding in found}


def chosen(findings):
    """Give the names of the chosen images by target."""
    return {
        number: [product.name for some in one.choices.values() for product in some]
        for number, one in findings.items()
    }
