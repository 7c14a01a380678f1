"""ABI encoding and decoding between JSON values and the bytes that contracts speak."""

from collections.abc import Sequence
from typing import Any

from eth_abi import abi as eth_abi
from eth_abi.exceptions import EncodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain_bridge.errors import InvalidArguments, UnknownContract
from chain_bridge.types import RawLog

Abi = list[dict[str, Any]]


def encode_call(abi: Abi, function: str, args: Sequence[Any]) -> str:
    """Input data of a call, 0x-hex.

    Args:
        abi: The contract's JSON ABI.
        function: Name of the function; overloads are told apart by the number of arguments.
        args: JSON values: integers (also as decimal strings), 0x-hex for bytes and addresses, lists for arrays.

    Raises:
        UnknownContract: There is no such function.
        InvalidArguments: A value does not fit its type.
    """
    entry = _function(abi, function, len(args))
    types = [_type(parameter) for parameter in entry["inputs"]]
    try:
        values = [_from_json(kind, value) for kind, value in zip(types, args, strict=True)]
        encoded = eth_abi.encode(types, values)
    except (EncodingError, ValueError, TypeError) as error:
        raise InvalidArguments(f"{function}({', '.join(types)}): {error}") from error
    return "0x" + (_selector(function, types) + encoded).hex()


def decode_result(abi: Abi, function: str, args: Sequence[Any], data: bytes) -> list[Any]:
    """The values that a call returned, as JSON values."""
    entry = _function(abi, function, len(args))
    types = [_type(parameter) for parameter in entry["outputs"]]
    return [_to_json(kind, value) for kind, value in zip(types, eth_abi.decode(types, data), strict=True)]


def decode_log(abi: Abi, log: RawLog) -> tuple[str, dict[str, Any]] | None:
    """Name and arguments of an event, or None when the ABI does not know it.

    Indexed arguments of dynamic type are only on chain as their hash and appear as that.
    """
    if not log.topics:
        return None
    for entry in abi:
        if entry["type"] != "event" or entry.get("anonymous"):
            continue
        types = [_type(parameter) for parameter in entry["inputs"]]
        if keccak(text=f"{entry['name']}({','.join(types)})") == log.topics[0]:
            return entry["name"], _event_arguments(entry["inputs"], log)
    return None


def decode_error(abis: Sequence[Abi], data: bytes) -> str | None:
    """A contract's custom error as readable text, or None when no ABI knows it."""
    if data[:4] == keccak(text="Error(string)")[:4]:
        return str(eth_abi.decode(["string"], data[4:])[0])
    for abi in abis:
        for entry in abi:
            if entry["type"] != "error":
                continue
            types = [_type(parameter) for parameter in entry["inputs"]]
            if _selector(entry["name"], types) == data[:4]:
                values = [
                    _to_json(kind, value) for kind, value in zip(types, eth_abi.decode(types, data[4:]), strict=True)
                ]
                return f"{entry['name']}({', '.join(str(value) for value in values)})"
    return None


def encode_constructor(abi: Abi, args: Sequence[Any]) -> bytes:
    """The encoded arguments that follow a contract's creation code."""
    inputs: list[dict[str, Any]] = next((entry["inputs"] for entry in abi if entry["type"] == "constructor"), [])
    types = [_type(parameter) for parameter in inputs]
    return bytes(eth_abi.encode(types, [_from_json(kind, value) for kind, value in zip(types, args, strict=True)]))


def _function(abi: Abi, name: str, arity: int) -> dict[str, Any]:
    for entry in abi:
        if entry["type"] == "function" and entry["name"] == name and len(entry["inputs"]) == arity:
            return entry
    raise UnknownContract(f"no function {name} with {arity} arguments")


def _selector(name: str, types: Sequence[str]) -> bytes:
    return bytes(keccak(text=f"{name}({','.join(types)})")[:4])


def _type(parameter: dict[str, Any]) -> str:
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(component) for component in parameter['components'])}){kind[len('tuple') :]}"


def _event_arguments(inputs: Sequence[dict[str, Any]], log: RawLog) -> dict[str, Any]:
    in_data = [parameter for parameter in inputs if not parameter["indexed"]]
    types = [_type(parameter) for parameter in in_data]
    from_data = iter(zip(types, eth_abi.decode(types, log.data), strict=True))
    from_topics = iter(log.topics[1:])
    arguments: dict[str, Any] = {}
    for parameter in inputs:
        if parameter["indexed"]:
            arguments[parameter["name"]] = _from_topic(_type(parameter), next(from_topics))
        else:
            arguments[parameter["name"]] = _to_json(*next(from_data))
    return arguments


def _from_topic(kind: str, topic: bytes) -> Any:
    if kind in {"string", "bytes"} or kind.endswith("]") or kind.startswith("("):
        return "0x" + topic.hex()
    return _to_json(kind, eth_abi.decode([kind], topic)[0])


def _from_json(kind: str, value: Any) -> Any:
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return [_from_json(inner, item) for item in value]
    if kind.startswith(("uint", "int")):
        return int(value)
    if kind.startswith("bytes"):
        return bytes.fromhex(str(value).removeprefix("0x"))
    return value


def _to_json(kind: str, value: Any) -> Any:
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return [_to_json(inner, item) for item in value]
    if kind.startswith(("uint", "int")):
        # Strings, because a JSON reader may hold numbers as doubles.
        return str(value)
    if kind.startswith("bytes"):
        return "0x" + bytes(value).hex()
    if kind == "address":
        return to_checksum_address(value)
    return value
