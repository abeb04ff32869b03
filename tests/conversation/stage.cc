#include "conversation/stage.h"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

namespace pgring::conversation {

namespace {

using namespace std::chrono_literals;

std::string joined(const Lines& lines) {
    std::string text;
    for (const std::string& line : lines) {
        text += "\n    " + line;
    }
    return text;
}

session::AccessControl make_access(const Scene& scene, base::RandomSource& random) {
    session::AccessControl access{.users = {}, .rules = {}, .process_secret = auth::ProcessSecret(random)};
    if (!scene.users.empty()) {
        access.users = auth::UserList::parse(scene.users, "users", access.process_secret, nullptr).value();
    }
    access.rules = auth::parse_rules(scene.rules, "rules").rules;
    return access;
}

}  // namespace

// -- Actors
// -------------------------------------------------------------------------------------------------------------

void Actor::says(std::string_view bytes) {
    unsaid_.append(bytes);
    stage_->settle();
}

void Actor::says_in_pieces(std::string_view bytes, std::size_t piece_bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
        says(bytes.substr(at, piece_bytes));
    }
}

void Actor::hears(const Lines& expected, std::source_location where) {
    Lines heard;
    for (const Message& message : take()) {
        heard.push_back(text(message));
    }
    if (heard != expected) {
        ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
            << "expected:" << joined(expected) << "\nheard:" << joined(heard);
    }
    if (!heard_.empty()) {
        ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
            << "and " << heard_.size() << " bytes of an unfinished message";
    }
}

void Actor::hears_nothing(std::source_location where) {
    hears({}, where);
}

std::vector<Message> Actor::take() {
    std::vector<Message> messages = take_messages(heard_);
    if (auto* client = dynamic_cast<Client*>(this)) {
        for (const Message& message : messages) {
            if (message.type == 'S') {
                std::size_t const end = message.body.find('\0');
                client->parameters_[message.body.substr(0, end)] =
                    message.body.substr(end + 1, message.body.size() - end - 2);
            } else if (message.type == 'K') {
                client->process_id_ = read_number(std::string_view(message.body).substr(0, 4));
                client->secret_ = message.body.substr(4);
            } else if (message.type == 'E') {
                client->last_error_ = message;
            }
        }
    }
    return messages;
}

void Actor::stops_reading() {
    reading_ = false;
}

void Actor::reads_again() {
    reading_ = true;
    if (std::exchange(send_waits_, false)) {
        stage_->send(*this);
    }
    stage_->settle();
}

void Actor::hangs_up() {
    if (!closed_ && stage_->actor_of(worker_, socket_) != this) {
        hung_up_ = true;
    } else if (!closed_) {
        unsaid_.clear();
        stage_->worker(worker_).hung_up(socket_, stage_->now());
        stage_->settle();
    }
}

void Client::logs_in(const Parameters& parameters, std::source_location where) {
    says(startup(parameters));
    std::vector<Message> const messages = take();
    if (messages.empty() || backend_text(messages.back()) != "ReadyForQuery I") {
        ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
            << "no login: " << (messages.empty() ? "silence" : backend_text(messages.back()));
    }
}

void Backend::on_heard() {
    if (started_ || heard_.size() < 4 || heard_.size() < read_number(std::string_view(heard_).substr(0, 4))) {
        return;
    }
    started_ = true;
    std::string const packet = heard_.substr(0, read_number(std::string_view(heard_).substr(0, 4)));
    heard_.erase(0, packet.size());
    packet_ = packet;
    if (read_number(std::string_view(packet).substr(4, 4)) != 3U << 16U) {
        cancels_process_ = read_number(std::string_view(packet).substr(8, 4));
        cancels_secret_ = packet.substr(12);
        return;
    }
    std::vector<std::string> words;
    for (std::size_t at = 8; at < packet.size();) {
        words.push_back(packet.substr(at, packet.find('\0', at) - at));
        at += words.back().size() + 1;
    }
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
        startup_parameters_.emplace_back(words[i], words[i + 1]);
    }
    if (stage_->logins_ == Scene::Logins::Automatic) {
        unsaid_ += authentication_ok();
        welcomes();
    }
}

