"""Which workers of a Dask cluster may be used, and why the others may not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ....errors import InputError
from .shared_disk import SharedFile, can_read
from .software import differences, software

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["DaskWorkers"]

#: What to do about a worker that cannot read the frames.
_REMEDY = (
    "it does not share the disk of this harvest. Give it that disk, or set "
    'work.frames_by = "workers"'
)


class DaskWorkers:
    """The workers of a cluster, each of which is checked when it comes.

    Parameters
    ----------
    frames_by
        ``path``: workers must read the frames folder; ``workers``: they fetch frames
        themselves; ``auto``: by path if all of the first workers can.
    say
        Is called with messages for the user.
    """

    def __init__(
        self, shared: SharedFile, frames_by: str, say: Callable[[str], None]
    ) -> None:
        self._shared = shared
        #: ``path`` or ``workers``; ``auto`` until the first worker is there.
        self.frames_by = frames_by
        self._say = say
        #: Addresses of the workers that may be used.
        self.good: set[str] = set()
        #: Why others may not, by address.
        self.refused: dict[str, str] = {}
        self._were_any = False
        #: Is notified when workers have come or gone.
        self.changed = asyncio.Condition()

    @property
    def only(self) -> list[str] | None:
        """The workers to choose from; None: any of the cluster."""
        return sorted(self.good) if self.refused else None

    async def look(self, client: Any) -> None:  # noqa: ANN401 - distributed may be absent
        """Check the workers that have come, and forget those that have gone.

        Raises
        ------
        OSError
            The scheduler does not answer.
        """
        present = set(await client.nthreads())
        self.refused = {at: why for at, why in self.refused.items() if at in present}
        new = present - self.good - self.refused.keys()
        before, self.good = self.good, self.good & present
        if new:
            await self._check(client, new)
        if self.good != before:
            self._were_any = self._were_any or bool(self.good)
            async with self.changed:
                self.changed.notify_all()

    async def refuse(self, address: str, why: str) -> None:
        """Use a worker no more."""
        if address not in self.refused:
            self.refused[address] = why
            self._say(f"the Dask worker {address} is not used: it {why}.")
        self.good.discard(address)
        async with self.changed:
            self.changed.notify_all()

    def need_any(self) -> None:
        """Raise an `InputError` if there are workers, and none could ever be used."""
        if self.refused and not self._were_any:
            every = "; ".join(f"{at} {why}" for at, why in self.refused.items())
            msg = (
                f"no Dask worker can be used: {every}. All must have the software of "
                "this harvest, and read its frames folder or be reached as "
                "docs/many-machines.md says."
            )
            raise InputError(msg)

    async def _check(self, client: Any, new: Collection[str]) -> None:  # noqa: ANN401 - as above
        told = await self._ask(client, software, new)
        right = []
        for address, answer in told.items():
            if words := _flaw(answer):
                await self.refuse(address, words)
            else:
                right.append(address)
        if right and self.frames_by != "workers":
            right = await self._with_disk(client, right)
        self.good.update(right)

    async def _with_disk(self, client: Any, right: list[str]) -> list[str]:  # noqa: ANN401 - as above
        told = await self._ask(client, can_read, right, self._shared)
        without = [address for address, can in told.items() if can is not True]
        if self.frames_by == "auto":
            self.frames_by = "workers" if without else "path"
            if without:
                return right
        for address in without:
            await self.refuse(address, f"cannot read {self._shared.path}: {_REMEDY}")
        return [address for address in told if address not in without]

    async def _ask(
        self,
        client: Any,  # noqa: ANN401 - as above
        function: Callable[..., object],
        workers: Collection[str],
        *arguments: object,
    ) -> dict[str, Any]:
        """Run a function on workers; leave out those that cannot be reached now."""
        told: dict[str, Any] = await client.run(
            function, *arguments, workers=sorted(workers), on_error="return"
        )
        return {at: one for at, one in told.items() if not isinstance(one, OSError)}


def _flaw(answer: object) -> str:
    if isinstance(answer, dict):
        words = differences(answer, software())
        return words and f"has {words}"
    return f"has no harvester that answers ({type(answer).__name__}: {answer})"
