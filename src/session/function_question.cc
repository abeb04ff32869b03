#include "session/function_question.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "session/parameters.h"

namespace pgring::session {

namespace {

/// True where all functions of the name, and all that their code may call, are PostgreSQL's own, written in
/// C, or in SQL or PL/pgSQL with no word by which something is left in a session; NULL where there is none.
/// What code may call is whatever has a name that stands somewhere in it. An aggregate is taken for its
/// parts. Schema 11 is pg_catalog, languages 12 and 13 are internal and C, whatever the database. SET counts
/// where a statement begins: UPDATE has one too. The body of a function that is kept as a tree has no text.
constexpr std::string_view kIsHarmless = R"((WITH RECURSIVE reached AS (
SELECT f.oid, CASE WHEN f.prolang OPERATOR(pg_catalog.=) ANY (ARRAY[12, 13]::pg_catalog.oid[])
 OR f.pronamespace OPERATOR(pg_catalog.=) 11 THEN '' ELSE pg_catalog.lower(f.prosrc) END AS code
 FROM pg_catalog.pg_proc f WHERE f.proname OPERATOR(pg_catalog.=) $name
UNION
SELECT f.oid, pg_catalog.lower(f.prosrc) FROM reached r JOIN pg_catalog.pg_proc f
 ON f.pronamespace OPERATOR(pg_catalog.<>) 11 AND (f.prokind OPERATOR(pg_catalog.=) 'a'
  OR f.prolang OPERATOR(pg_catalog.<>) ALL (ARRAY[12, 13]::pg_catalog.oid[]))
 AND pg_catalog.strpos(r.code, pg_catalog.lower(f.proname::pg_catalog.text)) OPERATOR(pg_catalog.>) 0
) SELECT pg_catalog.bool_and(CASE
WHEN f.pronamespace OPERATOR(pg_catalog.=) ANY
 (ARRAY[11::pg_catalog.oid, pg_catalog.to_regnamespace('information_schema')]) THEN true
WHEN f.prokind OPERATOR(pg_catalog.=) 'a' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_aggregate a
 JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) ANY (ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
 a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::pg_catalog.oid[])
 WHERE a.aggfnoid OPERATOR(pg_catalog.=) f.oid
 AND p.prolang OPERATOR(pg_catalog.<>) ALL (ARRAY[12, 13]::pg_catalog.oid[]))
WHEN f.prolang OPERATOR(pg_catalog.=) ANY (ARRAY[12, 13]::pg_catalog.oid[]) THEN true
ELSE l.lanname OPERATOR(pg_catalog.=) ANY (ARRAY['sql', 'plpgsql']::pg_catalog.name[])
 AND f.prosrc OPERATOR(pg_catalog.<>) '' AND f.prosrc OPERATOR(pg_catalog.!~*)
 E'advisory|pg_temp|u&"|\\m(set_config|setseed|load|temp|temporary|listen|unlisten|prepare|execute|deallocate|discard|hold)\\M|(^|;|\\mbegin|\\mthen|\\melse|\\mloop|\\*/|>>|--[^\\n]*\\n)\\s*(set|reset)\\M'
END) FROM reached r JOIN pg_catalog.pg_proc f ON f.oid OPERATOR(pg_catalog.=) r.oid
JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) f.prolang))";

/// Names that stand in set_config() calls of the code, with a dot: the server lists no others.
constexpr std::string_view kNamedParameters =
    "(SELECT pg_catalog.string_agg(m[1], ',') FROM pg_catalog.pg_proc f, LATERAL "
    "pg_catalog.regexp_matches(f.prosrc, E'set_config\\\\s*\\\\(\\\\s*\\'([a-z_0-9.]+)\\'', 'gi') m WHERE "
    "f.proname OPERATOR(pg_catalog.=) $name AND pg_catalog.strpos(m[1], '.') OPERATOR(pg_catalog.>) 0)";

/// Code that seeds, loads, sets what has a dot in its name by SET, or calls set_config() with a name that is
/// put together.
constexpr std::string_view kUnlisted =
    "(SELECT pg_catalog.bool_or(f.prosrc OPERATOR(pg_catalog.~*) "
    "E'\\\\m(setseed|load)\\\\M|set_config\\\\s*\\\\(\\\\s*[^\\'[:space:]]|\\\\mset\\\\s+((session|local)"
    "\\\\s+)?[a-z_0-9]+\\\\.') "
    "FROM pg_catalog.pg_proc f WHERE f.proname OPERATOR(pg_catalog.=) $name AND f.prolang "
    "OPERATOR(pg_catalog.<>) ALL (ARRAY[12, 13]::pg_catalog.oid[]))";

constexpr std::array kColumns{kIsHarmless, kNamedParameters, kUnlisted};

/// A verdict that names more than this is not kept: functions may be many.
constexpr std::size_t kNamesBytesMax = 1024;

void add(FunctionTraces& all, FunctionTraces more) {
    std::ranges::move(more.parameters, std::back_inserter(all.parameters));
    if (more.unlisted == FunctionTraces::Unlisted::Perhaps) {
        all.unlisted = FunctionTraces::Unlisted::Perhaps;
    }
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

std::string FunctionQuestion::columns(const sql::FunctionNames& names, const FunctionVerdicts& verdicts) {
    asked_.clear();
    asked_in_ = verdicts.age();
    known_ = {};
    std::string text;
    for (sql::FunctionNumber const number : called_) {
        if (std::optional<FunctionTraces> traces = verdicts.traces(number)) {
            add(known_, std::move(*traces));
            continue;
        }
        asked_.push_back(number);
        std::string const name = quote_literal(names.name(number));
        for (std::string_view const column : kColumns) {
            text += ", " + filled_in(column, "$name", name);
        }
    }
    return text;
}

FunctionTraces FunctionQuestion::read(std::span<const std::optional<std::string>> values,
                                      FunctionVerdicts& verdicts) {
    FunctionTraces all = std::exchange(known_, {});
    std::vector<sql::FunctionNumber> const asked = std::exchange(asked_, {});
    called_.clear();
    if (values.size() != asked.size() * kColumns.size()) {
        // Not the answer to this question; nothing is known.
        return all;
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
        std::span<const std::optional<std::string>> const said =
            values.subspan(i * kColumns.size(), kColumns.size());
        if (said[0] == "t") {
            verdicts.acquit(asked[i], asked_in_);
            continue;
        }
        std::string const named = said[1].value_or("");
        FunctionTraces traces{
            .parameters = names_in(named),
            .unlisted = said[2] == "t" ? FunctionTraces::Unlisted::Perhaps : FunctionTraces::Unlisted::No};
        // NULL is of a function that is not there.
        if (said[0] == "f" && named.size() <= kNamesBytesMax) {
            verdicts.convict(asked[i], asked_in_, traces);
        }
        add(all, std::move(traces));
    }
    return all;
}

void FunctionQuestion::clear() {
    called_.clear();
    asked_.clear();
    known_ = {};
}

}  // namespace pgring::session