void Backend::is_accepted() {
    stage_->worker(worker_).connected(socket_, stage_->now());
    stage_->settle();
}

void Backend::welcomes() {
    bool const primary =
        stage_->topology_->primary == topology::ServerIndex{static_cast<std::uint16_t>(server_)};
    auto const reported = [this](std::string_view name, std::string_view fallback) {
        auto const asked = std::ranges::find(startup_parameters_, name, &Parameters::value_type::first);
        return parameter_status(name, asked == startup_parameters_.end() ? fallback : asked->second);
    };
    unsaid_ += reported("application_name", "") + reported("client_encoding", "UTF8") +
               reported("DateStyle", "ISO, MDY") + reported("default_transaction_read_only", "off") +
               parameter_status("in_hot_standby", primary ? "off" : "on") +
               parameter_status("server_version", "15.0") +
               parameter_status("standard_conforming_strings", "on") + reported("TimeZone", "UTC") +
               backend_key(process_id_, secret()) + ready();
}

void Backend::answers(std::string_view value, char status) {
    says(row_description() + row(value) + complete("SELECT 1") + ready(status));
}

// -- The stage
// ----------------------------------------------------------------------------------------------------------

config::Settings Scene::make_settings() {
    config::Settings settings;
    settings.pgring.auth_type = config::AuthType::Trust;
    settings.pgring.receive_buffers = 64;
    settings.databases.push_back({.name = "*"});
    return settings;
}

Stage::Stage(Scene scene)
    : settings_(std::move(scene.settings)),
      logins_(scene.logins),
      access_(make_access(scene, random_)),
      process_(scene.workers),
      connects_(scene.servers + config::other_peers(settings_).size(), Connects::Accepted) {
    for (std::size_t i = 0; i < scene.servers; ++i) {
        settings_.servers.push_back({.name = "pg-" + std::to_string(i), .host = "192.0.2.1"});
    }
    publish(0);
    for (std::size_t i = 0; i < scene.workers; ++i) {
        workers_.push_back(
            std::make_unique<proxy::Worker>(proxy::WorkerOptions{.index = static_cast<pool::WorkerIndex>(i),
                                                                 .settings = settings_,
                                                                 .access = access_,
                                                                 .process = process_,
                                                                 .log = log_,
                                                                 .random = random_,
                                                                 .topology = topology_,
                                                                 .now = now_}));
    }
}

Stage::~Stage() {
    mail_held_ = false;
    let_leave();
    for (Client& client : clients_) {
        client.reads_again();
        client.hangs_up();
    }
    for (const auto& worker : workers_) {
        // Else min_pool_size would have what hangs up opened anew.
        worker->shut_down(proxy::Worker::Shutdown::Now, now_);
    }
    for (Backend& backend : backends_) {
        backend.hangs_up();
    }
    settle();
    EXPECT_EQ(process_.budgets.taken(), 0U);
    for (const auto& worker : workers_) {
        EXPECT_EQ(worker->session_count(), 0U);
        EXPECT_EQ(worker->connection_count(), 0U);
        EXPECT_EQ(worker->buffers().large_free_count(), worker->buffers().large_count());
        EXPECT_EQ(worker->buffers().small_in_use_count(), 0U);
        EXPECT_EQ(worker->buffers().nodes_in_use_count(), 0U);
    }
}

Client& Stage::client(std::size_t worker) {
    Client& client = clients_.emplace_back(*this, worker);
    base::NetworkAddress const peer{
        .family = base::AddressFamily::IPv4, .bytes = {192, 0, 2, 7}, .port = 4000};
    auto const socket = workers_[worker]->accepted(peer, auth::Transport::PlainTcp, now_);
    client.closed_ = !socket.has_value();
    if (socket.has_value()) {
        client.socket_ = *socket;
        actors_[{worker, socket->bits()}] = &client;
    }
    settle();
    return client;
}

Client& Stage::logged_in(std::size_t worker, std::source_location where) {
    return logged_in_as({{"user", "app"}, {"database", "db"}}, worker, where);
}

Client& Stage::logged_in_as(const Parameters& parameters, std::size_t worker, std::source_location where) {
    Client& made = client(worker);
    made.logs_in(parameters, where);
    return made;
}

