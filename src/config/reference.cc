#include "config/reference.h"

#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/contract.h"
#include "config/options.h"
#include "config/settings.h"
#include "config/value_type.h"

namespace pgring::config {
namespace {

constexpr std::size_t kColumnsMax = 100;

constexpr std::string_view kFileHead = R"(# Configuration of pgring, with every option.
# Generated from the option tables by tools/make-config-reference; docs/configuration.md says more.
#
# An option in a comment shows its default. A duration is a number of seconds or a text such as "500ms", "15s", "5min",
# "1h" or "1d"; a size is a number of bytes or a text such as "64KiB" or "1MB". In texts, ${NAME} is replaced by the
# environment variable NAME, and ${NAME:-DEFAULT} has a default. PGRING_LISTEN_PORT=6433 in the environment overrides
# listen_port, and so on for every option of [pgring], [health] and [routing].
)";

constexpr std::string_view kPageHead = R"(# Configuration

<!-- Generated from the option tables by tools/make-config-reference: change src/config/options_*.cc instead. -->

`pgring --config FILE` reads one file in [TOML](https://toml.io/en/v1.0.0); `pgring check FILE` reads it, says everything that
is wrong with it, and ends. [configs/pgring.toml](../configs/pgring.toml) shows every option with its default and is a file to
start from. The smallest one that works is

```toml
[pgring]
auth_file = "/etc/pgring/userlist.txt"

[health]
health_check_user = "monitor"
health_check_password = "${MONITOR_PASSWORD}"

[servers.pg-0]
host = "10.0.0.1"

[servers.pg-1]
host = "10.0.0.2"
```

Options that pgbouncer or pgpool have, too, have the same name here. Options of pgbouncer that pgring does not have yet are
refused by name rather than ignored.

## How values are written

| type | written as |
|---|---|
| boolean | `true` or `false`; also `1` or `0`, as in pgbouncer |
| number | `6432` |
| duration | a number of seconds (`15`, `0.5`), or a text with a unit: `"500ms"`, `"15s"`, `"5min"`, `"1h"`, `"1d"`, also `us`. Of *duration (ms)* a number alone counts milliseconds |
| size | a number of bytes, or a text with a unit: `"64KiB"`, `"1MB"`. As in PostgreSQL, `kB`, `MB`, `GB` and `TB` count 1024 a step, like `KiB`, `MiB`, `GiB` and `TiB` |
| permissions | octal: `0o770` or `"0770"` |
| text | in quotes: `"postgres"` |
| list of texts | `["a", "b"]`, or one text with commas: `"a, b"` |
| one of some words | in quotes: `"transaction"` |

Every value may also be written as text, which is what makes `listen_port = "${PORT}"` work.

## The environment

**In values.** In texts of the file, `${NAME}` is replaced by the environment variable `NAME`. If it is not set, that is an
error; `${NAME:-DEFAULT}` takes `DEFAULT` if `NAME` is not set or empty. `$${` stands for the characters `${`. What a variable
brings in is not expanded again, and messages never repeat it.

**Instead of values.** `PGRING_` and the name of an option of `[pgring]`, `[health]` or `[routing]` in capital letters, as in
`PGRING_LISTEN_PORT=6433`, overrides the file. The value is taken as it is, without quotes and without `${...}`. An overridden
value in the file is not looked at.

**Other variables that begin with `PGRING_`.** One that is at most two letters away from an option's is refused as misspelt.
One that the file refers to, such as `${PGRING_MONITOR_PASSWORD}`, is in use. `PGRING_SERVICE_*`, `PGRING_PORT` and
`PGRING_PORT_*` are ignored, since Kubernetes sets them in every pod beside a service called `pgring`. Any other is reported as
a warning, for it may belong to another tool.

## What else is checked

- Everything that is wrong is reported at once, as `FILE:LINE:COLUMN: what is wrong; what to write`; only a syntax error hides
  what stands behind it.
- Unknown sections and options are errors, with the nearest known name.
- Every `auth_type` but `"trust"` needs `auth_file`; `"hba"` needs `auth_hba_file` as well.
- There is a place to listen: `listen_addr` or `unix_socket_dir`. The path of a unix socket fits into the kernel's 107 bytes.
- There is at least one server, each with a `host`, and no two at the same host and port.

## Options

*Change* says whether a new value can be applied to a running process (*live*) or needs a new one (*restart*).
This version has no RELOAD yet: every change takes a restart.
)";

std::string_view name_of(Origin origin) {
    switch (origin) {
        case Origin::Pgring:
            return "pgring";
        case Origin::Pgbouncer:
            return "pgbouncer";
        case Origin::Pgpool:
            return "pgpool";
    }
    std::unreachable();
}

std::string_view name_of(Change change) {
    switch (change) {
        case Change::Live:
            return "live";
        case Change::Restart:
            return "restart";
    }
    std::unreachable();
}

/// The default as TOML; nullopt where there is none that one could write.
template <class Struct>
std::optional<std::string> default_of(const Option<Struct>& option) {
    const std::optional<Datum> datum = option.field.get(Struct{});
    if (!datum || (option.presence == Presence::Required && *datum == Datum(std::string()))) {
        return std::nullopt;
    }
    return to_toml(*datum, option.field.type);
}

/// `text` as comment lines.
void append_comment(std::string& out, std::string_view text) {
    while (!text.empty()) {
        std::size_t length = text.size();
        if (length > kColumnsMax) {
            length = text.rfind(' ', kColumnsMax);
            length = length == std::string_view::npos ? text.size() : length;
        }
        fmt::format_to(std::back_inserter(out), "# {}\n", text.substr(0, length));
        text.remove_prefix(length == text.size() ? length : length + 1);
    }
}

/// The line under the sentence: what can be written, and what the default means where it does not say so
/// itself.
template <class Struct>
std::string facts_of(const Option<Struct>& option) {
    std::string facts = type_name(option.field.type);
    const std::string limits = limits_text(option.field.type, option.limits);
    if (!limits.empty()) {
        facts += ": " + limits;
    }
    if (!option.default_means.empty()) {
        facts += fmt::format("; default: {}", option.default_means);
    }
    return fmt::format("({}; {})", facts, name_of(option.change));
}

/// A line `name = value`, in a comment unless the example sets the option.
template <class Struct>
void append_setting(std::string& out, const Option<Struct>& option) {
    if (!option.example.empty()) {
        fmt::format_to(std::back_inserter(out), "{} = {}\n", option.name, option.example);
    } else {
        const std::optional<std::string> value = default_of(option);
        ASSERT(value.has_value());  // What has no default has an example.
        fmt::format_to(std::back_inserter(out), "#{} = {}\n", option.name, *value);
    }
}

template <class Struct>
void append_options(std::string& out) {
    for (const Option<Struct>& option : options<Struct>()) {
        out += "\n";
        append_comment(out, option.sentence);
        append_comment(out, facts_of(option));
        append_setting(out, option);
    }
}

/// The section's sentence, and `heading` as it stands in the file.
void append_heading(std::string& out, const Section& section, std::string_view heading) {
    out += "\n";
    append_comment(out, section.sentence);
    fmt::format_to(std::back_inserter(out), "{}\n", heading);
}

/// Cells are separated by '|', which a text may hold.
std::string cell(std::string_view text) {
    std::string result;
    for (const char letter : text) {
        if (letter == '|') {
            result.push_back('\\');
        }
        result.push_back(letter);
    }
    return result;
}

template <class Struct>
std::string default_cell(const Option<Struct>& option) {
    if (!option.default_means.empty()) {
        return std::string(option.default_means);
    }
    const std::optional<std::string> value = default_of(option);
    return value ? fmt::format("`{}`", *value) : "none: must be set";
}

/// The columns in front of the sentence, the variable's left out.
template <class Struct>
std::string cells_of(const Option<Struct>& option) {
    return fmt::format("`{}` | {} | {} | {} | {}", option.name, cell(type_name(option.field.type)),
                       cell(default_cell(option)), cell(limits_text(option.field.type, option.limits)),
                       name_of(option.change));
}

/// The table of a section whose options a variable can override.
template <class Struct>
void append_overridable_table(std::string& out, const Section& section) {
    fmt::format_to(std::back_inserter(out), "\n### `{}`\n\n{}\n\n", section.heading, section.sentence);
    out +=
        "| option | type | default | limits | change | variable | name from | "
        "|\n|---|---|---|---|---|---|---|---|\n";
    for (const Option<Struct>& option : options<Struct>()) {
        fmt::format_to(std::back_inserter(out), "| {} | `{}` | {} | {} |\n", cells_of(option),
                       variable_of(option.name), name_of(option.origin), cell(option.sentence));
    }
}

template <class Struct>
void append_table(std::string& out, const Section& section) {
    fmt::format_to(std::back_inserter(out), "\n### `{}`\n\n{}\n\n", section.heading, section.sentence);
    out +=
        "| option | type | default | limits | change | name from | meaning "
        "|\n|---|---|---|---|---|---|---|\n";
    for (const Option<Struct>& option : options<Struct>()) {
        fmt::format_to(std::back_inserter(out), "| {} | {} | {} |\n", cells_of(option),
                       name_of(option.origin), cell(option.sentence));
    }
}

/// `text` with a '#' before each line that is neither empty nor a comment.
std::string commented_out(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n') + 1);
        if (!line.starts_with('#') && !line.starts_with('\n')) {
            result.push_back('#');
        }
        result += line;
        text.remove_prefix(line.size());
    }
    return result;
}

}  // namespace

