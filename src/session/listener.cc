#include "session/listener.h"

#include <algorithm>

#include "base/contract.h"

namespace pgring::session {

namespace {

/// Channels that one query changes at most: 63 bytes each, doubled where they are quotes, still fit anywhere.
constexpr std::size_t kChannelsPerQuery = 500;

std::string quoted_identifier(std::string_view name) {
    std::string text = "\"";
    for (char const c : name) {
        text.append(c == '"' ? 2 : 1, c);
    }
    return text + "\"";
}

void add_once(std::vector<pool::SessionId>& sessions, pool::SessionId session) {
    if (std::ranges::find(sessions, session) == sessions.end()) {
        sessions.push_back(session);
    }
}

}  // namespace

// -- Sessions --

void Listener::join(std::string_view channel, pool::SessionId session) {
    auto found = channels_.find(channel);
    if (found == channels_.end()) {
        found = channels_.emplace(channel, Channel{}).first;
    }
    add_once(found->second.sessions, session);
    channels_due_ = channels_due_ || found->second.state == Channel::State::Wanted;
}

void Listener::leave(std::string_view channel, pool::SessionId session) {
    auto const found = channels_.find(channel);
    if (found == channels_.end()) {
        return;
    }
    std::erase(found->second.sessions, session);
    if (!found->second.sessions.empty()) {
        return;
    }
    if (found->second.state == Channel::State::Wanted) {
        channels_.erase(found);
    } else {
        channels_due_ = true;
    }
}

bool Listener::has(std::string_view channel) const {
    auto const found = channels_.find(channel);
    return found != channels_.end() && found->second.state == Channel::State::Had;
}

std::span<const pool::SessionId> Listener::sessions_of(std::string_view channel) const {
    auto const found = channels_.find(channel);
    return found == channels_.end() ? std::span<const pool::SessionId>{} : found->second.sessions;
}

bool Listener::wanted() const {
    return std::ranges::any_of(channels_, [](const auto& entry) { return !entry.second.sessions.empty(); });
}

Listener::Ticket Listener::ask_echo() {
    echo_due_ = true;
    return sent_ + 1;
}

// -- The backend --

std::string Listener::next_query() {
    ASSERT(has_query());
    std::string const text = channels_due_ ? channel_query() : std::string();
    asks_for_channels_ = !text.empty();
    echo_due_ = false;
    ++sent_;
    state_ = State::Asking;
    return text;
}

std::string Listener::channel_query() {
    std::string text;
    std::size_t count = 0;
    channels_due_ = false;
    for (auto& [name, channel] : channels_) {
        bool const listens = channel.state == Channel::State::Wanted;
        bool const unlistens = channel.state == Channel::State::Had && channel.sessions.empty();
        if (!listens && !unlistens) {
            continue;
        }
        if (++count > kChannelsPerQuery) {
            channels_due_ = true;
            break;
        }
        channel.state = listens ? Channel::State::Asked : Channel::State::Dropping;
        text += (text.empty() ? "" : "; ") + std::string(listens ? "LISTEN " : "UNLISTEN ");
        text += quoted_identifier(name);
    }
    return text;
}

void Listener::answered() {
    ASSERT(state_ == State::Asking);
    state_ = State::Ready;
    answered_ = sent_;
    if (std::exchange(asks_for_channels_, false)) {
        channels_answered();
    }
}

void Listener::channels_answered() {
    for (auto entry = channels_.begin(); entry != channels_.end();) {
        Channel& channel = entry->second;
        if (channel.state == Channel::State::Asked) {
            channel.state = Channel::State::Had;
            ++had_count_;
            channels_due_ = channels_due_ || channel.sessions.empty();
        } else if (channel.state == Channel::State::Dropping) {
            channel.state = Channel::State::Wanted;
            --had_count_;
            if (channel.sessions.empty()) {
                entry = channels_.erase(entry);
                continue;
            }
            channels_due_ = true;
        }
        ++entry;
    }
}

void Listener::lost() {
    for (auto entry = channels_.begin(); entry != channels_.end();) {
        Channel& channel = entry->second;
        if (channel.state == Channel::State::Had) {
            for (pool::SessionId const session : channel.sessions) {
                add_once(missed_, session);
            }
        }
        channel.state = Channel::State::Wanted;
        entry = channel.sessions.empty() ? channels_.erase(entry) : std::next(entry);
    }
    state_ = State::Absent;
    answered_ = sent_;
    had_count_ = 0;
    asks_for_channels_ = false;
    echo_due_ = false;
    channels_due_ = !channels_.empty();
}

std::vector<pool::SessionId> Listener::take_missed() {
    bool const whole = state_ == State::Ready && !channels_due_;
    return whole ? std::exchange(missed_, {}) : std::vector<pool::SessionId>{};
}

void Listener::check_invariants() const {
    ASSERT(answered_ <= sent_);
    ASSERT((state_ == State::Asking) == (answered_ < sent_));
    std::size_t had = 0;
    for (const auto& [name, channel] : channels_) {
        ASSERT(!name.empty());
        bool const had_by_server =
            channel.state == Channel::State::Had || channel.state == Channel::State::Dropping;
        had += had_by_server ? 1 : 0;
        bool const known = channel.state != Channel::State::Wanted;
        ASSERT(!known || connected());
        ASSERT(known || !channel.sessions.empty());
        bool const under_way =
            channel.state == Channel::State::Asked || channel.state == Channel::State::Dropping;
        ASSERT(!under_way || asks_for_channels_);
    }
    ASSERT(had == had_count_);
    ASSERT(!asks_for_channels_ || state_ == State::Asking);
}

}  // namespace pgring::session
