"""The verbs as Prefect tasks, one a file; each has an async twin whose name begins with ``a``."""
