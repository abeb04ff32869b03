#include "session/cancel_key.h"

#include <array>
#include <span>

#include "wire/framing.h"
#include "wire/protocol.h"

namespace pgring::session {

namespace {

constexpr std::size_t kLongSecretBytes = 32;
constexpr std::size_t kWorkerBytes = 2;
constexpr std::size_t kAddressBytes = kWorkerBytes + 4;
/// Linux gives processes no number above 2^22. A process id is a positive int32, so bit 31 is not to be had.
constexpr std::uint32_t kOwnProcess = 1U << 30U;
constexpr unsigned kSessionBits = 22;
constexpr std::uint32_t kSessionMask = (1U << kSessionBits) - 1;
static_assert((pool::kWorkersMax << kSessionBits) == kOwnProcess);

}  // namespace

CancelKey make_cancel_key(std::uint32_t protocol, const CancelAddress& address, base::RandomSource& random) {
    ASSERT(address.worker < pool::kWorkersMax && address.session_index <= kSessionMask);
    CancelKey key;
    key.process_id = kOwnProcess | (std::uint32_t{address.worker} << kSessionBits) | address.session_index;
    key.secret.resize(protocol >= wire::kProtocol3_2 ? kLongSecretBytes : wire::kShortSecretBytes);
    std::span<std::byte> const secret = std::as_writable_bytes(std::span(key.secret));
    random.fill(secret);
    if (secret.size() == kLongSecretBytes) {
        secret[0] = static_cast<std::byte>(address.worker >> 8U);
        secret[1] = static_cast<std::byte>(address.worker & 0xffU);
        wire::store_u32(secret.data() + kWorkerBytes, address.session_index);
    }
    return key;
}

std::optional<CancelAddress> address_of(const CancelKey& key) {
    if (key.secret.size() == kLongSecretBytes) {
        std::span<const std::byte> const secret = std::as_bytes(std::span(key.secret)).first<kAddressBytes>();
        return CancelAddress{.worker = static_cast<pool::WorkerIndex>(
                                 (static_cast<unsigned>(secret[0]) << 8U) | static_cast<unsigned>(secret[1])),
                             .session_index = wire::load_u32(secret.data() + kWorkerBytes)};
    }
    if (can_be_shown(key.process_id)) {
        return std::nullopt;
    }
    return CancelAddress{
        .worker = static_cast<pool::WorkerIndex>((key.process_id & ~kOwnProcess) >> kSessionBits),
        .session_index = key.process_id & kSessionMask};
}

bool can_be_shown(std::uint32_t process_id) {
    return process_id != 0 && process_id < kOwnProcess;
}

}  // namespace pgring::session
