"""Zeek's logs of traffic in ECS: connections, names, pages, tunnels, certificates, what was odd."""

from engine.model import Fields
from engine.model.times import rfc3339
from parsers._grammar.addresses import ip, port
from parsers._grammar.zeek import Row, link, number, related, seconds_ns, time_of, word, words, yes

# What the log says of the connection's end, for TCP: whether it was ever established.
_ESTABLISHED = frozenset(("SF", "S1", "S2", "S3", "RSTO", "RSTR"))
_REFUSED = frozenset(("S0", "REJ"))
_TYPES = {
    "S0": ["connection", "start"],
    "S1": ["connection", "start"],
    "SF": ["connection", "start", "end"],
    "REJ": ["connection", "start", "denied"],
}
_TLS = {"SSLv2": ("2.0", "ssl"), "SSLv3": ("3.0", "ssl"), "TLSv10": ("1.0", "tls"), "TLSv11": ("1.1", "tls"),
        "TLSv12": ("1.2", "tls"), "TLSv13": ("1.3", "tls"), "DTLSv10": ("1.0", "dtls"), "DTLSv12": ("1.2", "dtls"),
        "DTLSv13": ("1.3", "dtls")}  # fmt: skip
_INDICATORS = {
    "Intel::DOMAIN": "domain-name",
    "Intel::URL": "url",
    "Intel::EMAIL": "email-addr",
    "Intel::FILE_HASH": "file",
    "Intel::FILE_NAME": "file",
    "Intel::CERT_HASH": "x509-certificate",
    "Intel::PUBKEY_HASH": "x509-certificate",
    "Intel::SUBNET": "ipv4-addr",
    "Intel::USER_NAME": "user-account",
    "Intel::SOFTWARE": "software",
}
_LONGEST_PATH = 8_192


def conn(row: Row, fields: Fields) -> None:
    get = row.get
    service, state = word(get("service")), word(get("conn_state"))
    if service is not None:
        fields["network.protocol"] = fields["network.application"] = service.partition(",")[0]
    duration = seconds_ns(get("duration"))
    if duration is not None:
        fields["event.duration"] = duration
    _volume(row, fields)
    if state is not None:
        fields["event.type"] = list(_TYPES.get(state, ("connection", "info")))
        if fields.get("network.transport") == "tcp":
            if state in _ESTABLISHED:
                fields["event.outcome"] = "success"
            elif state in _REFUSED:
                fields["event.outcome"] = "failure"
    link(row, fields)
    ours, theirs = yes(get("local_orig")), yes(get("local_resp"))
    if ours is not None and theirs is not None:
        fields["network.direction"] = (
            ("internal" if theirs else "outbound") if ours else ("inbound" if theirs else "external")
        )


def _volume(row: Row, fields: Fields) -> None:
    """Bytes with their IP headers where Zeek counted them: what Elastic's module calls ``source.bytes``."""
    get = row.get
    for what, unit in (("ip_bytes", "bytes"), ("pkts", "packets")):
        sent, received = number(get(f"orig_{what}")), number(get(f"resp_{what}"))
        if unit == "bytes" and sent is None and received is None:
            sent, received = number(get("orig_bytes")), number(get("resp_bytes"))
        if sent is not None:
            fields[f"source.{unit}"] = sent
        if received is not None:
            fields[f"destination.{unit}"] = received
        if sent is not None and received is not None:
            fields[f"network.{unit}"] = sent + received


