"""Every bucket of the loopback Cloud Storage server, and what requests do to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kit.gcs.bucket import Bucket
from kit.gcs.errors import ApiError, invalid, no_such_bucket, under_hold
from kit.gcs.objects import (
    WRITABLE,
    Json,
    StoredObject,
    digests,
    writable,
)
from kit.gcs.preconditions import Preconditions

_ANYTHING = Preconditions()
_MAX_NAME_BYTES = 1024
_MAX_COMPOSE_SOURCES = 32
_HOLDS = {"eventBasedHold": "Event-Based", "temporaryHold": "Temporary"}


class State:
    """Every bucket of the server; each method is one atomic step."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.buckets: dict[str, Bucket] = {}
        self._last_generation = 0

    def tick(self) -> int:
        """Return the next generation: microseconds since 1970, strictly increasing."""
        with self.lock:
            self._last_generation = max(self._last_generation + 1, time.time_ns() // 1000)
            return self._last_generation

    def bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise no_such_bucket()
        return self.buckets[name]

    def create_bucket(self, name: str, settings: Mapping[str, Any]) -> Bucket:
        with self.lock:
            if name in self.buckets:
                message = (
                    "Your previous request to create the named bucket succeeded and you already"
                    " own it."
                )
                raise ApiError(409, "conflict", message)
            created = Bucket(name=name, created_us=self.tick(), settings=_given(settings))
            self.buckets[name] = created
            return created

    def patch_bucket(self, name: str, settings: Mapping[str, Any]) -> Bucket:
        with self.lock:
            bucket = self.bucket(name)
            bucket.settings = _given({**bucket.settings, **settings})
            bucket.metageneration += 1
            return bucket

    def delete_bucket(self, name: str) -> None:
        with self.lock:
            if self.bucket(name).names:
                raise ApiError(409, "conflict", "The bucket you tried to delete is not empty.")
            del self.buckets[name]

    def put(
        self,
        bucket_name: str,
        name: str,
        data: bytes,
        metadata: Mapping[str, Any],
        *,
        when: Preconditions = _ANYTHING,
        component_count: int | None = None,
    ) -> StoredObject:
        """Make a new live generation, if the conditions and the given digests hold."""
        _check_name(name)
        md5, crc32c = digests(data)
        if metadata.get("md5Hash", md5) != md5 or metadata.get("crc32c", crc32c) != crc32c:
            raise invalid("Provided hash does not match the calculated hash of the content.")
        with self.lock:
            bucket = self.bucket(bucket_name)
            when.check(bucket.live(name))
            now = self.tick()
            stored = StoredObject(
                bucket=bucket_name,
                name=name,
                data=data,
                generation=now,
                updated_us=now,
                component_count=component_count,
                settings={"contentType": "application/octet-stream", **writable(metadata)},
                md5=md5,
                crc32c=crc32c,
            )
            bucket.store(name, [*self._retired(bucket, name, now), stored])
            return stored

    def get(
        self,
        bucket_name: str,
        name: str,
        generation: int | None = None,
        *,
        when: Preconditions = _ANYTHING,
    ) -> StoredObject:
        with self.lock:
            found = self.bucket(bucket_name).find(name, generation)
            when.check(found, reading=True)
            return found

    def patch(
        self,
        bucket_name: str,
        name: str,
        generation: int | None,
        metadata: Mapping[str, Any],
        *,
        when: Preconditions = _ANYTHING,
        whole: bool = False,
    ) -> StoredObject:
        """Edit (or, `whole`, replace) metadata: the generation stays, metageneration moves."""
        with self.lock:
            bucket = self.bucket(bucket_name)
            found = bucket.find(name, generation)
            when.check(found)
            edited = replace(
                found,
                settings=_edited({} if whole else found.settings, metadata),
                metageneration=found.metageneration + 1,
                updated_us=self.tick(),
            )
            kept = bucket.generations[name]
            bucket.store(name, [edited if item is found else item for item in kept])
            return edited

    def delete(
        self,
        bucket_name: str,
        name: str,
        generation: int | None,
        *,
        when: Preconditions = _ANYTHING,
    ) -> None:
        """Retire the live generation, or remove the named one for good."""
        with self.lock:
            bucket = self.bucket(bucket_name)
            found = bucket.find(name, generation)
            when.check(found)
            if generation is None:
                bucket.store(name, self._retired(bucket, name, self.tick()))
            else:
                _check_free(found)
                kept = bucket.generations[name]
                bucket.store(name, [item for item in kept if item is not found])

    def compose(
        self,
        bucket_name: str,
        name: str,
        body: Mapping[str, Any],
        *,
        when: Preconditions = _ANYTHING,
    ) -> StoredObject:
        """Join objects of one bucket into a composite, which has no MD5."""
        wanted = body.get("sourceObjects") or []
        if not 1 <= len(wanted) <= _MAX_COMPOSE_SOURCES:
            raise invalid("The number of source components provided must be between 1 and 32.")
        with self.lock:
            sources = [self._compose_source(bucket_name, source) for source in wanted]
            return self.put(
                bucket_name,
                name,
                b"".join(source.data for source in sources),
                body.get("destination") or {},
                when=when,
                component_count=sum(source.component_count or 1 for source in sources),
            )

    def copy(
        self,
        source: StoredObject,
        bucket_name: str,
        name: str,
        metadata: Mapping[str, Any],
        *,
        when: Preconditions = _ANYTHING,
    ) -> StoredObject:
        """Write the bytes of one generation elsewhere; no metadata given keeps the source's."""
        return self.put(
            bucket_name,
            name,
            source.data,
            writable(metadata) or _without_holds(source.settings),
            when=when,
            component_count=source.component_count,
        )

    def _compose_source(self, bucket_name: str, source: Mapping[str, Any]) -> StoredObject:
        generation = source.get("generation")
        found = self.get(bucket_name, source["name"], int(generation) if generation else None)
        conditions = source.get("objectPreconditions") or {}
        expected = conditions.get("ifGenerationMatch")
        Preconditions(generation=int(expected) if expected is not None else None).check(found)
        return found

    @staticmethod
    def _retired(bucket: Bucket, name: str, now_us: int) -> list[StoredObject]:
        """Return the generations that stay when the live one goes."""
        kept = bucket.generations.get(name, [])
        live = bucket.live(name)
        if live is None:
            return kept
        _check_free(live)
        older = kept[:-1]
        return [*older, replace(live, deleted_us=now_us)] if bucket.versioned else older


def _without_holds(settings: Mapping[str, Any]) -> Json:
    return {key: value for key, value in settings.items() if key not in _HOLDS}


def _check_free(stored: StoredObject) -> None:
    """Refuse to take what is held: https://cloud.google.com/storage/docs/object-holds."""
    for name, words in _HOLDS.items():
        if stored.settings.get(name):
            raise under_hold(stored.bucket, stored.name, words)


def _check_name(name: str) -> None:
    """Refuse what GCS refuses: https://cloud.google.com/storage/docs/objects#naming."""
    size = len(name.encode())
    if not 1 <= size <= _MAX_NAME_BYTES:
        raise invalid(f"The name must have 1 to {_MAX_NAME_BYTES} bytes of UTF-8, not {size}.")
    if name in {".", ".."} or "\r" in name or "\n" in name:
        raise invalid(f"Disallowed unicode characters present in object name {name!r}")
    if name.startswith(".well-known/acme-challenge/"):
        raise invalid("Object names must not start with .well-known/acme-challenge/")


def _given(settings: Mapping[str, Any]) -> Json:
    return {key: value for key, value in settings.items() if value is not None and key != "name"}


def _edited(before: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """Merge a patch: null removes a property, and `metadata` is merged key by key."""
    merged = dict(before) | {key: value for key, value in patch.items() if key in WRITABLE}
    labels = patch.get("metadata")
    if labels is not None:
        joined = dict(before.get("metadata") or {}) | dict(labels)
        merged["metadata"] = {key: value for key, value in joined.items() if value is not None}
    return {key: value for key, value in merged.items() if value is not None and value != {}}
