"""A configuration in Python is read as syntax: what it assigns is known, what its code computes is not, none runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posekit.contract.drafts import configs
from posekit.contract.drafts.literals import ABSENT, Unread, at
from posekit.contract.drafts.pyconfig import read_config
from posekit.errors import InputError
from tests.contract.drafts.test_configs import DATA, HRNET


def names(folder: Path, text: str, **others: str) -> dict[str, Any]:
    """What a configuration assigns; others: files beside it, by their stems."""
    for stem, content in others.items():
        (folder / f"{stem}.py").write_text(content)
    (folder / "main.py").write_text(text)
    return read_config(folder / "main.py")[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x = 3 * 64 - 2 ** 3 // 3", 190),
        ("x = -0.5 / 2", -0.25),
        ("x = [1, 2] + [3]", [1, 2, 3]),
        ("x = (4, 5) + (6,)", (4, 5, 6)),
        ("x = [127.5] * 3", [127.5] * 3),
        ("a = [1, 2]\nx = [0, *a]", [0, 1, 2]),
        ("a = dict(b=[1, dict(c=2)])\nx = a['b'][1]['c']", 2),
        ("a = dict(b=2)\nx = a.b", 2),
        ("a = dict(b=1)\nx = dict(a, c=3)", {"b": 1, "c": 3}),
        ("a = {'b': 1}\nx = {**a, 'c': 3}", {"b": 1, "c": 3}),
        ("r = 'data/'\nx = f'{r}coco/{17}'", "data/coco/17"),
        ("a = dict(b=1)\na['c'] = 2\nx = a", {"b": 1, "c": 2}),
        ("a = dict(b=1)\nc = dict(d=a)\na.update(b=5)\nx = c['d']['b']", 5),
        ("a = [1]\nb = a\na += [2]\nx = b", [1, 2]),
        ("x = dict(a=1, b=2)\nx.merge(dict(_delete_=True, c=3))", {"c": 3}),
        ("a, x = 1, 2", 2),
        ("x: int = 7", 7),
        ("x = max(3, len([1, 2]))", 3),
        ("from a.b import Thing\nx = Thing", "Thing"),
        ("from a.b import Thing as T\nx = dict(type=T)", {"type": "Thing"}),
        ("import copy\na = dict(b=1)\nc = copy.deepcopy(a)\nx = a", {"b": 1}),
        ("x = True", True),
    ],
)
def test_what_is_plain_is_read(tmp_path: Path, text: str, value: Any) -> None:
    assert names(tmp_path, text)["x"] == value


@pytest.mark.parametrize(
    "text",
    [
        "x = size()",
        "x = [i for i in range(3)]",
        "x = 1 if y else 2",
        "x = lambda: 1",
        "import os\nx = os.environ['A']",
        "x = unknown",
        "x = 10 ** 10 ** 10",
        "x = 'a' * 10 ** 9",
        "x = [0] * 10 ** 9",
        "x = 1 / 0",
        "x = 1 << 4",
        "x = [1][5]",
        "x = 'a' + 1",
        "x = f'{1:>100000000}'",
        "x = 1\nif y:\n    x = 2",
        "x = 1\nfor x in y:\n    pass",
        "x = 1\nwhile True:\n    x += 1",
        "x = 1\ntry:\n    x = 2\nexcept Exception:\n    pass",
        "x = 1\nwith y:\n    x = 2",
        "x = [1]\nx.append(2)",
        "x = 1\nprint(x := 2)",
        "x = dict(a=1)\ny = x.pop('a')",
        "x = [dict(a=1)]\ny = [one.pop('a') for one in x]",
        "x = dict(a=1)\ny = z or change(x)",
        "x = dict(a=1)\ny = lambda: x.clear()",
        "x = dict(a=1)\ndel x['a']",
        "x = dict(a=1)\nx.pop('a')",
        "x = dict(a=1)\nchange(x)",
        "x = dict(a=1)\ny = change(x)",
        "x = dict(a=1)\ny = [x]\nchange(y)",
        "x = dict(a=1)\nfor y in [x]:\n    y['a'] = 2",
        "x = 1\ndef f():\n    global x\n    x = 2\nf()",
        "def f():\n    global x\n    x = 2\nx = 1\nf()",
        "x = dict(a=1)\ndef f():\n    x['a'] = 2\nf()",
        "dict = make\nx = dict(a=1)",
    ],
)
def test_what_code_computes_or_may_have_changed_is_unread(tmp_path: Path, text: str) -> None:
    value = at(names(tmp_path, text), "x")
    assert isinstance(at(value, "a"), Unread) or isinstance(at(value, 0), Unread) or isinstance(value, Unread)


def test_where_a_value_is_computed_is_told(tmp_path: Path) -> None:
    assert names(tmp_path, "y = 1\nx = size(3)")["x"].where == "line 2 of main.py: size(3)"


def test_bases_are_merged_key_by_key(tmp_path: Path) -> None:
    found = names(
        tmp_path,
        "_base_ = ['one.py', './two.py']\na = dict(c=9, d=dict(_delete_=True, n=1))\nx = _base_.a.b\ny = {{_base_.e}}",
        one="a = dict(b=1, c=2, d=dict(m=1))",
        two="a = dict(f=3)\ne = [1]",
    )
    assert found["a"] == {"b": 1, "c": 9, "d": {"n": 1}, "f": 3}
    assert (found["x"], found["y"]) == (1, [1])


def test_a_list_whose_entries_are_replaced_is_unread(tmp_path: Path) -> None:
    found = names(tmp_path, "_base_ = 'one.py'\np = {1: dict(a=2)}", one="p = [dict(a=1), dict(a=1)]")
    assert isinstance(found["p"], Unread)


def test_imported_bases_are_names(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "one.py").write_text("a = dict(b=1, c=2)\nz = 5")
    (tmp_path / "sub" / "main.py").write_text(
        "from mmengine.config import read_base\nwith read_base():\n    from ..one import *\n"
        "    from mmpose.x import y\n"
        "a.update(b=3)\nx = z"
    )
    found, missing = read_config(tmp_path / "sub" / "main.py")
    assert (found["a"], found["x"]) == ({"b": 3, "c": 2}, 5)
    assert missing == ("mmpose.x",)


@pytest.mark.parametrize(
    ("text", "missing"),
    [("_base_ = 'gone.py'", "gone.py"), ("_base_ = ['mmpose::a.py']", "mmpose::a.py"), ("_base_ = find()", "computed"),
     ("_base_ = '/etc/passwd'", "/etc/passwd")],
)  # fmt: skip
def test_a_base_that_is_not_there_is_told(tmp_path: Path, text: str, missing: str) -> None:
    (tmp_path / "main.py").write_text(text)
    assert missing in read_config(tmp_path / "main.py")[1][0]


@pytest.mark.timeout(120)  # that it ends at all
@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"main": "_base_ = 'main.py'"}, "main.py -> main.py"),
        ({"main": "_base_ = 'a.py'", "a": "_base_ = ['b.py']", "b": "_base_ = 'a.py'"}, "a.py -> b.py -> a.py"),
        ({"main": "with read_base():\n    from .main import *"}, "based on itself"),
        ({"main": f"_base_ = {['a.py'] * 100}", "a": "b = 1"}, "more than 64 files"),
        (
            {"main": "_base_ = 'a.py'\n" + (bomb := "a0 = dict(k=1)\n" + "".join(
                f"a{n} = dict(l=a{n - 1}, r=a{n - 1})\n" for n in range(1, 30))), "a": bomb},
            "based on too much",
        ),
        (
            {"main": "_base_ = 'a.py'\n" + (deep := "a = dict(k=1)\n" + "a = dict(a=a)\n" * 5000), "a": deep},
            "based on too much",
        ),
    ],
    ids=["itself", "a circle", "by import", "many", "wide", "deep"],
)  # fmt: skip
def test_cycles_and_bombs_of_bases_end(tmp_path: Path, files: dict[str, str], told: str) -> None:
    for stem, text in files.items():
        (tmp_path / f"{stem}.py").write_text(text)
    with pytest.raises(InputError, match=told):
        read_config(tmp_path / "main.py")


def test_values_that_double_end(tmp_path: Path) -> None:
    found = names(tmp_path, "x = [0]\n" + "x = x + x\n" * 60 + "y = 'a'\n" + "y = y + y\n" * 60)
    assert isinstance(found["x"], Unread)
    assert isinstance(found["y"], Unread)


@pytest.mark.parametrize(
    "text",
    [
        "compile = False",
        "compile = dict(backend='inductor')\nmodel = dict(compile=compile)",
        "vars: dict = dict(a=1)",
        "model = dict(eval=1, compile=True)\nmodel['exec'] = model.compile",
        "import re\npattern = re.compile('a')",
        "from a.b import compile\ny = compile",
        "def make(locals):\n    return locals",
        "with read_base():\n    from .base import compile\ny = compile",
    ],
)
def test_a_key_with_the_name_of_a_function_is_a_key(tmp_path: Path, text: str) -> None:
    assert names(tmp_path, f"{text}\nx = 1", base="compile = False")["x"] == 1


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("exec('x = 2')", "exec"),
        ("make = exec\nmake('x = 2')", "exec"),
        ("globals()['x'] = 2", "globals"),
        ("list(map(eval, ['x := 2']))", "eval"),
        ("compile = False\ny = compile('x = 2', '', 'exec')", "compile"),
        ("import builtins\nbuiltins.exec('x = 2')", "builtins"),
        ("import builtins as b\nb.exec('x = 2')", "builtins"),
        ("from builtins import exec as make\nmake('x = 2')", "builtins"),
        ("__builtins__['exec']('x = 2')", "__builtins__"),
        ("def make():\n    vars()['x'] = 2\nmake()", "vars"),
    ],
)
def test_code_that_makes_code_is_refused(tmp_path: Path, code: str, used: str) -> None:
    with pytest.raises(InputError, match=f"uses {used}, so what it assigns"):
        names(tmp_path, f"x = 1\n{code}")


TABLE = "a = dict(" + ", ".join(f"k{n}=0" for n in range(2000)) + ")\n"


@pytest.mark.timeout(120)  # that it ends at all
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = [0] * 20000\nb = [a] * 20000\nx = [b] * 20000", "more than 200,000 values"),
        ("a = (0,) * 20000\nb = (a,) * 20000\nx = (b,) * 20000", "more than 200,000 values"),
        (f"{TABLE}b = dict(c=[a] * 20000)\nx = [b] * 20000", "more than 200,000 values"),
        ("x = ['a' * 20000] * 20000", "more than 200,000 values"),
        ("a = 'a' * 20000\nb = {a: 0}\nx = [b] * 20000", "more than 200,000 values"),
        ("x = dict(a=1)\nx['b'] = x", "in themselves"),
        ("x = [0]\n" + "x = [x]\n" * 100, "too deep"),
        ("".join(f"a{n} = [0] * 20000\n" for n in range(100)), "makes more than 1,000,000"),
        ("".join(f"a{n} = 'a' * 20000\n" for n in range(100)), "makes more than 1,000,000"),
        ("a = [0] * 20000\n" + "x = max(a)\n" * 100, "makes more than 1,000,000"),
        ("a = (0,) * 20000\n" + "change(a)\n" * 100, "makes more than 1,000,000"),
        ("x = [0] * 19000\n" + "x += [1]\n" * 100, "makes more than 1,000,000"),
    ],
    ids=["lists", "tuples", "tables", "texts", "keys", "itself", "deep", "many lists", "many texts", "compared",
         "forgotten", "grown"],
)  # fmt: skip
def test_values_without_end_are_refused_at_once(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        names(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "a = [0] * 20000\nb = [a] * 2\nc = [0] * 20000\nd = [c] * 2\nx = max([b], [d])",
        "a = 'a' * 9000\nx = f'" + "{a}" * 300 + "'",
        f"{TABLE}x = dict(" + ", ".join(["**a"] * 300) + ")",
        f"x = 0x{'f' * 9000}",
        f"x = f'{{0x{'f' * 9000}}}'",
    ],
    ids=["compared", "text", "stars", "number", "number as text"],
)
def test_what_takes_long_to_make_is_unread(tmp_path: Path, text: str) -> None:
    assert isinstance(names(tmp_path, text)["x"], Unread)


@pytest.mark.timeout(120)
def test_the_time_does_not_grow_with_how_deep_a_long_list_lies(tmp_path: Path) -> None:
    assert len(names(tmp_path, "x = " + "[" * 50 + "1, " * 40000 + "]" * 50)["x"]) == 1


@pytest.mark.parametrize(
    "code",
    [
        "open('{here}/WRITTEN', 'w').write('x')",
        "import os\nos.system('touch {here}/WRITTEN')",
        "__import__('pathlib').Path('{here}/WRITTEN').touch()",
        "class A:\n    open('{here}/WRITTEN', 'w')",
        "for _ in [1]:\n    open('{here}/WRITTEN', 'w')",
        "size = open('{here}/WRITTEN', 'w').fileno()",
        "with open('{here}/WRITTEN', 'w') as f:\n    f.write('x')",
        "note = f\"{{open('{here}/WRITTEN', 'w')}}\"",
    ],
)
def test_code_that_would_write_a_file_writes_none(tmp_path: Path, code: str) -> None:
    text = (DATA / HRNET).read_text()
    path = tmp_path / "config.py"
    path.write_text(code.replace("{here}", str(tmp_path)).replace("{{", "{").replace("}}", "}") + "\n" + text)
    found = configs.read(path)
    assert found.values["input.size_wh"].value == [192, 256]
    assert not found.gaps
    assert not (tmp_path / "WRITTEN").exists()
    # the same code does write when it is run, so the test can fail
    exec(compile(path.read_text().partition("_base_")[0], "config", "exec"), {})
    assert (tmp_path / "WRITTEN").exists()


def test_places_of_nested_values() -> None:
    assert at({"a": [{"b": 1}]}, "a", 0, "b") == 1
    assert at({"a": 1}, "b") is ABSENT
    assert at({"a": 1}, "a", "b") is ABSENT
    assert at([1], 3) is ABSENT
