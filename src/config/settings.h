#pragma once
/// What an operator decides: the settings of one process, as plain values. The defaults stand here and
/// nowhere else; the names, limits and sentences stand in the option tables (options.h), and load() (load.h)
/// fills these structs from a TOML file and the environment. Each member is called like its option.
///
/// Settings that load() returned satisfy every limit of the tables and every cross-check of checks.h; code
/// that uses them need not look again.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/time.h"

namespace pgring::config {

/// When a backend goes back to its pool.
enum class PoolMode : std::uint8_t {
    Session,      ///< when the client leaves
    Transaction,  ///< when the transaction ends
    Statement,    ///< the same, and transactions of several statements are refused
};

/// Checks a backend by a query without a statement in it.
inline constexpr std::string_view kEmptyCheckQuery = "<empty>";

/// What becomes of a statement in transaction pooling that leaves something in its session which cannot be
/// carried over to another backend.
enum class UnpoolableStatements : std::uint8_t {
    Pin,     ///< it runs, and its session keeps the backend while that is there
    Refuse,  ///< it is refused with an error that names the feature
};

/// What becomes of a session in transaction pooling that has called a function which pgring does not know.
enum class UnknownFunctions : std::uint8_t {
    Ask,    ///< the server is asked what it left behind
    Trust,  ///< it is taken to have left nothing
};

/// Whether a backend is sent the next session's read while it still runs another one's.
enum class Multiplex : std::uint8_t {
    Off,
    Sync,  ///< each with a Sync of its own
};

/// How clients prove who they are.
enum class AuthType : std::uint8_t {
    ScramSha256,  ///< SCRAM-SHA-256; works with plain passwords and SCRAM secrets in auth_file
    Md5,  ///< md5, or SCRAM-SHA-256 for users whose secret in auth_file is a SCRAM secret, as in PostgreSQL
    Password,  ///< the password in clear text
    Trust,     ///< no proof
    Hba,       ///< the method of the first line in auth_hba_file that fits
};

enum class LogFormat : std::uint8_t { Text, Json };

/// How a worker's ring is set up. Auto takes the first of the others that the kernel has.
enum class RingMode : std::uint8_t { Auto, Defer, Coop, Plain };

/// The permission bits of a file.
struct FileMode {
    std::uint32_t bits = 0;

    friend constexpr bool operator==(FileMode, FileMode) = default;
};

/// A unix socket's path must fit into sockaddr_un::sun_path with its final NUL (Linux, unix(7): 108 bytes).
inline constexpr std::size_t kUnixSocketPathBytesMax = 107;

/// Servers of one process at most; a cluster of a primary and its standbys stays far below.
inline constexpr std::size_t kServersMax = 64;
/// Each is asked about every cancel that nobody knows.
inline constexpr std::size_t kPeersMax = 32;

/// [pgring]: the process, its clients and its pools. A duration of zero means "no limit" where the option's
/// sentence says so (base::deadline_after reads it like that). Counts are std::uint32_t, sizes in bytes
/// std::uint64_t.
struct PgringSettings {
    /// Addresses to listen on; "*" is every address; empty is no TCP at all.
    std::vector<std::string> listen_addr{"127.0.0.1"};
    std::uint16_t listen_port = 6432;
    /// Folder of the unix socket; empty is no unix socket.
    std::string unix_socket_dir;
    FileMode unix_socket_mode{0777};
    std::uint32_t listen_backlog = 1024;
    /// Zero is one per CPU that the process may run on.
    std::uint32_t workers = 0;
    /// Which of the peers this one is; zero is none of them.
    std::uint16_t peer_id = 0;

