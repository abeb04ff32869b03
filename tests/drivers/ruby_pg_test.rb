#!/usr/bin/ruby
# frozen_string_literal: true

# Ruby's pg through pgring, with default settings. Every check is made by eight sessions at once, each a thread. Connects
# by libpq's environment variables; prints what holds, line by line; the status is 0 only if all of it does.

require 'pg'

SESSIONS = 8

def connected(**options)
  connection = PG.connect(**options)
  yield connection
ensure
  connection&.close
end

def equal(wanted, found)
  raise "wanted #{wanted.inspect}, found #{found.inspect}" unless wanted == found
end

def fails_with(error)
  yield
rescue error
  nil
else
  raise "no #{error}"
end

def value(connection, text, *arguments)
  connection.exec_params(text, arguments).getvalue(0, 0)
end

CHECKS = {
  'types come back as they went' => lambda do |session|
    connected do |connection|
      connection.type_map_for_queries = PG::BasicTypeMapForQueries.new(connection)
      connection.type_map_for_results = PG::BasicTypeMapForResults.new(connection)
      row = [2**40 + session, 'naïve €', 1.5, true, [1, 2, 3], nil, Time.utc(2024, 2, 29, 12, 30, 1)]
      3.times do
        text = 'select $1::int8, $2::text, $3::float8, $4::boolean, $5::int[], $6::int, $7::timestamp'
        equal row, connection.exec_params(text, row).values[0]
      end
      connection.type_map_for_queries = PG::TypeMapAllStrings.new
      connection.type_map_for_results = PG::TypeMapAllStrings.new
      bytes = (0..255).to_a.pack('C*')
      binary = { value: bytes, format: 1 }
      equal bytes, connection.exec_params('select $1::bytea', [binary], 1).getvalue(0, 0)
    end
  end,

  'prepared statements serve many transactions' => lambda do |session|
    connected do |connection|
      connection.prepare('same name', "select #{session} * 1000 + $1::int")
      30.times do |number|
        connection.exec('begin') if number.odd?
        equal (session * 1000 + number).to_s, connection.exec_prepared('same name', [number]).getvalue(0, 0)
        connection.exec('commit') if number.odd?
      end
      description = connection.describe_prepared('same name')
      equal [1, 1, 23], [description.nparams, description.nfields, description.ftype(0)]
      fails_with(PG::DuplicatePstatement) { connection.prepare('same name', 'select 1') }
      connection.exec('deallocate "same name"')
      fails_with(PG::InvalidSqlStatementName) { connection.exec_prepared('same name', [1]) }
      connection.prepare('same name', 'select $1::text')
      equal 'again', connection.exec_prepared('same name', ['again']).getvalue(0, 0)
    end
  end,

  'parameters of the connection stay' => lambda do |session|
    options = "-c search_path=schema_#{session},public -c timezone=Etc/GMT-#{session + 1}"
    connected(application_name: "ruby #{session}", options: options, client_encoding: 'latin1') do |connection|
      10.times do
        equal "ruby #{session}", value(connection, 'show application_name')
        connection.transaction do
          equal "schema_#{session},public", value(connection, 'show search_path')
          equal "Etc/GMT-#{session + 1}", value(connection, 'show timezone')
          equal 'LATIN1', value(connection, 'show client_encoding')
        end
      end
      equal "\xE4".b, value(connection, 'select chr(228)').b
      connection.set_client_encoding('UTF8')
      5.times { equal "\u00e4", value(connection, 'select chr(228)') }
    end
  end,

  'transactions and savepoints roll back' => lambda do |session|
    connected do |connection|
      insert = ->(number) { connection.exec_params('insert into ruby_row values ($1, $2)', [session, number]) }
      connection.transaction do
        insert.call(1)
        connection.exec('savepoint here')
        insert.call(2)
        connection.exec('rollback to savepoint here')
        insert.call(3)
      end
      fails_with(KeyError) do
        connection.transaction do
          insert.call(4)
          raise KeyError
        end
      end
      rows = connection.exec_params('select number from ruby_row where session = $1 order by 1', [session])
      equal %w[1 3], rows.column_values(0)
    end
  end,

  'errors are recovered from' => lambda do |session|
    connected do |connection|
      connection.prepare('divide', 'select 100 / $1::int')
      12.times do |number|
        if (number % 3).zero?
          fails_with(PG::DivisionByZero) { connection.exec_prepared('divide', [0]) }
        else
          equal (100 / (number % 3)).to_s, connection.exec_prepared('divide', [number % 3]).getvalue(0, 0)
        end
      end
      fails_with(PG::SyntaxError) { connection.exec('selct 1') }
      connection.exec('begin')
      fails_with(PG::DivisionByZero) { connection.exec_prepared('divide', [0]) }
      fails_with(PG::InFailedSqlTransaction) { connection.exec_prepared('divide', [1]) }
      connection.exec('rollback')
      equal session.to_s, value(connection, 'select $1::int', session)
    end
  end,

  'pipelines answer in order and fail up to their sync' => lambda do |session|
    connected do |connection|
      connection.prepare('divide', 'select 100 / $1::int')
      connection.enter_pipeline_mode
      [1, 2, 0, 4].each { |number| connection.send_query_prepared('divide', [number]) }
      connection.pipeline_sync
      connection.send_query_params('select $1::int', [session])
      connection.pipeline_sync
      found = []
      until found.count(PG::PGRES_PIPELINE_SYNC) == 2
        result = connection.sync_get_result
        next if result.nil?

        status = result.result_status
        found << (status == PG::PGRES_TUPLES_OK ? result.getvalue(0, 0) : status)
      end
      wanted = ['100', '50', PG::PGRES_FATAL_ERROR, PG::PGRES_PIPELINE_ABORTED, PG::PGRES_PIPELINE_SYNC,
                session.to_s, PG::PGRES_PIPELINE_SYNC]
      equal wanted, found
      connection.exit_pipeline_mode
    end
  end,

  'copies both ways' => lambda do |session|
    connected do |connection|
      encoder = PG::TextEncoder::CopyRow.new
      connection.copy_data('copy ruby_copy from stdin', encoder) do
        2000.times { |number| connection.put_copy_data([session.to_s, number.to_s]) }
      end
      copied = []
      text = "copy (select number from ruby_copy where session = #{session} order by 1) to stdout"
      connection.copy_data(text) do
        while (line = connection.get_copy_data)
          copied << line.to_i
        end
      end
      equal (0...2000).to_a, copied
      fails_with(PG::InvalidTextRepresentation) do
        connection.copy_data('copy ruby_copy from stdin') { connection.put_copy_data("x\ty\n") }
      end
      equal session.to_s, value(connection, 'select $1::int', session)
    end
  end,

  'rows are streamed one by one' => lambda do |session|
    connected do |connection|
      connection.send_query_params('select generate_series(1, $1::int)', [1000 + session])
      connection.set_single_row_mode
      numbers = []
      connection.get_result.stream_each_row { |row| numbers << row[0].to_i }
      equal (1..1000 + session).to_a, numbers
    end
  end,

  'notices arrive' => lambda do |session|
    connected do |connection|
      notices = []
      connection.set_notice_processor { |message| notices << message.lines.first.chomp }
      connection.exec("select ruby_notice(#{session})")
      equal ["NOTICE:  notice #{session}"], notices
    end
  end,

  'a running statement is canceled' => lambda do |session|
    connected do |connection|
      connection.send_query('select pg_sleep(30)')
      sleep 0.3
      equal nil, connection.cancel
      fails_with(PG::QueryCanceled) { connection.get_last_result }
      equal session.to_s, value(connection, 'select $1::int', session)
    end
  end
}.freeze

