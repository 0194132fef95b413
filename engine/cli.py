"""The command line: thin, no logic."""

import errno
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from engine import __doc__ as tagline

app = typer.Typer(
    help=tagline, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)
rules_app = typer.Typer(help="Lint, test, explain and count rules.", no_args_is_help=True, rich_markup_mode=None)
config_app = typer.Typer(help="The configuration: its schema, its lint.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(rules_app, name="rules")
app.add_typer(config_app, name="config")

FINDING, USAGE = 1, 2
_NO_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG)

ConfigPath = Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")]
Format = Annotated[str, typer.Option("--format", help="A format's id (`tieline formats`), or auto.")]


def main() -> None:
    """Runs the command line; what a user got wrong ends in one line and status 2."""
    if sys.argv[1:2] == ["run"]:  # a reload may be asked for before there is a service that could hear it
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except SystemExit:
        raise
    except _mistakes() as error:
        _stop(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has left: nothing to say, and nobody to say it to
        raise SystemExit(0) from None
    except OSError as error:
        if error.errno not in _NO_OUTPUT:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where what is left goes when the interpreter ends
        _stop(f"standard output: {error.strerror}")


def _mistakes() -> tuple[type[Exception], ...]:
    """What a user got wrong; asked for when something was raised, since the service costs 0.1 s to import."""
    from engine.app import UnusableRules, UsageError
    from engine.config import ConfigError
    from engine.enrich.assets import AssetFileError
    from engine.service import ServiceError
    from engine.sinks.sink import SinkError, StoreError
    from engine.sources.errors import SourceError
    from engine.telemetry.server import TelemetryError

    return (
        ConfigError,
        AssetFileError,
        SourceError,
        SinkError,
        StoreError,
        TelemetryError,
        ServiceError,
        UnusableRules,
        UsageError,
    )


def _stop(text: str, status: int = USAGE) -> NoReturn:
    for line in text.splitlines():
        print(f"tieline: {_plain(line)}", file=sys.stderr)
    raise SystemExit(status)


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


@app.command()
def demo() -> None:
    """The main job on bundled real records: embedded, no server, ends by itself."""
    from rich.console import Console

    from engine.demo import show

    show(Console())


@app.command()
def run(config: ConfigPath) -> None:
    """The service: sources in, alerts out, until SIGTERM."""
    from engine.app import formats
    from engine.config import read
    from engine.service import serve

    serve(read(config, formats=formats()))


@app.command()
def replay(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Logs or captures; - is standard input.")],
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", help="Directories or files of rules (default: the shipped ones).")
    ] = None,
    config: Annotated[Path | None, typer.Option("-c", "--config", help="Assets, zones, limits, time.")] = None,
    format: Format = "auto",
    lateness: Annotated[str | None, typer.Option(help="How late a record may come (default 30s).")] = None,
    reference_time: Annotated[
        str | None, typer.Option(help="The time of receipt, for years that the log leaves out (default: the file's).")
    ] = None,
    matches: Annotated[bool, typer.Option("--matches", help="Print each detection too.")] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Print the ten dearest rules.")] = False,
) -> None:
    """Records in, alerts out as NDJSON on standard output, a summary on standard error."""
    from engine.config import read
    from engine.replay import Outcome, replay_files

    folders = [Path(name) for name in files if Path(name).is_dir()]  # --rules A B FILE: a directory is never a record
    files = [name for name in files if not Path(name).is_dir()]
    if not files:
        _stop("no FILE: name logs or captures, or - for standard input")
    rules = [*(rules or []), *folders]
    outcome = Outcome()
    with _progress(files) as on_bytes:
        summary = replay_files(
            files,
            rules,
            None if config is None else read(config, without=("sources", "sinks")),
            format=_format(format),
            late=lateness,
            reference_time=_reference(reference_time),
            matches=matches,
            profile=profile,
            outcome=outcome,
            on_bytes=on_bytes,
        )
    out = sys.stdout.buffer
    for line in outcome.lines():
        out.write(line + b"\n")
    out.flush()
    print(summary, file=sys.stderr)


