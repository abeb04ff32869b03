// pgx through pgring, with its default settings: every statement is prepared and kept in a cache, and batches are pipelines.
// Every check is made by eight sessions at once. Connects by libpq's environment variables; prints what holds, line by
// line; the status is 0 only if all of it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

const sessions = 8

type check struct {
	sentence string
	run      func(ctx context.Context, connection *pgx.Conn, session int) error
}

var checks = []check{
	{"types come back as they went", typesComeBack},
	{"cached statements serve many transactions", cachedStatementsServe},
	{"more statements than the cache holds", moreStatementsThanTheCacheHolds},
	{"parameters of the connection stay", parametersStay},
	{"transactions and savepoints roll back", transactionsRollBack},
	{"errors are recovered from", errorsAreRecoveredFrom},
	{"batches are pipelines", batchesArePipelines},
	{"copies rows in", copiesRowsIn},
	{"notices arrive", noticesArrive},
}

func equal(wanted, found interface{}) error {
	if !reflect.DeepEqual(wanted, found) {
		return fmt.Errorf("wanted %v, found %v", wanted, found)
	}
	return nil
}

func failsWith(code string, err error) error {
	var problem *pgconn.PgError
	if !errors.As(err, &problem) || problem.Code != code {
		return fmt.Errorf("wanted error %s, found %v", code, err)
	}
	return nil
}

// first is the first of the errors that is one.
func first(problems ...error) error {
	for _, problem := range problems {
		if problem != nil {
			return problem
		}
	}
	return nil
}

type querier interface {
	QueryRow(ctx context.Context, text string, arguments ...interface{}) pgx.Row
}

func valueIs(ctx context.Context, wanted string, from querier, text string, arguments ...interface{}) error {
	var found string
	if err := from.QueryRow(ctx, text, arguments...).Scan(&found); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return equal(wanted, found)
}

func typesComeBack(ctx context.Context, connection *pgx.Conn, session int) error {
	wantedTime := time.Date(2024, 2, 29, 12, 30, 1, 999999000, time.UTC)
	wantedBytes := []byte{0, 255, 65}
	for repetition := 0; repetition < 5; repetition++ {
		var integer int64
		var text string
		var float float64
		var bytes []byte
		var when time.Time
		var array []int64
		var nothing *int32
		err := connection.QueryRow(ctx,
			"select $1::int8, $2::text, $3::float8, $4::bytea, $5::timestamptz, $6::int8[], $7::int",
			int64(1)<<40+int64(session), "naïve €", 1.5, wantedBytes, wantedTime, []int64{1, 2}, nil,
		).Scan(&integer, &text, &float, &bytes, &when, &array, &nothing)
		if err != nil {
			return err
		}
		if err := first(
			equal(int64(1)<<40+int64(session), integer), equal("naïve €", text), equal(1.5, float),
			equal(wantedBytes, bytes), equal(true, when.Equal(wantedTime)), equal([]int64{1, 2}, array),
			equal(true, nothing == nil),
		); err != nil {
			return err
		}
	}
	return nil
}

func cachedStatementsServe(ctx context.Context, connection *pgx.Conn, session int) error {
	// lrupsc_1_0, lrupsc_1_1, ... stand for other texts and types in each session.
	number := fmt.Sprintf("select (%d * 1000 + $1::int)::text", session)
	text := fmt.Sprintf("select '%d ' || $1::text", session)
	for repetition := 0; repetition < 40; repetition++ {
		transaction, err := connection.Begin(ctx)
		if err != nil {
			return err
		}
		if err := first(
			valueIs(ctx, fmt.Sprint(session*1000+repetition), transaction, number, repetition),
			transaction.Commit(ctx),
			valueIs(ctx, fmt.Sprintf("%d x%d", session, repetition), connection, text, fmt.Sprintf("x%d", repetition)),
		); err != nil {
			return err
		}
	}
	return nil
}

func moreStatementsThanTheCacheHolds(ctx context.Context, connection *pgx.Conn, session int) error {
	// The cache holds 512; what falls out is deallocated.
	for number := 0; number < 600; number++ {
		text := fmt.Sprintf("select (%d + $1::int)::text", number)
		if err := valueIs(ctx, fmt.Sprint(number+session), connection, text, session); err != nil {
			return err
		}
	}
	return nil
}

