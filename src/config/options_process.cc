// The rows of [pgring].

#include <chrono>
#include <cstdint>

#include "config/options.h"

namespace pgring::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = kKiB * kKiB;
constexpr base::Duration kDay = hours(24);

constexpr Option<PgringSettings> kPgringOptions[] = {
    {
        .name = "listen_addr",
        .field = field<&PgringSettings::listen_addr>,
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .sentence =
            "Addresses on which clients connect over TCP; \"*\" is every address, an empty list is no TCP.",
    },
    {
        .name = "listen_port",
        .field = field<&PgringSettings::listen_port>,
        .limits = between(1, 65535),
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .sentence = "Port of all listening addresses, and number in the unix socket's name.",
    },
    {
        .name = "unix_socket_dir",
        .field = field<&PgringSettings::unix_socket_dir>,
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .default_means = "no unix socket",
        .sentence = "Folder in which the unix socket .s.PGSQL.PORT is made; local clients cost a quarter "
                    "less CPU through it than over TCP.",
    },
    {
        .name = "unix_socket_mode",
        .field = field<&PgringSettings::unix_socket_mode>,
        .limits = between(0, 0777),
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .sentence = "Permissions of the unix socket; who may not write to it cannot connect.",
    },
    {
        .name = "listen_backlog",
        .field = field<&PgringSettings::listen_backlog>,
        .limits = between(1, 65535),
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .sentence = "Connections that may wait to be accepted on each listening socket; pgbouncer's 128 "
                    "overflows, and costs a client a second, when a whole service reconnects at once. The "
                    "kernel caps it at net.core.somaxconn.",
    },
    {
        .name = "workers",
        .field = field<&PgringSettings::workers>,
        .limits = with_zero(between(1, 256), "one for each CPU that the process may run on"),
        .change = Change::Restart,
        .origin = Origin::Pgring,
        .sentence = "Worker threads, each with its ring, its clients and its backends. When there is one for "
                    "each CPU that the process may run on they are pinned; fewer are placed by the kernel.",
    },
    {
        .name = "peer_id",
        .field = field<&PgringSettings::peer_id>,
        .limits = with_zero(between(1, kPeerIdMax), "none"),
        .change = Change::Restart,
        .origin = Origin::Pgbouncer,
        .sentence = "Which of the [peers.N] this process is, so that all may have the same file.",
    },
    {
        .name = "pool_mode",
        .field = field<&PgringSettings::pool_mode>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "When a backend goes back to its pool: when the client leaves, or when its transaction "
                    "ends. Statement pooling does the latter and refuses transactions of several "
                    "statements with SQLSTATE 0A000.",
    },
    {
        .name = "unpoolable_statements",
        .field = field<&PgringSettings::unpoolable_statements>,
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence =
            "What becomes of a statement that leaves something in its session which cannot be carried "
            "over to another backend, such as a temporary table or an advisory lock: its session keeps "
            "the backend while that is there, or it is refused with SQLSTATE 0A000.",
    },
    {
        .name = "unknown_functions",
        .field = field<&PgringSettings::unknown_functions>,
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence =
            "Whether, after a transaction that called a function whose code may leave something in its "
            "session, the server is asked what it left, or it is trusted to leave nothing.",
    },
    {
        .name = "multiplex",
        .field = field<&PgringSettings::multiplex>,
        .change = Change::Restart,
        .origin = Origin::Pgring,
        .sentence =
            "Whether a server is sent the read of a session that waits for a backend while it still runs "
            "another session's read, so that it goes on at once: off, or each with a Sync of its own. Where "
            "all backends are busy this gives more throughput; a read may run twice, or for nobody.",
    },
    {
        .name = "max_client_conn",
        .field = field<&PgringSettings::max_client_conn>,
        .limits = between(1, 1'000'000),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Clients at once, over all workers; the next one is refused with SQLSTATE 53300.",
    },
    {
        .name = "max_db_client_connections",
        .field = field<&PgringSettings::max_db_client_connections>,
        .limits = with_zero(between(1, 1'000'000), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Clients of one database at once, as clients call it, over all workers; the next "
                    "one is refused after its login with SQLSTATE 53300.",
    },
    {
        .name = "max_user_client_connections",
        .field = field<&PgringSettings::max_user_client_connections>,
        .limits = with_zero(between(1, 1'000'000), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Clients at once that are logged in as one user, over all workers; the next one "
                    "is refused after its login with SQLSTATE 53300.",
    },
    {
        .name = "default_pool_size",
        .field = field<&PgringSettings::default_pool_size>,
        .limits = between(1, 100'000),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Backends at once of one server, database and user, over all workers.",
    },
    {
        .name = "min_pool_size",
        .field = field<&PgringSettings::min_pool_size>,
        .limits = with_zero(between(1, 100'000), "none"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Backends that a pool keeps open though nobody uses them, from its first client "
                    "on; a database that forces its user has them from the start. Each server that "
                    "can serve it has that many.",
    },
    {
        .name = "reserve_pool_size",
        .field = field<&PgringSettings::reserve_pool_size>,
        .limits = with_zero(between(1, 100'000), "none"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Backends that a pool may have beyond its size while somebody has waited as long "
                    "as reserve_pool_timeout.",
    },
    {
        .name = "reserve_pool_timeout",
        .field = field<&PgringSettings::reserve_pool_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "the reserve is not used"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a client waits before the reserve of its pool is used.",
    },
    {
        .name = "max_db_connections",
        .field = field<&PgringSettings::max_db_connections>,
        .limits = with_zero(between(1, 1'000'000), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Backends at once of one database, as clients call it, whoever the user, on all "
                    "servers and over all workers. Where it is reached, an idle one of another pool "
                    "is closed; else sessions wait.",
    },
    {
        .name = "max_user_connections",
        .field = field<&PgringSettings::max_user_connections>,
        .limits = with_zero(between(1, 1'000'000), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Backends at once that are logged in as one user, whatever the database, on all "
                    "servers and over all workers.",
    },
    {
        .name = "server_round_robin",
        .field = field<&PgringSettings::server_round_robin>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Whether the backend that was idle longest is handed out, so that all get the "
                    "same load; off, the warmest one is, so that a quiet pool shrinks.",
    },
    {
        .name = "waiting_clients_max",
        .field = field<&PgringSettings::waiting_clients_max>,
        .limits = with_zero(between(1, 1'000'000), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence = "Clients that may wait for a backend of one pool at once; the next one is refused at "
                    "once instead of after query_wait_timeout.",
    },
    {
        .name = "query_wait_timeout",
        .field = field<&PgringSettings::query_wait_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a statement may wait for a backend, a failover included, before its client is "
                    "disconnected.",
    },
    {
        .name = "query_timeout",
        .field = field<&PgringSettings::query_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a statement, or a batch up to its Sync, may take, waiting for a backend "
                    "included; then it is cancelled at the server and its client disconnected "
                    "(57014). While it still waits it is refused, and the client stays.",
    },
    {
        .name = "idle_transaction_timeout",
        .field = field<&PgringSettings::idle_transaction_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a client may be silent amid a transaction; then it is disconnected "
                    "(25P03) and the transaction rolled back.",
    },
    {
        .name = "transaction_timeout",
        .field = field<&PgringSettings::transaction_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a transaction may last, a statement outside of a transaction block "
                    "included; then its client is disconnected (25P04) and the transaction rolled "
                    "back.",
    },
    {
        .name = "client_idle_timeout",
        .field = field<&PgringSettings::client_idle_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a client may be silent outside of a transaction; then it is "
                    "disconnected (57P05).",
    },
    {
        .name = "client_login_timeout",
        .field = field<&PgringSettings::client_login_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a client may take from connecting to having logged in.",
    },
    {
        .name = "server_connect_timeout",
        .field = field<&PgringSettings::server_connect_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long connecting and logging in at a server may take.",
    },
    {
        .name = "server_login_retry",
        .field = field<&PgringSettings::server_login_retry>,
        .limits = between(milliseconds(10), hours(1)),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Pause after a failed connection to a server before the next is tried; pgbouncer's 15 s "
                    "would add to every failover.",
    },
    {
        .name = "server_idle_timeout",
        .field = field<&PgringSettings::server_idle_timeout>,
        .limits = with_zero(between(milliseconds(1), 365 * kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "A backend that nobody used for so long is closed.",
    },
    {
        .name = "server_lifetime",
        .field = field<&PgringSettings::server_lifetime>,
        .limits = with_zero(between(milliseconds(1), 365 * kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "A backend older than this is closed as soon as nobody uses it.",
    },
    {
        .name = "server_reset_query",
        .field = field<&PgringSettings::server_reset_query>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Run on a backend that a client leaves in session mode, before the next client gets it; "
                    "empty is none.",
    },
    {
        .name = "server_reset_query_always",
        .field = field<&PgringSettings::server_reset_query_always>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Whether server_reset_query is run after each transaction, whatever the pool mode and "
                    "whatever the transaction did.",
    },
    {
        .name = "server_check_query",
        .field = field<&PgringSettings::server_check_query>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Run on a backend that was idle as long as server_check_delay, before it is handed "
                    "out; where it fails another backend is taken. \"<empty>\" asks without a statement; "
                    "empty is no check.",
    },
    {
        .name = "server_check_delay",
        .field = field<&PgringSettings::server_check_delay>,
        .limits = with_zero(between(milliseconds(1), 365 * kDay), "check each time"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a backend may be idle and be handed out without a check.",
    },
    {
        .name = "cancel_wait_timeout",
        .field = field<&PgringSettings::cancel_wait_timeout>,
        .limits = with_zero(between(milliseconds(1), hours(1)), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a request to cancel may take to reach the server before it is dropped.",
    },
    {
        .name = "max_prepared_statements",
        .field = field<&PgringSettings::max_prepared_statements>,
        .limits = between(1, 65535),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Named prepared statements that one backend keeps; the least recently used one goes and "
                    "is prepared again when it is needed.",
    },
    {
        .name = "prepared_statement_bytes_max",
        .field = field<&PgringSettings::prepared_statement_bytes_max>,
        .limits = between(kKiB, 256 * kMiB),
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence = "Longest Parse message of a named statement in transaction mode, where its text must be "
                    "kept; a longer one is refused with SQLSTATE 54000.",
    },
    {
        .name = "startup_packet_bytes_max",
        .field = field<&PgringSettings::startup_packet_bytes_max>,
        .limits = between(512, 64 * kKiB),
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence = "Longest first packet of a client (PostgreSQL's own limit is 10000); a longer one is "
                    "refused before anything is read of it.",
    },
    {
        .name = "ignore_startup_parameters",
        .field = field<&PgringSettings::ignore_startup_parameters>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence =
            "Parameters in a client's first packet that are dropped instead of passed on to the server.",
    },
    {
        .name = "shutdown_timeout",
        .field = field<&PgringSettings::shutdown_timeout>,
        .limits = with_zero(between(milliseconds(1), 365 * kDay), "no limit"),
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence = "How long SIGTERM waits for clients to leave before it disconnects them.",
    },
    {
        .name = "auth_type",
        .field = field<&PgringSettings::auth_type>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How clients prove who they are; \"hba\" takes the method of the first line in "
                    "auth_hba_file that fits, all but \"trust\" need auth_file.",
    },
    {
        .name = "auth_file",
        .field = field<&PgringSettings::auth_file>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "no file",
        .example = R"("/etc/pgring/userlist.txt")",
        .sentence = "File with a line \"user\" \"secret\" for each user, the secret being a plain password, "
                    "an md5 hash or a SCRAM secret, as in pgbouncer.",
    },
    {
        .name = "auth_hba_file",
        .field = field<&PgringSettings::auth_hba_file>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .default_means = "no file",
        .sentence = "File in the form of PostgreSQL's pg_hba.conf, for auth_type = \"hba\".",
    },
    {
        .name = "tcp_keepalive",
        .field = field<&PgringSettings::tcp_keepalive>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Whether the kernel probes idle TCP connections, to clients and to servers.",
    },
    {
        .name = "tcp_keepidle",
        .field = field<&PgringSettings::tcp_keepidle>,
        .limits = with_zero(between(seconds(1), seconds(32767)), "the system's value"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long a connection is idle before the first probe (TCP_KEEPIDLE).",
    },
    {
        .name = "tcp_keepintvl",
        .field = field<&PgringSettings::tcp_keepintvl>,
        .limits = with_zero(between(seconds(1), seconds(32767)), "the system's value"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Pause between two probes (TCP_KEEPINTVL).",
    },
    {
        .name = "tcp_keepcnt",
        .field = field<&PgringSettings::tcp_keepcnt>,
        .limits = with_zero(between(1, 127), "the system's value"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Unanswered probes after which a connection is dead (TCP_KEEPCNT).",
    },
    {
        .name = "tcp_user_timeout",
        .field = field<&PgringSettings::tcp_user_timeout>,
        .limits = with_zero(between(milliseconds(1), kDay), "the system's value"),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "How long sent data may stay unacknowledged before a connection is dead "
                    "(TCP_USER_TIMEOUT); as in pgbouncer, a number alone counts milliseconds.",
    },
    {
        .name = "tcp_congestion_control",
        .field = field<&PgringSettings::tcp_congestion_control>,
        .change = Change::Restart,
        .origin = Origin::Pgring,
        .default_means = "the system's",
        .sentence =
            "Congestion control of TCP connections to clients and servers (TCP_CONGESTION), one of "
            "net.ipv4.tcp_available_congestion_control; where that is bbr, cubic takes a fifth to a third "
            "less CPU for much data within one machine.",
    },
    {
        .name = "log_level",
        .field = field<&PgringSettings::log_level>,
        .change = Change::Live,
        .origin = Origin::Pgring,
        .sentence = "Events less important than this are not logged.",
    },
    {
        .name = "log_format",
        .field = field<&PgringSettings::log_format>,
        .change = Change::Restart,
        .origin = Origin::Pgring,
        .sentence = "Form of a log line on standard error: for people, or one JSON object.",
    },
    {
        .name = "log_connections",
        .field = field<&PgringSettings::log_connections>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Whether logins of clients are logged.",
    },
    {
        .name = "log_disconnections",
        .field = field<&PgringSettings::log_disconnections>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Whether the ends of clients are logged, with the reason.",
    },
    {
        .name = "log_pooler_errors",
        .field = field<&PgringSettings::log_pooler_errors>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Whether errors that pgring itself sends to clients are logged.",
    },
    {
        .name = "log_stats",
        .field = field<&PgringSettings::log_stats>,
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Whether a line with counters is logged every stats_period.",
    },
    {
        .name = "stats_period",
        .field = field<&PgringSettings::stats_period>,
        .limits = between(seconds(1), kDay),
        .change = Change::Live,
        .origin = Origin::Pgbouncer,
        .sentence = "Time between two lines of log_stats.",
    },
    {
        .name = "ring_mode",
        .field = field<&PgringSettings::ring_mode>,
        .change = Change::Restart,
        .origin = Origin::Pgring,
        .sentence = "How io_uring runs its completions; \"auto\" takes the first of the others that the "
                    "kernel has, which is also the fastest.",
    },
    {
        .name = "receive_buffers",
        .field = field<&PgringSettings::receive_buffers>,
        // A worker has twice as many, and the kernel takes 32,768 for a ring.
        .limits = power_of_two(between(16, 16384)),
        .change = Change::Restart,
        .origin = Origin::Pgring,
        .sentence =
            "Buffers of 64 KiB in the receive ring of each worker; idle clients hold none, busy ones some.",
    },
};

}  // namespace

template <>
std::span<const Option<PgringSettings>> options() {
    return kPgringOptions;
}

}  // namespace pgring::config
