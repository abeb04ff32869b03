#include "auth/hba.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/contract.h"

namespace pgring::auth {
namespace {

bool contains(const NamePattern& pattern, std::string_view name) {
    return std::ranges::find(pattern.names, name) != pattern.names.end();
}

/// PostgreSQL docs, "The pg_hba.conf File": `all` does not match physical replication, which only
/// `replication` does.
bool database_fits(const NamePattern& pattern, const LoginRequest& request) {
    if (!request.database) {
        return pattern.replication;
    }
    return pattern.all || (pattern.same_user && *request.database == request.user) ||
           contains(pattern, *request.database);
}

bool user_fits(const NamePattern& pattern, const LoginRequest& request) {
    return pattern.all || contains(pattern, request.user);
}

bool scope_fits(RuleScope scope, Transport transport) {
    switch (scope) {
        case RuleScope::Local:
            return transport == Transport::UnixSocket;
        case RuleScope::Host:
            return transport != Transport::UnixSocket;
        case RuleScope::HostTls:
            return transport == Transport::TlsTcp;
        case RuleScope::HostNoTls:
            return transport == Transport::PlainTcp;
    }
    ASSERT(false);
}

bool address_fits(const AddressRange& range, const base::NetworkAddress& address) {
    if (range.network.family != address.family) {
        return false;
    }
    for (std::size_t i = 0; i < address.significant_bytes().size(); ++i) {
        if (((range.network.bytes[i] ^ address.bytes[i]) & range.mask[i]) != 0) {
            return false;
        }
    }
    return true;
}

enum class RefusalCause : std::uint8_t { NoLineFits, LineRejects };

/// PostgreSQL's own words (src/backend/libpq/auth.c), which drivers and runbooks match on.
std::string refusal_message(const LoginRequest& request, RefusalCause cause) {
    const bool rejects = cause == RefusalCause::LineRejects;
    std::string_view opening = rejects ? "pg_hba.conf rejects connection for" : "no pg_hba.conf entry for";
    if (!request.database) {
        opening = rejects ? "pg_hba.conf rejects replication connection for"
                          : "no pg_hba.conf entry for replication connection from";
    }
    const std::string database =
        request.database ? fmt::format(", database \"{}\"", *request.database) : std::string();
    return fmt::format("{} host \"{}\", user \"{}\"{}, {}", opening, base::ip_to_string(request.address),
                       request.user, database,
                       request.transport == Transport::TlsTcp ? "SSL encryption" : "no encryption");
}

std::unexpected<Refusal> refuse(const LoginRequest& request, RefusalCause cause) {
    return std::unexpected(Refusal{.sqlstate = sqlstate::kInvalidAuthorizationSpecification,
                                   .message = refusal_message(request, cause),
                                   .log_detail = {}});
}

}  // namespace

std::expected<Method, Refusal> Rules::match(const LoginRequest& asked) const {
    ASSERT((asked.transport == Transport::UnixSocket) == (asked.address.family == base::AddressFamily::Unix));
    LoginRequest request = asked;
    request.address = base::unmapped(asked.address);
    const auto rule = std::ranges::find_if(rules_, [&](const Rule& candidate) {
        return scope_fits(candidate.scope, request.transport) &&
               (!candidate.range || address_fits(*candidate.range, request.address)) &&
               database_fits(candidate.databases, request) && user_fits(candidate.users, request);
    });
    if (rule == rules_.end()) {
        return refuse(request, RefusalCause::NoLineFits);
    }
    if (!rule->method) {
        return refuse(request, RefusalCause::LineRejects);
    }
    return *rule->method;
}

}  // namespace pgring::auth
