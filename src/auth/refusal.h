#pragma once
/// Why somebody may not log in, in the two forms that are needed: what the client is told and what the log
/// says.

#include <string>
#include <string_view>

namespace pgring::auth {

/// Classes of refusal, as PostgreSQL docs, "PostgreSQL Error Codes" name them.
namespace sqlstate {
inline constexpr std::string_view kInvalidAuthorizationSpecification = "28000";
inline constexpr std::string_view kInvalidPassword = "28P01";
inline constexpr std::string_view kProtocolViolation = "08P01";
inline constexpr std::string_view kFeatureNotSupported = "0A000";
}  // namespace sqlstate

/// A login that ends in a FATAL ErrorResponse.
struct Refusal {
    /// One of auth::sqlstate.
    std::string_view sqlstate;
    /// For the client. The same for a wrong password and an unknown user.
    std::string message;
    /// For the log only: what the client must not learn. Points to static storage; empty where `message` says
    /// all.
    std::string_view log_detail;
};

}  // namespace pgring::auth
