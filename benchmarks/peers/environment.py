"""The peers' own environment, build/peers/venv: made once, and again when its requirements change."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "peers"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
CONSTRAINTS = ROOT / "constraints.txt"
# AGPL: a program that is run, for the one network that it exports; nothing here imports it
ULTRALYTICS = ("ultralytics==8.4.190", "ultralytics-thop==2.2.3", "ultralytics-platform==0.1.45")
BIN = HOME / "venv" / "bin"
# one thread in every library, so that the time of the thread is the time of the run
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SETTINGS = {
    "TF_USE_LEGACY_KERAS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "",
    "YOLO_AUTOINSTALL": "False",
    "YOLO_OFFLINE": "True",
}


def digest(*contents: bytes) -> str:
    """Twelve letters that stand for the contents."""
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:12]


def install() -> None:
    """Make the environment unless it is there as the requirements have it."""
    wanted = digest(REQUIREMENTS.read_bytes(), CONSTRAINTS.read_bytes(), " ".join(ULTRALYTICS).encode())
    stamp = HOME / "venv" / "made-of"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print("installing the peers, some minutes and 5 GB, once", file=sys.stderr)
    venv.create(HOME / "venv", clear=True, with_pip=True)
    pip = [BIN / "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", CONSTRAINTS]
    subprocess.run([*pip, "--requirement", REQUIREMENTS], check=True)
    subprocess.run([*pip, "--no-deps", *ULTRALYTICS], check=True)
    stamp.write_text(wanted)


def run(module: str, *arguments: object, log: Path, seconds: float) -> str:
    """A module of benchmarks/peers in the peers' environment; why it failed, in a sentence, or nothing."""
    return program(BIN / "python", "-m", f"benchmarks.peers.{module}", *arguments, log=log, seconds=seconds)


def program(*command: object, log: Path, seconds: float, folder: Path = ROOT) -> str:
    """Run a command with its chatter in `log`; why it failed, or nothing."""
    settings = {**os.environ, **ONE_THREAD, **SETTINGS, "PYTHONPATH": str(ROOT), "YOLO_CONFIG_DIR": str(HOME)}
    with log.open("w") as chatter:
        try:
            done = subprocess.run(
                [str(one) for one in command], stdout=chatter, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=settings, cwd=folder, timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"it took more than {seconds:.0f} s"
    return "" if done.returncode == 0 else _reason(log, done.returncode)


def _reason(log: Path, code: int) -> str:
    """The last line of the chatter that names an error."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    named = [line for line in lines if "Error" in line or "error:" in line.lower()]
    told = f"it was ended by signal {-code}" if code < 0 else f"it ended with exit code {code}"
    return plain(named[-1]) if named else told


def plain(sentence: str) -> str:
    """An error on one short line, without paths of this machine and without what a table's cell cannot hold."""
    words = [Path(word).name if word.startswith(("/", "'/", '"/')) else word for word in sentence.split()]
    short = " ".join(words).replace("|", "/").replace("\x1b", "")
    return short if len(short) <= 200 else short[:197] + "..."