    PoolMode pool_mode = PoolMode::Transaction;
    UnpoolableStatements unpoolable_statements = UnpoolableStatements::Pin;
    UnknownFunctions unknown_functions = UnknownFunctions::Ask;
    Multiplex multiplex = Multiplex::Off;
    std::uint32_t max_client_conn = 10'000;
    /// Zero is no limit, here and in the next.
    std::uint32_t max_db_client_connections = 0;
    std::uint32_t max_user_client_connections = 0;
    /// Backends of one (server, database, user) over all workers.
    std::uint32_t default_pool_size = 20;
    /// Backends that a pool keeps though nobody uses them.
    std::uint32_t min_pool_size = 0;
    /// Backends beyond the pool's size for who waited as long as reserve_pool_timeout; zero is none.
    std::uint32_t reserve_pool_size = 0;
    /// Zero is no use of the reserve.
    base::Duration reserve_pool_timeout = std::chrono::seconds(5);
    /// Backends of one database, and as one user, in all their pools; zero is no limit.
    std::uint32_t max_db_connections = 0;
    std::uint32_t max_user_connections = 0;
    /// Hand out the backend that was idle longest instead of the warmest.
    bool server_round_robin = false;
    /// Zero is no limit.
    std::uint32_t waiting_clients_max = 0;
    /// Zero waits for ever.
    base::Duration query_wait_timeout = std::chrono::seconds(120);
    /// Zero is no limit, here and in the next three.
    base::Duration query_timeout = base::Duration::zero();
    base::Duration idle_transaction_timeout = base::Duration::zero();
    base::Duration transaction_timeout = base::Duration::zero();
    base::Duration client_idle_timeout = base::Duration::zero();
    base::Duration client_login_timeout = std::chrono::seconds(60);
    base::Duration server_connect_timeout = std::chrono::seconds(15);
    base::Duration server_login_retry = std::chrono::seconds(1);
    /// Zero keeps idle backends.
    base::Duration server_idle_timeout = std::chrono::seconds(600);
    /// Zero never closes a backend for its age.
    base::Duration server_lifetime = std::chrono::seconds(3600);
    /// Empty is none.
    std::string server_reset_query = "DISCARD ALL";
    /// Also where nothing is known to have been left behind.
    bool server_reset_query_always = false;
    /// Empty is none.
    std::string server_check_query{kEmptyCheckQuery};
    /// Zero checks a backend each time it is handed out.
    base::Duration server_check_delay = std::chrono::seconds(30);
    /// Zero waits for ever.
    base::Duration cancel_wait_timeout = std::chrono::seconds(10);
    /// Prepared statements of one backend.
    std::uint32_t max_prepared_statements = 200;
    std::uint64_t prepared_statement_bytes_max = std::uint64_t{1} << 20U;
    std::uint64_t startup_packet_bytes_max = 10'000;
    std::vector<std::string> ignore_startup_parameters;
    /// How long SIGTERM waits for clients; zero waits for all of them.
    base::Duration shutdown_timeout = base::Duration::zero();

    AuthType auth_type = AuthType::ScramSha256;
    std::string auth_file;
    std::string auth_hba_file;

    bool tcp_keepalive = true;
    /// Zero is the system's default, here and in the next three.
    std::chrono::seconds tcp_keepidle{0};
    std::chrono::seconds tcp_keepintvl{0};
    std::uint32_t tcp_keepcnt = 0;
    std::chrono::milliseconds tcp_user_timeout{0};
    /// Empty is the system's default.
    std::string tcp_congestion_control;

    base::LogLevel log_level = base::LogLevel::Info;
    LogFormat log_format = LogFormat::Text;
    bool log_connections = true;
    bool log_disconnections = true;
    bool log_pooler_errors = true;
    bool log_stats = true;
    base::Duration stats_period = std::chrono::seconds(60);

    RingMode ring_mode = RingMode::Auto;
    /// Buffers of 64 KiB in each worker's receive ring; a power of two.
    std::uint32_t receive_buffers = 256;

    friend bool operator==(const PgringSettings&, const PgringSettings&) = default;
};

/// How long a session may do what it does; zero is no limit.
struct SessionTimeouts {
    base::Duration query{};
    base::Duration idle_transaction{};
    base::Duration transaction{};
    base::Duration client_idle{};

    friend bool operator==(const SessionTimeouts&, const SessionTimeouts&) = default;
};

/// [health]: how the monitor watches the servers.
struct HealthSettings {
    base::Duration health_check_period = std::chrono::milliseconds(500);
    /// Deadline of one check, the connection included where it must be made.
    base::Duration health_check_timeout = std::chrono::milliseconds(500);
    /// Failed checks in a row after which a server counts as down.
    std::uint32_t health_check_max_retries = 3;
    /// Never empty after load().
    std::string health_check_user;
    /// Empty where the server asks for none.
    std::string health_check_password;
    std::string health_check_database = "postgres";

    friend bool operator==(const HealthSettings&, const HealthSettings&) = default;
};

/// [routing]: which statements go where.
struct RoutingSettings {
    /// False sends everything to the primary, but for the sessions of readonly_application_names.
    bool read_write_split = true;
    /// Sessions that call themselves like this stay on standbys, their writes included.
    std::vector<std::string> readonly_application_names{"readonly"};
    /// A standby further behind gets no reads; zero is no limit.
    std::uint64_t standby_lag_bytes_max = 0;

