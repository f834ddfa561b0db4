from tests.results.conftest import empty, expected, finished, invented_pair, running

__all__ = ["empty", "expected", "finished", "invented_pair", "running"]
