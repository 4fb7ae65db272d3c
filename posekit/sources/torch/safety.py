"""What a file would have torch do beside building a network; nothing is executed here.

torch.export.load unpickles payloads, evaluates symbolic sizes as Python (sympy.sympify), puts argument names into
generated source and imports modules that a tree spec names. So every string of the tables must be a plain name, the
symbolic sizes plain arithmetic, and what is a pickle is inspected by recognise.py. TorchScript is a program of its
own kind, which cannot import, but can write files with two of torch's operators.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from posekit import documents
from posekit.errors import InputError, said
from posekit.sources.recognise import read_entry

PLAIN_NAME = re.compile(r"[\w.:/#+-]*", re.ASCII)
WORD = re.compile(r"[A-Za-z_]\w*")
SYMBOL = re.compile(r"[suz]f?\d+", re.ASCII)
ARITHMETIC = re.compile(r"[\w\s()+*/,.='<>&|~!-]*", re.ASCII)
SYMBOLIC_WORDS = """
Symbol positive integer nonnegative nonzero real True False Integer Rational Float Add Mul Pow Max Min Abs floor ceiling
Eq Ne Lt Le Gt Ge Equality Unequality StrictLessThan LessThan StrictGreaterThan GreaterThan And Or Not oo FloorDiv
ModularIndexing Where PythonMod Mod CleanDiv CeilToInt FloorToInt CeilDiv LShift RShift PowByNatural FloatPow
FloatTrueDiv IntTrueDiv TruncToFloat TruncToInt RoundToInt RoundDecimal ToFloat Identity
"""
FUNCTIONS = frozenset(SYMBOLIC_WORDS.split())
# the keys of texts that are shown or compared and never evaluated
FREE_TEXT_KEYS = """
stack_trace nn_module_stack source_fn_stack torch_fn from_node custom as_string as_strings torch_version guards_code
"""
FREE_TEXT = frozenset(FREE_TEXT_KEYS.split())
NESTED_JSON = ("in_spec", "out_spec", "context")
IMPORTING_KEYS = ("default_factory_module", "__enum__")
COMPILED = "data/aotinductor/"
WRITING_OPERATORS = re.compile(r"torch\.ops\.\w+\.(save|from_file)\b")
# TorchScript takes blanks, line breaks and comments between the tokens of a call, so the bare words are refused
WRITING_CALLS = re.compile(rb"\b(save|from_file)\b")


def refuse_exported_code(path: Path) -> None:
    """InputError where the tables of an exported program hold what is more than names, sizes and numbers."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith(COMPILED, name.find("/") + 1):
                raise _refusal(path, name, "compiled native code")
            if name.endswith(".json") or "models/" in name:
                try:
                    _check(documents.parse(read_entry(archive, name, path)), "")
                except (ValueError, RecursionError) as error:
                    raise InputError(
                        f"{name} in {path} is no valid JSON table{said(error)}", "export it anew"
                    ) from error
                except _SuspectError as error:
                    raise _refusal(path, name, str(error)) from error


def refuse_writing_code(path: Path) -> None:
    """InputError where the code of a TorchScript file writes files."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".py") and (found := WRITING_CALLS.search(read_entry(archive, name, path))):
                raise _refusal(path, name, repr(found[0].decode()))


def _refusal(path: Path, name: str, what: str) -> InputError:
    return InputError(
        f"{path} would have torch do more than run a network: {name} holds {what}",
        "nothing was run; if you know where the file comes from, pass --trust, or save it anew",
    )


class _SuspectError(Exception):
    pass


def _check(value: Any, key: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if name in IMPORTING_KEYS or not PLAIN_NAME.fullmatch(name):
                raise _SuspectError(repr(name[:60]))
            _check(item, name)
    elif isinstance(value, list):
        for item in value:
            _check(item, key)
    elif isinstance(value, str) and key in NESTED_JSON:
        _check(documents.parse(value) if value[:1] in ("[", "{") else value, "")
    elif isinstance(value, str) and not _is_plain(value, key):
        raise _SuspectError(repr(value[:60]))


def _is_plain(text: str, key: str) -> bool:
    if key == "expr_str":
        words = WORD.findall(text)
        return ARITHMETIC.fullmatch(text) is not None and all(w in FUNCTIONS or SYMBOL.fullmatch(w) for w in words)
    if key == "path_name":  # an opaque object is unpickled whatever the table says of it
        return re.fullmatch(r"(weight|tensor|custom_obj)_\w+", text) is not None
    if key == "target" and WRITING_OPERATORS.match(text):
        return False
    return key in FREE_TEXT or PLAIN_NAME.fullmatch(text) is not None
