'use strict';
// node-postgres through pgring, as programmes use it. Connects by libpq's environment variables; run_driver.py sets
// them. Prints what holds, line by line; the status is 0 only if all of it does.

const assert = require('node:assert/strict');
const { Client, Pool } = require('pg');

const version = require('pg/package.json').version;

async function connected(options, use) {
  const client = new Client(options);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function failsWith(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, code, error.message);
    return true;
  });
}

async function primaryNode(client, text, values) {
  await client.query('begin');
  const result = await client.query(text, values);
  await client.query('commit');
  return result.rows;
}

const checks = {
  'queries with and without parameters': () =>
    connected({}, async (client) => {
      assert.deepEqual((await client.query('select 1 as one')).rows, [{ one: 1 }]);
      const { rows } = await client.query('select $1::int + $2::int as sum, $3::text as text, $4::int as nothing', [
        20, 22, 'naïve', null,
      ]);
      assert.deepEqual(rows, [{ sum: 42, text: 'naïve', nothing: null }]);
      const many = await client.query('select generate_series(1, 1000) as n');
      assert.equal(many.rows.reduce((sum, row) => sum + row.n, 0), 500500);
      const several = await client.query('select 1 as a; select 2 as b');
      assert.deepEqual(several.map((result) => result.rows), [[{ a: 1 }], [{ b: 2 }]]);
    }),

  'named statements are prepared once and reused on any backend': async () => {
    const clients = [];
    for (let number = 0; number < 8; number++) {
      const client = new Client();
      await client.connect();
      clients.push(client);
    }
    for (let repetition = 0; repetition < 10; repetition++) {
      // The same name has another text in each session.
      const results = await Promise.all(
        clients.map((client, number) =>
          client.query({ name: 'same name', text: `select ${number} * 100 + $1::int as n`, values: [repetition] }),
        ),
      );
      results.forEach((result, number) => assert.equal(result.rows[0].n, number * 100 + repetition));
    }
    await Promise.all(clients.map((client) => client.end()));
  },

  'transactions commit and roll back': () =>
    connected({}, async (client) => {
      await client.query('drop table if exists node_driver; create table node_driver (id int primary key)');
      await client.query('begin');
      await client.query('insert into node_driver values ($1)', [1]);
      await client.query('commit');
      await client.query('begin');
      await client.query('insert into node_driver values ($1)', [2]);
      await client.query('rollback');
      assert.deepEqual(await primaryNode(client, 'select id from node_driver'), [{ id: 1 }]);
    }),

  'errors carry their sqlstate and the session goes on': () =>
    connected({}, async (client) => {
      await failsWith('22012', client.query('select 1/0'));
      await failsWith('42601', client.query('selct 1'));
      await failsWith('23505', client.query('insert into node_driver values ($1)', [1]));
      await failsWith('42P01', client.query({ name: 'broken', text: 'select * from no_such_table' }));
      await client.query('begin');
      await failsWith('22012', client.query('select 1/0'));
      await failsWith('25P02', client.query('select 1'));
      assert.equal((await client.query('commit')).command, 'ROLLBACK');
      assert.deepEqual((await client.query('select 5 as n')).rows, [{ n: 5 }]);
    }),

  'queries sent without waiting are answered in order': () =>
    connected({}, async (client) => {
      const answers = [];
      for (let number = 0; number < 300; number++) {
        answers.push(client.query('select $1::int as n', [number]));
      }
      (await Promise.all(answers)).forEach((answer, number) => assert.equal(answer.rows[0].n, number));
    }),

  'notifications arrive': () =>
    connected({}, (listener) =>
      connected({}, async (speaker) => {
        const arrived = new Promise((resolve, reject) => {
          const payloads = [];
          const timer = setTimeout(() => reject(new assert.AssertionError({ message: 'no notification' })), 10000);
          listener.on('notification', (message) => {
            payloads.push(message.payload);
            if (payloads.length === 3) {
              clearTimeout(timer);
              resolve(payloads);
            }
          });
        });
        await listener.query('listen node_channel');
        for (const payload of ['0', '1', '2']) {
          await speaker.query('select pg_notify($1, $2)', ['node_channel', payload]);
        }
        assert.deepEqual(await arrived, ['0', '1', '2']);
      }),
    ),

  'eight sessions listen, and know their own notifications': async () => {
    const clients = [];
    const heard = [];
    for (let number = 0; number < 8; number++) {
      const client = new Client();
      await client.connect();
      heard.push([]);
      client.on('notification', (message) => heard[number].push(message));
      await client.query('listen node_crowd');
      clients.push(client);
    }
    for (let round = 0; round < 20; round++) {
      const sender = clients[round % 8];
      await sender.query('select pg_notify($1, $2)', ['node_crowd', String(round)]);
      // It came before the statement's end.
      const own = heard[round % 8].at(-1);
      assert.deepEqual([own.payload, own.processId], [String(round), sender.processID]);
    }
    for (let wait = 0; wait < 1000 && heard.some((messages) => messages.length < 20); wait++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    heard.forEach((messages, number) => {
      assert.deepEqual(messages.map((message) => message.payload), [...Array(20).keys()].map(String));
      messages.forEach((message, round) =>
        assert.equal(message.processId === clients[number].processID, round % 8 === number),
      );
    });
    await Promise.all(clients.map((client) => client.end()));
  },

  'a statement can be canceled': () =>
    connected({}, (client) =>
      connected({}, async (canceler) => {
        const begin = Date.now();
        await client.query('begin');
        const { rows } = await client.query('select pg_backend_pid() as pid');
        const sleeping = client.query('select pg_sleep(60)').then(
          () => assert.fail('it was not canceled'),
          (error) => assert.equal(error.code, '57014'),
        );
        // node-postgres sends a CancelRequest by a client that never logs in.
        const request = new Client({ host: process.env.PGHOST, port: process.env.PGPORT });
        request.cancel(client, client.activeQuery ?? client._activeQuery);
        await sleeping;
        assert.ok(Date.now() - begin < 3000, 'the cancel took too long');
        await client.query('rollback');
        assert.ok(rows[0].pid > 0);
        assert.deepEqual((await canceler.query('select 1 as n')).rows, [{ n: 1 }]);
      }),
    ),

  'a pool of eight sessions works over two backends': async () => {
    const pool = new Pool({ max: 8 });
    await pool.query('drop table if exists node_shared');
    await pool.query('create table node_shared (session int, number int)');
    await Promise.all(
      Array.from({ length: 8 }, async (_, session) => {
        for (let number = 0; number < 25; number++) {
          const client = await pool.connect();
          try {
            await client.query('begin');
            await client.query('insert into node_shared values ($1, $2)', [session, number]);
            const { rows } = await client.query('select count(*)::int as n from node_shared where session = $1', [
              session,
            ]);
            assert.equal(rows[0].n, number + 1);
            await client.query('commit');
          } finally {
            client.release();
          }
        }
      }),
    );
    const client = await pool.connect();
    const rows = await primaryNode(
      client,
      `select (select count(*)::int from node_shared) as rows, count(*)::int as backends from pg_stat_activity
       where usename = current_user and datname = current_database() and backend_type = 'client backend'
         and application_name <> 'pgring listener' -- which listens for all sessions, in no pool`,
    );
    client.release();
    await pool.end();
    assert.equal(rows[0].rows, 200);
    assert.ok(rows[0].backends <= 2, `${rows[0].backends} backends on the primary`);
  },

  'reads come from the standby, and readonly sessions cannot write': () =>
    connected({}, (client) =>
      connected({ application_name: 'readonly' }, async (reader) => {
        const who = "select current_setting('cluster_name') as node";
        assert.deepEqual((await client.query(who)).rows, [{ node: 'pg-1' }]);
        assert.deepEqual(await primaryNode(client, who), [{ node: 'pg-0' }]);
        assert.deepEqual((await reader.query(who)).rows, [{ node: 'pg-1' }]);
        await failsWith('25006', reader.query('insert into node_driver values (99)'));
      }),
    ),
};

async function main() {
  console.log(`node-postgres ${version}, node ${process.version}`);
  let failed = 0;
  for (const [sentence, check] of Object.entries(checks)) {
    const begin = Date.now();
    try {
      await check();
      console.log(`ok      ${sentence} (${((Date.now() - begin) / 1000).toFixed(2)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${sentence}: ${error.stack}`);
    }
  }
  const count = Object.keys(checks).length;
  console.log(`${count - failed} of ${count} hold`);
  process.exitCode = failed > 0 ? 1 : 0;
}

main();
