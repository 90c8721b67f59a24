"""The parts of `RegistrySuite`, by verb."""
