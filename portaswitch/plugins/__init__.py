"""
The anchor under which event handlers are found: `getPlugins(IEventHandler, portaswitch.plugins)`.

It holds no handler. Its `__path__` is the folder of the shipped handlers; the loader appends the operator's
folders (`espf: handler_path:`). Such a folder has no `__init__.py`, else Twisted passes over it (Twisted's
howto on plugins).
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

#: Where setup.cfg's data_files puts handlers/*.py, below the environment's prefix.
_INSTALLED = "share/portaswitch/handlers"


def shipped_handlers() -> list[str]:
    """
    Return the folder of the shipped handlers as a list of at most one path, ready to be a `__path__`.

    In a checkout (setup.cfg stands beside the package) it is the checkout's handlers/, so that an edit shows
    at once; otherwise the folder in the installed distribution's list of files, right for any prefix. Where
    neither is there the list is empty.
    """
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "setup.cfg").is_file():
        return [str(checkout / "handlers")]
    try:
        files = metadata.files("portaswitch") or []
    except metadata.PackageNotFoundError:
        return []
    # Not what pip compiled: with PYTHONPYCACHEPREFIX that lies in a folder of the same name elsewhere.
    folders = [file for file in files if file.suffix == ".py" and file.parent.as_posix().endswith(_INSTALLED)]
    return [str(Path(str(file.locate())).resolve().parent) for file in folders[:1]]


__path__ = shipped_handlers()
