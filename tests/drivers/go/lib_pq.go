// lib/pq through pgring, by way of database/sql with its default settings. Every check is made by eight sessions at once.
// Connects by libpq's environment variables; prints what holds, line by line; the status is 0 only if all of it does.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/lib/pq"
)

const sessions = 8

type check struct {
	sentence string
	run      func(database *sql.DB, session int) error
}

var checks = []check{
	{"types come back as they went", typesComeBack},
	{"prepared statements serve many transactions", preparedStatementsServe},
	{"parameters of the connection stay", parametersStay},
	{"transactions and savepoints roll back", transactionsRollBack},
	{"errors are recovered from", errorsAreRecoveredFrom},
	{"copies rows in", copiesRowsIn},
	{"rows are read while others are asked for", rowsAreReadSideBySide},
	{"a context cancels", aContextCancels},
	{"notices arrive", noticesArrive},
}

func equal(wanted, found interface{}) error {
	if !reflect.DeepEqual(wanted, found) {
		return fmt.Errorf("wanted %v, found %v", wanted, found)
	}
	return nil
}

func failsWith(code string, err error) error {
	var problem *pq.Error
	if !errors.As(err, &problem) || string(problem.Code) != code {
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
	QueryRow(text string, arguments ...interface{}) *sql.Row
}

func valueIs(wanted string, from querier, text string, arguments ...interface{}) error {
	var found string
	if err := from.QueryRow(text, arguments...).Scan(&found); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return equal(wanted, found)
}

func typesComeBack(database *sql.DB, session int) error {
	wantedTime := time.Date(2024, 2, 29, 12, 30, 1, 999999000, time.UTC)
	wantedBytes := []byte{0, 255, 65}
	for repetition := 0; repetition < 5; repetition++ {
		var integer int64
		var text string
		var float float64
		var bytes []byte
		var when time.Time
		var array []int64
		var nothing sql.NullInt64
		err := database.QueryRow(
			"select $1::int8, $2::text, $3::float8, $4::bytea, $5::timestamptz, $6::int[], $7::int",
			int64(1)<<40+int64(session), "naïve €", 1.5, wantedBytes, wantedTime, pq.Array([]int64{1, 2}), nil,
		).Scan(&integer, &text, &float, &bytes, &when, pq.Array(&array), &nothing)
		if err != nil {
			return err
		}
		if err := first(
			equal(int64(1)<<40+int64(session), integer), equal("naïve €", text), equal(1.5, float),
			equal(wantedBytes, bytes), equal(true, when.Equal(wantedTime)), equal([]int64{1, 2}, array),
			equal(false, nothing.Valid),
		); err != nil {
			return err
		}
	}
	return nil
}

func preparedStatementsServe(database *sql.DB, session int) error {
	// database/sql prepares it again on each connection of its pool; the names 1, 2, ... are each connection's own.
	statement, err := database.Prepare(fmt.Sprintf("select %d * 1000 + $1::int", session))
	if err != nil {
		return err
	}
	defer statement.Close()
	for number := 0; number < 40; number++ {
		var found int
		if err := statement.QueryRow(number).Scan(&found); err != nil {
			return err
		}
		if err := equal(session*1000+number, found); err != nil {
			return err
		}
		transaction, err := database.Begin()
		if err != nil {
			return err
		}
		if err := transaction.Stmt(statement).QueryRow(number).Scan(&found); err != nil {
			return err
		}
		if err := first(equal(session*1000+number, found), transaction.Commit()); err != nil {
			return err
		}
	}
	return nil
}

func parametersStay(_ *sql.DB, session int) error {
	database, err := sql.Open("postgres", fmt.Sprintf(
		"application_name='go %d' search_path='schema_%d, public' timezone='Etc/GMT-%d' statement_timeout=%d",
		session, session, session+1, 20001+session))
	if err != nil {
		return err
	}
	defer database.Close()
	for number := 0; number < 10; number++ {
		if err := valueIs(fmt.Sprintf("go %d", session), database, "show application_name"); err != nil {
			return err
		}
		transaction, err := database.Begin()
		if err != nil {
			return err
		}
		if err := first(
			valueIs(fmt.Sprintf("schema_%d, public", session), transaction, "show search_path"),
			valueIs(fmt.Sprintf("Etc/GMT-%d", session+1), transaction, "show timezone"),
			valueIs(fmt.Sprintf("%dms", 20001+session), transaction, "show statement_timeout"),
			valueIs("ISO, MDY", transaction, "show datestyle"),
			valueIs("2", transaction, "show extra_float_digits"),
			transaction.Commit(),
		); err != nil {
			return err
		}
	}
	return nil
}

func transactionsRollBack(database *sql.DB, session int) error {
	transaction, err := database.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return err
	}
	if err := valueIs("serializable", transaction, "show transaction_isolation"); err != nil {
		return err
	}
	for _, text := range []string{
		"insert into go_row values (%d, 1)", "savepoint here_%d", "insert into go_row values (%d, 2)",
		"rollback to savepoint here_%d", "insert into go_row values (%d, 3)",
	} {
		if _, err := transaction.Exec(fmt.Sprintf(text, session)); err != nil {
			return err
		}
	}
	if err := transaction.Commit(); err != nil {
		return err
	}
	if transaction, err = database.Begin(); err != nil {
		return err
	}
	if _, err := transaction.Exec("insert into go_row values ($1, $2)", session, 4); err != nil {
		return err
	}
	if err := transaction.Rollback(); err != nil {
		return err
	}
	return valueIs("1 3", database,
		"select string_agg(number::text, ' ' order by number) from go_row where session = $1", session)
}

