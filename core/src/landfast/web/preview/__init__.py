"""Preview: what a recorded file looks like, from a bounded part of its pinned bytes."""
