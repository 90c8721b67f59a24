"""One bucket and the generations in it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from kit.gcs.errors import no_such_object
from kit.gcs.objects import Json, StoredObject, timestamp


@dataclass(slots=True, kw_only=True)
class Bucket:
    """One bucket; `names` is sorted as GCS lists, which code points and UTF-8 bytes agree on."""

    name: str
    created_us: int
    metageneration: int = 1
    settings: Json = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    generations: dict[str, list[StoredObject]] = field(default_factory=dict)

    @property
    def versioned(self) -> bool:
        return bool((self.settings.get("versioning") or {}).get("enabled"))

    @property
    def requester_pays(self) -> bool:
        return bool((self.settings.get("billing") or {}).get("requesterPays"))

    def live(self, name: str) -> StoredObject | None:
        """Return the live generation, which is always the newest."""
        kept = self.generations.get(name)
        return kept[-1] if kept and kept[-1].deleted_us is None else None

    def find(self, name: str, generation: int | None) -> StoredObject:
        """Return one generation, or the live one; 404 when it is not kept."""
        if generation is None:
            found = self.live(name)
        else:
            kept = self.generations.get(name, ())
            found = next((item for item in kept if item.generation == generation), None)
        if found is None:
            raise no_such_object(self.name, name)
        return found

    def store(self, name: str, kept: Sequence[StoredObject]) -> None:
        """Replace the generations kept under a name, and forget a name without any."""
        if kept:
            if name not in self.generations:
                insort(self.names, name)
            self.generations[name] = list(kept)
        elif self.generations.pop(name, None) is not None:
            del self.names[bisect_left(self.names, name)]

    def resource(self, base_url: str) -> Json:
        """Return the `storage#bucket` resource."""
        return {
            "kind": "storage#bucket",
            "id": self.name,
            "name": self.name,
            "selfLink": f"{base_url}/storage/v1/b/{self.name}",
            "projectNumber": "123456789012",
            "location": "US",
            "locationType": "multi-region",
            "storageClass": "STANDARD",
            "metageneration": str(self.metageneration),
            "etag": f"CA{self.metageneration}=",
            "timeCreated": timestamp(self.created_us),
            "updated": timestamp(self.created_us),
            **self.settings,
        }
