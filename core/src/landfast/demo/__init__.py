"""The demo: the main job on real data, on this machine alone, with the public API only."""

from __future__ import annotations

from landfast.demo.story import ending, run_demo

__all__ = ["ending", "run_demo"]
