"""Understand what `am instrument -w -r` says: it may end with exit code 0 though everything failed."""

from __future__ import annotations

from collections.abc import Callable

MAX_TAIL = 50
ENDED_WELL = "-1"  # Activity.RESULT_OK
STARTED, PASSED = "1", "0"


class Instrument:
    """The run so far. `take` is fed with what the program writes, in any portions."""

    def __init__(self, started: Callable[[str], None]) -> None:
        self._started = started
        self._rest = b""
        self._lines: list[str] = []
        self._test = ""
        self._passed = 0
        self._code: str | None = None
        self._wrong = ""

    @property
    def ended(self) -> bool:
        """Whether the instrumentation came to an end of its own."""
        return self._code is not None

    @property
    def failed(self) -> bool:
        """Whether it did not end well, or a test failed, or none ran."""
        return self._code != ENDED_WELL or bool(self._wrong) or not self._passed

    @property
    def reason(self) -> str:
        """Why it failed, or what it said last."""
        if self._wrong:
            return self._wrong
        if self._code is None:
            return f"it broke off: {self._lines[-1][:300] if self._lines else 'it said nothing'}"
        return "its test passed" if self._passed else "it ran no test"

    @property
    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self._lines)

    def take(self, block: bytes) -> None:
        """Understand the lines of a portion that are whole."""
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace").rstrip("\r"))

    def close(self) -> None:
        """The output is at its end."""
        self.take(b"\n")

    def _line(self, line: str) -> None:
        if not line.strip():
            return
        self._lines = [*self._lines, line][-MAX_TAIL:]
        key, _, value = line.partition(": ")
        name, _, text = value.partition("=")
        if key == "INSTRUMENTATION_STATUS" and name == "test":
            self._test = text
        elif key == "INSTRUMENTATION_STATUS" and name == "stack":
            self._note(text)
        elif key == "INSTRUMENTATION_STATUS_CODE":
            self._status(value.strip())
        elif key == "INSTRUMENTATION_RESULT" and name in ("shortMsg", "longMsg"):
            self._note(text)
        elif key in ("INSTRUMENTATION_FAILED", "INSTRUMENTATION_ABORTED"):
            self._code = self._code or "failed"
            self._note(f"{key}: {value}")
        elif key == "INSTRUMENTATION_CODE":
            self._code = value.strip()

    def _status(self, code: str) -> None:
        if code == STARTED:
            self._started(self._test)
        elif code == PASSED:
            self._passed += 1
        elif code.startswith("-"):  # -1 error, -2 failure, -3 ignored, -4 assumption
            self._note(f"{self._test} did not pass (status {code})")

    def _note(self, reason: str) -> None:
        self._wrong = self._wrong or reason.strip()[:300]
