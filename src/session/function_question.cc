#include "session/function_question.h"

#include <algorithm>
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