std::string example_file() {
    std::string out(kFileHead);
    append_heading(out, kPgringSection, "[pgring]");
    append_options<PgringSettings>(out);
    append_heading(out, kHealthSection, "[health]");
    append_options<HealthSettings>(out);
    append_heading(out, kRoutingSection, "[routing]");
    append_options<RoutingSettings>(out);
    append_heading(out, kServersSection, "[servers.pg-0]");
    append_options<ServerSettings>(out);
    out += "\n[servers.pg-1]\nhost = \"127.0.0.1\"\nport = 6101\n";

    std::string peers;
    append_heading(peers, kPeersSection, "[peers.1]");
    append_options<PeerSettings>(peers);
    out += commented_out(peers);
    std::string databases;
    append_heading(databases, kDatabasesSection, "[databases.\"*\"]");
    append_options<DatabaseSettings>(databases);
    out += commented_out(databases);
    std::string users;
    append_heading(users, kUsersSection, "[users.app]");
    append_options<UserSettings>(users);
    out += commented_out(users);
    return out;
}

std::string reference_page() {
    std::string out(kPageHead);
    append_overridable_table<PgringSettings>(out, kPgringSection);
    append_overridable_table<HealthSettings>(out, kHealthSection);
    append_overridable_table<RoutingSettings>(out, kRoutingSection);
    append_table<ServerSettings>(out, kServersSection);
    append_table<PeerSettings>(out, kPeersSection);
    append_table<DatabaseSettings>(out, kDatabasesSection);
    append_table<UserSettings>(out, kUsersSection);
    return out;
}

}  // namespace pgring::config