def dns(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"] = "dns"
    name, kind, answer = word(get("query")), word(get("qtype_name")), word(get("rcode_name"))
    if name is not None:
        fields["dns.question.name"] = name
    if kind is not None:
        fields["dns.question.type"] = kind
    known = {"C_INTERNET": "IN", "C_CHAOS": "CH", "C_HESIOD": "HS", "C_NONE": "NONE", "C_ANY": "ANY"}
    asked = word(get("qclass_name"))
    if asked is not None:
        fields["dns.question.class"] = known.get(asked, asked)
    number_ = number(get("trans_id"))
    if number_ is not None:
        fields["dns.id"] = str(number_)
    flags = [flag for flag in ("AA", "TC", "RD", "RA") if yes(get(flag))]
    if flags:
        fields["dns.header_flags"] = flags
    answers = words(get("answers"))
    if answers:
        times = get("TTLs")
        times = times if type(times) is list and len(times) == len(answers) else [None] * len(answers)
        fields["dns.answers"] = [
            {"data": data} if ttl is None else {"data": data, "ttl": ttl}
            for data, ttl in zip(answers, map(number, times), strict=True)
        ]
        found = [one for one in map(ip, answers) if one is not None]
        if found:
            fields["dns.resolved_ip"] = found
            related(fields, "related.ip", *found)
    fields["dns.type"] = "answer" if answers or answer is not None else "query"
    if answer is not None:
        fields["dns.response_code"] = answer
        fields["event.outcome"] = "success" if answer == "NOERROR" else "failure"
    rtt = seconds_ns(get("rtt"))
    if rtt is not None:
        fields["event.duration"] = rtt
    if name is not None:
        related(fields, "related.hosts", name)


def http(row: Row, fields: Fields) -> None:
    get = row.get
    fields["network.protocol"] = "http"
    method, host, uri, status = word(get("method")), word(get("host")), word(get("uri")), number(get("status_code"))
    if method is not None:
        fields["http.request.method"] = fields["event.action"] = method
    _asked_for(host, uri, method, fields)
    if status is not None:
        fields["http.response.status_code"] = status
        fields["event.outcome"] = "success" if status < 400 else "failure"
    for column, name in (
        ("version", "http.version"),
        ("referrer", "http.request.referrer"),
        ("user_agent", "user_agent.original"),
        ("username", "user.name"),
    ):
        text = word(get(column))
        if text is not None:
            fields[name] = text
    if "user.name" in fields:
        fields["related.user"] = [fields["user.name"]]
    for column, name in (
        ("request_body_len", "http.request.body.bytes"),
        ("response_body_len", "http.response.body.bytes"),
    ):
        size = number(get(column))
        if size is not None:
            fields[name] = size
    for column, name in (("orig_mime_types", "http.request.mime_type"), ("resp_mime_types", "http.response.mime_type")):
        kinds = words(get(column))
        if kinds:
            fields[name] = kinds[0]


def _asked_for(host: str | None, uri: str | None, method: str | None, fields: Fields) -> None:
    if host is not None:
        name, _, number_ = host.rpartition(":") if host[-1] != "]" else (host, "", "")
        at = port(number_) if name else None
        if at is not None:
            fields["url.port"] = at
        else:
            name = host
        fields["url.domain"] = name
        if ip(name) is None:
            fields["destination.domain"] = name
            related(fields, "related.hosts", name)
    if uri is None or len(uri) > _LONGEST_PATH:
        return
    fields["url.original"] = uri
    if method != "CONNECT" and uri[0] == "/":
        path, _, rest = uri.partition("#")
        if rest:
            fields["url.fragment"] = rest
        path, _, query = path.partition("?")
        fields["url.path"] = path
        if query:
            fields["url.query"] = query
        if "." in path[-8:]:
            extension = path.rpartition(".")[2]
            if extension.isalnum():
                fields["url.extension"] = extension


def ssl(row: Row, fields: Fields) -> None:
    get = row.get
    version, name = word(get("version")), word(get("server_name"))
    fields["network.protocol"] = "tls"
    if version in _TLS:
        fields["tls.version"], fields["tls.version_protocol"] = _TLS[version]
    if name is not None:
        fields["tls.client.server_name"] = fields["destination.domain"] = name
        related(fields, "related.hosts", name)
    for column, field in (
        ("cipher", "tls.cipher"),
        ("curve", "tls.curve"),
        ("next_protocol", "tls.next_protocol"),
        ("subject", "tls.server.subject"),
        ("issuer", "tls.server.issuer"),
        ("client_subject", "tls.client.subject"),
        ("client_issuer", "tls.client.issuer"),
        ("ja3", "tls.client.ja3"),
        ("ja3s", "tls.server.ja3s"),
    ):
        text = word(get(column))
        if text is not None:
            fields[field] = text
    for column in ("established", "resumed"):
        said = yes(get(column))
        if said is not None:
            fields[f"tls.{column}"] = said
    for column, hash_of in (("ja3", "related.hash"), ("ja3s", "related.hash")):
        related(fields, hash_of, word(get(column)))


def tunnel(row: Row, fields: Fields) -> None:
    kind, action = word(row.get("tunnel_type")), word(row.get("action"))
    if kind is not None:
        fields["network.protocol"] = kind.rpartition("::")[2].lower()
    if action is not None:
        fields["event.action"] = action


def weird(row: Row, fields: Fields) -> None:
    name = word(row.get("name"))
    if name is not None:
        fields["rule.name"] = name
        about = word(row.get("addl"))
        fields["message"] = name if about is None else f"{name}: {about}"


def notice(row: Row, fields: Fields) -> None:
    """``src`` and ``dst`` say what the notice is about; without a connection they are all there is."""
    get = row.get
    fields["event.kind"] = "alert"
    note, text = word(get("note")), word(get("msg"))
    if note is not None:
        fields["rule.name"] = note
    if text is not None:
        about = word(get("sub"))
        fields["rule.description"] = text
        fields["message"] = text if about is None else f"{text} ({about})"
    for side, column in (("source", "src"), ("destination", "dst")):
        address = ip(word(get(column)))
        if address is not None and f"{side}.ip" not in fields:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = address
            related(fields, "related.ip", address)
    at = port(get("p"))
    if at is not None and "destination.port" not in fields:
        fields["destination.port"] = at
    name = word(get("file_mime_type"))
    if name is not None:
        fields["file.mime_type"] = name
    dropped = yes(get("dropped"))
    fields["event.type"] = ["info", "denied"] if dropped else ["info", "allowed"] if dropped is False else ["info"]


def intel(row: Row, fields: Fields) -> None:
    get = row.get
    fields["event.kind"] = "enrichment"
    value, kind = word(get("seen.indicator")), word(get("seen.indicator_type"))
    if kind == "Intel::ADDR":
        address = ip(value)
        if address is not None:
            fields["threat.indicator.ip"] = address
            fields["threat.indicator.type"] = "ipv6-addr" if ":" in address else "ipv4-addr"
    elif kind in _INDICATORS:
        fields["threat.indicator.type"] = _INDICATORS[kind]
        if value is not None and kind == "Intel::URL":
            fields["threat.indicator.url.original"] = value
        elif value is not None and kind == "Intel::EMAIL":
            fields["threat.indicator.email.address"] = value
        elif value is not None and kind == "Intel::FILE_NAME":
            fields["threat.indicator.file.name"] = value
    if value is not None:
        fields["threat.indicator.name"] = value
        fields["message"] = f"{value} is a known indicator"
    sources = words(get("sources"))
    if sources:
        fields["threat.indicator.provider"] = ", ".join(sources)


def software(row: Row, fields: Fields) -> None:
    host, name, version = ip(word(row.get("host"))), word(row.get("name")), word(row.get("unparsed_version"))
    if host is not None:
        fields["host.ip"] = [host]
        fields["network.type"] = "ipv6" if ":" in host else "ipv4"
        related(fields, "related.ip", host)
    if name is not None:
        fields["package.name"] = name
    if version is not None:
        fields["message"] = version


def known(row: Row, fields: Fields) -> None:
    """``known_hosts``, ``known_services``, ``known_certs``: who was seen for the first time."""
    host, at = ip(word(row.get("host"))), port(row.get("port_num"))
    if host is not None:
        fields["host.ip"] = [host]
        fields["network.type"] = "ipv6" if ":" in host else "ipv4"
        related(fields, "related.ip", host)
    if at is not None:
        fields["server.port"] = at
    spoken = word(row.get("port_proto"))
    if spoken is not None:
        fields["network.transport"] = spoken


def traceroute(row: Row, fields: Fields) -> None:
    for side, column in (("source", "src"), ("destination", "dst")):
        address = ip(word(row.get(column)))
        if address is not None:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = address
            related(fields, "related.ip", address)


def signatures(row: Row, fields: Fields) -> None:
    get = row.get
    fields["event.kind"] = "alert"
    for side, host, at in (("source", "src_addr", "src_port"), ("destination", "dst_addr", "dst_port")):
        address, number_ = ip(word(get(host))), port(get(at))
        if address is not None:
            fields[f"{side}.ip"] = fields[f"{side}.address"] = address
            related(fields, "related.ip", address)
        if number_ is not None:
            fields[f"{side}.port"] = number_
    for column, name in (("sig_id", "rule.id"), ("event_msg", "rule.name"), ("sub_msg", "rule.description")):
        text = word(get(column))
        if text is not None:
            fields[name] = text


def x509(row: Row, fields: Fields) -> None:
    get = row.get
    for column, name in (
        ("certificate.serial", "file.x509.serial_number"),
        ("certificate.subject", "file.x509.subject.distinguished_name"),
        ("certificate.issuer", "file.x509.issuer.distinguished_name"),
        ("certificate.key_alg", "file.x509.public_key_algorithm"),
        ("certificate.sig_alg", "file.x509.signature_algorithm"),
    ):
        text = word(get(column))
        if text is not None:
            fields[name] = text
    for column, name in (
        ("certificate.version", "file.x509.version_number"),
        ("certificate.key_length", "file.x509.public_key_size"),
        ("certificate.exponent", "file.x509.public_key_exponent"),
    ):
        size = number(get(column))
        if size is not None:
            fields[name] = str(size) if name.endswith("version_number") else size
    for column, name in (
        ("certificate.not_valid_before", "file.x509.not_before"),
        ("certificate.not_valid_after", "file.x509.not_after"),
    ):
        when = time_of({"ts": get(column)})
        if when is not None:
            fields[name] = rfc3339(when)
    others = [name for column in ("san.dns", "san.uri", "san.email", "san.ip") for name in words(get(column))]
    if others:
        fields["file.x509.alternative_names"] = others
