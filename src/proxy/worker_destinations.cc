/// Where clients want to go: finding it, and what those have in common that differ in their startup
/// parameters.
///
/// In session pooling a client has a backend that was started with its own parameters. Clients that ask for
/// different ones have different destinations, and these are siblings: their pools have one budget. An idle
/// backend of one is of no use to who waits at another, but its token is.

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "proxy/worker.h"

namespace pgring::proxy {

namespace {

/// Two names of one database share backends only if they share all settings, so the client's name is the key.
std::string shared_key(std::string_view database, std::string_view user) {
    // A zero byte cannot stand in either.
    std::string key(database);
    key.append(1, '\0').append(user);
    return key;
}

std::string budget_key(std::string_view shared_key, std::string_view server) {
    std::string key(server);
    key.append(1, '\0').append(shared_key);
    return key;
}

}  // namespace

session::Destination& Worker::destination(const session::LoginRequest& request,
                                          const config::DatabaseSettings& database) {
    std::string const user(config::user_at_server(database, request.user));
    config::Terms const terms = config::terms_of(settings_, database, user);
    bool const session_pooled = terms.pool_mode == config::PoolMode::Session;
    DestinationKey key{.database = request.database,
                       .user = user,
                       .startup = session_pooled ? session::identity_of(request.parameters) : std::string()};
    if (request.replication != session::Replication::None) {
        key.startup.append("replication=").append(to_string(request.replication));
    }
    if (auto const known = destinations_.find(key); known != destinations_.end()) {
        return *known->second;
    }
    if (destinations_.size() >= destinations_sweep_at_) {
        forget_unused_destinations();
    }
    std::string const shared = shared_key(request.database, user);
    auto place = std::make_unique<session::Destination>(process_.statement_texts.texts(shared));
    place->database = config::name_at_server(database, request.database);
    place->user = user;
    place->functions = &function_verdicts_[place->database];
    place->terms = terms;
    place->connect_query = database.connect_query;
    place->replication = request.replication;
    if (session_pooled) {
        place->startup_parameters = request.parameters;
    }
    place->secret = shared_.access.users.find(user);
    if (!database.user.empty() && !database.password.empty()) {
        // Only to log in with; a client never proves this one, so it needs no SCRAM secret of its own.
        place->forced_secret =
            auth::PlainPassword{.password = auth::SecretText(database.password), .scram = {}};
        place->secret = &*place->forced_secret;
    }
    pool::PoolLimits const limits{
        .server_login_retry = settings_.pgring.server_login_retry,
        .order = settings_.pgring.server_round_robin ? pool::Order::RoundRobin : pool::Order::Warmest,
        .reserve_pool_timeout = settings_.pgring.reserve_pool_timeout,
        .min_size = terms.min_pool_size};
    std::uint32_t const reserve =
        limits.reserve_pool_timeout == base::Duration::zero() ? 0 : terms.reserve_pool_size;
    for (const config::ServerSettings& server : settings_.servers) {
        place->pools.push_back(std::make_unique<pool::Pool>(
            limits, process_.budgets.budget(budget_key(shared, server.name), terms.pool_size, reserve),
            index_));
    }
    place->quotas = {quota_of("backends of database " + request.database, terms.database_backends_max),
                     quota_of("backends of user " + user, terms.user_backends_max)};
    bool const lends = !session_pooled && key.startup.empty();
    session::Destination& made = *destinations_.emplace(std::move(key), std::move(place)).first->second;
    for (const auto& pool : made.pools) {
        if (lends) {
            lending_.emplace(&pool->budget(), &made);
        }
    }
    return made;
}

pool::Quota* Worker::quota_of(const std::string& key, std::uint32_t limit) {
    return limit == 0 ? nullptr : &process_.quotas.quota(key, limit);
}

/// Where a database forces its user it is known who will come before anybody does, and min_pool_size holds
/// from the start: one worker knows those destinations. In session pooling it is not known what their
/// backends will have to start with.
void Worker::foresee_destinations() {
    for (const config::DatabaseSettings& database : settings_.databases) {
        if (database.user.empty() || database.name == "*") {
            continue;
        }
        config::Terms const terms = config::terms_of(settings_, database, database.user);
        if (terms.min_pool_size > 0 && terms.pool_mode != config::PoolMode::Session) {
            static_cast<void>(
                destination({.user = database.user, .database = database.name, .parameters = {}}, database));
        }
    }
}

/// Clients may ask for any parameters, so the destinations that differ by them are kept only as long as
/// somebody uses them. Looked for when there are twice as many as were left the last time, so that it costs
/// each login little.
void Worker::forget_unused_destinations() {
    std::unordered_set<const session::Destination*> used;
    sessions_.for_each(
        [&used](pool::SessionId, SessionEntry& entry) { used.insert(entry.session.destination()); });
    backends_.for_each(
        [&used](pool::BackendId, BackendEntry& entry) { used.insert(&entry.backend.destination()); });
    std::erase_if(destinations_, [&used](const auto& item) {
        return !item.first.startup.empty() && !used.contains(item.second.get());
    });
    destinations_sweep_at_ = std::max(kDestinationsSweepMin, destinations_.size() * 2);
}

/// Of the destination and its siblings the one where somebody waits longest for a backend of `server` that is
/// not being opened yet; `destination` itself where nobody does.
session::Destination& Worker::longest_waiting(session::Destination& destination, topology::ServerIndex server,
                                              base::Instant now) {
    if (destination.terms.pool_mode != config::PoolMode::Session) {
        return destination;
    }
    const pool::Budget& budget = destination.pools[server.value]->budget();
    session::Destination* longest = &destination;
    for (auto& [key, other] : destinations_) {
        pool::Pool& pool = *other->pools[server.value];
        if (&pool.budget() != &budget || !pool.short_of_backends(now)) {
            continue;
        }
        pool::Pool& present = *longest->pools[server.value];
        if (!present.short_of_backends(now) || pool.line().first_ticket() < present.line().first_ticket()) {
            longest = other.get();
        }
    }
    return *longest;
}

/// Closes an idle backend of a sibling for its token. False where nobody here needs one or none is idle.
bool Worker::take_from_sibling(pool::Pool& pool, const session::Destination& destination, base::Instant now) {
    if (destination.terms.pool_mode != config::PoolMode::Session || !pool.short_of_backends(now)) {
        return false;
    }
    for (auto& [key, other] : destinations_) {
        for (auto& sibling : other->pools) {
            if (sibling.get() != &pool && &sibling->budget() == &pool.budget() && sibling->idle_count() > 0) {
                pool::BackendId const coldest = sibling->idle().front();
                shut(coldest, backends_.get(coldest));
                return true;
            }
        }
    }
    return false;
}

}  // namespace pgring::proxy
