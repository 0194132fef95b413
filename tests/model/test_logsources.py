"""The table of log sources: what is routed how, and which rules see it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.model import LogSource
from engine.model.fields import NAMES, sigma_names
from engine.model.routes import controller_request, ecs_event, linux_program, windows_event, windows_service
from engine.model.taxonomy import FILE, TAXONOMY, belongs, categories, complaint, products

SYSMON = {
    1: "process_creation",
    2: "file_change",
    3: "network_connection",
    4: "sysmon_status",
    5: "process_termination",
    6: "driver_load",
    7: "image_load",
    8: "create_remote_thread",
    9: "raw_access_thread",
    10: "process_access",
    11: "file_event",
    12: "registry_event",
    13: "registry_set",
    14: "registry_rename",
    15: "create_stream_hash",
    16: "sysmon_status",
    17: "pipe_created",
    18: "pipe_created",
    19: "wmi_event",
    20: "wmi_event",
    21: "wmi_event",
    22: "dns_query",
    23: "file_delete",
    24: "clipboard_capture",
    25: "process_tampering",
    26: "file_delete_detected",
    27: "file_block_executable",
    28: "file_block_shredding",
    29: "file_executable_detected",
    255: "sysmon_error",
}


@pytest.mark.parametrize(("code", "category"), SYSMON.items())
def test_each_event_id_of_sysmon_is_seen_by_the_rules_of_its_category(code: int, category: str) -> None:
    event = windows_event("sysmon", str(code), {})

    assert LogSource("windows", category).covers(event)
    assert LogSource(category=category).covers(event)
    assert LogSource("windows", None, "sysmon").covers(event)
    assert not LogSource("windows", category, "security").covers(event)
    assert not LogSource("linux", category).covers(event)


@pytest.mark.parametrize(
    ("service", "code", "category"),
    [
        ("security", "4688", "process_creation"),
        ("security", "4689", "process_termination"),
        ("security", "4657", "registry_event"),
        ("powershell", "4103", "ps_module"),
        ("powershell", "4104", "ps_script"),
        ("powershell-classic", "400", "ps_classic_start"),
        ("powershell-classic", "600", "ps_classic_provider_start"),
        ("powershell-classic", "800", "ps_classic_script"),
        ("kernel-file", "12", "file_access"),
        ("kernel-file", "19", "file_rename"),
    ],
)
def test_other_channels_have_categories_too(service: str, code: str, category: str) -> None:
    assert LogSource("windows", category, service).covers(windows_event(service, code, {}))
    assert windows_event(service, "1", {}) == LogSource("windows", None, service)


@pytest.mark.parametrize("narrow", ["registry_add", "registry_set", "registry_delete", "registry_rename"])
def test_registry_event_sees_every_event_of_the_registry(narrow: str) -> None:
    assert LogSource("windows", "registry_event").covers(LogSource("windows", narrow, "sysmon"))
    assert not LogSource("windows", narrow).covers(LogSource("windows", "registry_event", "sysmon"))


@pytest.mark.parametrize(
    ("word", "category"),
    [("CreateKey", "registry_add"), ("DeleteKey", "registry_delete"), ("DeleteValue", "registry_delete")],
)
def test_the_event_type_tells_creation_from_deletion(word: str, category: str) -> None:
    event = windows_event("sysmon", "12", {"EventType": word})

    assert event.category == category
    assert [one for one in ("registry_add", "registry_delete") if LogSource("windows", one).covers(event)] == [category]


def test_a_registry_event_that_does_not_tell_is_seen_by_both() -> None:
    event = windows_event("sysmon", "12", {"EventType": "INFO"})

    assert LogSource("windows", "registry_add").covers(event)
    assert LogSource("windows", "registry_delete").covers(event)
    assert not LogSource("windows", "registry_set").covers(event)


def test_a_deletion_that_keeps_no_copy_is_a_deletion() -> None:
    kept, gone = windows_event("sysmon", "23", {}), windows_event("sysmon", "26", {})

    assert LogSource("windows", "file_delete").covers(kept)
    assert LogSource("windows", "file_delete").covers(gone)
    assert not LogSource("windows", "file_delete_detected").covers(kept)


def test_a_channel_is_known_in_any_case_and_by_its_provider() -> None:
    assert windows_service("SECURITY", None) == "security"
    assert windows_service(None, "Microsoft-Windows-Sysmon") == "sysmon"
    assert windows_service("Contoso/Operational", None) is None


@pytest.mark.parametrize("service", ["sshd", "sudo", "su"])
def test_rules_for_auth_log_see_what_stands_in_it(service: str) -> None:
    auth = LogSource("linux", None, "auth")

    assert auth.covers(LogSource("linux", "authentication", service))
    assert not auth.covers(LogSource("linux", None, "cron"))
    assert not auth.covers(LogSource("freebsd", None, service))


@pytest.mark.parametrize(
    ("program", "service"), [("kernel", "syslog"), ("PKEXEC", "auth"), ("clamd", "clamav"), ("vsftpd", "vsftpd")]
)
def test_linux_programs_have_a_service(program: str, service: str) -> None:
    assert linux_program(program) == LogSource("linux", None, service)


def test_a_program_that_runs_anywhere_is_of_no_product() -> None:
    assert linux_program("nginx") is None
    assert linux_program(None) is None
    assert linux_program(["kernel"]) is None


@pytest.mark.parametrize(
    ("service", "seen_by"),
    [
        ("dns", ["dns", "network"]),
        ("http", ["proxy", "webserver"]),
        ("conn", ["firewall", "network", "network_connection"]),
        ("x509", []),
    ],
)
def test_zeeks_logs_are_of_the_general_categories_too(service: str, seen_by: list[str]) -> None:
    event = ecs_event({"event.dataset": f"zeek.{service}"})

    assert event == LogSource("zeek", None, service)
    assert sorted(one for one in categories() if LogSource(category=one).covers(event)) == seen_by


@pytest.mark.parametrize(
    ("operation", "services"),
    [
        ("plc_stop", ["plc_mode"]),
        ("mode_change", ["plc_mode"]),
        ("program_download", ["plc_program", "program"]),
        ("firmware", ["plc_program", "program"]),
        ("force", ["plc_write", "write"]),
        ("diagnostic", ["diagnostic"]),
    ],
)
def test_requests_to_controllers_have_a_service(operation: str, services: list[str]) -> None:
    event = controller_request("modbus", operation)

    assert LogSource("modbus", "ot_protocol").covers(event)
    assert not LogSource("s7comm", "ot_protocol").covers(event)
    assert sorted(belongs(event.product, event.category, event.service)[2]) == services


def test_a_request_without_a_protocol_is_still_one_to_a_controller() -> None:
    assert controller_request(None, ["write"]) == LogSource(None, "ot_protocol", None)


PROCESS = {"event.category": ["process"], "event.type": ["start"]}


@pytest.mark.parametrize(
    ("fields", "logsource"),
    [
        ({**PROCESS, "host.os.type": "windows"}, LogSource("windows", "process_creation")),
        ({**PROCESS, "host.os.family": "debian"}, LogSource("linux", "process_creation")),
        ({**PROCESS, "host.os.platform": "darwin"}, LogSource("macos", "process_creation")),
        ({**PROCESS, "event.dataset": "auditd.log"}, LogSource("linux", "process_creation", "auditd")),
        ({"event.category": ["network"], "event.type": ["connection", "denied"]}, LogSource(None, "firewall")),
        (
            {"event.category": "network", "event.type": "start", "host.os.type": "linux"},
            LogSource("linux", "network_connection"),
        ),
        ({"event.category": ["network"], "dns.question.name": "a.example"}, LogSource(None, "dns")),
        ({"event.category": ["web"], "event.dataset": "nginx.access"}, LogSource("nginx", "webserver", "access")),
        ({"event.category": ["authentication"]}, LogSource(None, "authentication")),
        ({"event.dataset": "azure.signinlogs"}, LogSource("azure", None, "signinlogs")),
        ({"event.dataset": "google_workspace.admin"}, LogSource("gcp", None, "google_workspace.admin")),
        ({"event.category": 7, "event.type": {"a": 1}, "event.dataset": ["x"]}, LogSource()),
        ({"event.dataset": "contoso.log"}, LogSource()),
    ],
)
def test_events_in_ecs_say_what_they_are(fields: dict[str, Any], logsource: LogSource) -> None:
    assert ecs_event(fields) == logsource
    assert ecs_event(fields) == logsource  # remembered


def test_what_is_named_is_known() -> None:
    """A name in the table that no lint knew would be reported to whoever follows the table."""
    every, known = categories(), products()

    for service, some in TAXONOMY.windows.categories.items():
        assert service in TAXONOMY.windows.services
        assert every >= some.keys()
    for channel in TAXONOMY.windows.providers.values():
        assert windows_service(channel, None) is not None
    for also in TAXONOMY.also:
        assert every >= set(also.when.category)
        assert known.keys() >= {*also.when.product, *also.products}
    for operation in (one for some in TAXONOMY.ot.services.values() for one in some):
        assert operation in TAXONOMY.ot.operations
    for one in NAMES.map:
        assert every >= set(one.when.category)
        assert known.keys() >= set(one.when.product)
    assert every >= NAMES.carried.keys()


def test_no_channel_and_no_event_id_stands_twice() -> None:
    table = tomllib.loads(FILE.read_text("utf-8"))
    channels = [channel.lower() for some in table["windows"]["services"].values() for channel in some]

    assert len(channels) == len(set(channels))
    for by_category in table["windows"]["categories"].values():
        codes = [code for some in by_category.values() for code in some]
        assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("given", "mend"),
    [
        (("windws", None, None), "windows"),
        (("windows", "process_creaton", None), "process_creation"),
        (("windows", None, "sysmn"), "sysmon"),
        (("linux", None, "security"), "windows"),
        (("modbus", "ot_protocol", "plc-mode"), "plc_mode"),
    ],
)
def test_a_misspelt_log_source_has_a_nearest(given: tuple[str | None, ...], mend: str) -> None:
    said = complaint(*given)

    assert said is not None
    assert mend in said[1]


def test_every_log_source_of_sigmahq_is_known(outside: Path, tmp_path: Path) -> None:
    import tarfile

    unknown = []
    with tarfile.open(outside / "sigma" / "sigmahq-rules.tar.gz") as archive:
        for member in archive:
            if not member.name.endswith(".yml"):
                continue
            for rule in yaml.load_all(archive.extractfile(member), yaml.CSafeLoader):  # type: ignore[arg-type]
                parts = (rule or {}).get("logsource") or {}
                if "detection" in (rule or {}):
                    said = complaint(parts.get("product"), parts.get("category"), parts.get("service"))
                    unknown += [(member.name, said)] if said else []

    assert unknown == []


def test_sigmas_names_are_made_of_what_ecs_says_and_never_over_what_is_there() -> None:
    event = {
        "process.executable": "C:\\a.exe",
        "CommandLine": "own",
        "process.command_line": "other",
        "process.hash.md5": "0a",
        "process.hash.sha256": "0b",
        "user.name": "ann",
    }

    names = sigma_names(event, LogSource("windows", "process_creation"))

    assert names["Image"] == "C:\\a.exe"
    assert "CommandLine" not in names
    assert names["Hashes"] == "MD5=0a,SHA256=0b"
    assert names["User"] == "ann"
