"""What `am instrument -w -r` prints, understood whatever the portions that it comes in."""

from __future__ import annotations

import pytest

from posekit.devices.android.instrument import Instrument

START = "INSTRUMENTATION_STATUS: test=runsTheRequest\nINSTRUMENTATION_STATUS_CODE: 1\n"
GOOD = START + "INSTRUMENTATION_STATUS: test=runsTheRequest\nINSTRUMENTATION_STATUS_CODE: 0\nINSTRUMENTATION_CODE: -1\n"

# what it prints, whether it failed, whether it came to an end of its own, and the reason
OUTPUTS: dict[str, tuple[str, bool, bool, str]] = {
    "passed": (GOOD, False, True, "its test passed"),
    "Windows lines": (GOOD.replace("\n", "\r\n"), False, True, "its test passed"),
    "no last line break": (GOOD.rstrip(), False, True, "its test passed"),
    "error": (
        START + "INSTRUMENTATION_STATUS_CODE: -1\nINSTRUMENTATION_CODE: -1\n",
        True,
        True,
        "did not pass (status -1)",
    ),
    "failure": (
        START + "INSTRUMENTATION_STATUS_CODE: -2\nINSTRUMENTATION_CODE: -1\n",
        True,
        True,
        "did not pass (status -2)",
    ),
    "ignored": (
        START + "INSTRUMENTATION_STATUS_CODE: -3\nINSTRUMENTATION_CODE: -1\n",
        True,
        True,
        "did not pass (status -3)",
    ),
    "failure after a pass": (
        GOOD.replace("INSTRUMENTATION_CODE", "INSTRUMENTATION_STATUS_CODE: -2\nINSTRUMENTATION_CODE"),
        True,
        True,
        "status -2",
    ),
    "stack": (
        START
        + "INSTRUMENTATION_STATUS: stack=java.lang.Error: no\n\tat x\n"
        + "INSTRUMENTATION_STATUS_CODE: -2\nINSTRUMENTATION_CODE: -1\n",
        True,
        True,
        "java.lang.Error: no",
    ),
    "crash": (
        START + "INSTRUMENTATION_RESULT: shortMsg=Process crashed.\nINSTRUMENTATION_CODE: 0\n",
        True,
        True,
        "Process crashed.",
    ),
    "not there": ("INSTRUMENTATION_FAILED: a/b\n", True, True, "INSTRUMENTATION_FAILED: a/b"),
    "no test": ("INSTRUMENTATION_CODE: -1\n", True, True, "it ran no test"),
    "broke off": (START, True, False, "it broke off"),
    "silence": ("", True, False, "it said nothing"),
    "no text": ("\x00\xff\n" + GOOD, False, True, "its test passed"),
}


@pytest.mark.parametrize("portion", [1, 7, 1000])
@pytest.mark.parametrize("name", OUTPUTS)
def test_the_end_of_a_run(name: str, portion: int) -> None:
    text, failed, ended, reason = OUTPUTS[name]
    started: list[str] = []
    said, raw = Instrument(started.append), text.encode("latin-1")
    for start in range(0, len(raw), portion):
        said.take(raw[start : start + portion])
    said.close()
    assert (said.failed, said.ended) == (failed, ended)
    assert reason in said.reason
    assert started == (["runsTheRequest"] if START.splitlines()[0] in text.replace("\r", "") else [])


def test_only_the_end_of_what_it_said_is_kept() -> None:
    said = Instrument(lambda _: None)
    said.take(b"".join(b"line %d\n" % number for number in range(1000)))
    assert said.tail.splitlines() == [f"line {number}" for number in range(950, 1000)]
