"""System: disks, mounts and local files, as several packages need them."""
