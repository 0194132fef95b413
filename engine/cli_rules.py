"""The commands for rules and for the configuration: ``tieline rules …``, ``tieline config …``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.terminal import FINDING, exists, plain, stop

rules_app = typer.Typer(help="Lint, test, explain and count rules.", no_args_is_help=True, rich_markup_mode=None)
config_app = typer.Typer(help="The configuration: its schema, its lint.", no_args_is_help=True, rich_markup_mode=None)


@rules_app.command("check")
def rules_check(folders: Annotated[list[Path], typer.Argument(metavar="DIR…")]) -> None:
    """Lint: file, line, what, how to mend."""
    from engine.report import checked

    exists(folders)
    problems, rules = checked(folders)
    for problem in problems:
        print(plain(str(problem)))
    errors = sum(problem.severity == "error" for problem in problems)
    print(f"{rules} rules, {errors} errors, {len(problems) - errors} warnings", file=sys.stderr)
    raise SystemExit(FINDING if errors else 0)


@rules_app.command("test")
def rules_test(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    cases: Annotated[Path | None, typer.Option("--cases", help="Default: DIR/tests, else tests/rules.")] = None,
) -> None:
    """Runs the cases of the rules."""
    from engine.cases import run_cases

    exists([folder] if cases is None else [folder, cases])
    report = run_cases(folder, cases)
    for line in report.lines:
        print(plain(line))
    print(report.summary, file=sys.stderr)
    raise SystemExit(FINDING if report.failed else 0)


@rules_app.command("explain")
def rules_explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A path, an id or a name.")],
    event: Annotated[str, typer.Argument(metavar="EVENT", help="A file with one JSON event, or -.")],
    rules: Annotated[list[Path] | None, typer.Option("--rules", help="Where to look for an id or a name.")] = None,
) -> None:
    """Why a rule did or did not match."""
    from engine.report import explained

    print(explained(rule, event, rules or []))


@rules_app.command("coverage")
def rules_coverage(folders: Annotated[list[Path], typer.Argument(metavar="DIR…")]) -> None:
    """ATT&CK coverage; fields and log sources that no format carries."""
    from engine.report import coverage

    exists(folders)
    lines, broken = coverage(folders)
    for line in lines:
        print(plain(line))
    for problem in broken:
        print(plain(f"not counted: {problem}"), file=sys.stderr)
    raise SystemExit(FINDING if broken else 0)


@config_app.command("schema")
def config_schema() -> None:
    """The JSON Schema of the configuration."""
    import orjson

    from engine.config import schema

    sys.stdout.buffer.write(orjson.dumps(schema(), option=orjson.OPT_INDENT_2) + b"\n")


@config_app.command("check")
def config_check(file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """The lint of a configuration."""
    from engine.app import enrichment
    from engine.catalogue import problems
    from engine.config import read
    from engine.enrich.assets import AssetFileError
    from engine.report import pipeline_problems

    if file.is_dir() or not file.exists():
        stop(f"{file}: is a directory; name a file" if file.is_dir() else f"{file}: no such file")
    lines = [str(problem) for problem in problems(file)]
    if not lines:
        config = read(file)
        lines = [f"{file}: pipelines: {problem}" for problem in pipeline_problems(config)]
        try:
            enrichment(config)
        except AssetFileError as error:
            lines += str(error).splitlines()
    for line in lines:
        print(plain(line))
    if lines:
        raise SystemExit(FINDING)
    print(f"{file}: fine", file=sys.stderr)
