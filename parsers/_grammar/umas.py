"""UMAS, the programming protocol inside Modbus function 90 (0x5A) of Schneider Electric's controllers.

It is not published. Codes and directions: https://lirasenlared.blogspot.com/2017/08/the-unity-umas-protocol-part-i.html
(parts I to V), which reads captures of Unity Pro; start and stop also in Metasploit's ``modicon_command``.
A request is ``5A <session> <code> …``; the session varies with firmware and reservation. A response is
``5A <session> FE …`` or, refused, ``5A <session> FD …``.
"""

FUNCTION = 0x5A
DONE = 0xFE
REFUSED = 0xFD

# Unity says "upload" for what goes from the computer to the controller: that is a download to the rest of the world.
# Start and stop are confirmed by several independent sources; the rest by that one series, unverified on a device.
CODES = {
    0x01: ("init_comm", "session"),
    0x02: ("read_id", "identify"),
    0x03: ("read_project_info", "identify"),
    0x04: ("read_plc_info", "diagnostic"),
    0x06: ("read_card_info", "identify"),
    0x0A: ("repeat", "diagnostic"),
    0x10: ("take_plc_reservation", "session"),
    0x11: ("release_plc_reservation", "session"),
    0x12: ("keep_alive", "session"),
    0x20: ("read_memory_block", "read"),
    0x21: ("write_memory_block", "write"),
    0x22: ("read_variables", "read"),
    0x23: ("write_variables", "write"),
    0x24: ("read_coils_registers", "read"),
    0x25: ("write_coils_registers", "write"),
    0x26: ("dictionary", "read"),
    0x30: ("initialize_upload", "program_download"),
    0x31: ("upload_block", "program_download"),
    0x32: ("end_strategy_upload", "program_download"),
    0x33: ("initialize_download", "program_upload"),
    0x34: ("download_block", "program_upload"),
    0x35: ("end_strategy_download", "program_upload"),
    0x39: ("read_eth_master_data", "read"),
    0x40: ("start_plc", "plc_start"),
    0x41: ("stop_plc", "plc_stop"),
    0x50: ("monitor_plc", "read"),
    0x58: ("check_plc", "diagnostic"),
    0x70: ("read_io_object", "read"),
    0x71: ("write_io_object", "write"),
    0x73: ("get_status_module", "diagnostic"),
}


def named(code: int) -> tuple[str, str]:
    """Function and operation.

    >>> named(0x41), named(0x99)
    (('stop_plc', 'plc_stop'), ('umas_0x99', 'diagnostic'))
    """
    return CODES.get(code) or (f"umas_0x{code:02x}", "diagnostic")
