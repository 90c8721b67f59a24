"""What the environment of every test promises."""

import os
import socket
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st


def test_home_cache_data_and_working_folder_are_the_tests_own(tmp_path):
    folders = [Path.home(), platformdirs.user_cache_path("x"), platformdirs.user_data_path("x")]
    assert all(tmp_path in folder.parents for folder in [*folders, Path.cwd()])


def test_no_credentials_reach_a_test():
    leaking = ("AWS_", "GOOGLE_", "AZURE_", "LANDFAST_", "WANDB_")
    found = {n for n in os.environ if n.startswith(leaking) and not n.startswith("LANDFAST_TEST_")}
    assert found == {"AWS_EC2_METADATA_DISABLED"}


def test_another_machine_is_out_of_reach():
    with socket.socket() as outside, pytest.raises(RuntimeError, match="loopback only"):
        outside.connect(("192.0.2.1", 80))


@given(st.integers())
def test_the_clean_environment_does_not_upset_hypothesis(number):
    assert number + 0 == number
