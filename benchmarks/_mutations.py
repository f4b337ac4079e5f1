"""Small faults put into Vyper sources, one at a time, as somebody might by mistake.

The rules work on tokens, which Vyper shares with Python; what does not compile is sorted out by who
runs them. A fault is put only where it can change what a contract does: in the bodies of functions,
in constants and in `@nonreentrant`, never in a signature, a type's declaration or a text.
"""

from __future__ import annotations

import hashlib
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

# What a token becomes. Each is a mistake that is made: one too few, the wrong sign, the other role.
SWAPS: Final = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "+": "-",
    "-": "+",
    "*": "//",
    "//": "*",
    "%": "//",
    "<<": ">>",
    ">>": "<<",
    "|": "&",
    "&": "|",
    "^": "|",
    "+=": "-=",
    "-=": "+=",
    "|=": "&=",
    "&=": "|=",
    "and": "or",
    "or": "and",
    "True": "False",
    "False": "True",
    "min": "max",
    "max": "min",
    "unsafe_add": "unsafe_sub",
    "unsafe_sub": "unsafe_add",
    "unsafe_mul": "unsafe_div",
    "unsafe_div": "unsafe_mul",
    "_check_governance": "_check_guardian",
    "_check_guardian": "_check_governance",
    "governance": "guardian",
    "guardian": "governance",
}
# Statements that begin so are not left out: the rest would not compile, or not mean a mistake.
KEPT: Final = {"if", "elif", "else", "for", "return", "pass", "break", "continue", "raise"}
LAYOUT: Final = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}

Token = tokenize.TokenInfo


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: `old` at `start` of a file (offset in characters) becomes `new`.

    `key` names it, the same as long as the file is the same.
    """

    key: str
    path: str
    line: int
    start: int
    old: str
    new: str
    rule: str

    def apply(self, source: str) -> str:
        """The source with the fault."""
        end = self.start + len(self.old)
        if source[self.start : end] != self.old:
            raise ValueError(f"{self.path} is not what it was")
        return source[: self.start] + self.new + source[end:]


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Every fault that the rules can put into a file."""
    offsets = [0]
    for text in source.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(text))

    def at(position: tuple[int, int]) -> int:
        return offsets[position[0] - 1] + position[1]

    found = []
    for first, last, new, rule in _faults(source):
        start, end = at(first.start), at(last.end)
        old = source[start:end]
        name = f"{path} {start} {rule} {new} {source}"
        key = hashlib.sha256(name.encode()).hexdigest()[:16]
        found.append(Mutant(key, path, first.start[0], start, old, new, rule))
    return found


def sources(root: Path) -> dict[str, str]:
    """The contracts and modules that are deployed, by their path from the root."""
    folders = (root / "contracts", root / "contracts" / "modules")
    files = sorted(path for folder in folders for path in folder.glob("*.vy"))
    return {str(path.relative_to(root)): path.read_text() for path in files}


def _faults(source: str) -> Iterator[tuple[Token, Token, str, str]]:
    """(first token, last token, replacement, rule) of every fault."""
    in_function = False
    for depth, line in _statements(source):
        head = line[0].string
        if depth == 0:
            in_function = head == "def"
            if head == "@" and line[1].string == "nonreentrant":
                yield line[0], line[1], "", "drop nonreentrant"
            elif [token.string for token in line[1:3]] == [":", "constant"]:
                yield from _in_tokens(line[_position(line, "=") :])
            continue
        if not in_function or line[0].type == tokenize.STRING:
            continue
        if head in {"if", "elif"}:
            colon = line[-1]
            yield line[1], line[-2], f"not ({_text(source, line[1], line[-2])})", "negate condition"
            yield from _in_tokens([token for token in line if token is not colon])
            continue
        if head == "assert":
            yield line[0], line[-1], "pass", "drop assert"
        elif head == "log":
            yield line[0], line[-1], "pass", "drop event"
            continue
        elif head not in KEPT and line[1].string != ":":
            yield line[0], line[-1], "pass", "drop statement"
        yield from _in_tokens(line)


def _in_tokens(line: list[Token]) -> Iterator[tuple[Token, Token, str, str]]:
    """Faults of single tokens."""
    for before, token in zip([None, *line], line, strict=False):
        text = token.string
        named = before is not None and before.string == "bound"
        if text in SWAPS and not (text in {"*", "-"} and named):
            rule = "other role" if "govern" in text or "guard" in text else "other operator"
            yield token, token, SWAPS[text], rule
        elif text == "not":
            yield token, token, "", "drop not"
        elif token.type == tokenize.NUMBER:
            number = int(text, 0)
            yield token, token, str(number + 1), "one more"
            if number:
                yield token, token, str(number - 1), "one less"


def _statements(source: str) -> Iterator[tuple[int, list[Token]]]:
    """Depth and tokens of each logical line."""
    depth = 0
    line: list[Token] = []
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.INDENT:
            depth += 1
        elif token.type == tokenize.DEDENT:
            depth -= 1
        if token.type == tokenize.NEWLINE:
            yield depth, line
            line = []
        elif token.type not in LAYOUT and token.type != tokenize.ENDMARKER:
            line.append(token)


def _position(line: list[Token], text: str) -> int:
    return next(i for i, token in enumerate(line) if token.string == text)


def _text(source: str, first: Token, last: Token) -> str:
    lines = source.splitlines(keepends=True)[first.start[0] - 1 : last.end[0]]
    lines[-1] = lines[-1][: last.end[1]]
    return "".join(lines)[first.start[1] :]
