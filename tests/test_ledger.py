"""The tables that a soak writes."""

from pathlib import Path

from tests.ledger import END, REPORTS, START, Entry, write


def test_chapters_that_were_run_are_written_anew_and_the_others_stay(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text(f"Before.\n\n{START}\n\n{END}\n\nAfter.\n", encoding="utf-8")
    races = Entry("Races", "in all orders", "memory", 1000, 0, "46 pairs")
    write([Entry("Faults", "once", "redis", 1, 0, ""), races], document)
    write([Entry("Faults", "again", "redis", 2, 0, "")], document)
    text = document.read_text("utf-8")
    assert "| again | redis | 2 | 0 |" in text
    assert "| once |" not in text
    assert text.index("### Faults") < text.index("### Races")
    assert "| in all orders | memory | 1,000 | 0 | 46 pairs |" in text
    report = Entry(REPORTS, "it fell over", "redis", 1, 0, "it stood", "a push")
    write([report], document)
    text = document.read_text("utf-8")
    assert "| it fell over | redis | a push | it stood |" in text
    assert text.index("### Races") < text.index(f"### {REPORTS}")
    assert text.startswith("Before.\n")
    assert text.endswith("\nAfter.\n")
    write([], document)
    assert document.read_text("utf-8") == text
