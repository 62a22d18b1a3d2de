"""How pins become block tags."""

import itertools

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


def test_a_condition_names_two_cases_where_one_does_not_say_it() -> None:
    redis_or_html = {answers for answers in ALL if answers[0] == "redis" or answers[2] == "html"}
    either = 'cookiecutter.frontend == "html" or cookiecutter.session_backend == "redis"'
    assert condition(redis_or_html) == either
    two = {answers for answers in ALL if answers[0] in ("database", "memory")}
    assert condition(two) == 'cookiecutter.session_backend in ("database", "memory")'
    of_both = {answers for answers in ALL if answers[0] == "memory" and answers[2] == "html"}
    email = {answers for answers in ALL if answers[3] == "email"}
    assert condition(of_both | email) == (
        'cookiecutter.identity == "email" or '
        '(cookiecutter.session_backend == "memory" and cookiecutter.frontend == "html")'
    )


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
