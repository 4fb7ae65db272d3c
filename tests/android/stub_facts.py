"""What the Python stubs of Android's API say of it and the class list of the signatures does not: fields, and which
results may be null."""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PRIMITIVES = {
    "jboolean": "Z", "jbyte": "B", "jchar": "C", "jdouble": "D", "jfloat": "F", "jint": "I", "jlong": "J",
    "jshort": "S",
}  # fmt: skip
ARRAYS = {f"JavaArrayJ{name[1:].capitalize()}": f"[{letter}" for name, letter in PRIMITIVES.items()}
WORDS = {"bool": "Z", "str": "Ljava/lang/String;", "int": "I"}
LIMITS = {"Byte": "B", "Short": "S", "Long": "J", "Float": "F", "Character": "C"}  # of the constants of java.lang
OBJECT = "Ljava/lang/Object;"


def facts(wheel: Path) -> Iterator[str]:
    """Lines of words between tabs: `class`, its name; of the last class `field`, name, is_static, descriptor; `null`,
    method, parameters as `ILZ`, whether it may give null."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            path = PurePosixPath(name)
            if path.name == "__init__.pyi":
                package = "/".join(path.parent.parts).replace("-stubs", "", 1)
                tree = ast.parse(archive.read(name))
                for node in tree.body:
                    if isinstance(node, ast.ClassDef):
                        yield from _of_class(node, package, node.name)


def _of_class(node: ast.ClassDef, package: str, name: str) -> Iterator[str]:
    yield f"class\t{package}/{name}"
    nested = []
    for one in node.body:
        if isinstance(one, ast.ClassDef):
            nested.append(one)
        elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            yield _field(one.target.id, one.annotation, package, name)
        elif isinstance(one, ast.FunctionDef) and one.returns is not None and one.name != "__init__":
            shape = "".join(_shape(argument.annotation) for argument in _parameters(one)) + "[" * bool(one.args.vararg)
            yield f"null\t{one.name}\t{shape}\t{int(_may_be_none(one.returns))}"
    for one in nested:
        yield from _of_class(one, package, f"{name}${one.name}")


def _parameters(function: ast.FunctionDef) -> list[ast.arg]:
    known = [*function.args.posonlyargs, *function.args.args]
    return [one for one in known if one.arg != "self"]


def _field(name: str, annotation: ast.expr, package: str, owner: str) -> str:
    is_static = isinstance(annotation, ast.Subscript) and _dotted(annotation.value) == "typing.ClassVar"
    kind = annotation.slice if isinstance(annotation, ast.Subscript) and is_static else annotation
    descriptor = _descriptor(kind, package)
    if package == "java/lang" and descriptor in ("I", "D"):  # the limits of numbers
        descriptor = LIMITS.get(owner, descriptor) if name != "BYTES" else "I"
    generic = _signature(kind, package)
    words = ["field", name.rstrip("_"), str(int(is_static)), descriptor, generic if "<" in generic else ""]
    return "\t".join(words)


def _descriptor(kind: ast.expr, package: str) -> str:
    """Of a field's type; a number's width is not told: an int, and a float but in Java's own packages, whose constants
    are doubles."""
    if isinstance(kind, ast.BinOp):
        return _descriptor(kind.left, package)
    if isinstance(kind, ast.Subscript):
        if _dotted(kind.value) == "java.chaquopy.JavaArray":
            return "[" + _descriptor(kind.slice, package)
        return _descriptor(kind.value, package)
    name = _dotted(kind)
    if name == "float":
        return "D" if package.startswith("java/") else "F"
    last = name.rpartition(".")[2]
    return WORDS.get(name) or ARRAYS.get(last) or _class_name(name, package)


def _signature(kind: ast.expr, package: str) -> str:
    """As the descriptor, with what it is generic in."""
    plain = _descriptor(kind, package)
    if not isinstance(kind, ast.Subscript) or plain[0] != "L" or _dotted(kind.value).startswith("typing."):
        return plain
    given = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
    boxed = [one.right if isinstance(one, ast.BinOp) else one for one in given]
    found = [_signature(one, package) for one in boxed]
    if any(one[0] not in "L[" for one in found):
        return plain
    return f"{plain[:-1]}<{''.join(found)}>;"


def _class_name(name: str, package: str) -> str:
    """A name with its package, or one of a class in this file; packages begin with a small letter."""
    if name.startswith("typing.") or name.startswith("_"):
        return "Ljava/lang/Class;" if name == "typing.Type" else OBJECT
    words = name.split(".")
    small = [word for word in words if word[0].islower()]
    at = len(small) if words[0][0].islower() else 0
    place = "/".join(words[:at]) or package
    return f"L{place}/{'$'.join(words[at:])};"


def _shape(kind: ast.expr | None) -> str:
    """I, Z, ... of a number, `[` of an array, L of any object."""
    names = set() if kind is None else {_dotted(one).rpartition(".")[2] for one in ast.walk(kind)}
    if any(name.startswith("JavaArray") for name in names):
        return "["
    return next((letter for name, letter in PRIMITIVES.items() if name in names), "L")


def _may_be_none(kind: ast.expr) -> bool:
    return isinstance(kind, ast.BinOp) and isinstance(kind.right, ast.Constant) and kind.right.value is None


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
