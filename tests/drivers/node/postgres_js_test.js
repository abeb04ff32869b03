'use strict';
// postgres.js through pgring, with its default settings: every query is prepared, and queries are sent without waiting for
// the ones before. Every check is made by eight sessions at once. Connects by libpq's environment variables; prints what
// holds, line by line; the status is 0 only if all of it does.

const assert = require('node:assert/strict');
const postgres = require('postgres');

const SESSIONS = 8;

async function connected(options, use) {
  const sql = postgres({ max: 1, onnotice: () => {}, ...options });
  try {
    return await use(sql);
  } finally {
    await sql.end();
  }
}

async function failsWith(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, code, error.message);
    return true;
  });
}

const checks = {
  'types come back as they went': (session) =>
    connected({}, async (sql) => {
      const when = new Date('2024-02-29T12:30:01.999Z');
      const bytes = Buffer.from([0, 255, 65]);
      for (let repetition = 0; repetition < 5; repetition++) {
        const [row] = await sql`select ${session}::int as number, ${'naïve €'}::text as text, ${1.5}::float8 as float,
          ${true}::boolean as boolean, ${when}::timestamptz as time, ${bytes}::bytea as bytes,
          ${sql.json({ session })}::jsonb as json, ${'{1,2,3}'}::int[] as array, ${null}::int as nothing`;
        assert.deepEqual(
          { ...row, bytes: Buffer.from(row.bytes) },
          {
            number: session, text: 'naïve €', float: 1.5, boolean: true, time: when, bytes, json: { session },
            array: [1, 2, 3], nothing: null,
          },
        );
      }
    }),

  'prepared statements serve many transactions': (session) =>
    connected({}, async (sql) => {
      for (let number = 0; number < 40; number++) {
        // The text is each session's own, the statement's name may not be.
        const [row] = await sql`select ${sql(`column ${session}`)} from (select ${number}::int as "0") as t(${sql(`column ${session}`)})`;
        assert.deepEqual(row, { [`column ${session}`]: number });
        await sql.begin(async (transaction) => {
          const [sum] = await transaction`select ${session}::int * 1000 + ${number}::int as sum`;
          assert.equal(sum.sum, session * 1000 + number);
        });
      }
    }),

  'queries sent without waiting are answered in order': (session) =>
    connected({}, async (sql) => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, number) => sql`select ${session * 1000 + number}::int as n`),
      );
      answers.forEach(([row], number) => assert.equal(row.n, session * 1000 + number));
    }),

  'parameters of the connection stay': (session) =>
    connected(
      {
        connection: {
          application_name: `postgres.js ${session}`,
          search_path: `schema_${session},public`,
          TimeZone: `Etc/GMT-${session + 1}`,
          statement_timeout: 20001 + session,
        },
      },
      async (sql) => {
        const value = async (from, name) => (await from`select current_setting(${name}) as value`)[0].value;
        for (let number = 0; number < 10; number++) {
          assert.equal(await value(sql, 'application_name'), `postgres.js ${session}`);
          await sql.begin(async (transaction) => {
            assert.equal(await value(transaction, 'search_path'), `schema_${session},public`);
            assert.equal(await value(transaction, 'timezone'), `Etc/GMT-${session + 1}`);
            assert.equal(await value(transaction, 'statement_timeout'), `${20001 + session}ms`);
          });
        }
      },
    ),

  'transactions and savepoints roll back': (session) =>
    connected({}, async (sql) => {
      await sql.begin(async (transaction) => {
        await transaction`insert into postgres_js_row values (${session}, 1)`;
        await transaction
          .savepoint(async (nested) => {
            await nested`insert into postgres_js_row values (${session}, 2)`;
            throw new Error('undo');
          })
          .catch((error) => assert.equal(error.message, 'undo'));
        await transaction`insert into postgres_js_row values (${session}, 3)`;
      });
      await sql
        .begin(async (transaction) => {
          await transaction`insert into postgres_js_row values (${session}, 4)`;
          throw new Error('undo');
        })
        .catch((error) => assert.equal(error.message, 'undo'));
      const rows = await sql`select number from postgres_js_row where session = ${session} order by number`;
      assert.deepEqual(rows.map((row) => row.number), [1, 3]);
    }),

  'errors are recovered from': (session) =>
    connected({}, async (sql) => {
      for (let number = 0; number < 9; number++) {
        const division = sql`select 100 / ${number % 3}::int as n`;
        if (number % 3 === 0) {
          await failsWith('22012', division);
        } else {
          assert.equal((await division)[0].n, Math.trunc(100 / (number % 3)));
        }
      }
      await failsWith('42601', sql`selct ${1}`);
      await failsWith('42P01', sql`select * from no_such_table where id = ${1}`);
      await failsWith('22012', sql.begin((transaction) => transaction`select 1 / ${0}::int`));
      assert.equal((await sql`select ${session}::int as n`)[0].n, session);
    }),

  'copies both ways': (session) =>
    connected({}, async (sql) => {
      const lines = Array.from({ length: 2000 }, (_, number) => `${session}\t${number}\n`).join('');
      const writable = await sql`copy postgres_js_copy from stdin`.writable();
      await new Promise((resolve, reject) => {
        writable.on('error', reject);
        writable.on('finish', resolve);
        writable.end(lines);
      });
      const readable = await sql`copy (select * from postgres_js_copy where session = ${sql.unsafe(String(session))}
        order by number) to stdout`.readable();
      const chunks = [];
      for await (const chunk of readable) {
        chunks.push(chunk);
      }
      assert.equal(Buffer.concat(chunks).toString(), lines);
    }),

  'cursors fetch in steps': (session) =>
    connected({}, async (sql) => {
      let sum = 0;
      await sql`select generate_series(1, ${1000}::int) as n`.cursor(70, async (rows) => {
        sum += rows.reduce((total, row) => total + row.n, 0);
      });
      assert.equal(sum, 500500);
      let count = 0;
      for await (const rows of sql`select generate_series(1, ${100 + session}::int) as n`.cursor(30)) {
        count += rows.length;
      }
      assert.equal(count, 100 + session);
    }),

  'many rows are inserted at once': (session) =>
    connected({}, async (sql) => {
      const rows = Array.from({ length: 500 }, (_, number) => ({ session, number }));
      await sql`insert into postgres_js_many ${sql(rows)}`;
      const [{ n }] = await sql`select count(*)::int as n from postgres_js_many where session = ${session}`;
      assert.equal(n, 500);
    }),

  'notices arrive': (session) => {
    const notices = [];
    return connected({ onnotice: (notice) => notices.push(notice.message) }, async (sql) => {
      await sql`select postgres_js_notice(${session})`;
      assert.deepEqual(notices, [`notice ${session}`]);
    });
  },

  'a running query is canceled': (session) =>
    connected({}, async (sql) => {
      // A query that is canceled before its connection stands is refused by postgres.js itself, and the connection then
      // takes no other.
      await sql`select 1`;
      const begin = Date.now();
      const sleeping = sql`select pg_sleep(30)`.execute();
      setTimeout(() => sleeping.cancel(), 300);
      await failsWith('57014', sleeping);
      assert.ok(Date.now() - begin < 10000, 'the cancel took too long');
      assert.equal((await sql`select ${session}::int as n`)[0].n, session);
    }),
};

