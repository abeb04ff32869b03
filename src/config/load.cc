#include "config/load.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "config/checks.h"
#include "config/document.h"
#include "config/expansion.h"
#include "config/options.h"
#include "config/syntax_hint.h"
#include "config/unknown_names.h"
#include "config/value_type.h"

namespace pgring::config {
namespace {

/// PostgreSQL's NAMEDATALEN less the final NUL.
constexpr std::size_t kNameBytesMax = 63;

/// Server names become labels of metrics and fields of logs.
bool is_server_name(std::string_view name) {
    constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return !name.empty() && name.size() <= kNameBytesMax &&
           name.find_first_not_of(kAllowed) == std::string_view::npos;
}

/// Databases and users: PostgreSQL takes any bytes but NUL.
bool is_object_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameBytesMax && name.find('\0') == std::string_view::npos;
}

/// Written in one way only, as it is part of the names that messages use.
std::optional<std::uint16_t> read_peer_id(std::string_view text) {
    std::uint16_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    const bool whole = error == std::errc() && end == text.data() + text.size() && !text.starts_with('0');
    return whole && id <= kPeerIdMax ? std::optional(id) : std::nullopt;
}

const Entry* find_entry(const Table& table, std::string_view key) {
    const auto found = std::ranges::find(table, key, &Entry::key);
    return found == table.end() ? nullptr : &*found;
}

/// One pass from a document to settings; collects what is wrong on the way.
class Loader {
  public:
    Loader(std::string_view file, Environment environment)
        : file_(file), environment_(environment), places_(file) {}

    void read_document(const Table& document);
    void judge_variables();
    std::expected<Loaded, std::vector<Problem>> finish();

  private:
    template <class Struct>
    void read_section(const Table& document, const Section& section, Struct& settings);
    template <class Struct>
    void override_options(const Section& section, Struct& settings);
    template <class Struct>
    void read_options(const Table& table, std::string_view section, std::string_view path, Struct& settings);
    template <class Struct>
    void require_options(std::string_view section, std::string_view path, const Struct& settings);
    template <class Struct>
    void store(const Option<Struct>& option, const Given& given, std::string_view shown_name,
               std::string_view path, Struct& settings);

    void read_servers(const Table& document);
    void read_server(const Entry& entry, ServerSettings& server);
    void read_peers(const Table& document);
    void read_peer(const Entry& entry, PeerSettings& peer);
    void read_databases(const Table& document);
    void read_database(const Entry& entry, DatabaseSettings& database);
    void read_users(const Table& document);
    void read_user(const Entry& entry, UserSettings& user);
    void report_unknown_sections(const Table& document);
    /// The table in `entry`, which stands for `heading`, or nullptr and a problem where it is something else.
    const Table* table_of(const Entry& entry, std::string_view path, std::string_view heading);
    /// `entry`'s value with its references replaced, or nullopt and problems.
    std::optional<Given> given_by(const Entry& entry, std::string_view path);
    /// Remembers which variables `value` refers to.
    void note_references(const Value& value);
    std::optional<std::string> expanded(const std::string& text, Position position, std::string_view path);

    void add_problem(Place place, Advice advice);
    [[nodiscard]] Place in_file(Position position) const { return {.file = file_, .position = position}; }

