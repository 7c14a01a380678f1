"""Arithmetic, by simpleeval with numbers only and powers that stay small."""

from __future__ import annotations

import ast
import math
import operator
import re
from typing import Any

from simpleeval import InvalidExpression, SimpleEval

from apps.agents.specs import CalculatorTool
from apps.agents.tools.base import Example, Offered, ToolFailed

MAX_CHARACTERS = 300
MAX_DIGITS = 1_000
SHOWN_DIGITS = 12

_FUNCTIONS = {
    "abs": abs,
    "round": round,
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "log": math.log,
    "log10": math.log10,
    "exp": math.exp,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "floor": math.floor,
    "ceil": math.ceil,
}
_SIGNS = str.maketrans("\u00d7\u00b7\u00f7\u2212\u2013^\u00a0", "**/--~ ")
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?![\d,])")
_PERCENT_OF = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent)\s+of\s+", re.IGNORECASE)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%(?!\s*[\d(])")
_TIMES = re.compile(r"(?<=\d)\s+x\s+(?=[\d(])|(?<=\d)x(?=\d)", re.IGNORECASE)
_WORDS = (
    (re.compile(r"(?<=[\d)])\s+(?:plus|and)\s+(?=[\d(])", re.IGNORECASE), " + "),
    (re.compile(r"(?<=[\d)])\s+(?:minus|less)\s+(?=[\d(])", re.IGNORECASE), " - "),
    (re.compile(r"(?<=[\d)])\s+(?:times|multiplied by)\s+(?=[\d(])", re.IGNORECASE), " * "),
    (re.compile(r"(?<=[\d)])\s+(?:divided by|over)\s+(?=[\d(])", re.IGNORECASE), " / "),
    (re.compile(r"(?<=[\d)])\s+to the power of\s+(?=[\d(])", re.IGNORECASE), " ** "),
    (re.compile(r"(?:the )?square root of\s+(\d+(?:\.\d+)?)", re.IGNORECASE), r"sqrt(\1)"),
    (re.compile(r"(\d+(?:\.\d+)?)\s+squared", re.IGNORECASE), r"(\1)**2"),
    (re.compile(r"(\d+(?:\.\d+)?)\s+cubed", re.IGNORECASE), r"(\1)**3"),
)
_CANDIDATE = re.compile(r"(?:sqrt\(|[\d(.])[\d\s.+\-*/()%~]*(?:sqrt\([\d.]+\))?[\d\s.+\-*/()%~]*[\d)]")


def offer(spec: CalculatorTool) -> Offered:
    """The calculator as a tool."""
    return Offered(
        name=spec.name,
        spec_name=spec.name,
        purpose=spec.purpose,
        schema={
            "type": "object",
            "properties": {"expression": {"type": "string", "maxLength": MAX_CHARACTERS}},
            "required": ["expression"],
            "additionalProperties": False,
        },
        call=_call,
        likenesses=("What is 12 times 7?", "Calculate 15 % of 80.", "How much is 3.5 + 2 * 4?", "What is 144 / 12?"),
        examples=(
            Example("How much is 12 boxes of 7 apples?", {"expression": "12 * 7"}),
            Example("I have 50 and spend 8.5 twice. What is left?", {"expression": "50 - 2 * 8.5"}),
            Example("What is 20 % of 150?", {"expression": "150 * 20 / 100"}),
        ),
        guess=guess,
        guess_tells=True,
        render=lambda arguments, result: f"{readable(arguments['expression'])} = **{result}**",
    )


def calculate(expression: str) -> str:
    """The value of an arithmetic expression, at most 12 significant digits of a fraction.

    Raises:
        ToolFailed: it is no arithmetic, or its value is not a number of reasonable size.
    """
    text = normalised(expression)
    if len(text) > MAX_CHARACTERS:
        raise ToolFailed(f"The expression is longer than {MAX_CHARACTERS} characters.", is_untouched=True)
    try:
        _require_arithmetic(ast.parse(text, mode="eval"))
        evaluator = SimpleEval(operators=_OPERATORS, functions=_FUNCTIONS, names={"pi": math.pi, "e": math.e})
        return _shown(evaluator.eval(text))
    except (InvalidExpression, SyntaxError, ArithmeticError, ValueError, TypeError, RecursionError, MemoryError):
        raise ToolFailed(f"“{expression[:80]}” cannot be calculated.", is_untouched=True) from None


def normalised(text: str) -> str:
    """Signs and words of arithmetic as Python writes them."""
    text = _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text.translate(_SIGNS))
    for pattern, sign in _WORDS:
        text = pattern.sub(sign, text)
    text = _PERCENT_OF.sub(r"(\1/100)*", _TIMES.sub(" * ", text))
    return _PERCENT.sub(r"(\1/100)", text).replace("~", "**").strip().rstrip("=?. ")


def guess(question: str) -> dict[str, Any] | None:
    """The expression that stands in a question, if there is exactly one with an operation in it."""
    text = normalised(question).replace("**", "~")
    found = [match.group().strip().replace("~", "**") for match in _CANDIDATE.finditer(text)]
    found = [one for one in found if re.search(r"[\d)]\s*(?:[+\-/]|\*+)\s*[\d(s]|sqrt", one)]
    if len(found) != 1:
        return None
    try:
        calculate(found[0])
    except ToolFailed:
        return None
    rest = re.sub(r"[^\d]", "", text.replace(found[0].replace("**", "~"), "", 1))
    return None if rest else {"expression": found[0]}


def readable(expression: str) -> str:
    """An expression as people write it."""
    return normalised(expression).replace("**", "^").replace("*", "\u00d7")


async def _call(arguments: dict[str, Any], _key: str) -> str:
    return calculate(str(arguments.get("expression", "")))


def _require_arithmetic(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and (
            isinstance(node.value, bool) or not isinstance(node.value, (int, float))
        ):
            raise TypeError("only numbers")
        if isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.JoinedStr)):
            raise TypeError("no arithmetic")


def _power(base: float, exponent: float) -> Any:
    if base and abs(exponent) * max(1.0, math.log10(abs(base) or 1.0)) > MAX_DIGITS:
        raise OverflowError("too large")
    return base**exponent


def _product(first: Any, second: Any) -> Any:
    if isinstance(first, int) and isinstance(second, int) and first.bit_length() + second.bit_length() > MAX_DIGITS * 4:
        raise OverflowError("too large")
    return first * second


_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _product,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("no number")
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return f"{value:.{SHOWN_DIGITS}g}"
