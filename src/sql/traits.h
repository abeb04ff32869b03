#pragma once
/// What a statement is, as far as a proxy must know before it forwards it: where it may run, what it does to
/// transactions, and what it leaves behind in the session. Found by sql::Classifier; judged by nobody else.

#include <bit>
#include <cstdint>

namespace pgring::sql {

/// Where a statement may run.
enum class Access : std::uint8_t {
    Read,   ///< a standby gives the same answer; also what runs anywhere (SET, COMMIT, empty text)
    Write,  ///< primary only: it writes, reads the primary's own state, or is not provably a read
};

/// What a statement does to transactions. In a text of several statements that holds any transaction control:
/// `Mixed`.
enum class Control : std::uint8_t {
    None,
    Begin,              ///< BEGIN or START TRANSACTION that may write
    BeginReadOnly,      ///< ... READ ONLY at an isolation level that a standby has (so not SERIALIZABLE)
    BeginSerializable,  ///< ... ISOLATION LEVEL SERIALIZABLE, READ ONLY or not: a standby answers 0A000
    Commit,
    CommitAndChain,
    Rollback,
    RollbackAndChain,
    Savepoint,
    RollbackTo,
    Release,
    PrepareTransaction,
    CommitPrepared,
    RollbackPrepared,
    Mixed,
};

/// One thing that a statement leaves behind in the session, or does to what was left behind. A bit of
/// Effects.
enum class Effect : std::uint32_t {
    /// SET of a parameter that PostgreSQL 15 reports by ParameterStatus, so its value need not be read from
    /// the text.
    SetReportedParameter = 1U << 0U,
    /// SET of any other parameter; sql::settings_of() reads the name.
    SetParameter = 1U << 1U,
    /// RESET name, SET name TO DEFAULT, SET LOCAL name TO DEFAULT.
    ResetParameter = 1U << 2U,
    /// RESET ALL.
    ResetAll = 1U << 3U,
    /// SET ROLE, SET SESSION AUTHORIZATION and their RESET.
    SetRole = 1U << 4U,
    /// Changes default_transaction_isolation, _read_only or _deferrable, so later statements may belong
    /// elsewhere.
    SetTransactionDefaults = 1U << 5U,
    /// A function sets session state inside a query (set_config(.., false), setseed); settings_of() may still
    /// tell.
    SetSessionState = 1U << 6U,
    DiscardAll = 1U << 7U,
    /// DISCARD TEMP.
    DiscardTemporary = 1U << 8U,
    /// DISCARD PLANS or SEQUENCES.
    DiscardOther = 1U << 9U,
    /// Makes a temporary object that outlives the transaction.
    TemporaryObject = 1U << 10U,
    /// Takes an advisory lock that outlives the transaction.
    AdvisoryLock = 1U << 11U,
    /// pg_advisory_unlock(), pg_advisory_unlock_all().
    AdvisoryUnlock = 1U << 12U,
    /// DECLARE .. WITH HOLD.
    HoldCursor = 1U << 13U,
    /// CLOSE.
    CloseCursor = 1U << 14U,
    Listen = 1U << 15U,
    Unlisten = 1U << 16U,
    /// LOAD 'library'.
    LoadLibrary = 1U << 17U,
    SqlPrepare = 1U << 18U,
    /// EXECUTE: to what the traits say comes what the statement does that was prepared.
    SqlExecute = 1U << 19U,
    SqlDeallocate = 1U << 20U,
    /// nextval, setval: the session remembers the value.
    SequenceState = 1U << 21U,
    /// Calls a function that the tables do not know; it could do anything, and rarely does. Traits::functions
    /// tells which.
    UnknownFunction = 1U << 22U,
    /// DO, CALL: code of the client's own runs and may change any of the above.
    MayChangeSession = 1U << 23U,
    /// Nobody looked: text too long, nested too deep, lexed by other rules, or one new shape too many.
    /// Anything may be in it.
    Unjudged = 1U << 24U,
    /// PostgreSQL 15's grammar rejects it. So will the server, and then nothing is left behind, unless it is
    /// newer.
    Unparsed = 1U << 25U,
    /// DROP of anything, so perhaps of a temporary object.
    DropObject = 1U << 26U,
    /// currval, lastval: reads what the session remembers of sequences.
    SequenceMemory = 1U << 27U,
    /// DROP, RENAME, .. of a database that nobody else may be connected to; vacated_databases() tells which.
    VacatesDatabase = 1U << 28U,
    /// COPY .. FROM STDIN: reads what the client sends behind it.
    CopyIn = 1U << 29U,
    /// CREATE, ALTER, DROP of a function or an extension: what is known of functions may not hold any more.
    ChangesFunctions = 1U << 30U,
};

/// A set of Effect.
class Effects {
  public:
    constexpr Effects() = default;
    constexpr Effects(Effect effect)
        : bits_(static_cast<std::uint32_t>(effect)) {}  // NOLINT: an effect is a set of one

    [[nodiscard]] constexpr bool has(Effect effect) const {
        return (bits_ & static_cast<std::uint32_t>(effect)) != 0;
    }
    [[nodiscard]] constexpr bool has_any(Effects others) const { return (bits_ & others.bits_) != 0; }
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
    [[nodiscard]] constexpr int size() const { return std::popcount(bits_); }
    [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }

    [[nodiscard]] constexpr Effects without(Effects others) const { return from_bits(bits_ & ~others.bits_); }
    constexpr Effects& operator|=(Effects others) {
        bits_ |= others.bits_;
        return *this;
    }
    friend constexpr Effects operator|(Effects left, Effects right) { return left |= right; }
    friend constexpr bool operator==(Effects, Effects) = default;

  private:
    static constexpr Effects from_bits(std::uint32_t bits) {
        Effects effects;
        effects.bits_ = bits;
        return effects;
    }

    std::uint32_t bits_ = 0;
};

constexpr Effects operator|(Effect left, Effect right) {
    return Effects(left) | Effects(right);
}

/// How many statements a text holds. `Empty` (nothing but space, comments, semicolons) is answered
/// EmptyQueryResponse.
enum class StatementCount : std::uint8_t { Empty, One, Many };

/// What the client asks for in a comment of the form `/* pgring: primary */` or `/* pgring: standby */`.
enum class Hint : std::uint8_t { None, Primary, Standby };

/// A set of functions that the tables do not know, as a text calls them: a number of FunctionNames.
enum class FunctionSet : std::uint32_t {
    None = 0,
    /// Some whose names nobody keeps.
    Nameless = 1,
};

/// The whole judgement on one text. Of several statements: the union of effects, Write where any one writes.
struct Traits {
    Effects effects;
    Access access = Access::Write;
    Control control = Control::None;
    StatementCount statements = StatementCount::One;
    Hint hint = Hint::None;
    FunctionSet functions = FunctionSet::None;

    /// Whether a BEGIN stands alone in its text, so that it can be held back and travel with the next
    /// statement.
    [[nodiscard]] constexpr bool begin_deferrable() const {
        return statements == StatementCount::One && control >= Control::Begin &&
               control <= Control::BeginSerializable;
    }

    friend constexpr bool operator==(const Traits&, const Traits&) = default;
};
static_assert(sizeof(Traits) == 12, "a cache entry holds key, traits and age in 32 bytes");

/// The judgement on a text that nobody looked at, and on one that is no SQL.
inline constexpr Traits kUnjudged{.effects = Effect::Unjudged};
inline constexpr Traits kUnparsed{.effects = Effect::Unparsed};

}  // namespace pgring::sql
