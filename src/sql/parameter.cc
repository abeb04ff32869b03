#include "sql/parameter.h"

#include <algorithm>
#include <iterator>

#include "base/ascii.h"

namespace pgring::sql {

namespace {

struct Parameter {
    std::string_view name;
    ParameterKind kind;
};

/// PostgreSQL 15 docs, "Protocol Flow", "Asynchronous Operations", without those nobody can set; and the
/// special ones.
constexpr Parameter kParameters[] = {
    {"application_name", ParameterKind::Reported},
    {"client_encoding", ParameterKind::Reported},
    {"datestyle", ParameterKind::Reported},
    {"default_transaction_deferrable", ParameterKind::TransactionDefault},
    {"default_transaction_isolation", ParameterKind::TransactionDefault},
    {"default_transaction_read_only", ParameterKind::TransactionDefault},
    {"intervalstyle", ParameterKind::Reported},
    {"role", ParameterKind::Role},
    {"seed", ParameterKind::Seed},
    {"session_authorization", ParameterKind::Role},
    {"standard_conforming_strings", ParameterKind::Reported},
    {"timezone", ParameterKind::Reported},
    {"transaction_deferrable", ParameterKind::TransactionState},
    {"transaction_isolation", ParameterKind::TransactionState},
    {"transaction_read_only", ParameterKind::TransactionState},
};
static_assert(std::ranges::is_sorted(kParameters, {}, &Parameter::name));

/// The one transaction default that is reported as well (from PostgreSQL 14 on).
constexpr std::string_view kReportedDefault = "default_transaction_read_only";

}  // namespace

ParameterKind kind_of_parameter(std::string_view name) {
    const auto* found = std::ranges::lower_bound(kParameters, name, {}, &Parameter::name);
    return found != std::end(kParameters) && found->name == name ? found->kind : ParameterKind::Ordinary;
}

bool differs_on_standby(std::string_view name) {
    return name == "transaction_read_only" || name == "in_hot_standby";
}

Effects effects_of_set(std::string_view name) {
    switch (kind_of_parameter(name)) {
        case ParameterKind::Ordinary:
            return Effect::SetParameter;
        case ParameterKind::Reported:
            return Effect::SetReportedParameter;
        case ParameterKind::Role:
            return Effect::SetRole;
        case ParameterKind::TransactionDefault:
            return Effect::SetTransactionDefaults |
                   (name == kReportedDefault ? Effect::SetReportedParameter : Effect::SetParameter);
        case ParameterKind::TransactionState:
            return {};
        case ParameterKind::Seed:
            return Effect::SetSessionState;
    }
    return Effect::SetParameter;
}

Effects effects_of_reset(std::string_view name) {
    switch (kind_of_parameter(name)) {
        case ParameterKind::Ordinary:
        case ParameterKind::Reported:
        case ParameterKind::Seed:
            return Effect::ResetParameter;
        case ParameterKind::Role:
            return Effect::ResetParameter | Effect::SetRole;
        case ParameterKind::TransactionDefault:
            return Effect::ResetParameter | Effect::SetTransactionDefaults;
        case ParameterKind::TransactionState:
            return {};
    }
    return Effect::ResetParameter;
}

std::string folded_name(std::string_view name) {
    std::string folded(name);
    std::ranges::transform(folded, folded.begin(), base::lower);
    return folded;
}

}  // namespace pgring::sql