Backend& Stage::backend(std::size_t index) {
    if (index >= backends_.size()) {
        throw std::out_of_range("the worker has opened only " + std::to_string(backends_.size()) +
                                " backends");
    }
    return backends_[index];
}

std::size_t Stage::open_backend_count() const {
    return static_cast<std::size_t>(std::ranges::count(backends_, false, &Backend::closed));
}

void Stage::publish(std::optional<std::size_t> primary, std::initializer_list<std::size_t> down) {
    auto topology = std::make_shared<topology::Topology>();
    topology->generation = topology_ == nullptr ? 1 : topology_->generation + 1;
    for (std::size_t i = 0; i < settings_.servers.size(); ++i) {
        bool const is_down = std::ranges::find(down, i) != down.end();
        topology->servers.push_back({.name = settings_.servers[i].name,
                                     .role = primary == i ? topology::Role::Primary : topology::Role::Standby,
                                     .health = is_down ? topology::Health::Down : topology::Health::Up});
    }
    if (primary.has_value()) {
        topology->primary = topology::ServerIndex{static_cast<std::uint16_t>(*primary)};
    }
    topology->check_invariants();
    topology_ = std::move(topology);
    for (const auto& worker : workers_) {
        worker->topology_changed(topology_, now_);
    }
    settle();
}

void Stage::passes(base::Duration duration) {
    base::Instant const until = now_ + duration;
    while (now_ < until) {
        base::Instant next = until;
        for (const auto& worker : workers_) {
            next = std::min(next, worker->next_wake());
        }
        now_ = std::max(next, now_ + 1ns);
        settle();
    }
}

void Stage::deliver_mail() {
    mail_held_ = false;
    settle();
}

void Stage::let_leave() {
    leaving_held_ = false;
    for (Actor* const actor : std::exchange(leaving_, {})) {
        let_go(*actor);
    }
    settle();
}

void Stage::let_go(Actor& actor) {
    if (actor.closed_) {
        return;
    }
    std::optional<proxy::LentBackend> backend = workers_[actor.worker_]->let_go(actor.socket_, now_);
    if (backend.has_value()) {
        actors_.erase({actor.worker_, actor.socket_.bits()});
        crossing_.push_back({.backend = std::move(*backend), .actor = &actor});
    }
}

void Stage::bring(Crossing crossing) {
    Actor& actor = *crossing.actor;
    std::size_t const to = crossing.backend.to;
    std::optional<proxy::SocketId> const socket = workers_[to]->borrowed(std::move(crossing.backend), now_);
    actor.closed_ = !socket.has_value();
    if (!socket.has_value()) {
        return;
    }
    actor.worker_ = to;
    actor.socket_ = *socket;
    actors_[{to, socket->bits()}] = &actor;
    if (actor.hung_up_) {
        workers_[to]->hung_up(*socket, now_);
    }
}

void Stage::settle() {
    for (bool more = true; more;) {
        more = false;
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            workers_[i]->step(now_);
            std::vector<proxy::Action> const actions = std::exchange(workers_[i]->actions(), {});
            for (const proxy::Action& action : actions) {
                perform(i, action);
                more = true;
            }
            std::ranges::move(workers_[i]->posted(), std::back_inserter(mail_));
            workers_[i]->posted().clear();
        }
        if (!mail_held_) {
            for (const proxy::Posted& posted : std::exchange(mail_, {})) {
                workers_[posted.to]->message(posted.message, now_);
                more = true;
            }
            for (Crossing& crossing : std::exchange(crossing_, {})) {
                bring(std::move(crossing));
                more = true;
            }
        }
        std::vector<Actor*> present;
        for (const auto& [key, actor] : actors_) {
            present.push_back(actor);
        }
        for (Actor* actor : present) {
            more = receive(*actor, buffer::kLargeBytes) || more;
        }
        for (const auto& worker : workers_) {
            worker->check_invariants();
        }
        check_tokens();
    }
}

/// None is lost, none is doubled, wherever its backend is.
void Stage::check_tokens() const {
    std::size_t count = crossing_.size();
    for (const auto& worker : workers_) {
        count += worker->token_count();
    }
    ASSERT(count == process_.budgets.taken());
}

