#pragma once
/// The options, each declared once: a row holds its name, the field it fills, its limits, whether it may
/// change while pgring runs, where the name comes from, and a sentence. The loader, the reference in configs/
/// and docs/, and the names of the environment variables all follow from these rows. Defaults are those of
/// the members (settings.h).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/field.h"
#include "config/settings.h"
#include "config/value_type.h"

namespace pgring::config {

/// When a changed value takes effect.
enum class Change : std::uint8_t {
    Live,     ///< can be applied by a reload
    Restart,  ///< needs a new process
};

/// Whose name it is; users of that software expect it to mean what it means there.
enum class Origin : std::uint8_t { Pgring, Pgbouncer, Pgpool };

/// Whether the file may go without it.
enum class Presence : std::uint8_t {
    Optional,
    Required,  ///< a text that must be given and not be empty
};

template <class Struct>
struct Option {
    std::string_view name;
    Field<Struct> field;
    Limits limits{};
    Change change;
    Origin origin;
    Presence presence = Presence::Optional;
    /// What the default stands for where its value does not say so, e.g. "the value of default_pool_size".
    std::string_view default_means{};
    /// The value, in TOML, with which configs/pgring.toml sets the option; empty where it shows the default
    /// in a comment.
    std::string_view example{};
    std::string_view sentence{};
};

/// The rows of one section, in the order of the reference.
template <class Struct>
[[nodiscard]] std::span<const Option<Struct>> options();
template <>
[[nodiscard]] std::span<const Option<PgringSettings>> options();
template <>
[[nodiscard]] std::span<const Option<HealthSettings>> options();
template <>
[[nodiscard]] std::span<const Option<RoutingSettings>> options();
template <>
[[nodiscard]] std::span<const Option<ServerSettings>> options();
template <>
[[nodiscard]] std::span<const Option<PeerSettings>> options();
template <>
[[nodiscard]] std::span<const Option<DatabaseSettings>> options();
template <>
[[nodiscard]] std::span<const Option<UserSettings>> options();

/// A section as it is written; the order is that of the reference.
struct Section {
    std::string_view name;
    /// With brackets, e.g. "[servers.NAME]".
    std::string_view heading;
    std::string_view sentence;
};

inline constexpr Section kPgringSection{"pgring", "[pgring]", "The process, its clients and its pools."};
inline constexpr Section kHealthSection{"health", "[health]", "How the monitor watches the servers."};
inline constexpr Section kRoutingSection{"routing", "[routing]", "Which statements go where."};
inline constexpr Section kServersSection{
    "servers", "[servers.NAME]",
    "One section a PostgreSQL host, at least one; which of them is the primary is seen, not configured."};
inline constexpr Section kPeersSection{
    "peers", "[peers.N]",
    "One section for each pgring that clients may be led to as well, by a load balancer or a shared address; "
    "N is its peer_id. A request to cancel that comes to the wrong one of them is passed on to the others."};
inline constexpr Section kDatabasesSection{
    "databases", "[databases.NAME]",
    "One section a database that clients may ask for; [databases.\"*\"] stands for all others, and is "
    "implied where there "
    "is no such section at all."};

inline constexpr Section kUsersSection{
    "users", "[users.NAME]",
    "What holds for one user in all databases, before what the database says. Where a database forces a "
    "user, it is "
    "that user's section that counts; but clients are counted as whom they logged in as."};

inline constexpr Section kSections[] = {kPgringSection, kHealthSection,    kRoutingSection, kServersSection,
                                        kPeersSection,  kDatabasesSection, kUsersSection};

/// As in pgbouncer.
inline constexpr std::uint16_t kPeerIdMax = 16383;

/// The names of all options of the section called `section`; empty for an unknown one.
[[nodiscard]] std::vector<std::string_view> option_names(std::string_view section);

/// Before the upper-case name of an option of [pgring], [health] or [routing]: the environment variable that
/// overrides it.
inline constexpr std::string_view kVariablePrefix = "PGRING_";

/// The variable that overrides the option `name`, e.g. PGRING_LISTEN_PORT.
[[nodiscard]] std::string variable_of(std::string_view name);

}  // namespace pgring::config
