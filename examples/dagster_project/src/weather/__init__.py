"""From temperature readings in a bucket to a model, with Landfast and Dagster."""
