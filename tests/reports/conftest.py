from tests.results.conftest import empty, expected, finished, honest, invented_pair, running

__all__ = ["empty", "expected", "finished", "honest", "invented_pair", "running"]
