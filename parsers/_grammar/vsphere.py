"""The lines of vSphere's services beside its events: Java services, proxies, connections and faults."""

import re

_END = r"\[?[0-9A-Fa-f:.\]]{4,64}:\d{1,5}"

# A request that a proxy has passed on: time, "GET /sdk HTTP/1.1", 200, via_upstream, flags, sizes, the four ends.
ENVOY = re.compile(
    r"\[?\d{4}-\S{10,40} \"?(?P<method>[A-Z]{3,10}) (?P<url>\S{1,4096}) HTTP/(?P<version>[\d.]{1,3})\"? "
    r"(?P<status>\d{3}) \S{1,64} (?:\S{1,64} )??(?P<in>\d{1,18}) (?P<out>\d{1,18})"
    rf"(?:(?: \S{{1,64}}){{1,3}} (?P<client>{_END}) (?P<server>{_END})"
    r"| \d{1,18} \S{1,64} \"[^\"]{0,256}\" \"(?P<agent>[^\"]{0,1024})\")?"
)
TOMCAT = re.compile(
    rf"\[(?P<time>[^\]]{{20,32}})\] \S{{1,64}} \[Request\] (?P<client>{_END}) to \S{{1,64}} (?P<port>\d{{1,5}}) - "
    r"HTTP/(?P<version>[\d.]{1,3}) (?P<method>[A-Z]{3,10}) (?P<url>\S{1,4096}) "
    r"\[Response\] (?P<status>\d{3}) - (?P<out>\d{1,18}) bytes"
)
# A service written in Java: "time LEVEL name[pid:thread]" or "time [thread LEVEL class".
SERVICE = re.compile(
    r"(?:\d{4}-\d\d-\d\dT\S{8,24} )?(?:(?P<level>[A-Z]{4,5}) (?P<name>[A-Za-z][\w.\-]{0,63})"
    r"\[(?P<pid>\d{1,10}):[^\]]{1,64}\]|\[[\w\-]{1,64}(?: \[\])?\]? (?P<grade>[A-Z]{4,5}) )"
)
JAVA = re.compile(
    rb"\d{4}-\d\d-\d\dT\S{8,24} (?:[A-Z]{4,5} \w[\w.\-]{0,63}\[\d{1,10}:|\[[\w\-]{1,64}(?: \[\])?\]? [A-Z]{4,5} )"
)
STREAM = re.compile(r"<TCP '([^']{2,45}) : (\d{1,5})'>, <TCP '([^']{2,45}) : (\d{1,5})'>")
FAULT = re.compile(r"\b(vim\.fault\.\w{1,64})")
ARGUMENT = re.compile(r'Arg userName:(?:\\{0,8}n|\s)--> ?(?:\\{0,8}n|\s|-->){0,4}\\{0,8}"([^"\\]{1,128})')
CODE = re.compile(r"with response code (\d{3})\b")
BELONGS = re.compile(
    r"(?:User|Session count for user(?: \[[\w ]{1,32}\])?:) ([\w.\-]{1,128}\\[\w.\-$]{1,128}) (?:who belongs|is \d)"
)
