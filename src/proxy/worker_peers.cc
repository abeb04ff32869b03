/// Cancel requests for sessions of other pgrings.
///
/// A load balancer leads the connection that asks to cancel wherever it likes. A key that nobody here has is
/// said to all peers at once, under a code of its own: whoever gets that looks at home and asks nobody else,
/// so that no request goes around. The client is let go when all peers have been told, as PostgreSQL does
/// when it has signalled the process.

#include "proxy/worker.h"
#include "wire/messages.h"

namespace pgring::proxy {

/// No session of this process has the key.
void Worker::cancel_unknown(const CancelForwarded& forwarded, base::Instant now) {
    bool const of_a_client = forwarded.request.sender == session::CancelRequest::Sender::Client;
    if (!of_a_client || !ask_peers(forwarded, now)) {
        finish_cancel(forwarded.origin, forwarded.socket);
    }
}

/// False where there is none to wait for.
bool Worker::ask_peers(const CancelForwarded& forwarded, base::Instant now) {
    const session::CancelKey& key = forwarded.request.key;
    wire::MessageWriter writer(scratch_);
    wire::write_peer_cancel_request(writer, key.process_id, std::as_bytes(std::span(key.secret)));
    InquiryId const id = inquiries_.emplace(forwarded.origin, forwarded.socket);
    for (std::size_t peer = 0; peer < peer_count_; ++peer) {
        Canceler* const canceler = add_canceler(
            writer.written(),
            {.kind = Action::Kind::ConnectPeer, .peer = {.value = static_cast<std::uint16_t>(peer)}}, now);
        if (canceler != nullptr) {
            canceler->inquiry = id;
            ++inquiries_.get(id).unanswered;
            stats_.peer_cancels.add();
        }
    }
    if (inquiries_.get(id).unanswered == 0) {
        inquiries_.erase(id);
        return false;
    }
    return true;
}

/// A peer has closed the connection, or will not answer.
void Worker::peer_asked(InquiryId id) {
    Inquiry& inquiry = inquiries_.get(id);
    ASSERT(inquiry.unanswered > 0);
    if (--inquiry.unanswered == 0) {
        finish_cancel(inquiry.origin, inquiry.origin_socket);
        inquiries_.erase(id);
    }
}

}  // namespace pgring::proxy
