"""Download: fetch the recorded bytes of a version into a folder, or one of its files."""
