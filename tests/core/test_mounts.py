"""Mounts are told apart by what the kernel says of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from landfast.system import mounts
from landfast.system.mounts import is_network, is_network_device

# As proc_pid_mountinfo(5) writes it, optional fields and escapes included.
MOUNTINFO = r"""21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:45 / /mnt/nas rw,relatime shared:7 master:2 - nfs4 nas:/export rw,vers=4.2
31 30 0:46 / /mnt/nas/local rw,relatime - tmpfs tmpfs rw
32 21 0:47 / /mnt/with\040space rw,relatime - fuse.sshfs host:/ rw
33 21 254:9 / /mnt/ntfs rw,relatime - fuseblk /dev/vdb rw
34 21 0:48 / /mnt/share rw,relatime - cifs //server/share rw
"""


@pytest.fixture
def mountinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "mountinfo").write_text(MOUNTINFO)
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "mountinfo")
    is_network_device.cache_clear()
    yield
    is_network_device.cache_clear()


@pytest.mark.usefixtures("mountinfo")
def test_longest_mount_point_decides() -> None:
    assert is_network("/home/ann") is False
    assert is_network("/mnt/nas") is True
    assert is_network("/mnt/nas/data/not/yet/there") is True
    assert is_network("/mnt/nas/local/x") is False
    assert is_network("/mnt/nas2") is False
    assert is_network("/mnt/with space/x") is True
    assert is_network("/mnt/ntfs/x") is False
    assert is_network("/mnt/share/x") is True


@pytest.mark.usefixtures("mountinfo")
def test_device_numbers_decide_for_files() -> None:
    assert is_network_device(os.makedev(0, 45)) is True
    assert is_network_device(os.makedev(254, 0)) is False
    assert is_network_device(os.makedev(9, 99)) is False, "a block device, mounted out of sight"
    assert is_network_device(os.makedev(0, 99)) is None


def test_this_machine_answers(tmp_path: Path) -> None:
    if not Path("/proc/self/mountinfo").exists():
        pytest.skip("not Linux")
    assert is_network("/proc") is False
    assert is_network(tmp_path) is is_network_device(tmp_path.stat().st_dev)


def test_where_nothing_is_told_only_block_devices_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a chroot, whose root is no mount of its own."""
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "absent")
    is_network_device.cache_clear()
    expected = False if os.major(tmp_path.stat().st_dev) else None
    assert is_network(tmp_path) is expected
    assert is_network(tmp_path / "not" / "there") is expected
    is_network_device.cache_clear()
