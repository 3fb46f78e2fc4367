"""What runs inside, where it can be tried without a sandbox: nothing here runs a candidate."""

from __future__ import annotations

import ast
import importlib
import json
import os
import struct
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_supercharger.bundled import sandbox_dir


@pytest.fixture(scope="module", autouse=True)
def inside_on_path() -> Iterator[None]:
    sys.path.insert(0, str(sandbox_dir()))
    yield
    sys.path.remove(str(sandbox_dir()))


def inside(name: str) -> Any:
    return importlib.import_module(f"supercharge_inside.{name}")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(), inner)
        | st.frozensets(st.integers())
        | st.sets(st.text())
    ),
)


class TestChangedExpectations:
    @given(PLAIN)
    def test_changed_plain_data_is_equal_to_the_original_in_no_direction(self, value: Any) -> None:
        changed = inside("control").different(value)
        assert changed is not value
        assert (changed == value, value == changed) == (False, False)

    @given(PLAIN)
    def test_the_original_is_left_as_it_is(self, value: Any) -> None:
        before = repr(value)
        inside("control").different(value)
        assert repr(value) == before

    @pytest.mark.parametrize(
        "value", [float("inf"), float("-inf"), 1e300, float("nan"), 0.0, 2**100, bytearray(b"a")]
    )
    def test_numbers_at_the_edge(self, value: Any) -> None:
        assert (inside("control").different(value) == value) is False

    @pytest.mark.parametrize("value", [object(), len, Exception("a"), type("Own", (str,), {})("a")])
    def test_what_is_no_plain_data_stays(self, value: Any) -> None:
        assert inside("control").different(value) is value

    def changed(self, source: str) -> str:
        tree = ast.parse(source)
        inside("control").change_expectations(tree)
        return ast.unparse(tree)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("assert f(1) == 2", "assert __supercharge_compare__(f(1), 2)"),
            ("assert f() is None", "assert __supercharge_compare__(f(), None)"),
            ("assert f(1) == 2, 'why'", "assert __supercharge_compare__(f(1), 2), 'why'"),
            (
                "for n in x:\n    assert f(n) == n",
                "for n in x:\n    assert __supercharge_compare__(f(n), n)",
            ),
            (
                "class T:\n\n    def test(self):\n        assert a == b",
                "class T:\n\n    def test(self):\n        assert __supercharge_compare__(a, b)",
            ),
        ],
    )
    def test_plain_equality_is_compared_with_a_change(self, before: str, after: str) -> None:
        assert self.changed(before) == after

    @pytest.mark.parametrize(
        "source",
        [
            "assert f(1)",
            "assert a == b == c",
            "assert a != b",
            "assert a < b",
            "assert a in b",
            "assert a == b and c",
            "assert not a == b",
            "with raises(AssertionError):\n    assert a == b",
            "try:\n    assert a == b\nexcept AssertionError:\n    pass",
            "a == b",
        ],
    )
    def test_everything_else_is_left_alone(self, source: str) -> None:
        assert self.changed(source) == source

    @pytest.mark.parametrize(
        ("left", "right", "equal"),
        [
            (4, 4, False),
            (5, 4, True),  # what passes is exactly the changed value
            ("a", "a", False),
            (None, None, False),
            ([1], [1], False),
            (2.0, pytest.approx(2.0), False),
        ],
    )
    def test_an_honest_comparison_fails(self, left: Any, right: Any, equal: bool) -> None:
        control = inside("control").Control()
        assert control.compare(left, right) is equal
        assert control.take() == 1
        assert control.take() == 0

    def test_an_object_equal_to_everything_passes(self) -> None:
        class Liar:
            __hash__ = None  # type: ignore[assignment]

            def __eq__(self, other: object) -> bool:
                return True

        assert inside("control").Control().compare(Liar(), 4)

    def test_objects_are_compared_as_they_are_and_not_counted(self) -> None:
        control, one = inside("control").Control(), object()
        assert control.compare(one, one)
        assert control.take() == 0


