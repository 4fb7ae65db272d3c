"""The Kotlin package that somebody chooses: what it may be called, and what is written of it."""

from __future__ import annotations

import json

import pytest

from posekit.contract.changes import apply, parse_change
from posekit.contract.spec import canonical_json, parse_spec
from tests.contract.test_spec import changed, refusal, valid

GOOD = [
    "com.acme", "com.acme.pose", "io.a1.b_2.c_", "org.template_pose", "de.posekit.template", "androidy.x",
    "com.google.aimodels", "javaland.pose", f"a.{'b' * 98}",
]  # fmt: skip
SHAPE = "expected two or more words of lower case letters, digits and '_', each beginning with a letter"
WRONG = {
    **dict.fromkeys(["", "pose", "com.", ".com.acme", "com..acme", "com.Acme", "com.1a", "com._a", "com.a-b"], SHAPE),
    **dict.fromkeys(["com.a b", "com.acme\n", "com/acme", "com.\u00e4", "com.acme.\uff50", "com.`fun`"], SHAPE),
    f"a.{'b' * 99}": "expected at most 100 characters, it has 101",
    "com.fun": "expected no word of Kotlin or Java between the dots, such as 'fun'", "com.when.pose": "'when'",
    "com.native": "'native'", "new.pose": "'new'", "com.acme.default": "'default'",
    "kotlin.pose": "expected a package of your own, which one under 'kotlin' is not", "kotlinx.pose": "'kotlinx'",
    "com.aux.pose": "expected no name that Windows keeps for a device, such as 'aux'", "com1.pose": "'com1'",
    "java.pose": "'java'", "javax.pose": "'javax'", "android.pose": "'android'", "androidx.a.b": "'androidx'",
    "com.android.pose": "'com.android'", "com.google.ai.edge.litert": "'com.google.ai'", "dalvik.pose": "'dalvik'",
    "com.google.ai": "'com.google.ai'", "posekit.tiny": "'posekit' is not; left out it is posekit.NAME",
    "posekit.demo.app": "'posekit'",
}  # fmt: skip


@pytest.mark.parametrize("package", GOOD)
def test_a_package_of_ones_own(package: str) -> None:
    spec = parse_spec(changed("kotlin_package", package), "")
    assert spec.kotlin_package == package
    assert json.loads(canonical_json(spec))["kotlin_package"] == package
    assert parse_spec(json.loads(canonical_json(spec)), "") == spec
    assert parse_spec(apply(valid(), [parse_change(f"kotlin_package={package}")]), "") == spec


@pytest.mark.parametrize("package", WRONG)
def test_what_no_package_may_be_called(package: str) -> None:
    message = refusal(changed("kotlin_package", package)).message
    assert message.startswith("pose.toml: kotlin_package is '")
    assert ": expected " in message
    assert WRONG[package] in message


def test_a_contract_without_a_package_is_written_as_before_there_was_a_choice() -> None:
    spec = parse_spec(valid(), "")
    assert spec.kotlin_package is None
    assert "kotlin_package" not in spec.model_dump()
    assert "kotlin_package" not in json.loads(canonical_json(spec))
    assert parse_spec(changed("kotlin_package", None), "") == spec