@app.command()
def parse(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Logs or captures; - is standard input.")],
    format: Format = "auto",
    join: Annotated[bool, typer.Option("--join", help="Join the records that make one event.")] = False,
    reference_time: Annotated[str | None, typer.Option(help="The time of receipt (default: the file's).")] = None,
) -> None:
    """Records or a capture in, events as NDJSON out."""
    from engine.app import formats
    from engine.parsing.parser import Parser
    from engine.replay import document_line, read_parsed, received_ns

    chosen, reference = _format(format), _reference(reference_time)
    for name in files:
        received_ns(name, reference)
    parser = Parser(formats(), join=join, correct_clocks=False)
    out = sys.stdout.buffer
    problems: list[str] = []
    with _progress(files) as on_bytes:
        for name in files:
            batches = read_parsed(
                name, parser, format=chosen, reference_time=reference, on_bytes=on_bytes, problems=problems
            )
            for batch in batches:
                out.write(b"".join(map(document_line, batch)))
                out.flush()
    for problem in problems:
        print(_plain(problem), file=sys.stderr)


@app.command()
def alerts(
    config: Annotated[
        Path | None, typer.Option("-c", "--config", help="Names the store (a sink of type sqlite).")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="The store itself.")] = None,
    since: Annotated[str | None, typer.Option(help="A time, or a duration before now: 2h.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="NDJSON instead of a table.")] = False,
) -> None:
    """The alerts that the embedded store holds."""
    import orjson
    from rich.console import Console

    from engine.replay import since_ns
    from engine.report import alert_table, store_path
    from engine.sinks.sqlite import AlertStore

    start: int | None = None
    if since is not None:
        parsed = since_ns(since, time.time_ns())
        if parsed is None:
            _stop(f"--since {since}: neither a time nor a duration; write 2026-01-02T03:04:05Z or 2h")
        start = parsed
    found = AlertStore(store_path(config, store)).alerts(start)
    if as_json:
        for document in found:
            sys.stdout.buffer.write(orjson.dumps(document) + b"\n")
    else:
        Console().print(alert_table(found))


@app.command()
def formats() -> None:
    """The formats, one line each."""
    from engine.app import formats as known

    for log_format in known().values():
        source = log_format.logsource
        where = "/".join(part or "*" for part in (source.product, source.category, source.service))
        print(f"{log_format.id:32} {log_format.vendor} {log_format.product:24} {where:32} {log_format.spec}")


@rules_app.command("check")
def rules_check(folders: Annotated[list[Path], typer.Argument(metavar="DIR…")]) -> None:
    """Lint: file, line, what, how to mend."""
    from engine.report import checked

    _exists(folders)
    problems, rules = checked(folders)
    for problem in problems:
        print(_plain(str(problem)))
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

    _exists([folder] if cases is None else [folder, cases])
    report = run_cases(folder, cases)
    for line in report.lines:
        print(_plain(line))
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

    _exists(folders)
    lines, broken = coverage(folders)
    for line in lines:
        print(_plain(line))
    for problem in broken:
        print(_plain(f"not counted: {problem}"), file=sys.stderr)
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
    from engine.app import enrichment, pipeline_problems
    from engine.app import formats as known
    from engine.config import check, read
    from engine.enrich.assets import AssetFileError

    if file.is_dir() or not file.exists():
        _stop(f"{file}: is a directory; name a file" if file.is_dir() else f"{file}: no such file")
    lines = [str(problem) for problem in check(file, formats=known())]
    if not lines:
        config = read(file)
        lines = [f"{file}: pipelines: {problem}" for problem in pipeline_problems(config)]
        try:
            enrichment(config)
        except AssetFileError as error:
            lines += str(error).splitlines()
    for line in lines:
        print(_plain(line))
    if lines:
        raise SystemExit(FINDING)
    print(f"{file}: fine", file=sys.stderr)


def _exists(paths: list[Path]) -> None:
    for path in paths:
        if not path.exists():
            _stop(f"{path}: no such file or directory")


def _format(name: str) -> str | None:
    from engine.app import formats as known

    if name == "auto":
        return None
    if name not in known():
        _stop(f"--format {name}: unknown; `tieline formats` lists them")
    return name


def _reference(text: str | None) -> int | None:
    from engine.model.times import from_iso

    if text is None:
        return None
    parsed = from_iso(text if "T" in text or " " in text.strip() else f"{text}T00:00:00")
    if parsed is None:
        _stop(f"--reference-time {text}: no RFC 3339 time; write 2026-01-02T03:04:05Z")
    return parsed


@contextmanager
def _progress(files: list[str]) -> Iterator[Any]:
    """A bar on a terminal, and only there."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield None
        return
    from rich.console import Console  # 0.05 s, with the bar
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    total = sum(Path(name).stat().st_size for name in files if Path(name).is_file())
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading", total=total or None)
        yield lambda count: progress.advance(task, count)


if __name__ == "__main__":
    main()
