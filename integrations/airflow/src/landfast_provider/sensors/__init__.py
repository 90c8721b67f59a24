"""Sensors: wait until an artifact has news, or until a place differs from what is recorded."""

from landfast_provider.sensors.artifact import LandfastArtifactSensor
from landfast_provider.sensors.prefix import LandfastPrefixSensor

__all__ = ["LandfastArtifactSensor", "LandfastPrefixSensor"]