void Stage::perform(std::size_t worker, const proxy::Action& action) {
    if (action.kind == proxy::Action::Kind::Suspect) {
        suspected_.push_back(action.server.value);
        return;
    }
    if (action.kind == proxy::Action::Kind::Connect) {
        connect(worker, action.socket, action.server.value);
        return;
    }
    if (action.kind == proxy::Action::Kind::ConnectPeer) {
        connect(worker, action.socket, settings_.servers.size() + action.peer.value);
        return;
    }
    Actor* const actor = actor_of(worker, action.socket);
    ASSERT(actor != nullptr);
    switch (action.kind) {
        case proxy::Action::Kind::Send:
            if (actor->reading_) {
                send(*actor);
            } else {
                actor->send_waits_ = true;
            }
            break;
        case proxy::Action::Kind::Pause:
            actor->paused_ = true;
            break;
        case proxy::Action::Kind::Resume:
            actor->paused_ = false;
            break;
        case proxy::Action::Kind::Lend:
            if (leaving_held_) {
                leaving_.push_back(actor);
            } else {
                let_go(*actor);
            }
            break;
        case proxy::Action::Kind::Close:
            actor->closed_ = true;
            actor->send_waits_ = false;
            actors_.erase({worker, action.socket.bits()});
            workers_[worker]->closed(action.socket);
            break;
        case proxy::Action::Kind::Connect:
        case proxy::Action::Kind::ConnectPeer:
        case proxy::Action::Kind::Suspect:
            break;
    }
}

void Stage::connect(std::size_t worker, proxy::SocketId socket, std::size_t server) {
    auto const process_id = static_cast<std::uint32_t>(1000 + backends_.size());
    Backend& backend = backends_.emplace_back(*this, worker, server, process_id);
    backend.socket_ = socket;
    actors_[{worker, socket.bits()}] = &backend;
    switch (connects_[server]) {
        case Connects::Accepted:
            workers_[worker]->connected(socket, now_);
            break;
        case Connects::Refused:
            workers_[worker]->connect_failed(socket, "connection refused", now_);
            break;
        case Connects::Unanswered:
            break;
    }
}

void Stage::send(Actor& actor) {
    std::span<const std::byte> pieces[64];
    std::size_t const count = workers_[actor.worker_]->outgoing(actor.socket_).gather(pieces);
    std::size_t size_bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
        actor.heard_.append(reinterpret_cast<const char*>(pieces[i].data()), pieces[i].size());
        size_bytes += pieces[i].size();
    }
    ASSERT(size_bytes > 0);
    actor.on_heard();
    workers_[actor.worker_]->sent(actor.socket_, size_bytes, now_);
}

bool Stage::receive(Actor& actor, std::size_t bytes_max) {
    if (actor.closed_ || actor.paused_ || actor.unsaid_.empty()) {
        return false;
    }
    proxy::Worker& worker = *workers_[actor.worker_];
    buffer::Buffer* const buffer = take_buffer(worker, actor);
    if (buffer == nullptr) {
        return false;
    }
    std::size_t const count = std::min({actor.unsaid_.size(), bytes_max, std::size_t{buffer::kLargeBytes}});
    std::memcpy(buffer->data, actor.unsaid_.data(), count);
    actor.unsaid_.erase(0, count);
    worker.received(actor.socket_, buffer::Slice(*buffer, 0, static_cast<std::uint32_t>(count)), now_);
    return true;
}

/// As the reactor does: clients leave a quarter of the buffers to the backends.
buffer::Buffer* Stage::take_buffer(proxy::Worker& worker, const Actor& actor) {
    std::uint32_t const reserve = worker.is_backend(actor.socket_) ? 0 : worker.buffers().large_count() / 4;
    return worker.buffers().large_free_count() > reserve ? worker.buffers().take_large() : nullptr;
}

Actor* Stage::actor_of(std::size_t worker, proxy::SocketId socket) {
    auto const found = actors_.find({worker, socket.bits()});
    return found == actors_.end() ? nullptr : found->second;
}

}  // namespace pgring::conversation
