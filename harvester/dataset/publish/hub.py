"""A data set on the Hugging Face Hub, by way of its own library.

Large files go up first, one after another; the hub recognises those that it has by
their hash. Then commits make them visible, the card and the list of files in the last
one. So the branch never has a card of a data set that is not there.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import httpx2
import huggingface_hub as hub
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import get_session
from huggingface_hub.utils.sha import git_hash

from ...errors import InputError, PermanentError, TransientError
from ..object_store.opening import need_tls
from .remote import SentFile, Stored, divided

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from .destination import Destination
    from .rate_limit import Pause

__all__ = ["Hub"]

_KIND = "dataset"

#: Files of the hub itself, which no data set brings along.
_OF_HUB = {".gitattributes"}

#: Most files in one commit, and bytes of small files, which travel inside the commit.
_COMMIT_FILES, _COMMIT_BYTES = 500, 50_000_000

#: Larger files never travel inside a commit.
_LARGE_BYTES = 10_000_000

#: Most files, and bytes, that are uploaded between two reports of the progress.
_UPLOAD_FILES, _UPLOAD_BYTES = 50, 64_000_000

#: Attempts at a request that the library itself does not repeat.
_ATTEMPTS = 5

#: Seconds to wait after a failed attempt that asks for no wait, times its number.
_BACKOFF_S = 2.0

_LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write."

#: Statuses after which the same request may succeed.
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


class Hub:
    """A data set in a repository of the hub.

    Parameters
    ----------
    destination
        With scheme ``hf``.
    endpoint
        Address of the hub; empty: that of the library, which reads ``HF_ENDPOINT``.
    private
        Whether a repository that is made now is private.
    pause
        Holds requests back when the hub asks for it.

    Raises
    ------
    InputError
        The hub does not use TLS and is not on this machine.
    """

    def __init__(
        self, destination: Destination, *, endpoint: str, private: bool, pause: Pause
    ) -> None:
        self._repo, self._branch = destination.place, destination.within
        self._private, self._pause = private, pause
        hub.utils.disable_progress_bars()
        hub.set_client_factory(self._client)
        self._api = hub.HfApi(
            endpoint=endpoint or None, library_name="galaxy-harvester"
        )
        need_tls(self._api.endpoint)
        self.address = f"{self._api.endpoint}/datasets/{self._repo}"

    def _client(self) -> httpx2.Client:
        """Make the client that the library sends all requests with."""
        # Bodies of several GB take long; silence on the line does not.
        timeout = httpx2.Timeout(300, connect=30)
        hooks: Any = {
            "request": [hub.utils._http.hf_request_event_hook, self._hold],  # noqa: SLF001 - the library's default hook
            "response": [self._heed],
        }
        return httpx2.Client(event_hooks=hooks, follow_redirects=True, timeout=timeout)

    def _hold(self, _request: httpx2.Request) -> None:
        self._pause.hold()

    def _heed(self, response: httpx2.Response) -> None:
        headers = {name.lower(): value for name, value in response.headers.items()}
        self._pause.heed(response.url.host, response.status_code, headers)

    def _try(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the library returns
        """Call the library, again where the hub asks to try later."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return call()
            except (HfHubHTTPError, httpx2.TransportError, RuntimeError) as error:
                if attempt == _ATTEMPTS or not _may_pass(error):
                    raise
                self._pause.rest(attempt * _BACKOFF_S)
        raise AssertionError

    def prepare(self) -> None:
        """Make the repository and the branch, if they are not there."""
        with self._blamed():
            self._try(
                lambda: self._api.create_repo(
                    self._repo, repo_type=_KIND, private=self._private, exist_ok=True
                )
            )
            if self._branch != "main":
                self._try(
                    lambda: self._api.create_branch(
                        self._repo, branch=self._branch, repo_type=_KIND, exist_ok=True
                    )
                )

    def stored(self, files: Sequence[SentFile]) -> Stored:
        """Compare the branch with the files, by their hashes."""
        with self._blamed():
            there = self._try(self._tree)
        ours = {file.name: file for file in files}
        same = {n for n, e in there.items() if n in ours and _is_same(e, ours[n])}
        others = [name for name in there if name not in ours and name not in _OF_HUB]
        return Stored(frozenset(same), tuple(sorted(others)))

    def _tree(self) -> dict[str, RepoFile]:
        entries = self._api.list_repo_tree(
            self._repo, recursive=True, revision=self._branch, repo_type=_KIND
        )
        return {one.path: one for one in entries if isinstance(one, RepoFile)}

    def send(self, files: Sequence[SentFile], sent: Callable[[SentFile], None]) -> None:
        """Upload the files one after another, and commit them in groups."""
        with self._blamed():
            for group in divided(files, _COMMIT_FILES, _COMMIT_BYTES, _LARGE_BYTES):
                additions = [_addition(file) for file in group]
                self._upload(group, additions, sent)
                self._commit(additions)

    def _upload(
        self,
        files: Sequence[SentFile],
        additions: Sequence[hub.CommitOperationAdd],
        sent: Callable[[SentFile], None],
    ) -> None:
        """Upload the large files, some at a time: each call costs two requests."""
        ready = iter(additions)
        for some in divided(files, _UPLOAD_FILES, _UPLOAD_BYTES):
            batch = list(islice(ready, len(some)))
            self._try(partial(self._preupload, batch))
            for file in some:
                sent(file)

    def _preupload(self, additions: Sequence[hub.CommitOperationAdd]) -> None:
        self._api.preupload_lfs_files(
            self._repo,
            additions,
            repo_type=_KIND,
            revision=self._branch,
            num_threads=1,
            free_memory=False,
        )

    def _commit(self, operations: Sequence[Any]) -> None:
        self._try(
            lambda: self._api.create_commit(
                self._repo,
                operations,
                commit_message=f"{len(operations)} files, by galaxy-harvester",
                repo_type=_KIND,
                revision=self._branch,
            )
        )

    def remove(self, names: Sequence[str]) -> None:
        """Delete files in a commit of their own."""
        with self._blamed():
            self._commit([hub.CommitOperationDelete(name) for name in names])

    def pin(self, files: Sequence[SentFile]) -> Mapping[str, str]:
        """Give the commit that the branch is at now."""
        with self._blamed():
            found = self._try(
                lambda: self._api.repo_info(
                    self._repo, repo_type=_KIND, revision=self._branch
                )
            )
        return dict.fromkeys((file.name for file in files), str(found.sha))

    def fetch(self, name: str, revision: str, target: Path) -> None:
        """Download a file of a commit."""
        url = hub.hf_hub_url(
            self._repo,
            name,
            repo_type=_KIND,
            revision=revision,
            endpoint=self._api.endpoint,
        )
        headers = hub.utils.build_hf_headers()
        with self._blamed():
            self._try(lambda: _download(url, headers, target))

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Turn the library's errors into ours."""
        try:
            yield
        except OfflineModeIsEnabled as error:
            msg = f"HF_HUB_OFFLINE is set, so {self._api.endpoint} is not asked."
            raise InputError(msg) from error
        except LocalTokenNotFoundError as error:
            msg = f"you are not logged in to {self._api.endpoint}. {_LOG_IN}"
            raise InputError(msg) from error
        except httpx2.TransportError as error:
            msg = f"{self._api.endpoint} cannot be reached: {error}. {_CONTINUE}"
            raise TransientError("hub", msg) from error
        except HfHubHTTPError as error:
            raise self._of_status(error) from error
        except (RuntimeError, ValueError) as error:
            # The library wraps what goes wrong in a thread.
            cause = error.__cause__
            if isinstance(cause, HfHubHTTPError):
                raise self._of_status(cause) from error
            msg = f"{self._api.endpoint} does not take a file: {cause or error}."
            raise TransientError("hub", f"{msg} {_CONTINUE}") from error

    def _of_status(self, error: HfHubHTTPError) -> Exception:
        status = error.response.status_code if error.response is not None else 0
        said = " ".join(str(error.server_message or error).split())[:300]
        if isinstance(error, (EntryNotFoundError, RevisionNotFoundError)):
            return PermanentError("hub", f"{self.address}: {said}")
        if status in {401, 403} or isinstance(error, RepositoryNotFoundError):
            msg = f"{self.address} does not let you write (HTTP {status}). {_LOG_IN}"
            return InputError(msg)
        if status in _TRY_AGAIN:
            msg = f"{self.address}: HTTP {status}, {said}. {_CONTINUE}"
            return TransientError("hub", msg)
        return PermanentError("hub", f"{self.address}: HTTP {status}, {said}")


