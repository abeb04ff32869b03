#pragma once
/// The words of PostgreSQL's frontend/backend protocol, versions 3.0 and 3.2 (PostgreSQL docs, "Message
/// Formats"). No meaning here.

#include <cstddef>
#include <cstdint>

namespace pgring::wire {

/// First byte of a message that a frontend sends.
enum class FrontendType : char {
    Bind = 'B',
    Close = 'C',
    CopyData = 'd',
    CopyDone = 'c',
    CopyFail = 'f',
    Describe = 'D',
    Execute = 'E',
    Flush = 'H',
    FunctionCall = 'F',
    Parse = 'P',
    PasswordMessage = 'p',  ///< also GSSResponse, SASLInitialResponse, SASLResponse
    Query = 'Q',
    Sync = 'S',
    Terminate = 'X',
};

/// First byte of a message that a backend sends.
enum class BackendType : char {
    Authentication = 'R',
    BackendKeyData = 'K',
    BindComplete = '2',
    CloseComplete = '3',
    CommandComplete = 'C',
    CopyData = 'd',
    CopyDone = 'c',
    CopyInResponse = 'G',
    CopyOutResponse = 'H',
    CopyBothResponse = 'W',
    DataRow = 'D',
    EmptyQueryResponse = 'I',
    ErrorResponse = 'E',
    FunctionCallResponse = 'V',
    NegotiateProtocolVersion = 'v',
    NoData = 'n',
    NoticeResponse = 'N',
    NotificationResponse = 'A',
    ParameterDescription = 't',
    ParameterStatus = 'S',
    ParseComplete = '1',
    PortalSuspended = 's',
    ReadyForQuery = 'Z',
    RowDescription = 'T',
};

/// The status byte of ReadyForQuery.
enum class TransactionStatus : char { Idle = 'I', InTransaction = 'T', InFailedTransaction = 'E' };

/// Type byte and length.
inline constexpr std::uint32_t kHeaderBytes = 5;
/// The length field counts itself.
inline constexpr std::uint32_t kLengthBytes = 4;
/// Largest length field PostgreSQL accepts for a message (PQ_LARGE_MESSAGE_LIMIT, MaxAllocSize - 1).
inline constexpr std::uint32_t kMessageLengthMax = 0x3fffffff - 1;

/// Bytes of secret in BackendKeyData and CancelRequest: always four before protocol 3.2, up to 256 since.
inline constexpr std::size_t kShortSecretBytes = 4;
inline constexpr std::size_t kSecretBytesMax = 256;

/// Codes in the place of the protocol version of a startup packet.
inline constexpr std::uint32_t kProtocol3_0 = 3U << 16U;
/// Since PostgreSQL 18: cancel keys of any length. (3.1 is a number that nobody used.)
inline constexpr std::uint32_t kProtocol3_2 = (3U << 16U) | 2U;
inline constexpr std::uint32_t kCancelRequestCode = (1234U << 16U) | 5678U;
inline constexpr std::uint32_t kSslRequestCode = (1234U << 16U) | 5679U;
inline constexpr std::uint32_t kGssEncRequestCode = (1234U << 16U) | 5680U;
/// A CancelRequest that one pgring passes on to another; PostgreSQL does not know it.
inline constexpr std::uint32_t kPeerCancelRequestCode = (1234U << 16U) | 7464U;

/// A message header: its type and the bytes that follow it.
struct Header {
    char type = 0;
    std::uint32_t body_bytes = 0;

    [[nodiscard]] std::uint64_t message_bytes() const { return std::uint64_t{kHeaderBytes} + body_bytes; }
};

}  // namespace pgring::wire
