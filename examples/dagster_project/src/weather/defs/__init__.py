"""What the project defines: assets, checks, a schedule, a sensor, resources."""
