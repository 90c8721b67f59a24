"""Triggers: what waits in the triggerer, for an asset's watcher or for a deferred sensor."""

from landfast_provider.triggers.asking import LandfastPrefixTrigger, LandfastVersionTrigger
from landfast_provider.triggers.landfast import LandfastArtifactTrigger, LandfastVerdictTrigger

__all__ = [
    "LandfastArtifactTrigger",
    "LandfastPrefixTrigger",
    "LandfastVerdictTrigger",
    "LandfastVersionTrigger",
]