func parametersStay(ctx context.Context, _ *pgx.Conn, session int) error {
	connection, err := pgx.Connect(ctx, fmt.Sprintf(
		"application_name='pgx %d' search_path='schema_%d, public' timezone='Etc/GMT-%d' statement_timeout=%d",
		session, session, session+1, 20001+session))
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	for number := 0; number < 10; number++ {
		if err := valueIs(ctx, fmt.Sprintf("pgx %d", session), connection, "show application_name"); err != nil {
			return err
		}
		err := connection.BeginFunc(ctx, func(transaction pgx.Tx) error {
			return first(
				valueIs(ctx, fmt.Sprintf("schema_%d, public", session), transaction, "show search_path"),
				valueIs(ctx, fmt.Sprintf("Etc/GMT-%d", session+1), transaction, "show timezone"),
				valueIs(ctx, fmt.Sprintf("%dms", 20001+session), transaction, "show statement_timeout"))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func transactionsRollBack(ctx context.Context, connection *pgx.Conn, session int) error {
	insert := func(to pgx.Tx, number int) error {
		_, err := to.Exec(ctx, "insert into pgx_row values ($1, $2)", session, number)
		return err
	}
	undo := errors.New("undo")
	err := connection.BeginTxFunc(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(outer pgx.Tx) error {
		nested := outer.BeginFunc(ctx, func(inner pgx.Tx) error { return first(insert(inner, 2), undo) })
		if nested != undo {
			return nested
		}
		return first(valueIs(ctx, "serializable", outer, "show transaction_isolation"), insert(outer, 1), insert(outer, 3))
	})
	if err != nil {
		return err
	}
	err = connection.BeginFunc(ctx, func(outer pgx.Tx) error { return first(insert(outer, 4), undo) })
	if err != undo {
		return err
	}
	return valueIs(ctx, "1 3", connection,
		"select string_agg(number::text, ' ' order by number) from pgx_row where session = $1", session)
}

func errorsAreRecoveredFrom(ctx context.Context, connection *pgx.Conn, session int) error {
	for number := 0; number < 9; number++ {
		var found int
		err := connection.QueryRow(ctx, "select 100 / $1::int", number%3).Scan(&found)
		if number%3 == 0 {
			err = failsWith("22012", err)
		}
		if err != nil {
			return err
		}
	}
	_, err := connection.Exec(ctx, "selct $1", 1)
	if err := failsWith("42601", err); err != nil {
		return err
	}
	transaction, err := connection.Begin(ctx)
	if err != nil {
		return err
	}
	_, division := transaction.Exec(ctx, "select 1 / $1::int", 0)
	_, after := transaction.Exec(ctx, "select $1::int", 1)
	return first(
		failsWith("22012", division), failsWith("25P02", after), transaction.Rollback(ctx),
		valueIs(ctx, fmt.Sprint(session), connection, "select $1::int::text", session))
}

func batchesArePipelines(ctx context.Context, connection *pgx.Conn, session int) error {
	for repetition := 0; repetition < 5; repetition++ {
		batch := &pgx.Batch{}
		for number := 0; number < 100; number++ {
			batch.Queue("select ($1::int + $2::int)::text", session*1000, number)
			batch.Queue("insert into pgx_batch values ($1, $2)", session, repetition*100+number)
		}
		results := connection.SendBatch(ctx, batch)
		for number := 0; number < 100; number++ {
			var found string
			err := results.QueryRow().Scan(&found)
			tag, problem := results.Exec()
			if err := first(err, problem, equal(fmt.Sprint(session*1000+number), found), equal("INSERT 0 1", tag.String())); err != nil {
				return err
			}
		}
		if err := results.Close(); err != nil {
			return err
		}
	}
	// The last statement of a batch breaks it: none of it stays.
	broken := &pgx.Batch{}
	broken.Queue("insert into pgx_batch values ($1, $2)", session, 9000)
	broken.Queue("insert into pgx_batch values ($1, $2)", session, 0)
	return first(
		failsWith("23505", connection.SendBatch(ctx, broken).Close()),
		valueIs(ctx, "500", connection, "select count(*)::text from pgx_batch where session = $1", session))
}

func copiesRowsIn(ctx context.Context, connection *pgx.Conn, session int) error {
	source := pgx.CopyFromSlice(2000, func(number int) ([]interface{}, error) {
		return []interface{}{session, fmt.Sprintf("tab\t%d", number)}, nil
	})
	count, err := connection.CopyFrom(ctx, pgx.Identifier{"pgx_copy"}, []string{"session", "text"}, source)
	return first(
		err, equal(int64(2000), count),
		valueIs(ctx, "2000", connection, "select count(*)::text from pgx_copy where session = $1", session))
}

func noticesArrive(ctx context.Context, _ *pgx.Conn, session int) error {
	configuration, err := pgx.ParseConfig("")
	if err != nil {
		return err
	}
	var notices []string
	configuration.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { notices = append(notices, notice.Message) }
	connection, err := pgx.ConnectConfig(ctx, configuration)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	if _, err := connection.Exec(ctx, "select pgx_notice($1)", session); err != nil {
		return err
	}
	return equal([]string{fmt.Sprintf("notice %d", session)}, notices)
}

func prepareTables(ctx context.Context) error {
	connection, err := pgx.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	_, err = connection.Exec(ctx, `
		drop table if exists pgx_row, pgx_batch, pgx_copy;
		create table pgx_row (session int, number int);
		create table pgx_batch (session int, number int, primary key (session, number));
		create table pgx_copy (session int, text text);
		create or replace function pgx_notice(number int) returns void language plpgsql
			as 'begin raise notice ''notice %'', number; end'`)
	return err
}

func (one check) session(number int) error {
	ctx, end := context.WithTimeout(context.Background(), 40*time.Second)
	defer end()
	connection, err := pgx.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	return one.run(ctx, connection, number)
}

func (one check) holds() bool {
	begin := time.Now()
	problems := make([]error, sessions)
	var all sync.WaitGroup
	for number := range problems {
		all.Add(1)
		go func(number int) {
			defer all.Done()
			problems[number] = one.session(number)
		}(number)
	}
	all.Wait()
	if problem := first(problems...); problem != nil {
		fmt.Printf("FAILED  %s: %v\n", one.sentence, problem)
		return false
	}
	fmt.Printf("ok      %s (%.2f s)\n", one.sentence, time.Since(begin).Seconds())
	return true
}

func main() {
	fmt.Printf("pgx, %d sessions\n", sessions)
	if err := prepareTables(context.Background()); err != nil {
		fmt.Println("FAILED ", err)
		os.Exit(1)
	}
	held := 0
	for _, one := range checks {
		if one.holds() {
			held++
		}
	}
	fmt.Printf("%d of %d hold\n", held, len(checks))
	if held != len(checks) {
		os.Exit(1)
	}
}
