"""What somebody may call the Kotlin package of a model's Android module."""

from __future__ import annotations

import re

PARTS = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
MAX_LENGTH = 100  # the test app is called after it, and it is a path of folders
_KOTLIN = """
as break class continue do else false for fun if in interface is null object package return super this throw true try
typealias typeof val var when while
"""
_JAVA = """
abstract assert boolean break byte case catch char class const continue default do double else enum extends false final
finally float for goto if implements import instanceof int interface long native new null package private protected
public return short static strictfp super switch synchronized this throw throws transient true try void volatile while
"""
KOTLIN_WORDS, JAVA_WORDS = frozenset(_KOTLIN.split()), frozenset(_JAVA.split())
# whose classes an app has from elsewhere: Android, the languages, LiteRT
WINDOWS = re.compile(r"con|prn|aux|nul|com[1-9]|lpt[1-9]")  # has no folders of these names
TAKEN = ("android", "androidx", "com.android", "com.google.ai", "dalvik", "java", "javax", "kotlin", "kotlinx")
OWN = "posekit"  # of modules without a package of their choice, and of the demo app


def check_package(value: str) -> str:
    """`value`; ValueError where a module cannot have such a package."""
    if not PARTS.fullmatch(value):
        raise ValueError(
            "expected two or more words of lower case letters, digits and '_', each beginning with a letter, with dots "
            "between them, such as com.acme.pose"
        )
    if len(value) > MAX_LENGTH:
        raise ValueError(f"expected at most {MAX_LENGTH} characters, it has {len(value)}")
    for word in value.split("."):
        if word in KOTLIN_WORDS | JAVA_WORDS:
            raise ValueError(f"expected no word of Kotlin or Java between the dots, such as {word!r}")
        if WINDOWS.fullmatch(word):
            raise ValueError(f"expected no name that Windows keeps for a device, such as {word!r}")
    for root in (*TAKEN, OWN):
        if f"{value}.".startswith(f"{root}."):
            left_out = "; left out it is posekit.NAME" if root == OWN else ""
            raise ValueError(f"expected a package of your own, which one under {root!r} is not{left_out}")
    return value
