"""The command line: thin, no logic."""

import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from engine import __doc__ as tagline
from engine.cli_rules import config_app, rules_app
from engine.terminal import FINDING, plain, progress, stop

app = typer.Typer(
    help=tagline, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.add_typer(rules_app, name="rules")
app.add_typer(config_app, name="config")

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
        stop(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has left: nothing to say, and nobody to say it to
        raise SystemExit(0) from None
    except OSError as error:
        if error.errno not in _NO_OUTPUT:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where what is left goes when the interpreter ends
        stop(f"standard output: {error.strerror}")


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


@app.command()
def demo() -> None:
    """The main job on bundled real records: embedded, no server, ends by itself."""
    from rich.console import Console

    from engine.demo import show

    show(Console())


@app.command()
def run(config: ConfigPath) -> None:
    """The service: sources in, alerts out, until SIGTERM."""
    from engine.catalogue import configured
    from engine.service import serve

    serve(configured(config))


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
    from engine.catalogue import configured
    from engine.replay import Outcome, replay_files

    folders = [Path(name) for name in files if Path(name).is_dir()]  # --rules A B FILE: a directory is never a record
    files = [name for name in files if not Path(name).is_dir()]
    if not files:
        stop("no FILE: name logs or captures, or - for standard input")
    rules = [*(rules or []), *folders]
    outcome = Outcome()
    settings = None if config is None else configured(config, without=("sources", "sinks"))
    with progress(files) as on_bytes:
        summary = replay_files(
            files,
            rules,
            settings,
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
    config: Annotated[Path | None, typer.Option("-c", "--config", help="Names a site's own formats.")] = None,
) -> None:
    """Records or a capture in, events as NDJSON out."""
    from engine.catalogue import configured, formats
    from engine.parsing.parser import Parser
    from engine.replay import document_line, read_parsed, received_ns

    if config is not None:
        configured(config, without=("sources", "sinks"))
    chosen, reference = _format(format), _reference(reference_time)
    for name in files:
        received_ns(name, reference)
    parser = Parser(formats(), join=join, correct_clocks=False)
    out = sys.stdout.buffer
    problems: list[str] = []
    with progress(files) as on_bytes:
        for name in files:
            batches = read_parsed(
                name, parser, format=chosen, reference_time=reference, on_bytes=on_bytes, problems=problems
            )
            for batch in batches:
                out.write(b"".join(map(document_line, batch)))
                out.flush()
    for problem in problems:
        print(plain(problem), file=sys.stderr)


@app.command()
def assets(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Captures, or logs of sensors.")],
    format: Format = "auto",
    reference_time: Annotated[str | None, typer.Option(help="The time of receipt (default: the file's).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="NDJSON with all counts instead of an asset list.")] = False,
) -> None:
    """Who is on the network of the plant, as an asset list: controllers, panels, engineering stations by behaviour."""
    import orjson

    from engine.catalogue import formats
    from engine.enrich.discovery import Discovery, as_yaml
    from engine.model import DeadLetter
    from engine.parsing.parser import Parser
    from engine.replay import read_parsed, received_ns

    chosen, reference = _format(format), _reference(reference_time)
    for name in files:
        received_ns(name, reference)
    parser, seen = Parser(formats(), correct_clocks=False), Discovery()
    problems: list[str] = []
    with progress(files) as on_bytes:
        for name in files:
            for batch in read_parsed(
                name, parser, format=chosen, reference_time=reference, on_bytes=on_bytes, problems=problems
            ):
                for event in batch:
                    if not isinstance(event, DeadLetter):
                        seen.observe(event)
    hosts = seen.hosts()
    if as_json:
        for host in hosts:
            sys.stdout.buffer.write(orjson.dumps(host.document()) + b"\n")
    else:
        sys.stdout.write(as_yaml(hosts) if hosts else "assets: []\n")
    if seen.left_out:
        problems.append(f"{seen.left_out} requests of further hosts were left out: more than 65,536 were seen")
    for problem in problems:
        print(plain(problem), file=sys.stderr)


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
            stop(f"--since {since}: neither a time nor a duration; write 2026-01-02T03:04:05Z or 2h")
        start = parsed
    found = AlertStore(store_path(config, store)).alerts(start)
    if as_json:
        for document in found:
            sys.stdout.buffer.write(orjson.dumps(document) + b"\n")
    else:
        Console().print(alert_table(found))


@app.command()
def formats(
    config: Annotated[Path | None, typer.Option("-c", "--config", help="Names a site's own formats.")] = None,
    check: Annotated[
        list[Path] | None, typer.Option("--check", metavar="DIR", help="Lint a site's formats, run their samples.")
    ] = None,
    bless: Annotated[bool, typer.Option("--bless", help="Write what the samples give now; read it.")] = False,
) -> None:
    """The formats, one line each."""
    from engine.catalogue import configured
    from engine.catalogue import formats as known
    from engine.samples import checked_formats

    if check:
        lines, summary, failed = checked_formats(check, bless=bless)
        for line in lines:
            print(plain(line))
        print(summary, file=sys.stderr)
        raise SystemExit(FINDING if failed else 0)
    if config is not None:
        configured(config, without=("sources", "sinks"))
    for log_format in known().values():
        source = log_format.logsource
        where = "/".join(part or "*" for part in (source.product, source.category, source.service))
        print(f"{log_format.id:32} {log_format.vendor} {log_format.product:24} {where:32} {log_format.spec}")


def _format(name: str) -> str | None:
    from engine.app import formats as known

    if name == "auto":
        return None
    if name not in known():
        stop(f"--format {name}: unknown; `tieline formats` lists them")
    return name


def _reference(text: str | None) -> int | None:
    from engine.model.times import from_iso

    if text is None:
        return None
    parsed = from_iso(text if "T" in text or " " in text.strip() else f"{text}T00:00:00")
    if parsed is None:
        stop(f"--reference-time {text}: no RFC 3339 time; write 2026-01-02T03:04:05Z")
    return parsed


if __name__ == "__main__":
    main()
