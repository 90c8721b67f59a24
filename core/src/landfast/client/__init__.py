"""Client: one object that joins a registry, its blob store, the stores and the settings.

Every method names things, calls one service or one registry verb, and binds the answer to the client.  The
verbs are grouped by file: runs, reading, scanning, publishing, access, changing.
"""

from __future__ import annotations

from landfast.client.changing import Changing


class Client(Changing):
    """The door for scripts and integrations.

    Nothing is opened before it is needed.  A client is safe to share between threads, survives `fork`,
    and pickles without secrets: elsewhere it opens the registry of that environment.

    Args:
        url: Registry: ``sqlite:///PATH`` or ``postgresql://...``; None is `LANDFAST_REGISTRY_URL`, else SQLite
            in the user's data folder.
        entity: Default entity of names.
        project: Default project of names.
        store_url: What the caller believes the registry's blob store to be; another one is `Conflict`.
        options: Store options by URI prefix: endpoint, region, profile, role, anonymous, ...
        clients: Functions that make provider clients, by URI prefix or scheme; called on the worker.
        stores: Own stores by scheme.
        run: The run in whose name to log; None is `LANDFAST_RUN`, else one for this process.
        settings: All settings at once, instead of the environment's.
        note: Called with sentences for a person, such as "this bucket does not keep overwritten objects".
        opener: Makes this client again where it, or a version of it, is unpickled: a picklable function
            without secrets, such as one that looks a connection up; None opens that environment's registry.

    Example:
        >>> client = Client()  # doctest: +SKIP
        >>> v = client.log("vision/mnist", "s3://my-bucket/datasets/mnist")  # doctest: +SKIP
        >>> v.version, v.changed  # doctest: +SKIP
        ('v0', True)
    """


__all__ = ["Client"]
