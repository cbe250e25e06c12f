"""The sandbox is judged by what it paints itself."""

from __future__ import annotations

import pytest

from harvester.sandbox.kept_files import FOLDER_VARIABLE


@pytest.fixture(scope="module", autouse=True)
def _paint_anew():
    """Use nothing that an earlier sandbox has painted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(FOLDER_VARIABLE, raising=False)
        yield
