"""Landfast for Prefect: reference artifacts as blocks, tasks, assets and events.

This first release is only discovered by Prefect as a collection; the block, the tasks and
the events follow the core. Until then use ``landfast`` itself inside a task.
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("prefect-landfast")
