<?php
// PHP's PDO and its pg_ functions through pgring, with default settings: PDO prepares every statement with placeholders on
// the server. Every check is made by eight sessions at once, each a process. Connects by libpq's environment variables;
// prints what holds, line by line; the status is 0 only if all of it does.

declare(strict_types=1);

const SESSIONS = 8;

function connected(string $parameters = ''): PDO
{
    return new PDO("pgsql:$parameters", null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
}

function equal(mixed $wanted, mixed $found): void
{
    if ($wanted !== $found) {
        throw new RuntimeException('wanted ' . var_export($wanted, true) . ', found ' . var_export($found, true));
    }
}

function fails_with(string $state, callable $action): void
{
    try {
        $action();
    } catch (PDOException $exception) {
        equal($state, $exception->getCode());
        return;
    }
    throw new RuntimeException("no error $state");
}

function value(PDO $connection, string $text, mixed ...$arguments): mixed
{
    $statement = $connection->prepare($text);
    $statement->execute($arguments);
    return $statement->fetchColumn();
}

$checks = [
    'types come back as they went' => function (int $session): void {
        $connection = connected();
        $statement = $connection->prepare('select ?::int8, ?::text, ?::float8, ?::boolean, ?::bytea, ?::int');
        $bytes = implode('', array_map('chr', range(0, 255)));
        for ($repetition = 0; $repetition < 5; $repetition++) {
            $statement->bindValue(1, 2 ** 40 + $session, PDO::PARAM_INT);
            $statement->bindValue(2, "naïve €\t");
            $statement->bindValue(3, 1.5);
            $statement->bindValue(4, true, PDO::PARAM_BOOL);
            $statement->bindValue(5, $bytes, PDO::PARAM_LOB);
            $statement->bindValue(6, null, PDO::PARAM_NULL);
            $statement->execute();
            $row = $statement->fetch(PDO::FETCH_NUM);
            $row[4] = stream_get_contents($row[4]);
            equal([2 ** 40 + $session, "naïve €\t", $row[2], true, $bytes, null], $row);
            equal(1.5, (float) $row[2]);
        }
    },
    'prepared statements serve many transactions' => function (int $session): void {
        $connection = connected();
        $first = $connection->prepare("select $session * 1000 + ?::int");
        $second = $connection->prepare("select '$session ' || :text::text");
        for ($number = 0; $number < 30; $number++) {
            if ($number % 2) {
                $connection->beginTransaction();
            }
            $first->execute([$number]);
            equal($session * 1000 + $number, $first->fetchColumn());
            $second->execute(['text' => "text $number"]);
            equal("$session text $number", $second->fetchColumn());
            if ($number % 2) {
                $connection->commit();
            }
        }
        // A statement that goes away is deallocated by PDO.
        for ($number = 0; $number < 30; $number++) {
            equal($number + $session, value($connection, "select $number + ?::int", $session));
        }
    },
    'parameters of the connection stay' => function (int $session): void {
        $options = "-c search_path=schema_$session,public -c TimeZone=Etc/GMT-" . ($session + 1);
        $connection = connected("application_name='php $session';options='$options'");
        for ($number = 0; $number < 10; $number++) {
            equal("php $session", value($connection, 'show application_name'));
            $connection->beginTransaction();
            equal("schema_$session,public", value($connection, 'show search_path'));
            equal('Etc/GMT-' . ($session + 1), value($connection, 'show timezone'));
            $connection->commit();
        }
        $connection->exec("set datestyle = 'German'; set work_mem = '7MB'");
        for ($number = 0; $number < 5; $number++) {
            equal('German, DMY', value($connection, 'show datestyle'));
            equal('7MB', value($connection, 'show work_mem'));
        }
    },
    'transactions and savepoints roll back' => function (int $session): void {
        $connection = connected();
        $insert = $connection->prepare('insert into php_row (session, number) values (?, ?) returning id');
        $connection->beginTransaction();
        $insert->execute([$session, 1]);
        $id = $insert->fetchColumn();
        equal((string) $id, $connection->lastInsertId('php_row_id_seq'));
        $connection->exec('savepoint here');
        $insert->execute([$session, 2]);
        $connection->exec('rollback to savepoint here');
        $insert->execute([$session, 3]);
        equal(true, $connection->inTransaction());
        $connection->commit();
        $connection->beginTransaction();
        $insert->execute([$session, 4]);
        $connection->rollBack();
        $statement = $connection->prepare('select number from php_row where session = ? order by number');
        $statement->execute([$session]);
        equal([1, 3], $statement->fetchAll(PDO::FETCH_COLUMN));
    },
    'errors are recovered from' => function (int $session): void {
        $connection = connected();
        $statement = $connection->prepare('select 100 / ?::int');
        for ($number = 0; $number < 12; $number++) {
            if ($number % 3 === 0) {
                fails_with('22012', fn() => $statement->execute([0]));
            } else {
                $statement->execute([$number % 3]);
                equal(intdiv(100, $number % 3), $statement->fetchColumn());
            }
        }
        fails_with('42601', fn() => $connection->exec('selct 1'));
        fails_with('42P01', fn() => value($connection, 'select * from no_such_table where id = ?', 1));
        $connection->beginTransaction();
        fails_with('22012', fn() => value($connection, 'select 1 / ?::int', 0));
        fails_with('25P02', fn() => value($connection, 'select ?::int', 1));
        $connection->rollBack();
        equal($session, value($connection, 'select ?::int', $session));
    },
    'copies both ways' => function (int $session): void {
        $connection = connected();
        $lines = array_map(fn($number) => "$session\t$number\n", range(0, 1999));
        equal(true, $connection->pgsqlCopyFromArray('php_copy', $lines));
        equal($lines, $connection->pgsqlCopyToArray("(select * from php_copy where session = $session order by number)"));
    },
    'cursors fetch in steps' => function (int $session): void {
        $connection = connected();
        $connection->beginTransaction();
        $cursor = $connection->prepare('select generate_series(1, ?::int)', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
        $cursor->execute([100 + $session]);
        for ($number = 1; $number <= 100 + $session; $number++) {
            equal($number, $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_NEXT)[0]);
        }
        equal(1, $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_FIRST)[0]);
        $connection->commit();
    },
    'large objects are written and read' => function (int $session): void {
        $connection = connected();
        $connection->beginTransaction();
        $id = $connection->pgsqlLOBCreate();
        $stream = $connection->pgsqlLOBOpen($id, 'w');
        fwrite($stream, str_repeat("$session", 20000));
        fclose($stream);
        equal(str_repeat("$session", 20000), stream_get_contents($connection->pgsqlLOBOpen($id, 'r')));
        $connection->pgsqlLOBUnlink($id);
        $connection->commit();
    },
    'the pg_ functions prepare, copy and tell notices' => function (int $session): void {
        $connection = pg_connect('', PGSQL_CONNECT_FORCE_NEW);
        equal(true, pg_prepare($connection, 'mine', "select $session + $1::int") !== false);
        for ($number = 0; $number < 15; $number++) {
            equal((string) ($session + $number), pg_fetch_result(pg_execute($connection, 'mine', [$number]), 0, 0));
            equal("x$number", pg_fetch_result(pg_query_params($connection, 'select $1::text', ["x$number"]), 0, 0));
        }
        pg_query($connection, "select php_notice($session)");
        equal("NOTICE:  notice $session", explode("\n", pg_last_notice($connection))[0]);
        pg_send_query($connection, 'select 1; select 2');
        equal('1', pg_fetch_result(pg_get_result($connection), 0, 0));
        equal('2', pg_fetch_result(pg_get_result($connection), 0, 0));
        equal(false, pg_get_result($connection));
        pg_close($connection);
    },
    'a running statement is canceled' => function (int $session): void {
        $connection = pg_connect('', PGSQL_CONNECT_FORCE_NEW);
        pg_send_query($connection, 'select pg_sleep(30)');
        usleep(300000);
        equal(true, pg_cancel_query($connection));
        equal((string) $session, pg_fetch_result(pg_query_params($connection, 'select $1::int', [$session]), 0, 0));
        pg_close($connection);
    },
];

