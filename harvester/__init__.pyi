# What type checkers and editors see: `__init__.py` imports these when they are used.

from .api import PlanResult as PlanResult
from .api import RunResult as RunResult
from .api import plan as plan
from .api import resume as resume
from .api import run as run
from .api import status as status
from .dataset.opened.galaxies import open_run as open  # noqa: A004, F401 - its name here
from .errors import BusyError as BusyError
from .errors import HarvesterError as HarvesterError
from .errors import InputError as InputError
from .errors import LedgerError as LedgerError
from .errors import LocalError as LocalError
from .errors import LockedError as LockedError
from .errors import OutageError as OutageError
from .errors import TransientError as TransientError
from .errors import UnknownNameError as UnknownNameError
from .events import Event as Event
from .events import Listener as Listener
from .events import Moved as Moved
from .events import Note as Note
from .events import Stamped as Stamped
from .run.extend.from_python import extend as extend

__version__: str
