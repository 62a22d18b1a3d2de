"""How pins become block tags."""

import itertools

import pytest

from tools.pin import QUESTIONS, condition, merge

ALL = set(itertools.product(*QUESTIONS.values()))


def test_a_condition_is_in_the_words_of_a_block_tag() -> None:
    html = {answers for answers in ALL if answers[2] == "html"}
    redis = {answers for answers in ALL if answers[0] == "redis"}
    assert condition(ALL) is None
    assert condition(html) == 'cookiecutter.frontend == "html"'
    assert condition(redis) == 'cookiecutter.session_backend == "redis"'
    assert condition(ALL - redis) == 'cookiecutter.session_backend != "redis"'
    cookie = {answers for answers in ALL if answers[0] == "signed-cookie"}
    assert condition(ALL - cookie) == 'cookiecutter.session_backend != "signed-cookie"'
    both = 'cookiecutter.session_backend == "redis" and cookiecutter.frontend == "html"'
    assert condition(html & redis) == both


def test_what_no_conjunction_says_is_an_error() -> None:
    with pytest.raises(ValueError, match="no block tag says session_backend"):
        condition({answers for answers in ALL if answers[0] == "database"})
    redis_or_html = {answers for answers in ALL if answers[0] == "redis" or answers[2] == "html"}
    with pytest.raises(ValueError, match="no answers to single questions"):
        condition(redis_or_html)


def test_pins_are_merged_by_name_and_tagged_where_not_all_have_them() -> None:
    variants = {
        answers: ["b==1", "a-b==1", "a==1"] + ["c==1", "d==2 ; x"] * (answers[2] == "html")
        for answers in ALL
    }
    assert merge(variants).splitlines() == [
        "a==1",
        "a-b==1",
        "b==1",
        '#{% if cookiecutter.frontend == "html" %}',
        "c==1",
        "d==2 ; x",
        "#{% endif %}",
    ]
