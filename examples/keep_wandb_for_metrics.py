"""Keep W&B for metrics, and let Landfast record the data: one line ties the two runs together.

    python keep_wandb_for_metrics.py FOLDER

Runs without wandb too, and then has no page to point at.
"""

import sys

import landfast

try:
    import wandb
except ImportError:
    wandb = None


def train(step: int) -> float:
    """Stand for a step of training."""
    return 1 - 0.5**step


# wandb as it was: metrics, pages, sweeps. Only its artifact calls move over.
metrics = wandb.init(project="vision") if wandb else None
link = metrics.url if metrics else None

with landfast.init(project="vision", job_type="train", link=link) as run:
    dataset = landfast.Artifact("points", type="dataset")
    dataset.add_reference(sys.argv[1])
    run.use_artifact(dataset)  # an input; a new version only if the content changed
    print("trained on", dataset.name)

    for step in range(1, 4):
        accuracy = train(step)
        if metrics:
            metrics.log({"accuracy": accuracy})

    model = landfast.Artifact("model", type="model", metadata={"accuracy": accuracy})
    with model.new_file("weights.txt") as file:
        file.write("0.1 0.2\n")
    version = run.log_artifact(model, aliases=["candidate"])

if metrics:
    # The other way round: the W&B page says which data and model it belongs to.
    metrics.config.update({"data": dataset.qualified_name, "model": version.qualified_name})
    metrics.finish()

print("logged", version.name, "with the page", run.link or "(none: wandb is not installed)")
