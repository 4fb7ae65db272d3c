"""What libraries raise becomes a sentence; what posekit itself does wrong stays a fault."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posekit.errors import (
    ConversionError,
    InputError,
    MissingToolError,
    converting,
    is_own,
    line_of_user,
    note,
    reading,
    said,
    told,
)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", ""),
        ("3", ""),  # of a KeyError
        ("'image'", ""),
        ("'NoneType' object has no attribute 'shape'", ""),
        ("list index out of range", ""),
        ("f() got an unexpected keyword argument 'x'", ""),
        ("unsupported operand type(s) for +: 'int' and 'str'", ""),
        ("maximum recursion depth exceeded", ""),
        ("no lowering for aten.erfinv", ": no lowering for aten.erfinv"),
        ("\n\n  ValueError: axis 4 is out of bounds.\n  more", ": axis 4 is out of bounds"),
        ("torch._dynamo.exc.Unsupported: call of a builtin", ": torch._dynamo.exc.Unsupported: call of a builtin"),
        ("builtins.RuntimeError: TypeError: the sizes differ", ": the sizes differ"),
        ("[Errno 2] No such file or directory: 'x'", ": No such file or directory: 'x'"),
        ("1\n2\nthe third line says it", ": the third line says it"),
    ],
)
def test_a_librarys_own_sentence_is_quoted_and_pythons_words_are_not(text: str, quoted: str) -> None:
    assert said(text) == quoted
    assert said(ValueError(text)) == quoted


def test_a_long_sentence_is_cut() -> None:
    assert len(said("word " * 200)) < 250


def test_of_the_users_own_code_pythons_words_say_what_is_wrong() -> None:
    assert said("'NoneType' object has no attribute 'shape'", of_user=True).endswith("no attribute 'shape'")


def fail(error: Exception) -> None:
    """Code that is not posekit's."""
    raise error


def ours() -> Any:
    """A function that Python takes for posekit's own, with a fault within told()."""
    space: dict[str, Any] = {"__name__": "posekit.planted", "told": told}
    exec("def fault():\n    with told('the library cannot do it'):\n        return {}[told]", space)
    return space["fault"]


def test_an_error_is_told_with_step_explanation_and_hint(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        pytest.raises(ConversionError) as raised,
        told("the library cannot do it", "try this", explain=lambda error: f"it is of {len(str(error))}", log=log),
    ):
        fail(KeyError("the pool is empty"))
    assert (raised.value.message, raised.value.hint) == (
        "the library cannot do it: the pool is empty",
        "it is of 19; try this",
    )
    assert raised.value.exit_code == 4
    assert "in fail" in log.read_text(), "the traceback is kept"
    assert isinstance(raised.value.__cause__, KeyError)


def test_the_kind_and_the_whole_sentence_can_be_given() -> None:
    with pytest.raises(InputError) as raised, told(lambda error: f"<{error}>", kind=InputError):
        fail(ValueError("a b"))
    assert (raised.value.message, raised.value.hint) == ("<a b>", "")


@pytest.mark.parametrize("refusal", [InputError("an input"), MissingToolError("a tool")])
def test_a_refusal_passes_as_it_is(refusal: Exception) -> None:
    for context in (told("not this"), reading(Path("x"))):
        with pytest.raises(type(refusal), match=str(refusal)), context:
            fail(refusal)


def test_a_full_disk_passes_to_where_it_is_told() -> None:
    for context in (told("not this"), reading(Path("x"))):
        with pytest.raises(OSError, match="No space"), context:
            fail(OSError(errno.ENOSPC, "No space left on device"))


def test_a_fault_of_posekits_own_is_not_told_as_a_librarys() -> None:
    with pytest.raises(KeyError):
        ours()()
    with pytest.raises(ConversionError, match="Singular matrix"), told("the library cannot do it"):
        np.linalg.inv(np.zeros((2, 2)))  # raised within numpy


def test_who_raised_is_told_by_the_code_that_took_part() -> None:
    def trace(run: Any) -> Any:
        try:
            run()
        except Exception as error:
            return error.__traceback__.tb_next  # type: ignore[union-attr]  # without this test's frame

    assert is_own(trace(ours()))
    assert not is_own(trace(lambda: fail(ValueError())))


def test_a_damaged_file_is_wrong_input_whatever_it_raises() -> None:
    for error in (IndexError("list index out of range"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), ours()):
        with pytest.raises(InputError) as raised, reading(Path("folder/m.tflite"), hint="again"):
            error() if callable(error) else fail(error)
        assert raised.value.message.startswith("m.tflite is damaged")
        assert "Error" not in raised.value.message
        assert raised.value.hint == "again"


def test_a_converters_file_that_is_refused_is_a_failed_conversion() -> None:
    with pytest.raises(ConversionError, match="converter's file cannot be used: LiteRT cannot load it") as raised:
        converting()(fail)(InputError("LiteRT cannot load it", "a hint"))
    assert raised.value.hint == "a hint"
    with pytest.raises(MissingToolError), converting():
        fail(MissingToolError("no runtime"))


def test_the_line_of_the_users_code_is_found_behind_libraries() -> None:
    def forward() -> None:
        np.apply_along_axis(lambda row: fail(ValueError(str(row))), 0, np.zeros((2, 2)))

    with pytest.raises(ValueError, match="0") as raised:
        forward()
    assert line_of_user(raised.value).startswith(" (test_errors.py, line ")
    assert "raise" not in line_of_user(raised.value)
    with pytest.raises(np.linalg.LinAlgError) as raised:
        np.linalg.inv(np.zeros((2, 2)))
    assert ": np.linalg.inv(" in line_of_user(raised.value)


def test_a_log_that_cannot_be_written_hides_no_error(tmp_path: Path) -> None:
    note(ValueError(), None)
    note(ValueError(), tmp_path / "absent" / "log")