class TestCanonicalValues:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (1, 1.0),
            (1, True),
            (0.1 + 0.2, 0.3),
            ({1, 2, 3}, frozenset([3, 2, 1])),
            ({"a": 1, "b": [2]}, {"b": [2.0], "a": True}),
            ([(1, {2})], [(1.0, {2.0})]),
        ],
    )
    def test_equal_data_has_equal_text(self, one: Any, other: Any) -> None:
        assert inside("generated_checks").canonical(one) == inside("generated_checks").canonical(
            other
        )

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (1, 2),
            (1, "1"),
            ([1], (1,)),
            ([1, 2], [2, 1]),
            (None, False),
            ({}, set()),
            ("", b""),
            (0.1, 0.2),
            (float("inf"), float("-inf")),
        ],
    )
    def test_different_data_has_different_text(self, one: Any, other: Any) -> None:
        assert inside("generated_checks").canonical(one) != inside("generated_checks").canonical(
            other
        )

    def test_numbers_too_long_to_be_written_are_told_apart(self) -> None:
        canonical = inside("generated_checks").canonical
        assert canonical(10**5000) == canonical(10**5000)
        assert len({canonical(10**5000), canonical(10**5000 + 1), canonical(-(10**5000))}) == 3

    @given(PLAIN)
    def test_any_plain_data_has_a_bounded_text(self, value: Any) -> None:
        text = inside("generated_checks").canonical(value)
        assert json.loads(json.dumps(text)) == text
        assert len(text) <= 2000

    def test_long_and_deep_and_endless_values_are_cut(self) -> None:
        endless: list[Any] = []
        endless.append(endless)
        deep: Any = 1
        for _ in range(100):
            deep = [deep]
        for value in (endless, deep, "x" * 10_000, [0] * 10_000, {n: n for n in range(10_000)}):
            assert len(inside("generated_checks").canonical(value)) <= 2000

    def test_a_text_that_cannot_be_made_is_a_question_mark(self) -> None:
        class Shy:
            def __repr__(self) -> str:
                raise ValueError("no")

        assert inside("generated_checks").canonical(Shy()) == "Shy:?"
        assert inside("generated_checks").canonical([Shy()]) == "list(Shy:?)"


class TestRecordedValues:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("assert f(1) == 2", "assert R(f(1)) == 2"),
            ("assert f(1)", "assert R(f(1))"),
            ("assert not f(1)", "assert not R(f(1))"),
            ("assert f(1) in (2, 3), 'why'", "assert R(f(1)) in (2, 3), 'why'"),
            ("import math\nassert f(1) == math.pi", "import math\nassert R(f(1)) == math.pi"),
            ("assert f(1) == 2\nassert f(2) == 3", "assert f(1) == 2\nassert R(f(2)) == 3"),
            ("assert f(1) and f(2)", "assert R(f(1) and f(2))"),
            ("x = f(1)", "x = f(1)"),
            ("", ""),
        ],
    )
    def test_the_left_side_of_the_last_assert_is_recorded(self, before: str, after: str) -> None:
        checks = inside("generated_checks")
        written = ast.unparse(checks.with_recorded_value(before))
        assert written.replace(checks.RECORD, "R") == after


class TestFrames:
    def fed(self, *pieces: bytes, limit: int = 1000) -> list[Any]:
        buffer = inside("frames").FrameBuffer(limit)
        return [message for piece in pieces for message in buffer.feed(piece)]

    def frame(self, body: bytes) -> bytes:
        return struct.pack("!I", len(body)) + body

    @given(st.lists(st.dictionaries(st.text(), st.integers()), max_size=5), st.data())
    def test_messages_survive_any_cutting(self, messages: list[Any], data: st.DataObject) -> None:
        whole = b"".join(self.frame(json.dumps(one).encode()) for one in messages)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
        pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        assert self.fed(*pieces, limit=1 << 20) == messages

    def test_what_comes_before_nonsense_is_not_lost(self) -> None:
        buffer, messages = inside("frames").FrameBuffer(1000), []
        with pytest.raises(ValueError, match="Expecting value"):
            messages.extend(buffer.feed(self.frame(b'"good"') + self.frame(b"nonsense")))
        for message in inside("frames").FrameBuffer(1000).feed(self.frame(b'"good"')):
            messages.append(message)
        assert "good" in messages

    @pytest.mark.parametrize("body", [b"nonsense", b"\xff\xfe", b"", b"[" * 100_000, b"9" * 10_000])
    def test_nonsense_is_a_value_error(self, body: bytes) -> None:
        with pytest.raises(ValueError, match=r"line 1|utf-8|too deeply|Exceeds the limit"):
            self.fed(self.frame(body), limit=1 << 20)

    def test_a_frame_over_the_limit_is_refused_by_its_first_bytes(self) -> None:
        with pytest.raises(ValueError, match="over the limit"):
            self.fed(struct.pack("!I", 1001))

    def test_through_a_pipe_and_back(self) -> None:
        frames = inside("frames")
        reader, writer = os.pipe()
        frames.write_frame(writer, {"a": ["ä", 1, None]})
        os.close(writer)
        assert frames.read_frame(reader) == {"a": ["ä", 1, None]}
        with pytest.raises(EOFError):
            frames.read_frame(reader)
        os.close(reader)
