"""The least permissions that reading a bucket of Cloud Storage needs."""

from __future__ import annotations

from landfast.model.doctor import MinimalPermissions
from landfast.model.location import Location

_GCS_NEEDED = ("storage.objects.list", "storage.objects.get")
_GCS_HELPFUL = ("storage.buckets.get",)


def minimal_permissions(location: Location) -> MinimalPermissions:
    """Return what a user needs to record a place and read it back."""
    bucket = f"gs://{location.authority}"
    words = (
        f"{' and '.join(_GCS_NEEDED)} on {bucket}: the role roles/storage.objectViewer.",
        f"{_GCS_HELPFUL[0]} (roles/storage.bucketViewer) lets Landfast say whether the bucket keeps"
        " what is overwritten; without it nothing breaks.",
        f"gcloud storage buckets add-iam-policy-binding {bucket}"
        " --member=serviceAccount:NAME@PROJECT.iam.gserviceaccount.com --role=roles/storage.objectViewer",
    )
    return MinimalPermissions(words=words, names=(*_GCS_NEEDED, *_GCS_HELPFUL))
