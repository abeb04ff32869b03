#pragma once
/// How a client gets in: its first packets up to a successful authentication.
///
///     FirstPacket --SSLRequest / GSSENCRequest: 'N'--> FirstPacket
///     FirstPacket --CancelRequest--> done (a cancel)
///     FirstPacket --StartupMessage--> Authenticating --PasswordMessages--> done (a login)
///
/// Lives as long as the login; an idle client carries none of it.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "auth/client_dialogue.h"
#include "auth/hba.h"
#include "base/network_address.h"
#include "buffer/slice_queue.h"
#include "session/cancel_key.h"
#include "session/errors.h"
#include "session/shared.h"
#include "session/startup_parameters.h"
#include "wire/protocol.h"

namespace pgring::session {

/// Whether there is room for one more client at all. Those for whom there is none are told so as soon as they
/// can hear it.
enum class Admission : std::uint8_t { Welcome, TooMany, ShuttingDown };

/// Who came in and what for.
struct LoginRequest {
    /// What is spoken with it: as it asked, but no later than what pgring knows.
    std::uint32_t protocol = wire::kProtocol3_0;
    std::string user;
    /// As the client named it.
    std::string database;
    Replication replication = Replication::None;
    /// Settled: each name once.
    std::vector<SpelledParameter> parameters;
};

/// An error whose text was made for the occasion; always FATAL.
struct LoginFailure {
    std::string_view sqlstate;
    std::string message;
    std::string_view log_detail{};
    /// Close without a word: CancelRequests and nonsense get no answer, as PostgreSQL does.
    enum class Manner : std::uint8_t { Tell, Silent } manner = Manner::Tell;
};

class FrontendLogin {
  public:
    enum class Outcome : std::uint8_t { NeedMore, Authenticated, Cancel };
    using Step = std::expected<Outcome, LoginFailure>;

    FrontendLogin(const base::NetworkAddress& peer, auth::Transport transport, Admission admission)
        : peer_(peer), transport_(transport), admission_(admission) {}

    /// Works off `in`, answers on `out`.
    [[nodiscard]] Step advance(Shared& shared, buffer::SliceQueue& in, buffer::SliceQueue& out);

    [[nodiscard]] const LoginRequest& request() const { return request_; }
    /// After Cancel.
    [[nodiscard]] const CancelRequest& cancel() const { return cancel_; }
    /// After Authenticated: what logs pgring in elsewhere, where the client's proof gave it away.
    [[nodiscard]] const std::optional<auth::LearnedKeys>& learned_keys() const {
        return dialogue_->learned_keys();
    }

  private:
    /// A step, or nothing where the next packet may be looked at.
    using Handled = std::optional<Step>;

    [[nodiscard]] Handled on_first_packet(Shared& shared, buffer::SliceQueue& in, buffer::SliceQueue& out);
    [[nodiscard]] Handled on_startup(Shared& shared, std::uint32_t version, std::span<const std::byte> body,
                                     buffer::SliceQueue& out);
    [[nodiscard]] Handled on_password(Shared& shared, buffer::SliceQueue& in, buffer::SliceQueue& out);
    [[nodiscard]] Handled apply(auth::ClientStep step, Shared& shared, buffer::SliceQueue& out);
    [[nodiscard]] std::optional<LoginFailure> read_parameters(Shared& shared,
                                                              std::span<const std::byte> body);
    [[nodiscard]] std::expected<auth::Method, LoginFailure> method(const Shared& shared) const;

    base::NetworkAddress peer_;
    auth::Transport transport_;
    Admission admission_;
    std::uint8_t encryption_requests_ = 0;
    LoginRequest request_;
    CancelRequest cancel_;
    /// Options of the form _pq_.x, which nobody here knows.
    std::vector<std::string> unknown_protocol_options_;
    std::optional<auth::ClientDialogue> dialogue_;
};

}  // namespace pgring::session
