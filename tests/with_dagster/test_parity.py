"""The page for those who come from dagster-wandb leaves none of its words without an answer."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT

# Of dagster-wandb 0.29.27: SUPPORTED_WRITE_CONFIG_KEYS, SUPPORTED_READ_CONFIG_KEYS,
# SUPPORTED_PARTITION_CONFIG_KEYS, ACCEPTED_SERIALIZATION_MODULES, both resources' and the IO manager's
# configuration, the launch ops, and the metadata that it adds to an output.
DAGSTER_WANDB = """
add_dirs add_files add_references aliases description name partitions serialization_module type
alias get get_path version
dill cloudpickle joblib pickle parameters
api_key host entity project run_name run_id run_tags base_dir cache_duration_in_minutes
run_launch_agent run_launch_job
dagster_run_id wandb_artifact_id wandb_artifact_type wandb_artifact_version wandb_artifact_size
wandb_artifact_url wandb_entity wandb_project wandb_run_id wandb_run_name wandb_run_path wandb_run_url
"""
PAGE = ROOT / "docs" / "coming-from-dagster-wandb.md"


@pytest.mark.parametrize("word", DAGSTER_WANDB.split())
def test_every_word_of_dagster_wandb_is_in_the_left_column_of_a_table(word: str) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    answers = [row for row in rows if re.search(rf"`[^`]*\b{word}\b[^`]*`", row.split(" | ")[0])]
    assert answers, f"no row answers {word}"


def test_the_page_is_found_from_the_list_of_pages() -> None:
    assert f"({PAGE.name})" in (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
