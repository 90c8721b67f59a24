"""Run the command line: ``python -m landfast``."""

from landfast.cli import main

main()
