"""Where code is in an answer."""

from __future__ import annotations

from pytest_supercharger.clean.fences import clean_answer, find_fences, find_regions


def codes(text: str, name: str = "f") -> list[str]:
    return [region.code for region in find_regions(text, name)]


def test_a_thinking_section_is_dropped() -> None:
    answer = clean_answer("<think>\n```\ndef f(): ...\n```\n</think>\nreturn 1")
    assert answer.text.strip() == "return 1"
    assert answer.repairs == ("dropped a thinking section",)


def test_a_thinking_section_that_the_prompt_opened_is_dropped() -> None:
    assert clean_answer("hm, so\n</think>\nreturn 1").text.strip() == "return 1"


def test_an_endless_thinking_section_leaves_nothing() -> None:
    assert clean_answer("<think>\nhm, return 1, or").text.strip() == ""


def test_comparisons_and_markup_in_code_are_no_thinking_sections() -> None:
    text = "    return '<think>' if a < b else '<b>'"
    assert clean_answer(text).text == text


def test_carriage_returns_byte_order_mark_and_end_marks_go() -> None:
    assert clean_answer("\ufeffreturn 1\r\nx\ry<|im_end|>junk").text == "return 1\nx\ny"


def test_the_last_block_that_defines_the_function_comes_first() -> None:
    text = "```\ndef f(): return 1\n```\nBetter:\n```py\ndef f(): return 2\n```\n```\nf()\n```"
    assert codes(text)[:3] == ["def f(): return 2", "def f(): return 1", "f()"]


def test_a_tilde_fence_with_an_info_string() -> None:
    assert codes("~~~python title=x.py\nreturn 1\n~~~") == ["return 1"]


def test_an_unclosed_fence_reaches_to_the_end() -> None:
    (fence,) = find_fences("so:\n```python\ndef f():\n    return 1")
    assert fence.code == "def f():\n    return 1"
    assert not fence.closed


def test_a_longer_fence_holds_a_shorter_one() -> None:
    (fence,) = find_fences("````\na\n```\nb\n```\n````")
    assert fence.code == "a\n```\nb\n```"


def test_a_fence_in_a_docstring_does_not_close_the_block() -> None:
    code = 'def f():\n    """\n    ```\n    f()\n    ```\n    """\n    return 1'
    (fence,) = find_fences(f"```python\n{code}\n```\n")
    assert fence.code == code


def test_an_indented_fence_loses_its_indentation() -> None:
    (fence,) = find_fences("1. do\n   ```python\n   def f():\n       return 1\n   ```")
    assert fence.code == "def f():\n    return 1"


def test_text_before_a_fence_mark_that_closes_the_prompts_fence() -> None:
    assert codes("    return 1\n```\nThis is it.")[-1] == "    return 1"


def test_what_follows_the_rest_of_a_docstring() -> None:
    assert codes('its length.\n    """\n    return 1')[1] == "\n    return 1"
