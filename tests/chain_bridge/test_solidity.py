"""The Solidity tests, as one Python test, so that `make test` runs them with everything else."""

from chain_bridge import foundry


def test_forge_tests_pass() -> None:
    assert foundry.main(["test", "--summary"]) == 0