    friend bool operator==(const RoutingSettings&, const RoutingSettings&) = default;
};

/// [servers.NAME]: one PostgreSQL host. Which of them is the primary is not configured but seen.
struct ServerSettings {
    std::string name{};
    /// An IP address, a host name, or the folder of a unix socket (begins with '/'). Never empty after
    /// load().
    std::string host{};
    std::uint16_t port = 5432;
    /// Share of the reads; zero is none.
    std::uint32_t weight = 1;

    friend bool operator==(const ServerSettings&, const ServerSettings&) = default;
};

/// [peers.N]: a pgring that clients may be led to as well as to this one.
struct PeerSettings {
    /// The peer_id that it has itself; never zero after load().
    std::uint16_t id = 0;
    /// An IP address, a host name, or the folder of a unix socket (begins with '/'). Never empty after
    /// load().
    std::string host{};
    std::uint16_t port = 6432;

    friend bool operator==(const PeerSettings&, const PeerSettings&) = default;
};

/// [databases.NAME]: a database that clients may ask for; "*" stands for every name that has no section of
/// its own.
struct DatabaseSettings {
    std::string name{};
    /// Its name at the servers; empty is the name that the client asked for.
    std::string dbname{};
    /// As whom pgring logs in at the servers; empty is as the client.
    std::string user{};
    /// Of `user`, in clear; empty takes the user list's.
    std::string password{};
    /// Run on each new backend; empty is none.
    std::string connect_query{};
    /// Where one of these is absent, the option of [pgring] holds.
    std::optional<std::uint32_t> pool_size{};
    std::optional<PoolMode> pool_mode{};
    std::optional<UnpoolableStatements> unpoolable_statements{};
    std::optional<UnknownFunctions> unknown_functions{};
    std::optional<std::uint32_t> min_pool_size{};
    std::optional<std::uint32_t> reserve_pool_size{};
    std::optional<std::uint32_t> max_db_connections{};
    std::optional<std::uint32_t> max_db_client_connections{};
    std::optional<base::Duration> query_wait_timeout{};
    std::optional<base::Duration> server_lifetime{};

    friend bool operator==(const DatabaseSettings&, const DatabaseSettings&) = default;
};

/// [users.NAME]: what holds for one user, in all databases.
struct UserSettings {
    std::string name{};
    /// Where one of these is absent, the database's option holds, then that of [pgring].
    std::optional<std::uint32_t> pool_size{};
    std::optional<PoolMode> pool_mode{};
    std::optional<std::uint32_t> reserve_pool_size{};
    std::optional<std::uint32_t> max_user_connections{};
    std::optional<std::uint32_t> max_user_client_connections{};
    std::optional<base::Duration> query_wait_timeout{};
    std::optional<base::Duration> query_timeout{};
    std::optional<base::Duration> idle_transaction_timeout{};
    std::optional<base::Duration> transaction_timeout{};
    std::optional<base::Duration> client_idle_timeout{};

    friend bool operator==(const UserSettings&, const UserSettings&) = default;
};

/// Everything. Default-constructed it lacks what has no default (servers, health_check_user).
struct Settings {
    PgringSettings pgring;
    HealthSettings health;
    RoutingSettings routing;
    /// In the order of the file: the index in here is the server's index everywhere.
    std::vector<ServerSettings> servers;
    /// This one may be among them: other_peers() are those to talk to.
    std::vector<PeerSettings> peers;
    /// Never empty after load(): where the file has none, it is "*".
    std::vector<DatabaseSettings> databases;
    std::vector<UserSettings> users;

    /// What a client that asks for `name` gets: the database's own section, else "*", else nullptr (no such
    /// database).
    [[nodiscard]] const DatabaseSettings* find_database(std::string_view name) const;
    /// The user's section, or nullptr.
    [[nodiscard]] const UserSettings* find_user(std::string_view name) const;

    friend bool operator==(const Settings&, const Settings&) = default;
};

/// The peers without the one that this process is; the index in here is the peer's index everywhere.
[[nodiscard]] std::vector<PeerSettings> other_peers(const Settings& settings);

/// What `database` is called at the servers for a client that asked for `name`.
[[nodiscard]] std::string_view name_at_server(const DatabaseSettings& database, std::string_view name);

}  // namespace pgring::config
