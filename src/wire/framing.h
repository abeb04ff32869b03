#pragma once
/// Cutting a byte stream into messages. Nothing here trusts a length beyond the limit it is given, nothing
/// allocates.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "wire/protocol.h"

namespace pgring::wire {

/// The four bytes at `bytes` as the unsigned number that the network sent (big-endian).
[[nodiscard]] inline std::uint32_t load_u32(const std::byte* bytes) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}
inline void store_u32(std::byte* bytes, std::uint32_t value) {
    value = std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
    std::memcpy(bytes, &value, sizeof value);
}

enum class FramingError : std::uint8_t {
    LengthTooSmall,  ///< the length field does not even count itself
    LengthTooLarge,  ///< beyond what PostgreSQL accepts, or beyond the caller's limit
};

/// What the front of a stream turned out to be.
struct Framed {
    enum class State : std::uint8_t { NeedMore, Complete, Broken } state = State::NeedMore;
    Header header{};
    FramingError error{};
};

/// Reads the header at the front of `bytes` (5 bytes are enough to look at).
[[nodiscard]] inline Framed frame(std::span<const std::byte> bytes,
                                  std::uint32_t length_max = kMessageLengthMax) {
    if (bytes.size() < kHeaderBytes) {
        return {};
    }
    std::uint32_t const length = load_u32(bytes.data() + 1);
    if (length < kLengthBytes) {
        return {.state = Framed::State::Broken, .error = FramingError::LengthTooSmall};
    }
    if (length > length_max) {
        return {.state = Framed::State::Broken, .error = FramingError::LengthTooLarge};
    }
    return {.state = Framed::State::Complete,
            .header = {.type = static_cast<char>(bytes[0]), .body_bytes = length - kLengthBytes}};
}

/// Size of the messages of type `type` that stand in a row at the front of `bytes`. The last one counts as
/// long as its header says, which may be beyond the end; 0 where there is none, or its header is not whole or
/// broken.
[[nodiscard]] inline std::uint64_t run_bytes(std::span<const std::byte> bytes, char type) {
    std::uint64_t run = 0;
    while (run < bytes.size()) {
        Framed const framed = frame(bytes.subspan(run));
        if (framed.state != Framed::State::Complete || framed.header.type != type) {
            break;
        }
        run += framed.header.message_bytes();
    }
    return run;
}

}  // namespace pgring::wire
