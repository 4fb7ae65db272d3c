"""Is a .tflite whole? Every offset, length and number of it is looked at before a library trusts one.

The generated Python and LiteRT's own reader follow what a file says; a hostile one sends them anywhere.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path

from posekit.errors import InputError
from posekit.sources import limits

MOST_TABLES = 2_000_000
# numbers of fields, as TFLite's schema has them
CODES, SUBGRAPHS, DESCRIPTION, BUFFERS, METADATA, SIGNATURES = 1, 2, 3, 4, 6, 7  # Model
TENSORS, INPUTS, OUTPUTS, OPERATORS = 0, 1, 2, 3  # SubGraph
SHAPE, BUFFER, NAME, QUANTIZATION, VARIABLE, SHAPE_SIGNATURE = 0, 2, 3, 4, 5, 7  # Tensor
OPCODE, READS, GIVES, CUSTOM_OPTIONS = 0, 1, 2, 5  # Operator
OPTIONS = ((3, 4), (11, 12))  # its options' type, and they themselves: BuiltinOptions, BuiltinOptions2
# operations that call graphs, by code; in which fields their options say which, by the options' types
CALLING = {31, 118, 119, 129, 174, 190, 198, 199, 200, 206, 209}
CALLED = ({16: (0,), 92: (0, 1), 93: (0, 1), 103: (0,)}, {6: (1,), 7: (6,), 13: (5,), 14: (2,), 15: (0, 1), 21: (1,)})
CASE, BRANCHES = 23, 0  # of BuiltinOptions2: it has a list of them
FLOAT_LISTS, ZERO_POINTS = (0, 1, 2), 3  # QuantizationParameters
DATA, OFFSET, SIZE = 0, 1, 2  # Buffer


class DamageError(ValueError):
    """Where the file says what cannot be."""


def verify(data: bytes, path: Path) -> None:
    """InputError where an offset, a length or a number points to what the file does not have, or an operation reads
    what none before it gives, and where its tensors take more than a phone has."""
    try:
        numbers = _model(Tables(data))
    except (DamageError, struct.error) as error:
        why = f": {error}" if isinstance(error, DamageError) else ""
        raise InputError(
            f"{path} is a TFLite model that is damaged or truncated{why}", "copy or save it again"
        ) from error
    limits.refuse_above(max(numbers, default=0), limits.TENSOR_NUMBERS, f"a tensor of {path} has", "numbers")
    limits.refuse_above(sum(numbers), 16 * limits.TENSOR_NUMBERS, f"the tensors of {path} have", "numbers")


class Tables:
    """Reads tables by field number, every step within the file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MOST_TABLES

    def number(self, form: str, at: int) -> int:
        if at < 0 or at + struct.calcsize(form) > len(self.data):
            raise DamageError("it points beyond its end")
        return int(struct.unpack_from(form, self.data, at)[0])

    def table(self, at: int) -> dict[int, int]:
        """Places of a table's fields by their numbers."""
        self.left -= 1
        if self.left < 0:
            raise DamageError(f"it has more than {MOST_TABLES:,} tables")
        places = at - self.number("<i", at)
        length, size = self.number("<H", places), self.number("<H", places + 2)
        if length < 4 or length % 2 or at + size > len(self.data):
            raise DamageError("a table of it has no sound form")
        found = {slot: self.number("<H", places + 4 + 2 * slot) for slot in range((length - 4) // 2)}
        if any(offset >= max(size, 4) for offset in found.values()):
            raise DamageError("a table of it has no sound form")
        return {slot: at + offset for slot, offset in found.items() if offset}

    def at(self, table: dict[int, int], slot: int) -> int | None:
        """Where what a field refers to begins."""
        return table[slot] + self.number("<I", table[slot]) if slot in table else None

    def vector(self, table: dict[int, int], slot: int, width: int) -> range:
        """Places of a vector's elements of `width` bytes; none where the field is left out."""
        start = self.at(table, slot)
        if start is None:
            return range(0)
        count = self.number("<I", start)
        if start + 4 + count * width > len(self.data):
            raise DamageError("a list of it is longer than the file")
        return range(start + 4, start + 4 + count * width, width)

    def numbers(self, table: dict[int, int], slot: int) -> list[int]:
        """A vector of int32."""
        return [self.number("<i", at) for at in self.vector(table, slot, 4)]

    def text(self, table: dict[int, int], slot: int) -> str:
        """A string, empty where it is left out."""
        places = self.vector(table, slot, 1)
        return self.data[places.start : places.stop].decode(errors="replace")

    def tables(self, table: dict[int, int], slot: int) -> Iterator[dict[int, int]]:
        for at in self.vector(table, slot, 4):
            yield self.table(at + self.number("<I", at))

    def value(self, table: dict[int, int], slot: int, form: str = "<I") -> int:
        return self.number(form, table[slot]) if slot in table else 0


def _model(tables: Tables) -> list[int]:
    """How many numbers each tensor has that is computed."""
    root = tables.table(tables.number("<I", 0))
    codes = [
        max(tables.value(one, 0, "<b"), tables.value(one, 3, "<i")) for one in tables.tables(root, CODES)
    ]  # deprecated_builtin_code, builtin_code
    buffers = [_has_data(tables, one) for one in tables.tables(root, BUFFERS)]
    graphs = list(tables.tables(root, SUBGRAPHS))
    if not graphs:
        raise DamageError("it holds no graph")
    tables.vector(root, DESCRIPTION, 1)
    for one in tables.tables(root, METADATA):
        tables.vector(one, 0, 1)
        if tables.value(one, 1) >= len(buffers):
            raise DamageError("its metadata is in a buffer that it does not have")
    numbers: list[int] = []
    _refuse_cycles([_graph(tables, graph, codes, buffers, numbers) for graph in graphs])
    _signatures(tables, root, [len(tables.vector(graph, TENSORS, 4)) for graph in graphs])
    return numbers


def _has_data(tables: Tables, buffer: dict[int, int]) -> bool:
    data = tables.vector(buffer, DATA, 1)
    offset, size = tables.value(buffer, OFFSET, "<Q"), tables.value(buffer, SIZE, "<Q")
    if offset > 1 and offset + size > len(tables.data):
        raise DamageError("values of it lie beyond its end")
    return len(data) > 0 or offset > 1


def _graph(
    tables: Tables, graph: dict[int, int], codes: list[int], buffers: list[bool], numbers: list[int]
) -> set[int]:
    """The numbers of the graphs that it calls; what its tensors take is added to `numbers`."""
    called: set[int] = set()
    known: set[int] = set(tables.numbers(graph, INPUTS))
    count = 0
    for number, tensor in enumerate(tables.tables(graph, TENSORS)):
        count += 1
        if _tensor(tables, tensor, buffers):
            known.add(number)
        else:
            numbers.append(math.prod(tables.numbers(tensor, SHAPE)))
    for operator in tables.tables(graph, OPERATORS):
        if (kind := tables.value(operator, OPCODE)) >= len(codes):
            raise DamageError("an operation is of a kind that it does not name")
        called |= _called(tables, operator, is_calling=codes[kind] in CALLING)
        tables.vector(operator, CUSTOM_OPTIONS, 1)
        reads, gives = tables.numbers(operator, READS), tables.numbers(operator, GIVES)
        _refuse_unknown([*(one for one in reads if one != -1), *gives], count)
        if not known.issuperset(one for one in reads if one != -1):
            raise DamageError("an operation reads what none before it gives")
        known.update(gives)
    ends = [*tables.numbers(graph, INPUTS), *tables.numbers(graph, OUTPUTS)]
    _refuse_unknown(ends, count)
    if not known.issuperset(ends):
        raise DamageError("no operation gives one of its outputs")
    return called


def _called(tables: Tables, operator: dict[int, int], *, is_calling: bool) -> set[int]:
    """The numbers of the graphs that an operation calls."""
    found: set[int] = set()
    for (type_slot, slot), fields in zip(OPTIONS, CALLED, strict=True):
        at = tables.at(operator, slot)
        options = {} if at is None else tables.table(at)
        kind = tables.value(operator, type_slot, "<B")
        if at is not None and kind in fields:
            found |= {tables.value(options, field, "<i") for field in fields[kind]}
        elif at is not None and kind == CASE and fields is CALLED[1]:
            found |= set(tables.numbers(options, BRANCHES))
    if is_calling and not found:
        raise DamageError("an operation calls a graph, and does not say which")
    return found


def _refuse_cycles(calls: list[set[int]]) -> None:
    """Graphs that call each other in a circle, or one that is not there; calls: of each."""
    if any(not 0 <= one < len(calls) for called in calls for one in called):
        raise DamageError(f"an operation calls a graph beyond the {len(calls)} that it has")
    left = dict(enumerate(calls))
    while left:
        ends = {number for number, called in left.items() if not called & left.keys()}
        if not ends:
            raise DamageError("its graphs call each other in a circle")
        left = {number: called for number, called in left.items() if number not in ends}


def _refuse_unknown(numbers: list[int], count: int) -> None:
    if any(not 0 <= one < count for one in numbers):
        raise DamageError(f"it refers to tensors beyond the {count} that it has")


def _tensor(tables: Tables, tensor: dict[int, int], buffers: list[bool]) -> bool:
    """Whether it is a constant, or a variable, which nothing has to give."""
    sides = tables.numbers(tensor, SHAPE)
    tables.vector(tensor, SHAPE_SIGNATURE, 4)
    tables.vector(tensor, NAME, 1)
    if any(side < 0 for side in sides):
        raise DamageError("a tensor has a negative size")
    buffer = tables.value(tensor, BUFFER)
    if buffer >= len(buffers):
        raise DamageError("a tensor is in a buffer that it does not have")
    if (at := tables.at(tensor, QUANTIZATION)) is not None:
        quantization = tables.table(at)
        for slot in FLOAT_LISTS:
            tables.vector(quantization, slot, 4)
        tables.vector(quantization, ZERO_POINTS, 8)
    return buffers[buffer] or bool(tables.value(tensor, VARIABLE, "<B"))


def _signatures(tables: Tables, root: dict[int, int], tensors: list[int]) -> None:
    for one in tables.tables(root, SIGNATURES):
        graph = tables.value(one, 4)  # subgraph_index
        if graph >= len(tensors):
            raise DamageError("a signature is of a graph that it does not have")
        for slot in (0, 1):
            for entry in tables.tables(one, slot):
                tables.vector(entry, 0, 1)
                if tables.value(entry, 1) >= tensors[graph]:
                    raise DamageError("a signature names tensors that it does not have")