    std::string file_;
    Environment environment_;
    Loaded loaded_;
    Places places_;
    std::vector<Problem> problems_;
    /// Variables that some value refers to.
    std::vector<std::string> referenced_;
};

void Loader::add_problem(Place place, Advice advice) {
    problems_.push_back(Problem{.file = std::move(place.file),
                                .position = place.position,
                                .message = std::move(advice.message),
                                .remedy = std::move(advice.remedy)});
}

void Loader::read_document(const Table& document) {
    Settings& settings = loaded_.settings;
    report_unknown_sections(document);
    read_section(document, kPgringSection, settings.pgring);
    read_section(document, kHealthSection, settings.health);
    read_section(document, kRoutingSection, settings.routing);
    read_servers(document);
    read_peers(document);
    read_databases(document);
    read_users(document);
}

void Loader::report_unknown_sections(const Table& document) {
    for (const Entry& entry : document) {
        const bool known =
            std::ranges::find(kSections, entry.key, &Section::name) != std::ranges::end(kSections);
        if (known) {
            continue;
        }
        const bool is_section = std::holds_alternative<Table>(entry.value.content);
        add_problem(in_file(entry.key_position),
                    is_section ? unknown_section(entry.key) : option_outside_section(entry.key));
    }
}

const Table* Loader::table_of(const Entry& entry, std::string_view path, std::string_view heading) {
    places_.note(path, in_file(entry.key_position));
    const auto* table = std::get_if<Table>(&entry.value.content);
    if (table == nullptr) {
        add_problem(
            in_file(entry.value.position),
            {.message = fmt::format("{} is {}, not a section", printable(path), shown_as(entry.value)),
             .remedy = fmt::format("write {} on a line of its own, and its options below", heading)});
        places_.note_wrong(path);
    }
    return table;
}

template <class Struct>
void Loader::read_section(const Table& document, const Section& section, Struct& settings) {
    override_options(section, settings);
    if (const Entry* entry = find_entry(document, section.name)) {
        if (const Table* table = table_of(*entry, section.name, section.heading)) {
            read_options(*table, section.name, section.name, settings);
        }
    }
    require_options(section.name, section.name, settings);
}

template <class Struct>
void Loader::override_options(const Section& section, Struct& settings) {
    for (const Option<Struct>& option : options<Struct>()) {
        const std::string variable = variable_of(option.name);
        const std::optional<std::string_view> text = find_variable(environment_, variable);
        if (text) {
            const Value value{.position = {}, .content = std::string(*text)};
            const std::string path = fmt::format("{}.{}", section.name, option.name);
            places_.note(path, Place{.file = std::string(kEnvironment), .position = {}});
            store(option, Given{.value = value, .shown = shown_as(value)}, variable, path, settings);
        }
    }
}

template <class Struct>
void Loader::read_options(const Table& table, std::string_view section, std::string_view path,
                          Struct& settings) {
    const std::span<const Option<Struct>> rows = options<Struct>();
    for (const Entry& entry : table) {
        const std::string option_path = fmt::format("{}.{}", path, entry.key);
        const auto option = std::ranges::find(rows, entry.key, &Option<Struct>::name);
        if (option == rows.end()) {
            add_problem(in_file(entry.key_position), unknown_option(section, option_path, entry.key));
            continue;
        }
        if (places_.find(option_path).file == kEnvironment) {
            note_references(entry.value);
            continue;
        }
        places_.note(option_path, in_file(entry.value.position));
        if (const std::optional<Given> given = given_by(entry, option_path)) {
            store(*option, *given, option_path, option_path, settings);
        }
    }
}

std::optional<Given> Loader::given_by(const Entry& entry, std::string_view path) {
    Given given{.value = entry.value, .shown = shown_as(entry.value)};
    bool complete = true;
    const auto expand_in_place = [&](Value& value) {
        if (auto* text = std::get_if<std::string>(&value.content)) {
            std::optional<std::string> result = expanded(*text, value.position, path);
            complete = complete && result.has_value();
            *text = std::move(result).value_or(std::string());
        }
    };
    expand_in_place(given.value);
    if (auto* items = std::get_if<List>(&given.value.content)) {
        std::ranges::for_each(*items, expand_in_place);
    }
    if (!complete) {
        places_.note_wrong(path);
        return std::nullopt;
    }
    return given;
}

std::optional<std::string> Loader::expanded(const std::string& text, Position position,
                                            std::string_view path) {
    std::expected<std::string, std::vector<Advice>> result = expand(text, environment_, referenced_);
    if (result) {
        return std::move(*result);
    }
    for (Advice& advice : result.error()) {
        add_problem(in_file(position), {.message = fmt::format("{} {}", printable(path), advice.message),
                                        .remedy = std::move(advice.remedy)});
    }
    return std::nullopt;
}

void Loader::note_references(const Value& value) {
    // Only the names count here: what an overridden value would come to does not matter.
    if (const auto* text = std::get_if<std::string>(&value.content)) {
        static_cast<void>(expand(*text, environment_, referenced_));
    } else if (const auto* items = std::get_if<List>(&value.content)) {
        for (const Value& item : *items) {
            note_references(item);
        }
    }
}

template <class Struct>
void Loader::store(const Option<Struct>& option, const Given& given, std::string_view shown_name,
                   std::string_view path, Struct& settings) {
    std::expected<Datum, std::string> datum = read(given, option.field.type, option.limits);
    if (datum) {
        option.field.set(settings, std::move(*datum));
        return;
    }
    places_.note_wrong(path);
    add_problem(places_.find(path), {.message = fmt::format("{} {}", printable(shown_name), datum.error()),
                                     .remedy = "write " + what_to_write(option.field.type, option.limits)});
}

template <class Struct>
void Loader::require_options(std::string_view section, std::string_view path, const Struct& settings) {
    for (const Option<Struct>& option : options<Struct>()) {
        if (option.presence == Presence::Optional) {
            continue;
        }
        const std::optional<Datum> datum = option.field.get(settings);
        const std::string option_path = fmt::format("{}.{}", path, option.name);
        if (datum != Datum(std::string()) || places_.wrong(option_path) || places_.wrong(path)) {
            continue;
        }
        std::string remedy = fmt::format("write {} = \"...\" under [{}]", option.name, path);
        if (section == kHealthSection.name) {
            remedy += fmt::format(", or set {}", variable_of(option.name));
        }
        add_problem(
            places_.find(option_path),
            {.message = fmt::format("{} is missing or empty", printable(option_path)), .remedy = remedy});
    }
}

void Loader::read_servers(const Table& document) {
    const Entry* section = find_entry(document, kServersSection.name);
    const Table* table =
        section == nullptr ? nullptr : table_of(*section, kServersSection.name, kServersSection.heading);
    if (table != nullptr) {
        for (const Entry& entry : *table) {
            read_server(entry, loaded_.settings.servers.emplace_back());
        }
    }
}

void Loader::read_server(const Entry& entry, ServerSettings& server) {
    if (!is_server_name(entry.key)) {
        add_problem(
            in_file(entry.key_position),
            {.message = fmt::format("\"{}\" is not a server's name", printable(entry.key)),
             .remedy = fmt::format("write up to {} letters, digits, '.', '_' and '-'", kNameBytesMax)});
    }
    const std::string path = fmt::format("{}.{}", kServersSection.name, entry.key);
    server.name = entry.key;
    if (const Table* table = table_of(entry, path, kServersSection.heading)) {
        read_options(*table, kServersSection.name, path, server);
    }
    require_options(kServersSection.name, path, server);
}

void Loader::read_peers(const Table& document) {
    const Entry* section = find_entry(document, kPeersSection.name);
    const Table* table =
        section == nullptr ? nullptr : table_of(*section, kPeersSection.name, kPeersSection.heading);
    if (table != nullptr) {
        for (const Entry& entry : *table) {
            read_peer(entry, loaded_.settings.peers.emplace_back());
        }
    }
}

void Loader::read_peer(const Entry& entry, PeerSettings& peer) {
    if (const std::optional<std::uint16_t> id = read_peer_id(entry.key)) {
        peer.id = *id;
    } else {
        add_problem(in_file(entry.key_position),
                    {.message = fmt::format("\"{}\" is not a peer's number", printable(entry.key)),
                     .remedy = fmt::format("write a number from 1 to {}: its peer_id", kPeerIdMax)});
    }
    const std::string path = fmt::format("{}.{}", kPeersSection.name, entry.key);
    if (const Table* table = table_of(entry, path, kPeersSection.heading)) {
        read_options(*table, kPeersSection.name, path, peer);
    }
    require_options(kPeersSection.name, path, peer);
}

void Loader::read_databases(const Table& document) {
    std::vector<DatabaseSettings>& databases = loaded_.settings.databases;
    const Entry* section = find_entry(document, kDatabasesSection.name);
    const Table* table =
        section == nullptr ? nullptr : table_of(*section, kDatabasesSection.name, kDatabasesSection.heading);
    if (table != nullptr) {
        for (const Entry& entry : *table) {
            read_database(entry, databases.emplace_back());
        }
    }
    if (databases.empty()) {
        databases.push_back(DatabaseSettings{.name = "*"});
    }
}

void Loader::read_database(const Entry& entry, DatabaseSettings& database) {
    if (!is_object_name(entry.key)) {
        add_problem(in_file(entry.key_position),
                    {.message = fmt::format("\"{}\" is not a database's name", printable(entry.key)),
                     .remedy = fmt::format("write \"*\" or a name of up to {} bytes", kNameBytesMax)});
    }
    const std::string path = fmt::format("{}.{}", kDatabasesSection.name, entry.key);
    database.name = entry.key;
    if (const Table* table = table_of(entry, path, kDatabasesSection.heading)) {
        read_options(*table, kDatabasesSection.name, path, database);
    }
    require_options(kDatabasesSection.name, path, database);
}

void Loader::read_users(const Table& document) {
    const Entry* section = find_entry(document, kUsersSection.name);
    const Table* table =
        section == nullptr ? nullptr : table_of(*section, kUsersSection.name, kUsersSection.heading);
    if (table != nullptr) {
        for (const Entry& entry : *table) {
            read_user(entry, loaded_.settings.users.emplace_back());
        }
    }
}

void Loader::read_user(const Entry& entry, UserSettings& user) {
    if (!is_object_name(entry.key)) {
        add_problem(in_file(entry.key_position),
                    {.message = fmt::format("\"{}\" is not a user's name", printable(entry.key)),
                     .remedy = fmt::format("write a name of up to {} bytes", kNameBytesMax)});
    }
    const std::string path = fmt::format("{}.{}", kUsersSection.name, entry.key);
    user.name = entry.key;
    if (const Table* table = table_of(entry, path, kUsersSection.heading)) {
        read_options(*table, kUsersSection.name, path, user);
    }
}

void Loader::judge_variables() {
    const Place place{.file = std::string(kEnvironment), .position = {}};
    for (const EnvironmentVariable& variable : environment_) {
        const bool ours = variable.name.starts_with(kVariablePrefix) && !overrides_option(variable.name);
        if (!ours || std::ranges::find(referenced_, variable.name) != referenced_.end()) {
            continue;
        }
        UnknownVariable unknown = judge_unknown_variable(variable.name);
        switch (unknown.verdict) {
            case UnknownVariable::Verdict::Misspelt:
                add_problem(place, std::move(unknown.advice));
                break;
            case UnknownVariable::Verdict::Unused:
                loaded_.warnings.push_back(Problem{.file = place.file,
                                                   .position = place.position,
                                                   .message = std::move(unknown.advice.message),
                                                   .remedy = std::move(unknown.advice.remedy)});
                break;
            case UnknownVariable::Verdict::Expected:
                break;
        }
    }
}

std::expected<Loaded, std::vector<Problem>> Loader::finish() {
    std::ranges::move(check(loaded_.settings, places_), std::back_inserter(problems_));
    if (problems_.empty()) {
        std::ranges::move(check_intent(loaded_.settings, places_), std::back_inserter(loaded_.warnings));
        return std::move(loaded_);
    }
    std::ranges::sort(problems_, {}, [](const Problem& problem) {
        return std::tuple(problem.file == kEnvironment, problem.position, std::string_view(problem.message));
    });
    return std::unexpected(std::move(problems_));
}

}  // namespace

std::expected<Loaded, std::vector<Problem>> load(Source source, Environment environment) {
    const std::expected<Table, SyntaxError> document = parse_document(source.text);
    if (!document) {
        return std::unexpected(std::vector{syntax_problem(source.file_name, source.text, document.error())});
    }
    Loader loader(source.file_name, environment);
    loader.read_document(*document);
    loader.judge_variables();
    return loader.finish();
}

}  // namespace pgring::config
