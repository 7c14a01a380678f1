"""Several nodes of one chain asked as one: what counts is what more than half of those that can know it say.

A node that is down or serves another chain has no vote. One that lags has none on blocks it has not heard of, and does
not contradict the others by that. One that contradicts the majority is outvoted and reported; where there is no
majority, nothing is believed.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from chain_bridge import abi
from chain_bridge.errors import BridgeError, ChainMismatch, NodesDisagree, RpcRefused, RpcUnavailable
from chain_bridge.gateway import Gateway
from chain_bridge.types import BlockRef, Call, DeployedContract, Fees, NodeCondition, NodeState, RawLog, Receipt

T = TypeVar("T")


def connect(rpc_urls: Sequence[str], chain_id: int, *, timeout_s: float = 10.0) -> Gateway:
    """The gateway to a chain: of one node as it is, of several as a quorum."""
    if len(rpc_urls) == 1:
        return Gateway(rpc_urls[0], timeout_s=timeout_s)
    return Quorum(rpc_urls, chain_id, timeout_s=timeout_s)


class Quorum(Gateway):
    """Several nodes. `head` looks at all of them; the other answers are as of that look."""

    def __init__(self, rpc_urls: Sequence[str], chain_id: int, *, timeout_s: float = 10.0) -> None:
        super().__init__(rpc_urls[0], timeout_s=timeout_s)
        self._nodes = [Gateway(url, timeout_s=timeout_s) for url in rpc_urls]
        self._pool = ThreadPoolExecutor(len(rpc_urls), thread_name_prefix="node")
        self._expected_chain = chain_id
        self._right_chain: set[Gateway] = set()
        self._heads: dict[Gateway, BlockRef] = {}
        self._believed: BlockRef | None = None
        self._states: list[NodeState] = []

    def chain_id(self) -> int:
        """The configured id where any node serves it, else what the first that answers serves."""
        served, problems = self._ask(self._nodes, Gateway.chain_id)
        if not served:
            self._states = [self._down(node, problem) for node, problem in problems.items()]
            raise _first(problems)
        return self._expected_chain if self._expected_chain in served.values() else next(iter(served.values()))

    def head(self) -> BlockRef:
        """The newest block whose history more than half of the reachable nodes share, as far as each has heard of it.

        Raises:
            RpcUnavailable: No node answers.
            NodesDisagree: There is no such block.
        """
        self._heads, problems = self._ask(self._nodes, self._head_of)
        self._believed = None
        self._states = [self._down(node, problems[node]) for node in self._nodes if node in problems]
        if not self._heads:
            raise _first(problems)
        for candidate in sorted(set(self._heads.values()), key=lambda head: -head.number):
            supporters = self._supporters(candidate)
            if 2 * len(supporters) > len(self._heads):
                self._believed = candidate
                self._states += [self._seen(node, candidate, node in supporters) for node in self._heads]
                return candidate
        self._states += [
            NodeState(node.label, head.number, 0, NodeCondition.DISAGREES, f"says {head.hash}")
            for node, head in self._heads.items()
        ]
        heads = ", ".join(f"{node.label} is at {head.number} {head.hash}" for node, head in self._heads.items())
        raise NodesDisagree(f"the nodes disagree about the chain: {heads}")

    def node_states(self) -> list[NodeState]:
        """Each node as the last look at all of them found it, in the configured order."""
        order = [node.label for node in self._nodes]
        return sorted(self._states, key=lambda state: order.index(state.label))

    def block(self, number: int) -> BlockRef | None:
        """The block that the majority has at a height."""
        return self._agreed(number, lambda node: node.block(number), f"block {number}")

    def nonce(self, address: str, *, at_block: int | None = None) -> int:
        """Mined transactions of the account, as of a block or of the believed head."""
        block = self._head_now().number if at_block is None else at_block
        found = self._agreed(block, lambda node: node.nonce(address, at_block=block), f"the nonce of {address}")
        if found is None:
            raise RpcUnavailable(f"no node has block {block}")
        return found

    def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt that more than half of the nodes have which know its block."""
        answers, problems = self._ask(self._heads, lambda node: node.receipt(tx_hash))
        if not answers:
            raise _first(problems)
        known = self._head_now().number
        found = {receipt for receipt in answers.values() if receipt is not None and receipt.block.number <= known}
        for receipt in found:
            voters = [node for node in answers if self._heads[node].number >= receipt.block.number]
            if 2 * sum(answers[node] == receipt for node in voters) > len(voters):
                return receipt
        if found:
            raise NodesDisagree(f"the nodes disagree about transaction {tx_hash}")
        return None

    def logs(self, addresses: Sequence[str], first: int, last: int) -> list[RawLog]:
        """The logs that the majority finds in a range."""
        found = self._agreed(last, lambda node: node.logs(addresses, first, last), f"the logs up to block {last}")
        if found is None:
            raise RpcUnavailable(f"no node has block {last}")
        return found

    def broadcast(self, raw: bytes) -> None:
        """Send to every node; one that takes it is enough."""
        taken, problems = self._ask(self._nodes, lambda node: node.broadcast(raw))
        if taken:
            return
        refusals = [error for error in problems.values() if not isinstance(error, RpcUnavailable)]
        raise refusals[0] if refusals else _first(problems)

    def knows(self, tx_hash: str) -> bool:
        """Whether every node that answers has the transaction: where one has not, sending again does no harm."""
        answers, problems = self._ask(self._nodes, lambda node: node.knows(tx_hash))
        if not answers:
            raise _first(problems)
        return all(answers.values())

    def balance(self, address: str) -> int:
        """As the first up-to-date node has it."""
        return self._first_that_answers(lambda node: node.balance(address))

    def code(self, address: str) -> bytes:
        """As the first up-to-date node has it."""
        return self._first_that_answers(lambda node: node.code(address))

    def fees(self) -> Fees:
        """As the first up-to-date node has it."""
        return self._first_that_answers(lambda node: node.fees())

    def estimate_gas(self, sender: str, call: Call, known_errors: Sequence[abi.Abi] = ()) -> int:
        """As the first up-to-date node has it."""
        return self._first_that_answers(lambda node: node.estimate_gas(sender, call, known_errors))

    def read(
        self, contract: DeployedContract, function: str, args: Sequence[Any] = (), *, block: int | None = None
    ) -> list[Any]:
        """As the first up-to-date node has it."""
        return self._first_that_answers(lambda node: node.read(contract, function, args, block=block))

    def revert_reason(self, sender: str, call: Call, block: int, known_errors: Sequence[abi.Abi]) -> str:
        """As the first up-to-date node has it."""
        return self._first_that_answers(lambda node: node.revert_reason(sender, call, block, known_errors))

    def _head_of(self, node: Gateway) -> BlockRef:
        if node not in self._right_chain:
            served = node.chain_id()
            if served != self._expected_chain:
                raise ChainMismatch(f"{node.label} serves chain {served}, CHAIN_ID is {self._expected_chain}")
            self._right_chain.add(node)
        return node.head()

    def _head_now(self) -> BlockRef:
        return self._believed or self.head()

    def _supporters(self, candidate: BlockRef) -> set[Gateway]:
        leader = next(node for node, head in self._heads.items() if head == candidate)

        def supports(node: Gateway) -> bool:
            head = self._heads[node]
            if head.number <= candidate.number:
                return head == candidate or leader.block(head.number) == head
            return node.block(candidate.number) == candidate

        answers, _ = self._ask(self._heads, supports)
        return {node for node, answer in answers.items() if answer}

    def _seen(self, node: Gateway, believed: BlockRef, agrees: bool) -> NodeState:  # noqa: FBT001  # one of two states
        head = self._heads[node]
        lag = max(believed.number - head.number, 0)
        if not agrees:
            message = f"has another history: block {head.number} is {head.hash}"
            return NodeState(node.label, head.number, lag, NodeCondition.DISAGREES, message)
        condition = NodeCondition.BEHIND if lag else NodeCondition.AGREES
        return NodeState(node.label, head.number, lag, condition, f"{lag} blocks behind" if lag else "")

    def _down(self, node: Gateway, error: BridgeError) -> NodeState:
        return NodeState(node.label, None, None, NodeCondition.DOWN, str(error))

    def _agreed(self, block: int, question: Callable[[Gateway], T], what: str) -> T | None:
        """What more than half of the nodes answer that have the block; None where none has it."""
        self._head_now()
        voters = [node for node, head in self._heads.items() if head.number >= block]
        answers, problems = self._ask(voters, question)
        if not answers:
            if problems:
                raise _first(problems)
            return None
        for answer in answers.values():
            if 2 * sum(other == answer for other in answers.values()) > len(answers):
                return answer
        raise NodesDisagree(f"the nodes disagree about {what}")

    def _first_that_answers(self, question: Callable[[Gateway], T]) -> T:
        believed = self._head_now()
        current = {state.label for state in self._states if state.condition == NodeCondition.AGREES}
        unanswered: RpcUnavailable = RpcUnavailable(f"no node is at block {believed.number}")
        for node in self._heads:
            if node.label not in current:
                continue
            try:
                return question(node)
            except RpcRefused:
                raise
            except RpcUnavailable as error:
                unanswered = error
        raise unanswered

    def _ask(
        self, nodes: Iterable[Gateway], question: Callable[[Gateway], T]
    ) -> tuple[dict[Gateway, T], dict[Gateway, BridgeError]]:
        """All nodes at once; a node that fails is in the second mapping."""
        waiting = {node: self._pool.submit(question, node) for node in nodes}
        answers: dict[Gateway, T] = {}
        problems: dict[Gateway, BridgeError] = {}
        for node, future in waiting.items():
            try:
                answers[node] = future.result()
            except BridgeError as error:
                problems[node] = error
        return answers, problems


def _first(problems: dict[Gateway, BridgeError]) -> BridgeError:
    return next(iter(problems.values()), RpcUnavailable("no node answers"))
