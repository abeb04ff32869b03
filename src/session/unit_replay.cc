#include "session/unit_replay.h"

#include "base/contract.h"
#include "wire/body_reader.h"

namespace pgring::session {

namespace {

void append_to(std::string& bytes, std::span<const std::byte> more) {
    bytes.append(wire::as_text(more));
}

}  // namespace

void UnitReplay::begin(std::span<const std::byte> head, std::span<const std::byte> rest, Expected entry) {
    ASSERT((entry.request == Request::Bind || entry.request == Request::Describe) &&
           entry.statement != kNoStatement);
    state_ = State::None;
    if (head.size() + rest.size() > kBytesMax) {
        return;
    }
    state_ = State::Open;
    described_ = entry.request == Request::Describe;
    bytes_.clear();
    entries_.clear();
    append_to(bytes_, head);
    append_to(bytes_, rest);
    entries_.push_back(entry);
}

void UnitReplay::begin_query(std::span<const std::byte> message, Expected entry) {
    ASSERT(entry.request == Request::Query && entry.statement != kNoStatement);
    state_ = State::None;
    if (message.size() > kBytesMax) {
        return;
    }
    state_ = State::Complete;
    described_ = true;
    bytes_.clear();
    append_to(bytes_, message);
    entries_.assign(1, entry);
}

void UnitReplay::append(std::span<const std::byte> message, Expected entry) {
    if (state_ != State::Open || bytes_.size() + message.size() > kBytesMax) {
        state_ = State::None;
        return;
    }
    append_to(bytes_, message);
    entries_.push_back(entry);
    described_ = described_ || entry.request == Request::Describe;
    if (entry.request == Request::Sync) {
        state_ = State::Complete;
    }
}

void UnitReplay::append_flush(std::span<const std::byte> message) {
    if (state_ == State::Open) {
        append_to(bytes_, message);
        state_ = State::Complete;
    }
}

}  // namespace pgring::session
