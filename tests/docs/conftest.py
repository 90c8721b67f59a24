"""What pages show commands to print as JSON fits its schema."""

from collections.abc import Iterator

import pytest
from kit.json_output import checked_answers


@pytest.fixture(autouse=True, scope="session")
def every_answer_fits_its_schema() -> Iterator[None]:
    """Hold what every command prints with `--json` to its schema."""
    with checked_answers():
        yield
