"""Property tests are judged by what they find, not by how fast a busy machine finds it."""

from hypothesis import HealthCheck, settings

settings.register_profile("landfast", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("landfast")
