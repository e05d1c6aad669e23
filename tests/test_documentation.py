"""The documentation is true: its files are written, its code run, its commands end as it says, its links lead on.

Blocks with ``>>>`` are doctests, which pytest runs itself. Links to headings are checked by `make docs`.
"""

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import torch
import yaml

from reports import answers
from reports.cli import app, main
from sim import from_optimizer

ROOT = Path(__file__).parent.parent
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
         for path in sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])}  # fmt: skip
WORKFLOWS = [ROOT / "docs" / "rates.yml", *sorted(ROOT.glob(".github/workflows/*.yml"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


# --- What it says is so ---

EXECUTED = [page for page, text in PAGES.items() if "\n$ " in text]


@pytest.mark.parametrize("page", EXECUTED)
def test_a_page_does_what_it_says(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    before = set(sys.modules)
    try:
        for kind, text in FENCED.findall(PAGES[page]):
            if kind == "console":
                steps = re.findall(r"^\$ (aat|pytest) (.*)\nexit code (\d)$", text, re.MULTILINE)
                assert len(steps) == text.count("$ ")
                for program, call, code in steps:
                    assert _called(program, shlex.split(call)) == int(code), call
            elif kind == "python" and (named := re.match(r"# file: (\w+\.py)\n", text)):
                Path(named[1]).write_text(text, encoding="utf-8")
                importlib.invalidate_caches()
            elif kind == "python" and ">>>" not in text:
                exec(compile(text, page, "exec"), {})
    finally:
        for name in set(sys.modules) - before:
            if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
                del sys.modules[name]


def _called(program: str, arguments: list[str]) -> int:
    if program == "pytest":
        return int(pytest.main(["-p", "reports.pytest_plugin", "-p", "no:cacheprovider", "-q", *arguments]))
    return main([*arguments, *(["--workers", "1"] if arguments[0] == "verify" else [])])


def test_the_pages_that_are_executed_are_those_for_users() -> None:
    assert {"README.md", "docs/tutorial.md", "docs/author.md", "docs/maintainer.md", "docs/teacher.md",
            "docs/ci.md"} == set(EXECUTED)  # fmt: skip
    tutorial = [kind for kind, _ in FENCED.findall(PAGES["docs/tutorial.md"])]
    assert tutorial.count("python") >= 6
    assert tutorial.count("console") >= 5


def test_the_readme_tells_what_was_found() -> None:
    """If this fails: put what `python -m reports.answers` prints between the two marks."""
    told = re.search(r"<!-- python -m reports.answers -->\n(.*?)<!-- end -->", PAGES["README.md"], re.DOTALL)
    assert told
    assert told[1].strip() == answers.markdown()


# --- Its commands are commands ---


def commands(text: str) -> Iterator[str]:
    """Calls of `aat` in blocks of a shell, with what is optional in them, and without what is said of them."""
    for kind, block in FENCED.findall(text):
        if kind in ("", "console"):
            yield from _calls(block)


def _calls(block: str) -> Iterator[str]:
    for line in block.replace("\\\n", " ").splitlines():
        for part in re.split(r" && |, (?=aat )", re.sub(r" {2,}(?=[^-\s]).*|#.*", "", line.removeprefix("$ "))):
            if part.startswith("aat "):
                yield re.sub(r"[\[\]]|\.\.\.|…", " ", part).strip()


def parse(call: str) -> None:
    """Parse a call as click does, without running it; ClickException if it is none."""
    command: click.Command = app
    words = shlex.split(call)
    context = None
    while True:
        name, *words = words
        if isinstance(command, click.Group) and words:
            context = click.Context(command, info_name=name, parent=context)
            _, found, words = command.resolve_command(context, list(words))
            assert found is not None
            command, words = found, [found.name or "", *words]
            continue
        command.make_context(name, list(words), parent=context)
        return


CALLS = [(page, call) for page, text in PAGES.items() for call in commands(text)]
IN_LINE = [(page, call) for page, text in PAGES.items() for call in re.findall(r"`(aat [^`…]+)`", FENCED.sub("", text))]


@pytest.mark.parametrize(("page", "call"), CALLS)
def test_a_command_of_a_page_is_one(page: str, call: str) -> None:
    parse(call)


@pytest.mark.parametrize(("page", "call"), IN_LINE)
def test_a_command_in_a_sentence_is_one_or_the_beginning_of_one(page: str, call: str) -> None:
    try:
        parse(call)
    except click.exceptions.NoArgsIsHelpError:
        pass
    except click.MissingParameter:
        pass


@pytest.mark.parametrize("call", ["aat nope", "aat verify --nope", "aat study nope", "aat new planet mars"])
def test_what_is_no_command_is_told(call: str) -> None:
    with pytest.raises(click.ClickException):
        parse(call)


def test_every_command_is_on_the_page_of_commands() -> None:
    told = {tuple(call.split()[1:3]) for call in commands(PAGES["docs/commands.md"])}
    for name, command in app.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {}
        assert {inside for outer, *rest in told if outer == name for inside in rest[:1]} >= set(inner), name
        assert name in {outer for outer, *_ in told}


# --- Links and workflows ---


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_lead_to_one(page: str) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", FENCED.sub("", PAGES[page])):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_one(path: Path) -> None:
    flow = yaml.safe_load(path.read_text(encoding="utf-8"))
    # YAML 1.1 reads the key `on` as true
    assert flow.keys() == {"name", True, "permissions", "jobs"}
    assert {"push", "pull_request"} == set(flow[True])
    for job in flow["jobs"].values():
        assert {"runs-on", "timeout-minutes", "steps"} <= job.keys()
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            if "uses" in step:
                assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
                continue
            words = shlex.split(step["run"])
            match words[0]:
                case "aat":
                    parse(step["run"])
                case "pytest":
                    _known_to_pytest(words[1:])
                case "pip":
                    assert words[1:3] == ["install", "aat-sgd"]
                case script:
                    assert (ROOT / script).stat().st_mode & 0o100


def _known_to_pytest(options: list[str]) -> None:
    from reports import pytest_plugin

    parser = pytest.Parser(_ispytest=True)
    pytest_plugin.pytest_addoption(parser)
    ours = {name for option in parser.getgroup("rates").options for name in option.names()}
    assert {option for option in options if option.startswith("--")} <= ours | {"--junitxml"}


@pytest.fixture(scope="module", autouse=True)
def _imported_for_good() -> None:
    """What torch imports at a first step, so that it does not belong to a page."""
    from_optimizer(torch.optim.SGD)
