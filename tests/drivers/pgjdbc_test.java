// pgjdbc with its default settings through pgring: statements are prepared on the server when they are executed for the
// fifth time. Every check is made by eight sessions at once. Connects by libpq's environment variables; prints what
// holds, line by line; the status is 0 only if all of it does.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;

class PgjdbcTest {
    static final int SESSIONS = 8;

    interface Check {
        void run(int session) throws Exception;
    }

    interface Action {
        void run() throws Exception;
    }

    static Connection connect(String... properties) throws SQLException {
        Map<String, String> environment = System.getenv();
        Properties all = new Properties();
        all.setProperty("user", environment.get("PGUSER"));
        all.setProperty("password", environment.get("PGPASSWORD"));
        all.setProperty("sslmode", "disable");
        for (int i = 0; i < properties.length; i += 2) {
            all.setProperty(properties[i], properties[i + 1]);
        }
        String url = "jdbc:postgresql://" + environment.get("PGHOST") + ":" + environment.get("PGPORT") + "/"
            + environment.get("PGDATABASE");
        return DriverManager.getConnection(url, all);
    }

    static void check(boolean holds, Object... found) {
        if (!holds) {
            throw new AssertionError(List.of(found).toString());
        }
    }

    static void equal(Object wanted, Object found) {
        check(Objects.equals(wanted, found), "wanted " + wanted, "found " + found);
    }

    static void failsWith(String state, Action action) throws Exception {
        try {
            action.run();
        } catch (SQLException exception) {
            equal(state, exception.getSQLState());
            return;
        }
        throw new AssertionError("no error " + state);
    }

