#pragma once
/// One session with a server that has nothing to do: every statement is answered at once, from its text
/// alone. Bytes in, bytes out; no I/O. It speaks as much of the protocol as proxies and drivers need: login
/// without a password, simple and extended queries, named statements, COPY both ways, and errors for what a
/// client or a proxy mixed up, so that a wrong mapping of statements is not measured as a fast one.
///
///     Startup -> Ready <-> CopyIn
///                Ready <-> CopyOut
///     all -> Ended

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "instant_statement.h"
#include "wire/protocol.h"

namespace pgring::bench {

/// Bytes of a row of COPY TO STDOUT, with its line feed, as CopyData counts them.
inline constexpr std::size_t kCopyRowBytes = 1024;

/// CopyData messages of one such row each, to be sent over and over.
[[nodiscard]] const std::vector<std::byte>& copy_rows();

class InstantSession {
  public:
    using Output = std::vector<std::byte>;

    /// `process_id` is told to the client; nothing is behind it.
    explicit InstantSession(std::uint32_t process_id) : process_id_(process_id) {}

    /// Works off the whole messages at the front of `input` and returns how many bytes they are. It stops
    /// behind a message that makes it stream rows.
    [[nodiscard]] std::size_t receive(std::span<const std::byte> input, Output& output);

    /// Rows of copy_rows() are to be sent behind what was written: so many.
    [[nodiscard]] bool streams() const { return state_ == State::CopyOut; }
    [[nodiscard]] std::uint64_t rows_to_stream() const { return rows_to_stream_; }
    /// They are sent.
    void streamed(Output& output);

    [[nodiscard]] bool ended() const { return state_ == State::Ended; }

  private:
    enum class State : std::uint8_t {
        Startup,  ///< no StartupMessage has come yet
        Ready,    ///< messages of either query protocol
        CopyIn,   ///< the client sends rows, which are dropped
        CopyOut,  ///< rows have to be sent before anything else is looked at
        Ended,    ///< the client left, or nobody can say what it wants
    };
    /// Who ends a statement with ReadyForQuery.
    enum class Protocol : std::uint8_t { Simple, Extended };

    [[nodiscard]] std::size_t receive_startup(std::span<const std::byte> input, Output& output);
    void welcome(std::span<const std::byte> parameters, Output& output);
    void receive_message(wire::Header header, std::span<const std::byte> body, Output& output);
    void receive_copy_message(wire::Header header, Output& output);

    void query(std::string_view text, Output& output);
    void parse(std::span<const std::byte> body, Output& output);
    void bind(std::span<const std::byte> body, Output& output);
    void describe(std::span<const std::byte> body, Output& output);
    void execute_portal(std::span<const std::byte> body, Output& output);
    void close(std::span<const std::byte> body, Output& output);

    void execute(const InstantStatement& statement, Protocol protocol, Output& output);
    void complete(std::string_view tag, Output& output) const;
    void ready(Output& output) const;
    void fail(std::string_view sqlstate, std::string_view message, Output& output);

    State state_ = State::Startup;
    std::uint32_t process_id_;
    wire::TransactionStatus status_ = wire::TransactionStatus::Idle;
    /// After an error in the extended protocol, until Sync.
    bool skips_until_sync_ = false;
    /// Of a message that is only counted, what has yet to come.
    std::uint64_t skip_bytes_ = 0;
    Protocol copy_protocol_ = Protocol::Simple;
    /// Of COPY FROM STDIN; told to the client as so many rows of kCopyRowBytes.
    std::uint64_t copied_bytes_ = 0;
    std::uint64_t rows_to_stream_ = 0;
    std::map<std::string, InstantStatement, std::less<>> statements_;
    std::map<std::string, InstantStatement, std::less<>> portals_;
};

}  // namespace pgring::bench
