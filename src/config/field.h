#pragma once
/// The step between a Datum and a member of a settings struct. `field<&PgringSettings::listen_port>` knows,
/// from the type of the member alone, what can be written there and how to store it.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "config/settings.h"
#include "config/value_type.h"

namespace pgring::config {

/// A member of `Struct`, whatever its type.
template <class Struct>
struct Field {
    ValueType type;
    /// nullopt where the member is an empty std::optional.
    std::optional<Datum> (*get)(const Struct& settings);
    /// `datum` is what read() gave for `type`.
    void (*set)(Struct& settings, Datum datum);
};

/// The words of an enumeration, in the order of its enumerators, which count from zero.
template <class E>
inline constexpr std::span<const std::string_view> kWords{};

inline constexpr std::string_view kPoolModeWords[] = {"session", "transaction", "statement"};
template <>
inline constexpr std::span<const std::string_view> kWords<PoolMode>{kPoolModeWords};

inline constexpr std::string_view kUnpoolableStatementsWords[] = {"pin", "refuse"};
template <>
inline constexpr std::span<const std::string_view> kWords<UnpoolableStatements>{kUnpoolableStatementsWords};

inline constexpr std::string_view kUnknownFunctionsWords[] = {"ask", "trust"};
template <>
inline constexpr std::span<const std::string_view> kWords<UnknownFunctions>{kUnknownFunctionsWords};

inline constexpr std::string_view kMultiplexWords[] = {"off", "sync"};
template <>
inline constexpr std::span<const std::string_view> kWords<Multiplex>{kMultiplexWords};

inline constexpr std::string_view kAuthTypeWords[] = {"scram-sha-256", "md5", "password", "trust", "hba"};
template <>
inline constexpr std::span<const std::string_view> kWords<AuthType>{kAuthTypeWords};

inline constexpr std::string_view kLogFormatWords[] = {"text", "json"};
template <>
inline constexpr std::span<const std::string_view> kWords<LogFormat>{kLogFormatWords};

inline constexpr std::string_view kRingModeWords[] = {"auto", "defer", "coop", "plain"};
template <>
inline constexpr std::span<const std::string_view> kWords<RingMode>{kRingModeWords};

inline constexpr std::string_view kLogLevelWords[] = {"debug", "info", "warning", "error"};
template <>
inline constexpr std::span<const std::string_view> kWords<base::LogLevel>{kLogLevelWords};

namespace detail {

template <class T>
struct IsDuration : std::false_type {};
template <class Rep, class Period>
struct IsDuration<std::chrono::duration<Rep, Period>> : std::true_type {};

template <class T>
struct WithoutOptional {
    using Type = T;
};
template <class T>
struct WithoutOptional<std::optional<T>> {
    using Type = T;
};

template <class T>
consteval ValueType value_type_of() {
    if constexpr (std::is_same_v<T, bool>) {
        return {.kind = Kind::Boolean};
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
        return {.kind = Kind::Size};
    } else if constexpr (std::is_unsigned_v<T>) {
        return {.kind = Kind::Count};
    } else if constexpr (IsDuration<T>::value) {
        // Milliseconds are the type of options whose namesake elsewhere counts in them.
        return {.kind = Kind::Duration,
                .tick = T(1),
                .bare_unit = std::is_same_v<T, std::chrono::milliseconds>
                                 ? base::Duration(std::chrono::milliseconds(1))
                                 : base::Duration(std::chrono::seconds(1))};
    } else if constexpr (std::is_same_v<T, FileMode>) {
        return {.kind = Kind::Mode};
    } else if constexpr (std::is_same_v<T, std::string>) {
        return {.kind = Kind::Text};
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
        return {.kind = Kind::List};
    } else {
        static_assert(std::is_enum_v<T> && !kWords<T>.empty(), "a type that no option had so far");
        return {.kind = Kind::Choice, .words = kWords<T>};
    }
}

template <class T>
T from_datum(Datum datum) {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string> ||
                  std::is_same_v<T, std::vector<std::string>>) {
        return std::get<T>(std::move(datum));
    } else if constexpr (IsDuration<T>::value) {
        return std::chrono::duration_cast<T>(base::Duration(std::get<std::int64_t>(datum)));
    } else if constexpr (std::is_same_v<T, FileMode>) {
        return FileMode{static_cast<std::uint32_t>(std::get<std::int64_t>(datum))};
    } else {
        return static_cast<T>(std::get<std::int64_t>(datum));
    }
}

template <class T>
Datum to_datum(const T& value) {
    if constexpr (IsDuration<T>::value) {
        return base::Duration(value).count();
    } else if constexpr (std::is_same_v<T, FileMode>) {
        return std::int64_t{value.bits};
    } else if constexpr (std::is_enum_v<T> || (std::is_unsigned_v<T> && !std::is_same_v<T, bool>)) {
        return static_cast<std::int64_t>(value);
    } else {
        return value;
    }
}

template <class Struct, class Member, Member Struct::*Pointer>
consteval Field<Struct> make_field() {
    using T = typename WithoutOptional<Member>::Type;
    return Field<Struct>{
        .type = value_type_of<T>(),
        .get = [](const Struct& settings) -> std::optional<Datum> {
            if constexpr (std::is_same_v<T, Member>) {
                return to_datum(settings.*Pointer);
            } else {
                const Member& member = settings.*Pointer;
                return member ? std::optional<Datum>(to_datum(*member)) : std::nullopt;
            }
        },
        .set = [](Struct& settings, Datum datum) { settings.*Pointer = from_datum<T>(std::move(datum)); },
    };
}

template <auto Pointer>
struct FieldOf;
template <class Struct, class Member, Member Struct::*Pointer>
struct FieldOf<Pointer> {
    static constexpr Field<Struct> kField = make_field<Struct, Member, Pointer>();
};

}  // namespace detail

/// The field that `Pointer`, a pointer to a member, names.
template <auto Pointer>
inline constexpr auto field = detail::FieldOf<Pointer>::kField;

}  // namespace pgring::config
