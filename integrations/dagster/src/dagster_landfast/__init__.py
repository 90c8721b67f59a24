"""Landfast for Dagster: reference artifacts as assets, resources and IO managers.

This first release only registers the library with Dagster; the resource, the IO managers
and the sensors follow the core. Until then use ``landfast`` itself inside an asset.
"""

from importlib.metadata import version

from dagster_shared.libraries import DagsterLibraryRegistry

__all__ = ["__version__"]

__version__ = version("dagster-landfast")

# Ours is not one of Dagster's own packages: without the flag Dagster compares our version
# number with its own and warns about a mismatch.
DagsterLibraryRegistry.register("dagster-landfast", __version__, is_dagster_package=False)
