"""Landfast for Airflow: reference artifacts as operators, sensors, assets and triggers.

This first release is only discovered by Airflow as a provider; the hook, the operators and
the sensors follow the core. Until then use ``landfast`` itself inside a task.
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("airflow-provider-landfast")