func errorsAreRecoveredFrom(database *sql.DB, session int) error {
	for number := 0; number < 9; number++ {
		var found int
		err := database.QueryRow("select 100 / $1::int", number%3).Scan(&found)
		if number%3 == 0 {
			err = failsWith("22012", err)
		}
		if err != nil {
			return err
		}
	}
	_, err := database.Exec("selct 1")
	if err := failsWith("42601", err); err != nil {
		return err
	}
	transaction, err := database.Begin()
	if err != nil {
		return err
	}
	_, division := transaction.Exec("select 1 / $1::int", 0)
	_, after := transaction.Exec("select $1::int", 1)
	return first(
		failsWith("22012", division), failsWith("25P02", after), transaction.Rollback(),
		valueIs(fmt.Sprint(session), database, "select $1::int", session))
}

func copiesRowsIn(database *sql.DB, session int) error {
	transaction, err := database.Begin()
	if err != nil {
		return err
	}
	statement, err := transaction.Prepare(pq.CopyIn("go_copy", "session", "text"))
	if err != nil {
		return err
	}
	for number := 0; number < 2000; number++ {
		if _, err := statement.Exec(session, fmt.Sprintf("tab\t%d", number)); err != nil {
			return err
		}
	}
	_, err = statement.Exec()
	return first(
		err, statement.Close(),
		valueIs("2000", transaction, "select count(*) from go_copy where session = $1 and text like E'tab\t%'", session),
		transaction.Commit())
}

func rowsAreReadSideBySide(database *sql.DB, session int) error {
	rows, err := database.Query("select generate_series(1, $1::int)", 200)
	if err != nil {
		return err
	}
	defer rows.Close()
	count := 0
	for ; rows.Next(); count++ {
		var number int
		if err := rows.Scan(&number); err != nil {
			return err
		}
		if number%50 == 0 {
			if err := valueIs(fmt.Sprint(number+session), database, "select $1::int + $2::int", number, session); err != nil {
				return err
			}
		}
	}
	return first(rows.Err(), equal(200, count))
}

func aContextCancels(database *sql.DB, session int) error {
	limited, end := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer end()
	begin := time.Now()
	if _, err := database.ExecContext(limited, "select pg_sleep(30)"); err == nil {
		return errors.New("it was not canceled")
	}
	if time.Since(begin) > 10*time.Second {
		return errors.New("the cancel took too long")
	}
	return valueIs(fmt.Sprint(session), database, "select $1::int", session)
}

func noticesArrive(_ *sql.DB, session int) error {
	plain, err := pq.NewConnector("")
	if err != nil {
		return err
	}
	var notices []string
	database := sql.OpenDB(pq.ConnectorWithNoticeHandler(plain, func(notice *pq.Error) {
		notices = append(notices, notice.Message)
	}))
	defer database.Close()
	if _, err := database.Exec("select go_notice($1)", session); err != nil {
		return err
	}
	return equal([]string{fmt.Sprintf("notice %d", session)}, notices)
}

func prepareTables(database *sql.DB) error {
	_, err := database.Exec(`
		drop table if exists go_row, go_copy;
		create table go_row (session int, number int);
		create table go_copy (session int, text text);
		create or replace function go_notice(number int) returns void language plpgsql
			as 'begin raise notice ''notice %'', number; end'`)
	return err
}

func (one check) holds(database *sql.DB) bool {
	begin := time.Now()
	problems := make([]error, sessions)
	var all sync.WaitGroup
	for session := range problems {
		all.Add(1)
		go func(session int) {
			defer all.Done()
			problems[session] = one.run(database, session)
		}(session)
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
	fmt.Printf("lib/pq, %d sessions\n", sessions)
	database, err := sql.Open("postgres", "")
	if err == nil {
		err = prepareTables(database)
	}
	if err != nil {
		fmt.Println("FAILED ", err)
		os.Exit(1)
	}
	held := 0
	for _, one := range checks {
		if one.holds(database) {
			held++
		}
	}
	fmt.Printf("%d of %d hold\n", held, len(checks))
	if held != len(checks) {
		os.Exit(1)
	}
}
