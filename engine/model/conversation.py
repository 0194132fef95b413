"""Who talks to whom, in ECS: the fields that every event of a conversation has."""

from engine.model.event import Fields
from engine.model.frame import Frame


def conversation(frame: Frame) -> Fields:
    """Who talks to whom: ``source`` is the client of the conversation, whoever sent the PDU."""
    flow = frame.flow
    if flow is None:
        return {}
    fields: Fields = {"event.kind": "event", "event.category": ["network"]}
    if flow.client_ip:
        fields.update(
            {
                "network.transport": flow.transport,
                "network.type": "ipv6" if ":" in flow.server_ip else "ipv4",
                "source.ip": flow.client_ip,
                "source.port": flow.client_port,
                "destination.ip": flow.server_ip,
                "destination.port": flow.server_port,
                "related.ip": list(dict.fromkeys((flow.client_ip, flow.server_ip))),
            }
        )
    if flow.client_mac is not None:
        fields["source.mac"] = flow.client_mac
    if flow.server_mac is not None:
        fields["destination.mac"] = flow.server_mac
    if flow.vlan:
        fields["network.vlan.id"] = str(flow.vlan[0])
        if len(flow.vlan) > 1:
            fields["network.inner.vlan.id"] = str(flow.vlan[1])
    return fields