_CONTINUE = "Run the same command again: it continues where this one ended."


def _may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, RuntimeError) and error.__cause__ is not None:
        return isinstance(error.__cause__, Exception) and _may_pass(error.__cause__)
    if isinstance(error, HfHubHTTPError):
        return error.response is not None and error.response.status_code in _TRY_AGAIN
    return isinstance(error, httpx2.TransportError)


def _is_same(entry: RepoFile, file: SentFile) -> bool:
    if entry.size != file.size:
        return False
    if entry.lfs:
        return bool(entry.lfs.sha256 == file.sha256)
    # Small files are kept by git, which hashes them in its own way.
    return bool(entry.blob_id == git_hash(file.path.read_bytes()))


def _addition(file: SentFile) -> hub.CommitOperationAdd:
    addition = hub.CommitOperationAdd(file.name, str(file.path))
    # The audit has computed it: the library need not read the file for that.
    addition.upload_info.sha256 = bytes.fromhex(file.sha256)
    return addition


def _download(url: str, headers: dict[str, str], target: Path) -> None:
    with (
        get_session().stream("GET", url, headers=headers) as response,
        target.open("wb") as file,
    ):
        hub.utils.hf_raise_for_status(response)
        for block in response.iter_bytes(1 << 20):
            file.write(block)
