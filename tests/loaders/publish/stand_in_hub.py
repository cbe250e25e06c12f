"""A stand-in of the Hugging Face Hub on loopback: data sets with branches and LFS.

It answers what the hub's own client asks for an upload and a download, and is strict:
it refuses writes without the token, contents that do not have their hash, and commits
of files that were not uploaded. Faults are planned by the tests.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from aiohttp import web

TOKEN = "hf_" + "standin" * 5

#: Status of faults that ask the client to wait. ``last``: a request that fails for
#: another reason, and is the last one of its window.
_STATUS = {"limit": 429, "later": 503, "last": 500}

#: Larger objects are sent in parts of this size.
PART = 1 << 20
#: Entries of a page of a tree.
PAGE = 3


@dataclass
class Fault:
    """What happens to ``times`` requests that match, after the first ``after``."""

    method: str
    path: str
    kind: str
    times: int = 1
    after: int = 0
    #: Seconds that a limited client is asked to wait.
    seconds: int = 1
    #: Set when a request of kind ``hold`` has arrived; the test sets ``release``.
    arrived: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


class StandInHub:
    """The state of the hub, which tests look into, and its handlers."""

    def __init__(self):
        self.url = ""
        self.faults = []
        #: Method and path of each request, in order.
        self.requests = []
        #: Objects of LFS by SHA-256, parts by SHA-256 and number.
        self.objects, self.parts = {}, {}
        #: Repositories: branch to list of commits; a commit is a map of path to entry.
        self.repos = {}
        #: How often each object was received.
        self.received = Counter()
        #: Requests that came although the client was asked to wait.
        self.too_early = []
        self._closed_until = 0.0
        self._corrupt = set()

    def files(self, repo, branch="main"):
        """Give the content of each file of a branch."""
        commit = self.repos[repo][branch][-1]["files"]
        return {path: self._content(entry) for path, entry in commit.items()}

    def _content(self, entry):
        return self.objects[entry["oid"]] if entry["lfs"] else entry["content"]

    # --- faults and limits

    @web.middleware
    async def middleware(self, request, handler):
        """Count, plan faults, check the token, state the limits."""
        self.requests.append((request.method, request.path))
        if time.monotonic() < self._closed_until:
            self.too_early.append((request.method, request.path))
        fault = self._fault(request)
        if fault and (answer := await self._suffer(fault, request)):
            return answer
        writes = request.method in {"POST", "PUT"} and not request.path.startswith(
            "/lfs/"
        )
        if writes and request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": "Unauthorized"}, status=401)
        answer = await handler(request)
        answer.headers["RateLimit"] = '"api";r=499;t=300'
        answer.headers["RateLimit-Policy"] = '"fixed window";"api";q=500;w=300'
        return answer

    def _fault(self, request):
        for fault in self.faults:
            fits = fault.method == request.method and re.search(
                fault.path, request.path
            )
            if fits and fault.after > 0:
                fault.after -= 1
            elif fits and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    async def _suffer(self, fault, request):
        """Give the answer of a fault; None if the request is handled after all."""
        if fault.kind == "corrupt":
            self._corrupt.add(request.path)
            return None
        if fault.kind == "hold":
            fault.arrived.set()
            await asyncio.to_thread(fault.release.wait, 60)
        elif fault.kind == "drop":
            await request.content.readany()
            request.transport.abort()
        else:
            await request.read()
        if fault.kind not in _STATUS:
            return web.Response(status=int(fault.kind) if fault.kind.isdigit() else 500)
        self._closed_until = time.monotonic() + fault.seconds
        status = _STATUS[fault.kind]
        if status == 503:
            headers = {"Retry-After": str(fault.seconds)}
        else:
            headers = self._limit(fault)
        return web.json_response({"error": "later"}, status=status, headers=headers)

    def _limit(self, fault):
        return {
            "RateLimit": f'"api";r=0;t={fault.seconds}',
            "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
        }

    # --- repositories

    async def create(self, request):
        """POST /api/repos/create."""
        asked = await request.json()
        repo = f"{asked['organization']}/{asked['name']}"
        body = {"url": f"{self.url}/datasets/{repo}", "name": repo}
        if repo in self.repos:
            return web.json_response({**body, "error": "exists"}, status=409)
        first = {"oid": _sha1(repo.encode()), "files": {}, "title": "initial commit"}
        first["files"][".gitattributes"] = _small(b"*.parquet filter=lfs\n")
        self.repos[repo] = {"main": [first], "asked": asked}
        return web.json_response(body)

    async def branch(self, request):
        """POST /api/datasets/NAMESPACE/NAME/branch/BRANCH."""
        repo, branch = self._repo(request), unquote(request.match_info["rev"])
        if branch in self.repos[repo]:
            return web.json_response({"error": "exists"}, status=409)
        self.repos[repo][branch] = [self.repos[repo]["main"][-1]]
        return web.json_response({})

    def _repo(self, request):
        repo = f"{request.match_info['space']}/{request.match_info['name']}"
        if repo not in self.repos:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RepoNotFound"})
        return repo

    def _commit(self, request):
        repo, revision = self._repo(request), unquote(request.match_info["rev"])
        branches = {n: c for n, c in self.repos[repo].items() if n != "asked"}
        if revision in branches:
            return branches[revision][-1]
        for commits in branches.values():
            for commit in commits:
                if commit["oid"] == revision:
                    return commit
        raise web.HTTPNotFound(headers={"X-Error-Code": "RevisionNotFound"})

    async def info(self, request):
        """GET /api/datasets/NAMESPACE/NAME/revision/REVISION."""
        commit = self._commit(request)
        repo = self._repo(request)
        return web.json_response(
            {"_id": "1", "id": repo, "sha": commit["oid"], "private": False, "tags": []}
        )

    async def tree(self, request):
        """GET /api/datasets/NAMESPACE/NAME/tree/REVISION, in pages."""
        commit = self._commit(request)
        entries = [
            self._entry(path, one) for path, one in sorted(commit["files"].items())
        ]
        start = int(request.query.get("cursor", 0))
        headers = {}
        if start + PAGE < len(entries):
            link = f"{self.url}{request.path}?recursive=true&cursor={start + PAGE}"
            headers["Link"] = f'<{link}>; rel="next"'
        return web.json_response(entries[start : start + PAGE], headers=headers)

    def _entry(self, path, one):
        if not one["lfs"]:
            size = len(one["content"])
            return {"type": "file", "path": path, "size": size, "oid": one["oid"]}
        pointer = _pointer(one)
        lfs = {"oid": one["oid"], "size": one["size"], "pointerSize": len(pointer)}
        oid = _git_oid(pointer)
        return {
            "type": "file",
            "path": path,
            "size": one["size"],
            "oid": oid,
            "lfs": lfs,
        }

    async def preupload(self, request):
        """POST /api/datasets/NAMESPACE/NAME/preupload/REVISION."""
        there = self._commit(request)["files"]
        answer = []
        for file in (await request.json())["files"]:
            assert len(base64.b64decode(file["sample"])) <= 512
            is_large = not file["path"].endswith((".md", ".bib", ".json", "SHA256SUMS"))
            answer.append(
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if is_large else "regular",
                    "shouldIgnore": False,
                    "oid": there.get(file["path"], {}).get("oid"),
                }
            )
        return web.json_response({"files": answer})

    async def validate(self, request):
        """POST /api/validate-yaml: the front matter of a card."""
        assert "content" in await request.json()
        return web.json_response({"errors": [], "warnings": []})

    # --- large files

    async def batch(self, request):
        """POST /datasets/NAMESPACE/NAME.git/info/lfs/objects/batch."""
        asked = await request.json()
        assert asked["operation"] == "upload"
        assert asked["hash_algo"] == "sha256"
        objects = [self._actions(one) for one in asked["objects"]]
        return web.json_response({"transfer": "basic", "objects": objects})

    def _actions(self, one):
        oid, size = one["oid"], one["size"]
        if oid in self.objects:
            return {"oid": oid, "size": size}
        upload = {"href": f"{self.url}/lfs/{oid}"}
        if size > PART:
            count = -(-size // PART)
            numbers = {
                str(n): f"{self.url}/lfs/{oid}?part={n}" for n in range(1, count + 1)
            }
            upload["header"] = {"chunk_size": str(PART), **numbers}
        verify = {"href": f"{self.url}/verify/{oid}"}
        return {
            "oid": oid,
            "size": size,
            "actions": {"upload": upload, "verify": verify},
        }

    async def put(self, request):
        """PUT an object or a part of one."""
        oid, part = request.match_info["oid"], request.query.get("part")
        content = await request.read()
        if part:
            self.parts[oid, int(part)] = content
            return web.Response(
                headers={"ETag": f'"{hashlib.md5(content).hexdigest()}"'}
            )
        return self._store(request, oid, content)

    async def complete(self, request):
        """POST the list of the parts of an object."""
        oid = request.match_info["oid"]
        listed = (await request.json())["parts"]
        content = b"".join(self.parts[oid, one["partNumber"]] for one in listed)
        return self._store(request, oid, content)

    def _store(self, request, oid, content):
        if hashlib.sha256(content).hexdigest() != oid:
            return web.Response(status=400, text="not the content of this hash")
        self.received[oid] += 1
        if request.path in self._corrupt:
            middle = len(content) // 2
            flipped = bytes([content[middle] ^ 1])
            content = content[:middle] + flipped + content[middle + 1 :]
        self.objects[oid] = content
        return web.json_response({})

    async def verify(self, request):
        """POST to ask whether an object has arrived."""
        asked = await request.json()
        found = self.objects.get(asked["oid"])
        is_there = found is not None and len(found) == asked["size"]
        return web.json_response({}, status=200 if is_there else 404)

    # --- commits and downloads

    async def commit(self, request):
        """POST /api/datasets/NAMESPACE/NAME/commit/BRANCH, lines of JSON."""
        repo, branch = self._repo(request), unquote(request.match_info["rev"])
        files = dict(self.repos[repo][branch][-1]["files"])
        header, *operations = map(json.loads, (await request.text()).splitlines())
        assert header["key"] == "header"
        for one in operations:
            value = one["value"]
            if one["key"] == "file":
                files[value["path"]] = _small(base64.b64decode(value["content"]))
            elif one["key"] == "lfsFile":
                if value["oid"] not in self.objects:
                    return web.json_response({"error": "no such object"}, status=400)
                entry = {"lfs": True, "oid": value["oid"], "size": value["size"]}
                files[value["path"]] = entry
            else:
                assert one["key"] == "deletedFile"
                del files[value["path"]]
        number = len(self.repos[repo][branch])
        oid = _sha1(f"{branch} {number} {sorted(files)}".encode())
        commit = {"oid": oid, "files": files, "title": header["value"]["summary"]}
        self.repos[repo][branch].append(commit)
        url = f"{self.url}/datasets/{repo}/commit/{oid}"
        return web.json_response({"success": True, "commitUrl": url, "commitOid": oid})

    async def resolve(self, request):
        """GET a file at a revision; large ones are elsewhere."""
        commit, path = self._commit(request), unquote(request.match_info["path"])
        if path not in commit["files"]:
            raise web.HTTPNotFound(headers={"X-Error-Code": "EntryNotFound"})
        entry = commit["files"][path]
        headers = {"X-Repo-Commit": commit["oid"], "ETag": f'"{entry["oid"]}"'}
        if entry["lfs"]:
            size = str(entry["size"])
            headers |= {"X-Linked-Size": size, "X-Linked-Etag": f'"{entry["oid"]}"'}
            # The objects are at another host, as those of the hub are.
            elsewhere = self.url.replace("127.0.0.1", "localhost")
            headers["Location"] = f"{elsewhere}/lfs/{entry['oid']}"
            return web.Response(status=302, headers=headers)
        return web.Response(body=entry["content"], headers=headers)

    async def download(self, request):
        """GET an object."""
        oid = request.match_info["oid"]
        return web.Response(body=self.objects[oid], headers={"ETag": f'"{oid}"'})

    def app(self):
        """Give the application."""
        app = web.Application(middlewares=[self.middleware], client_max_size=1 << 30)
        api = "/api/datasets/{space}/{name}"
        page = "/datasets/{space}/{name}"
        app.add_routes(
            [
                web.post("/api/repos/create", self.create),
                web.post("/api/validate-yaml", self.validate),
                web.post(f"{api}/branch/{{rev}}", self.branch),
                web.get(f"{api}/revision/{{rev}}", self.info),
                web.get(f"{api}/tree/{{rev}}", self.tree),
                web.post(f"{api}/preupload/{{rev}}", self.preupload),
                web.post(f"{api}/commit/{{rev}}", self.commit),
                web.post(f"{page}.git/info/lfs/objects/batch", self.batch),
                web.get(f"{page}/resolve/{{rev}}/{{path:.+}}", self.resolve),
                web.get("/lfs/{oid}", self.download),
                web.put("/lfs/{oid}", self.put),
                web.post("/lfs/{oid}", self.complete),
                web.post("/verify/{oid}", self.verify),
            ]
        )
        return app


def _small(content):
    return {"lfs": False, "oid": _git_oid(content), "content": content}


def _git_oid(content):
    return _sha1(b"blob %d\0" % len(content) + content)


def _sha1(content):
    return hashlib.sha1(content).hexdigest()


def _pointer(one):
    version = "version https://git-lfs.github.com/spec/v1"
    return f"{version}\noid sha256:{one['oid']}\nsize {one['size']}\n".encode()


@contextmanager
def serving():
    """Serve a hub on a free port of loopback, in a thread of its own."""
    hub = StandInHub()
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def start():
        runner = web.AppRunner(hub.app())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        hub.url = f"http://127.0.0.1:{port}"
        ready.set()
        return runner

    def run():
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield hub
    finally:
        for fault in hub.faults:
            fault.release.set()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
