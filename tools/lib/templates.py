"""The texts of a cluster's configuration files and small programs. No text here holds a password."""

from .account import POSTGRES_BINARIES, Account
from .credentials import REPMGR_ROLE
from .layout import NODE_NAMES, Layout, Settings

# Seconds. "fast" promotes some 2 s after a crash; "default" is repmgr's own timing, measured at 52 s.
REPMGR_TIMING = {
    "fast": "monitor_interval_secs=1\nreconnect_attempts=2\nreconnect_interval=1\nasync_query_timeout=2\n",
    "default": "monitor_interval_secs=2\nreconnect_attempts=6\nreconnect_interval=10\nasync_query_timeout=60\n",
}


def conninfo(layout: Layout, settings: Settings, node: str) -> str:
    """How repmgr and the other node's walreceiver reach `node`.

    The TCP limits are what ends the wait on an established connection when the network falls silent: without them
    repmgrd missed 3 of 6 partitions altogether, with them it promoted after 9.7 s.
    """
    return (
        f"host=127.0.0.1 port={settings.port_of(node)} user={REPMGR_ROLE} dbname={REPMGR_ROLE} "
        f"passfile={layout.passfile} connect_timeout=2 "
        "tcp_user_timeout=2000 keepalives=1 keepalives_idle=1 keepalives_interval=1 keepalives_count=2"
    )


def postgresql_conf(layout: Layout, settings: Settings) -> str:
    """What is appended to initdb's postgresql.conf. It is equal on both nodes: pg_basebackup and pg_rewind copy it."""
    on_off = "on" if settings.fsync else "off"
    return f"""
# Written by tools/cluster.
listen_addresses = '127.0.0.1'
unix_socket_directories = '{layout.sockets}'
max_connections = {settings.max_connections}
password_encryption = scram-sha-256
fsync = {on_off}
# Before recovery, one call and not one per file: a rejoin takes 9.6 s instead of 13.7 s when the disk is busy.
recovery_init_sync_method = syncfs
shared_preload_libraries = 'repmgr'

# Replication.
wal_level = replica
hot_standby = on
hot_standby_feedback = on
max_wal_senders = 10
max_replication_slots = 10
wal_keep_size = 128MB
wal_log_hints = on
# With the default of 5 s a promotion within some 20 ms of the primary's death stalled for 5 s in 4 of 13 trials.
wal_retrieve_retry_interval = 100ms

# Archiving: of the primary only, into backups/NODE/wal.
archive_mode = on
archive_command = '{layout.programs}/archive %p %f'

# Logging. The statements of a session are not logged: some carry secrets.
log_line_prefix = '%m [%p] %q%u@%d %a '
log_statement = none
log_checkpoints = off
"""


def pg_hba_conf() -> str:
    return """# Written by tools/cluster.
# The administrator enters by unix socket, as the operating system user that runs the servers, and has no password.
# Everybody else proves a password by SCRAM, on every way in.
local  all          postgres                peer map=administrator
local  all          all                     scram-sha-256
host   replication  repmgr    127.0.0.1/32  scram-sha-256
host   all          all       127.0.0.1/32  scram-sha-256
"""


def pg_ident_conf(account: Account) -> str:
    return f"# Written by tools/cluster.\nadministrator  {account.name}  postgres\n"


def repmgr_conf(layout: Layout, settings: Settings, node: str) -> str:
    # --no-sync: flushing the copy file by file took 10 s of a bring-up on a busy disk; a copy that a power cut spoils
    # is made again.
    configuration = layout.repmgr_configuration(node)
    program = POSTGRES_BINARIES / "repmgr"
    control = f"{layout.programs}/pgnode {node}"
    return f"""# Written by tools/cluster.
node_id={NODE_NAMES.index(node) + 1}
node_name='{node}'
conninfo='{conninfo(layout, settings, node)}'
passfile='{layout.passfile}'
data_directory='{layout.data(node)}'
pg_bindir='{POSTGRES_BINARIES}'
repmgr_bindir='{POSTGRES_BINARIES}'
use_replication_slots=yes
pg_basebackup_options='--no-sync'

failover=automatic
promote_command='{program} standby promote -f {configuration} --log-to-file'
follow_command='{program} standby follow -f {configuration} --log-to-file --upstream-node-id=%n'
{REPMGR_TIMING[settings.speed]}
service_start_command='{control} start'
service_stop_command='{control} stop'
service_restart_command='{control} restart'
service_reload_command='{control} reload'

log_level=INFO
log_file='{layout.logs}/repmgrd-{node}.log'
repmgrd_pid_file='{layout.node(node)}/repmgrd.pid'
event_notification_command='{layout.programs}/event %n %e %s'
"""


def pgnode_program(layout: Layout, settings: Settings) -> str:
    ports = "\n".join(f"{name}) port={settings.port_of(name)} ;;" for name in NODE_NAMES)
    return f"""#!/bin/sh
# Written by tools/cluster. pgnode NODE start|stop|restart|reload: the one way a node is started, by tools/cluster
# and by repmgr alike. What differs between the nodes stands on the command line and not in postgresql.conf, because
# pg_basebackup and pg_rewind copy that file from the other node.
set -eu
node=$1
action=$2
case $node in
{ports}
*) echo "unknown node $node" >&2; exit 2 ;;
esac
control() {{ {POSTGRES_BINARIES}/pg_ctl -D '{layout.directory}'/"$node"/data -s "$@"; }}
case $action in
start | restart)
    control -w -t 60 -m fast -l '{layout.logs}'/"$node".log -o "-p $port -c cluster_name=$node" "$action" ;;
stop) control -w -t 30 -m fast stop ;;
reload) control reload ;;
*) echo "unknown action $action" >&2; exit 2 ;;
esac
"""


def archive_program(layout: Layout, settings: Settings) -> str:
    flush = 'sync "$target.new"' if settings.fsync else ": fsync is off in this cluster"
    return f"""#!/bin/sh
# Written by tools/cluster. archive_command: $1 is the segment's path, $2 its name, and the working directory is the
# node's data directory. PostgreSQL may offer a segment twice, so one that is there must only be equal.
set -eu
node=$(basename "$(dirname "$(pwd)")")
target='{layout.directory}'/backups/"$node"/wal/"$2"
if [ -e "$target" ]; then
    exec cmp "$1" "$target"
fi
cp "$1" "$target.new"
{flush}
mv "$target.new" "$target"
"""


def event_program(layout: Layout) -> str:
    return f"""#!/bin/sh
# Written by tools/cluster. Called by repmgr for each of its events: one line each, with milliseconds.
printf '%s node_id=%s event=%s success=%s\\n' "$(date +%FT%T.%3N%z)" "$1" "$2" "$3" >>'{layout.event_log}'
"""