function prepare_tables(): void
{
    connected()->exec(
        "drop table if exists php_row, php_copy;
         create table php_row (id serial primary key, session int, number int);
         create table php_copy (session int, number int);
         create or replace function php_notice(number int) returns void language plpgsql
             as 'begin raise notice ''notice %'', number; end'"
    );
}

/** Runs a check in eight processes; one that fails says why. */
function holds(string $sentence, callable $check): bool
{
    $begin = microtime(true);
    $processes = [];
    for ($session = 0; $session < SESSIONS; $session++) {
        $process = pcntl_fork();
        if ($process === 0) {
            pcntl_alarm(40);
            try {
                $check($session);
                exit(0);
            } catch (Throwable $problem) {
                echo "        session $session, line {$problem->getLine()}: {$problem->getMessage()}\n";
                exit(1);
            }
        }
        $processes[] = $process;
    }
    $failed = 0;
    foreach ($processes as $process) {
        pcntl_waitpid($process, $status);
        $failed += (int) ($status !== 0);
    }
    if ($failed > 0) {
        echo "FAILED  $sentence: $failed of " . SESSIONS . "\n";
    } else {
        printf("ok      %s (%.2f s)\n", $sentence, microtime(true) - $begin);
    }
    return $failed === 0;
}

printf("PHP %s, libpq %s, %d sessions\n", PHP_VERSION, pg_version(pg_connect(''))['client'], SESSIONS);
prepare_tables();
$held = 0;
foreach ($checks as $sentence => $check) {
    $held += (int) holds($sentence, $check);
}
printf("%d of %d hold\n", $held, count($checks));
exit($held === count($checks) ? 0 : 1);
