"""The block passes what Prefect asks of every block."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from prefect_landfast import LandfastRegistry

LOGO = Path(__file__).parents[2] / "docs/images/landfast.png"


class TestLandfastRegistry(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> type[LandfastRegistry]:
        return LandfastRegistry

    def test_has_a_valid_image(self, block: type[LandfastRegistry]) -> None:
        # Prefect's own test fetches the logo from the network; this is the file that lies there.
        assert f"/docs/images/{LOGO.name}" in str(block._logo_url)
        header = LOGO.read_bytes()[:24]
        assert header.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", header[16:24])
        assert width == height
        assert 45 < width < 1000
