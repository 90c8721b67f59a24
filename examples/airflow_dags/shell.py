"""A shell step that joins its task's run: `landfast` records in the name of the task."""

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from landfast_provider import artifact_asset

corpus = artifact_asset("nlp/corpus")

COUNT = """
set -e
export {{ macros.landfast.env(task_instance) }}
landfast get {{ macros.landfast.use(task_instance, 'nlp/corpus') }} --root corpus
cat corpus/* | wc -w > words.txt
landfast put words.txt --name nlp/words
"""

with DAG("count_words", schedule=[corpus]):
    BashOperator(
        task_id="count",
        bash_command=COUNT,
        env={"LANDFAST_REGISTRY_URL": "{{ macros.landfast.registry_url(task_instance) }}"},
        append_env=True,
    )
