#include "sql/type_oid.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace pgring::sql {

namespace {

struct BuiltinType {
    std::string_view name;
    std::uint32_t oid = kNoType;
    std::uint32_t array_oid = kNoType;
};

/// In order of their names.
constexpr BuiltinType kTypes[] = {
    {"bit", 1560, 1561},       {"bool", 16, 1000},          {"box", 603, 1020},
    {"bpchar", 1042, 1014},    {"bytea", 17, 1001},         {"char", 18, 1002},
    {"cidr", 650, 651},        {"circle", 718, 719},        {"date", 1082, 1182},
    {"daterange", 3912, 3913}, {"float4", 700, 1021},       {"float8", 701, 1022},
    {"inet", 869, 1041},       {"int2", 21, 1005},          {"int4", 23, 1007},
    {"int4range", 3904, 3905}, {"int8", 20, 1016},          {"int8range", 3926, 3927},
    {"interval", 1186, 1187},  {"json", 114, 199},          {"jsonb", 3802, 3807},
    {"jsonpath", 4072, 4073},  {"line", 628, 629},          {"lseg", 601, 1018},
    {"macaddr", 829, 1040},    {"macaddr8", 774, 775},      {"money", 790, 791},
    {"name", 19, 1003},        {"numeric", 1700, 1231},     {"numrange", 3906, 3907},
    {"oid", 26, 1028},         {"path", 602, 1019},         {"point", 600, 1017},
    {"polygon", 604, 1027},    {"regclass", 2205, 2210},    {"regproc", 24, 1008},
    {"regtype", 2206, 2211},   {"text", 25, 1009},          {"time", 1083, 1183},
    {"timestamp", 1114, 1115}, {"timestamptz", 1184, 1185}, {"timetz", 1266, 1270},
    {"tsquery", 3615, 3645},   {"tsrange", 3908, 3909},     {"tstzrange", 3910, 3911},
    {"tsvector", 3614, 3643},  {"unknown", 705, kNoType},   {"uuid", 2950, 2951},
    {"varbit", 1562, 1563},    {"varchar", 1043, 1015},     {"xml", 142, 143},
};
static_assert(std::ranges::is_sorted(kTypes, {}, &BuiltinType::name));

}  // namespace

std::uint32_t builtin_type_oid(TreeNode type_name) {
    std::vector<std::string_view> const names = strings_of(type_name, field::kTypeNameNames);
    bool const in_catalog = names.size() == 1 || (names.size() == 2 && names.front() == "pg_catalog");
    if (!in_catalog || type_name.flag(field::kTypeNameSetof) || type_name.flag(field::kTypeNamePctType)) {
        return kNoType;
    }
    const auto* const found = std::ranges::lower_bound(kTypes, names.back(), {}, &BuiltinType::name);
    if (found == std::end(kTypes) || found->name != names.back()) {
        return kNoType;
    }
    bool const is_array = !type_name.children(field::kTypeNameArrayBounds).empty();
    return is_array ? found->array_oid : found->oid;
}

}  // namespace pgring::sql
