"""Components that ``dg`` finds through the ``dagster_dg_cli.registry_modules`` entry point."""

__all__: list[str] = []
