"""``python -m hpo`` is the ``hpo`` command."""

from hpo.cli.app import main

main()
