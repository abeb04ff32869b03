"""What the cluster is at this moment: one row per node, made of what each says of itself and of the other."""

from concurrent.futures import ThreadPoolExecutor

from . import processes
from .node import Node


def of_nodes(nodes: list[Node]) -> list[dict]:
    """Asks all nodes at once, each with its own short deadline, so that one that hangs delays nobody."""
    with ThreadPoolExecutor(len(nodes)) as threads:
        probes = dict(zip([node.name for node in nodes], threads.map(Node.probe, nodes)))
    primaries = [name for name, probe in probes.items() if probe.get("in_recovery") is False]
    # Of two primaries the one on the higher timeline is the one that was promoted; the other is stale.
    primary = max(primaries, key=lambda name: probes[name]["timeline"], default=None)
    return [_row(node, probes, primary) for node in nodes]


def _row(node: Node, probes: dict[str, dict], primary: str | None) -> dict:
    probe = probes[node.name]
    row = {
        "node": node.name,
        "port": node.port,
        "state": probe["state"],
        "role": None,
        "timeline": probe.get("timeline"),
        "lsn": probe.get("lsn"),
        "streaming": False,
        "lag_bytes": None,
        "lag_seconds": None,
        "repmgr": _repmgr_view(node.name, primary, probes),
        "repmgrd": _process_state(node.repmgrd()),
    }
    if probe["state"] != "up":
        return row
    if not probe["in_recovery"]:
        return row | {"role": "primary" if node.name == primary else "stale primary"}
    return row | {"role": "standby"} | _replication(node.name, probe, probes.get(primary, {}))


def _replication(name: str, probe: dict, leader: dict) -> dict:
    """The columns that a standby has and a primary has not."""
    sender = leader.get("standbys", {}).get(name)
    receives = probe["receiver"] == "streaming" and sender is not None and sender["state"] == "streaming"
    if not leader or not probe["lsn"]:
        return {"streaming": receives}
    # The two answers are not of one instant: the standby may have replayed beyond what the primary said.
    behind = max(0, lsn_to_bytes(leader["lsn"]) - lsn_to_bytes(probe["lsn"]))
    # The primary forgets its measurement when nothing is under way; the age of what was replayed last is the bound.
    measured = sender["lag_seconds"] if sender else None
    if measured is None:
        measured = probe["replay_age"]
    return {"streaming": receives, "lag_bytes": behind, "lag_seconds": 0.0 if behind == 0 else measured}


def _repmgr_view(name: str, primary: str | None, probes: dict[str, dict]) -> str | None:
    """What repmgr.nodes says of a node: the primary's copy of it, else any that can be read."""
    for probe in (probes.get(primary, {}), *probes.values()):
        record = probe.get("repmgr", {}).get(name)
        if record:
            return record["type"] if record["active"] else f"{record['type']}, inactive"
    return None


def _process_state(pid: int | None) -> str:
    if pid is None:
        return "down"
    return "hung" if processes.is_stopped(pid) else "running"


def lsn_to_bytes(lsn: str) -> int:
    """The position in bytes that PostgreSQL writes as two hexadecimal halves."""
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)