    static Object value(Connection connection, String text, Object... arguments) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(text)) {
            for (int i = 0; i < arguments.length; i++) {
                statement.setObject(i + 1, arguments[i]);
            }
            try (ResultSet rows = statement.executeQuery()) {
                check(rows.next(), "no row");
                return rows.getObject(1);
            }
        }
    }

    static void execute(Connection connection, String text) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(text);
        }
    }

    static void typesComeBackAsTheyWent(int session) throws Exception {
        try (Connection connection = connect()) {
            UUID uuid = new UUID(session, 7);
            OffsetDateTime time = OffsetDateTime.of(2024, 2, 29, 12, 30, 1, 999_999_000, ZoneOffset.UTC);
            // Ten times: from the fifth on the statement has a name and its results are binary.
            try (PreparedStatement statement = connection.prepareStatement(
                     "select ?::int8, ?::float8, ?::numeric, ?::text, ?::bytea, ?::timestamptz, ?::date, ?::uuid, "
                     + "?::int[], ?::boolean, ?::int")) {
                for (int repetition = 0; repetition < 10; repetition++) {
                    statement.setLong(1, (1L << 40) + session);
                    statement.setDouble(2, 1.5);
                    statement.setBigDecimal(3, new BigDecimal("12345678901234567890.123456789"));
                    statement.setString(4, "naïve €\t\n");
                    statement.setBytes(5, new byte[] {0, -1, 65});
                    statement.setObject(6, time);
                    statement.setObject(7, LocalDate.of(1999, 12, 31));
                    statement.setObject(8, uuid);
                    statement.setArray(9, connection.createArrayOf("int4", new Integer[] {1, null, 3}));
                    statement.setBoolean(10, true);
                    statement.setNull(11, Types.INTEGER);
                    try (ResultSet row = statement.executeQuery()) {
                        check(row.next(), "no row");
                        equal((1L << 40) + session, row.getLong(1));
                        equal(1.5, row.getDouble(2));
                        equal(new BigDecimal("12345678901234567890.123456789"), row.getBigDecimal(3));
                        equal("naïve €\t\n", row.getString(4));
                        check(java.util.Arrays.equals(new byte[] {0, -1, 65}, row.getBytes(5)), "bytea");
                        equal(time, row.getObject(6, OffsetDateTime.class));
                        equal(LocalDate.of(1999, 12, 31), row.getObject(7, LocalDate.class));
                        equal(uuid, row.getObject(8));
                        Array array = row.getArray(9);
                        check(java.util.Arrays.equals(new Integer[] {1, null, 3}, (Integer[]) array.getArray()), array);
                        equal(true, row.getBoolean(10));
                        row.getInt(11);
                        check(row.wasNull(), "not null");
                    }
                }
            }
        }
    }

    static void preparedStatementsServeManyTransactions(int session) throws Exception {
        try (Connection connection = connect()) {
            // S_1, S_2, ... stand for other texts in each session.
            try (PreparedStatement first = connection.prepareStatement("select " + session + " * 1000 + ?::int");
                 PreparedStatement second = connection.prepareStatement("select '" + session + " ' || ?::text")) {
                for (int number = 0; number < 40; number++) {
                    connection.setAutoCommit(number % 2 == 0);
                    first.setInt(1, number);
                    try (ResultSet row = first.executeQuery()) {
                        row.next();
                        equal(session * 1000 + number, row.getInt(1));
                    }
                    second.setString(1, "text " + number);
                    try (ResultSet row = second.executeQuery()) {
                        row.next();
                        equal(session + " text " + number, row.getString(1));
                    }
                    if (!connection.getAutoCommit()) {
                        connection.commit();
                    }
                }
                check(first.unwrap(PGStatement.class).isUseServerPrepare(), "not prepared on the server");
            }
        }
    }

    static void moreStatementsThanTheCacheHolds(int session) throws Exception {
        try (Connection connection = connect("preparedStatementCacheQueries", "20")) {
            for (int repetition = 0; repetition < 8; repetition++) {
                for (int number = 0; number < 30; number++) {
                    equal(number + session, value(connection, "select " + number + " + ?::int", session));
                }
            }
        }
    }

    static void aChangedTableIsSeenThroughTheCache(int session) throws Exception {
        try (Connection connection = connect()) {
            String table = "jdbc_changing_" + session;
            execute(connection, "drop table if exists " + table);
            execute(connection, "create table " + table + " as select 1 as id");
            try (PreparedStatement statement = connection.prepareStatement("select * from " + table + " where id = ?")) {
                for (int repetition = 0; repetition < 30; repetition++) {
                    if (repetition == 12) {
                        execute(connection, "alter table " + table + " add column more text default 'more'");
                    }
                    statement.setInt(1, 1);
                    try (ResultSet row = statement.executeQuery()) {
                        check(row.next(), "no row");
                        equal(repetition < 12 ? 1 : 2, row.getMetaData().getColumnCount());
                        equal(1, row.getInt(1));
                        if (repetition >= 12) {
                            equal("more", row.getString(2));
                        }
                    }
                }
            }
            execute(connection, "drop table " + table);
        }
    }

    static void parametersOfTheConnectionStay(int session) throws Exception {
        String name = "jdbc " + session;
        String[] properties = {"ApplicationName", name, "currentSchema", "schema_" + session + ",public", "options",
            "-c statement_timeout=" + (20001 + session) + " -c work_mem=5MB"};
        try (Connection connection = connect(properties)) {
            for (int number = 0; number < 10; number++) {
                equal(name, value(connection, "show application_name"));
                connection.setAutoCommit(false);
                equal("schema_" + session + ",public", value(connection, "show search_path"));
                equal((20001 + session) + "ms", value(connection, "show statement_timeout"));
                equal("5MB", value(connection, "show work_mem"));
                equal("ISO, MDY", value(connection, "show DateStyle"));
                equal("UTF8", value(connection, "show client_encoding"));
                equal("3", value(connection, "show extra_float_digits"));
                equal(java.util.TimeZone.getDefault().getID(), value(connection, "show TimeZone"));
                connection.commit();
                connection.setAutoCommit(true);
            }
            connection.setClientInfo("ApplicationName", "changed " + session);
            connection.setSchema("other_" + session);
            for (int number = 0; number < 5; number++) {
                equal("changed " + session, value(connection, "show application_name"));
                equal("other_" + session, value(connection, "show search_path"));
            }
        }
    }

    static void transactionsAndSavepointsRollBack(int session) throws Exception {
        try (Connection connection = connect()) {
            connection.setAutoCommit(false);
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            equal("repeatable read", value(connection, "show transaction_isolation"));
            try (PreparedStatement insert = connection.prepareStatement("insert into jdbc_row values (?, ?)")) {
                insert.setInt(1, session);
                insert.setInt(2, 1);
                insert.executeUpdate();
                Savepoint savepoint = connection.setSavepoint("here");
                insert.setInt(2, 2);
                insert.executeUpdate();
                connection.rollback(savepoint);
                insert.setInt(2, 3);
                insert.executeUpdate();
                connection.commit();
                insert.setInt(2, 4);
                insert.executeUpdate();
                connection.rollback();
            }
            equal("repeatable read", value(connection, "show transaction_isolation"));
            equal("1 3", value(connection, "select string_agg(number::text, ' ' order by number) from jdbc_row "
                + "where session = ?", session));
            connection.commit();
            connection.setReadOnly(true);
            failsWith("25006", () -> execute(connection, "insert into jdbc_row values (0, 0)"));
            connection.rollback();
            connection.setReadOnly(false);
        }
    }

    static void errorsAreRecoveredFrom(int session) throws Exception {
        try (Connection connection = connect()) {
            try (PreparedStatement statement = connection.prepareStatement("select 100 / ?::int")) {
                for (int number = 0; number < 12; number++) {
                    statement.setInt(1, number % 3);
                    if (number % 3 == 0) {
                        failsWith("22012", statement::executeQuery);
                    } else {
                        try (ResultSet row = statement.executeQuery()) {
                            row.next();
                            equal(100 / (number % 3), row.getInt(1));
                        }
                    }
                }
            }
            failsWith("42601", () -> execute(connection, "selct 1"));
            failsWith("42P01", () -> value(connection, "select * from no_such_table where id = ?", 1));
            connection.setAutoCommit(false);
            failsWith("22012", () -> value(connection, "select 1 / ?::int", 0));
            failsWith("25P02", () -> value(connection, "select ?::int", 1));
            connection.rollback();
            equal(session, value(connection, "select ?::int", session));
            connection.commit();
        }
    }

    static void batchesAreExecutedWhole(int session) throws Exception {
        try (Connection connection = connect()) {
            connection.setAutoCommit(false);
            try (PreparedStatement insert = connection.prepareStatement("insert into jdbc_batch values (?, ?)")) {
                for (int batch = 0; batch < 5; batch++) {
                    for (int number = 0; number < 300; number++) {
                        insert.setInt(1, session);
                        insert.setInt(2, batch * 300 + number);
                        insert.addBatch();
                    }
                    int[] counts = insert.executeBatch();
                    equal(300, counts.length);
                    check(java.util.Arrays.stream(counts).allMatch(count -> count == 1), "counts");
                    connection.commit();
                }
                for (int number : new int[] {5000, 5001, 0, 5002}) {
                    insert.setInt(1, session);
                    insert.setInt(2, number);
                    insert.addBatch();
                }
                failsWith("23505", insert::executeBatch);
                connection.rollback();
            }
            equal(1500L, value(connection, "select count(*) from jdbc_batch where session = ?", session));
            connection.commit();
            // The keys that the server made come back with the batch.
            try (PreparedStatement insert = connection.prepareStatement(
                     "insert into jdbc_key (session) values (?)", Statement.RETURN_GENERATED_KEYS)) {
                for (int number = 0; number < 20; number++) {
                    insert.setInt(1, session);
                    insert.addBatch();
                }
                insert.executeBatch();
                int keys = 0;
                try (ResultSet row = insert.getGeneratedKeys()) {
                    for (; row.next(); keys++) {
                        check(row.getInt("id") > 0, "key");
                    }
                }
                equal(20, keys);
            }
            connection.commit();
            connection.setAutoCommit(true);
            try (Statement several = connection.createStatement()) {
                several.addBatch("insert into jdbc_batch values (" + session + ", 9000)");
                several.addBatch("update jdbc_batch set number = 9001 where number = 9000 and session = " + session);
                equal(2, several.executeBatch().length);
            }
        }
    }

    static void rowsAreFetchedInSteps(int session) throws Exception {
        try (Connection connection = connect()) {
            connection.setAutoCommit(false);
            for (int repetition = 0; repetition < 7; repetition++) {
                try (PreparedStatement statement = connection.prepareStatement(
                         "select generate_series(1, ?::int) as n")) {
                    statement.setFetchSize(70);
                    statement.setInt(1, 1000 + session);
                    try (ResultSet rows = statement.executeQuery()) {
                        for (int number = 1; number <= 1000 + session; number++) {
                            check(rows.next(), "the end at " + number);
                            equal(number, rows.getInt(1));
                            if (number == 500) {
                                // The portal stays open meanwhile.
                                equal(session, value(connection, "select ?::int", session));
                            }
                        }
                        check(!rows.next(), "too many");
                    }
                }
                if (repetition % 2 == 0) {
                    connection.commit();
                } else {
                    connection.rollback();
                }
            }
        }
    }

    static void copiesBothWays(int session) throws Exception {
        try (Connection connection = connect()) {
            var copies = connection.unwrap(PGConnection.class).getCopyAPI();
            StringBuilder lines = new StringBuilder();
            for (int number = 0; number < 5000; number++) {
                lines.append(session).append('\t').append(number).append('\n');
            }
            equal(5000L, copies.copyIn("copy jdbc_copy from stdin", new StringReader(lines.toString())));
            connection.setAutoCommit(false);
            StringWriter copied = new StringWriter();
            copies.copyOut("copy (select * from jdbc_copy where session = " + session + " order by number) to stdout",
                copied);
            equal(lines.toString(), copied.toString());
            failsWith("22P02", () -> copies.copyIn("copy jdbc_copy from stdin", new StringReader("x\ty\n")));
            connection.rollback();
            var running = copies.copyIn("copy jdbc_copy from stdin");
            running.writeToCopy("1\t1\n".getBytes(), 0, 4);
            running.cancelCopy();
            connection.rollback();
            equal(5000L, value(connection, "select count(*) from jdbc_copy where session = ?", session));
            connection.commit();
        }
    }

    static void noticesAreWarnings(int session) throws Exception {
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            statement.execute("select jdbc_notice(" + session + ")");
            equal("notice " + session, statement.getWarnings().getMessage());
        }
    }

    static void functionsAreCalled(int session) throws Exception {
        try (Connection connection = connect(); var call = connection.prepareCall("{? = call jdbc_double(?)}")) {
            for (int number = 0; number < 8; number++) {
                call.registerOutParameter(1, Types.INTEGER);
                call.setInt(2, number + session);
                call.execute();
                equal(2 * (number + session), call.getInt(1));
            }
        }
    }

    static void aStatementIsCanceled(int session) throws Exception {
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            long begin = System.nanoTime();
            failsWith("57014", () -> statement.executeQuery("select pg_sleep(30)"));
            check(System.nanoTime() - begin < 15_000_000_000L, "the cancel took too long");
            equal(session, value(connection, "select ?::int", session));
        }
    }

    static void prepareTables() throws SQLException {
        try (Connection connection = connect()) {
            execute(connection,
                "drop table if exists jdbc_row, jdbc_batch, jdbc_key, jdbc_copy;"
                + "create table jdbc_row (session int, number int);"
                + "create table jdbc_batch (session int, number int, primary key (session, number));"
                + "create table jdbc_key (id serial primary key, session int);"
                + "create table jdbc_copy (session int, number int);"
                + "create or replace function jdbc_notice(number int) returns void language plpgsql as "
                + "'begin raise notice ''notice %'', number; end';"
                + "create or replace function jdbc_double(number int) returns int language sql as 'select 2 * $1'");
        }
    }

    static boolean run(ExecutorService threads, String sentence, Check check) throws InterruptedException {
        long begin = System.nanoTime();
        List<Callable<Void>> sessions = new ArrayList<>();
        for (int session = 0; session < SESSIONS; session++) {
            int number = session;
            sessions.add(() -> {
                check.run(number);
                return null;
            });
        }
        Throwable first = null;
        for (Future<Void> future : threads.invokeAll(sessions)) {
            try {
                future.get();
            } catch (java.util.concurrent.ExecutionException exception) {
                first = first == null ? exception.getCause() : first;
            }
        }
        if (first == null) {
            System.out.printf("ok      %s (%.2f s)%n", sentence, (System.nanoTime() - begin) / 1e9);
        } else {
            System.out.printf("FAILED  %s: %s at %s%n", sentence, first, List.of(first.getStackTrace()).stream()
                .filter(frame -> frame.getClassName().equals("PgjdbcTest")).toList());
        }
        return first == null;
    }

    public static void main(String[] arguments) throws Exception {
        System.out.println(org.postgresql.util.DriverInfo.DRIVER_FULL_NAME + ", " + SESSIONS + " sessions");
        prepareTables();
        Map<String, Check> checks = new LinkedHashMap<>();
        checks.put("types come back as they went", PgjdbcTest::typesComeBackAsTheyWent);
        checks.put("prepared statements serve many transactions", PgjdbcTest::preparedStatementsServeManyTransactions);
        checks.put("more statements than the cache holds", PgjdbcTest::moreStatementsThanTheCacheHolds);
        checks.put("a changed table is seen through the cache", PgjdbcTest::aChangedTableIsSeenThroughTheCache);
        checks.put("parameters of the connection stay", PgjdbcTest::parametersOfTheConnectionStay);
        checks.put("transactions and savepoints roll back", PgjdbcTest::transactionsAndSavepointsRollBack);
        checks.put("errors are recovered from", PgjdbcTest::errorsAreRecoveredFrom);
        checks.put("batches are executed whole", PgjdbcTest::batchesAreExecutedWhole);
        checks.put("rows are fetched in steps", PgjdbcTest::rowsAreFetchedInSteps);
        checks.put("copies both ways", PgjdbcTest::copiesBothWays);
        checks.put("notices are warnings", PgjdbcTest::noticesAreWarnings);
        checks.put("functions are called", PgjdbcTest::functionsAreCalled);
        checks.put("a statement is canceled", PgjdbcTest::aStatementIsCanceled);
        ExecutorService threads = Executors.newFixedThreadPool(SESSIONS);
        int held = 0;
        for (Map.Entry<String, Check> entry : checks.entrySet()) {
            held += run(threads, entry.getKey(), entry.getValue()) ? 1 : 0;
        }
        threads.shutdown();
        System.out.println(held + " of " + checks.size() + " hold");
        System.exit(held == checks.size() ? 0 : 1);
    }
}
