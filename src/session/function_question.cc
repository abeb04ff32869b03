#include "session/function_question.h"

#include <algorithm>
#include <utility>

#include "session/parameters.h"

namespace pgring::session {

namespace {

/// True where all functions of the name are PostgreSQL's own or written in C, an aggregate's parts included;
/// NULL where there is none. Schema 11 is pg_catalog, languages 12 and 13 are internal and C, whatever the
/// database.
constexpr std::string_view kIsHarmless =
    "(SELECT pg_catalog.bool_and(f.pronamespace OPERATOR(pg_catalog.=) ANY (ARRAY[11::pg_catalog.oid, "
    "pg_catalog.to_regnamespace('information_schema')]) OR CASE WHEN f.prokind OPERATOR(pg_catalog.=) 'a' "
    "THEN "
    "NOT EXISTS (SELECT FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc p ON p.oid "
    "OPERATOR(pg_catalog.=) "
    "ANY (ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, "
    "a.aggminvtransfn, a.aggmfinalfn]::pg_catalog.oid[]) WHERE a.aggfnoid OPERATOR(pg_catalog.=) f.oid AND "
    "p.prolang OPERATOR(pg_catalog.<>) ALL (ARRAY[12, 13]::pg_catalog.oid[])) ELSE f.prolang "
    "OPERATOR(pg_catalog.=) ANY (ARRAY[12, 13]::pg_catalog.oid[]) END) FROM pg_catalog.pg_proc f WHERE "
    "f.proname "
    "OPERATOR(pg_catalog.=) $name)";

/// Names that stand in set_config() calls of the code, with a dot: the server lists no others.
constexpr std::string_view kNamedParameters =
    "(SELECT pg_catalog.string_agg(m[1], ',') FROM pg_catalog.pg_proc f, LATERAL "
    "pg_catalog.regexp_matches(f.prosrc, E'set_config\\\\s*\\\\(\\\\s*\\'([a-z_0-9.]+)\\'', 'gi') m WHERE "
    "f.proname "
    "OPERATOR(pg_catalog.=) ANY (ARRAY[$names]::pg_catalog.name[]) AND pg_catalog.strpos(m[1], '.') "
    "OPERATOR(pg_catalog.>) 0)";

/// Code that seeds, loads, sets what has a dot in its name by SET, or calls set_config() with a name that is
/// put together.
constexpr std::string_view kUnlisted =
    "(SELECT pg_catalog.bool_or(f.prosrc OPERATOR(pg_catalog.~*) "
    "E'\\\\m(setseed|load)\\\\M|set_config\\\\s*\\\\(\\\\s*[^\\'[:space:]]|\\\\mset\\\\s+((session|local)"
    "\\\\s+)?[a-z_0-9]+\\\\.') "
    "FROM pg_catalog.pg_proc f WHERE f.proname OPERATOR(pg_catalog.=) ANY (ARRAY[$names]::pg_catalog.name[]) "
    "AND "
    "f.prolang OPERATOR(pg_catalog.<>) ALL (ARRAY[12, 13]::pg_catalog.oid[]))";

constexpr std::size_t kColumnsBeyondNames = 2;

std::string filled_in(std::string_view text, std::string_view place, const std::string& value) {
    std::string filled(text);
    filled.replace(filled.find(place), place.size(), value);
    return filled;
}

}  // namespace

void FunctionQuestion::note(std::span<const sql::FunctionNumber> called) {
    for (sql::FunctionNumber const name : called) {
        if (called_.size() < kNamesMax && std::ranges::find(called_, name) == called_.end()) {
            called_.push_back(name);
        }
    }
}

bool FunctionQuestion::take_definitions_changed() {
    return std::exchange(definitions_change_, false);
}

std::string FunctionQuestion::columns(const sql::FunctionNames& names, HarmlessFunctions::Age now) {
    asked_ = now;
    std::string text;
    std::string list;
    for (sql::FunctionNumber const number : called_) {
        std::string const name = quote_literal(names.name(number));
        text += filled_in(kIsHarmless, "$name", name) + ", ";
        list += (list.empty() ? "" : ", ") + name;
    }
    return text + filled_in(kNamedParameters, "$names", list) + ", " + filled_in(kUnlisted, "$names", list);
}

FunctionQuestion::Answer FunctionQuestion::read(std::span<const std::optional<std::string>> values,
                                                HarmlessFunctions& harmless) {
    Answer answer;
    std::vector<sql::FunctionNumber> const called = std::exchange(called_, {});
    if (values.size() != called.size() + kColumnsBeyondNames) {
        // Not the answer to this question; nothing is known.
        return answer;
    }
    for (std::size_t i = 0; i < called.size(); ++i) {
        if (values[i] == "t") {
            harmless.prove(called[i], asked_);
        }
    }
    answer.parameters = names_in(values[called.size()].value_or(""));
    answer.unlisted = values[called.size() + 1] == "t" ? Answer::Unlisted::Perhaps : Answer::Unlisted::No;
    return answer;
}

}  // namespace pgring::session