def prepare_tables
  connected do |connection|
    connection.set_notice_processor { |_message| nil }
    connection.exec(<<~SQL)
      drop table if exists ruby_row, ruby_copy;
      create table ruby_row (session int, number int);
      create table ruby_copy (session int, number int);
      create or replace function ruby_notice(number int) returns void language plpgsql
          as 'begin raise notice ''notice %'', number; end';
    SQL
  end
end

def holds?(sentence, check)
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  failures = Array.new(SESSIONS) do |session|
    Thread.new do
      check.call(session)
      nil
    rescue StandardError => e
      "#{e.class}: #{e.message.strip} (#{e.backtrace.grep(/#{__FILE__}/).first})"
    end
  end.map(&:value).compact
  if failures.empty?
    puts format('ok      %<sentence>s (%<seconds>.2f s)',
                sentence: sentence, seconds: Process.clock_gettime(Process::CLOCK_MONOTONIC) - start)
  else
    puts "FAILED  #{sentence}: #{failures.size} of #{SESSIONS}, the first: #{failures[0]}"
  end
  failures.empty?
end

$stdout.sync = true
puts "pg #{PG::VERSION}, ruby #{RUBY_VERSION}, #{SESSIONS} sessions"
prepare_tables
held = CHECKS.count { |sentence, check| holds?(sentence, check) }
puts "#{held} of #{CHECKS.size} hold"
exit held == CHECKS.size