function prepareTables() {
  return connected({}, (sql) =>
    sql.unsafe(`
      drop table if exists postgres_js_row, postgres_js_copy, postgres_js_many;
      create table postgres_js_row (session int, number int);
      create table postgres_js_copy (session int, number int);
      create table postgres_js_many (session int, number int);
      create or replace function postgres_js_notice(number int) returns void language plpgsql
        as 'begin raise notice ''notice %'', number; end'`),
  );
}

async function holds(sentence, check) {
  const begin = Date.now();
  const results = await Promise.allSettled(Array.from({ length: SESSIONS }, (_, session) => check(session)));
  const failures = results.filter((result) => result.status === 'rejected');
  if (failures.length > 0) {
    console.log(`FAILED  ${sentence}: ${failures.length} of ${SESSIONS}, the first: ${failures[0].reason.stack}`);
  } else {
    console.log(`ok      ${sentence} (${((Date.now() - begin) / 1000).toFixed(2)} s)`);
  }
  return failures.length === 0;
}

async function main() {
  console.log(`postgres.js, node ${process.version}, ${SESSIONS} sessions`);
  await prepareTables();
  let held = 0;
  for (const [sentence, check] of Object.entries(checks)) {
    held += (await holds(sentence, check)) ? 1 : 0;
  }
  const count = Object.keys(checks).length;
  console.log(`${held} of ${count} hold`);
  process.exitCode = held === count ? 0 : 1;
}

main();
