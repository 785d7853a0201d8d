"""The guide is true: its examples run and print what it says, its messages exist, and every step has its page."""

import re
import sys
from pathlib import Path

import pytest
import site_messages
import site_pages
from guide_examples import Reader, environment_of_reader, examples

from hexcal.core import parameters, registry
from hexcal.steps import ALIASES

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide"
PAGES = sorted(page for page in GUIDE.glob("*.md") if examples(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_do_what_it_says(page, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    Reader(home, environment_of_reader(tmp_path / "bin", sys.executable)).follow(page)


def test_the_reader_notices_a_failing_command_and_another_output(tmp_path):
    page = tmp_path / "page.md"
    reader = Reader(tmp_path, environment_of_reader(tmp_path / "bin", sys.executable))
    page.write_text("text\n\n```bash\nfalse\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page\.md, line 3: status 1"):
        reader.follow(page)
    page.write_text("```bash\necho one\n```\n\n```output\ntwo\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page\.md, line 5: expected\ntwo"):
        reader.follow(page)


def test_every_message_of_the_troubleshooting_page_is_one_of_the_program():
    said = " ".join(message.text for message in site_messages.messages())
    said += " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    text = (GUIDE / "troubleshooting.md").read_text(encoding="utf-8")
    lines = re.findall(r'^(".*)\n: ', text, re.MULTILINE)
    quoted = [quote for line in lines for quote in re.findall(r'"(.*?)"', line)]
    assert len(quoted) > 15
    for quote in quoted:
        for words in quote.replace("'...'", "...").split("..."):
            words = words.strip(" ,=")
            assert words in said, f"no message says {words!r}"


def test_every_step_has_a_page_with_all_its_parameters(tmp_path):
    written = site_pages.write_pages(tmp_path)
    assert set(ALIASES) < set(written)
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    for alias in written:
        text = (tmp_path / f"{alias}.md").read_text(encoding="utf-8")
        assert f"({alias}.md)" in index
        for name in registry.find(alias).parameters_class.model_fields:
            if name not in parameters.StepParameters.model_fields:
                assert f"`{name}`" in text


def test_the_page_of_a_step_tells_its_keyword_bounds_units_profiles_and_decisions(tmp_path):
    site_pages.write_pages(tmp_path)
    text = (tmp_path / "jump.md").read_text(encoding="utf-8")
    assert "keyword `S_JUMP`" in text
    assert "from hexcal.step import JumpStep" in text
    assert re.search(r"`rejection_threshold` \| `4.0` sigma \| Smallest jump .* \*Number, >= 0\.\*", text)
    assert re.search(r"3\.0\.0 \| `jump.pool_integrations` \| `true`", text)
    assert "jump: number of differences and sign" in text
    assert "superbias" not in text


def test_the_list_tells_pipelines_from_steps_and_each_is_imported_as_its_page_says(tmp_path):
    site_pages.write_pages(tmp_path)
    _, pipelines, steps = (tmp_path / "index.md").read_text(encoding="utf-8").split("\n## ")
    assert "[calwebb_image2](" in pipelines and "[jump](" not in pipelines
    assert "[jump](" in steps and "[calwebb_image2](" not in steps
    for page in tmp_path.glob("*.md"):
        for line in set(re.findall(r"`(from \S+ import \w+)`", page.read_text(encoding="utf-8"))):
            exec(line, {})


def test_a_page_of_a_step_that_is_gone_is_removed(tmp_path):
    (tmp_path / "former.md").write_text("# former\n", encoding="utf-8")
    site_pages.write_pages(tmp_path)
    assert not (tmp_path / "former.md").exists()


def test_every_message_is_listed_with_its_file_and_what_to_do_next(tmp_path):
    (tmp_path / "one.py").write_text(
        'raise InputError(f"too few groups: {n}", where=path, hint="take more")\nraise SkipStep("nothing to do")\n',
        encoding="utf-8",
    )
    found = site_messages.messages(tmp_path)
    assert found == [
        ("The input", "too few groups: …", "take more", "one.py"),
        ("Reasons why a step is skipped", "nothing to do", "", "one.py"),
    ]
    assert "| too few groups: … | take more | `one.py` |" in site_messages.page(found)


def test_every_file_that_the_design_page_names_exists():
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").partition("## The way of the data")[0]
    named = {name for name in re.findall(r"`([\w/]+\.(?:py|tsv))`", text) if "/" in name}
    assert len(named) > 15
    missing = [name for name in named if not any((ROOT / place / name).is_file() for place in ("src/hexcal", "."))]
    assert missing == []
