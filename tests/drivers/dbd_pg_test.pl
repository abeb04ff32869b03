#!/usr/bin/perl
# DBI with DBD::Pg through pgring, with default settings: every statement with placeholders is prepared on the server
# at its second execution. Every check is made by eight sessions at once, each a process. Connects by libpq's environment
# variables; prints what holds, line by line; the status is 0 only if all of it does.

use strict;
use warnings;
use utf8;

use DBD::Pg qw(:pg_types);
use DBI;
use POSIX qw(_exit);
use Time::HiRes qw(time alarm);

use constant SESSIONS => 8;

sub connected {
    my (%attributes) = @_;
    return DBI->connect( 'dbi:Pg:', undef, undef, { RaiseError => 1, PrintError => 0, AutoCommit => 1, %attributes } );
}

sub equal {
    my ( $wanted, $found, $what ) = @_;
    $found = 'nothing' unless defined $found;
    die "wanted '$wanted', found '$found' " . ( $what // '' ) . "\n" unless $wanted eq $found;
    return;
}

sub fails_with {
    my ( $connection, $state, $action ) = @_;
    die "no error $state\n" if eval { $action->(); 1 };
    equal( $state, $connection->state, $@ );
    return;
}

sub value {
    my ( $connection, $text, @arguments ) = @_;
    return ( $connection->selectrow_array( $text, undef, @arguments ) )[0];
}

my @checks = (
    'types come back as they went' => sub {
        my ($session) = @_;
        my $connection = connected();
        my $statement = $connection->prepare('select ?::int8, ?::text, ?::bytea, ?::int[], ?::boolean, ?::numeric, ?::int');
        my $bytes = join '', map { chr } 0 .. 255;
        for ( 1 .. 5 ) {
            $statement->bind_param( 1, 2**40 + $session );
            $statement->bind_param( 2, "naïve €\t" );
            $statement->bind_param( 3, $bytes, { pg_type => PG_BYTEA } );
            $statement->bind_param( 4, [ 1, undef, 3 ] );
            $statement->bind_param( 5, 't' );
            $statement->bind_param( 6, '12345678901234567890.123' );
            $statement->bind_param( 7, undef );
            $statement->execute;
            my $row = $statement->fetchrow_arrayref;
            equal( 2**40 + $session,           $row->[0] );
            equal( "naïve €\t",                $row->[1] );
            equal( $bytes,                     $row->[2] );
            equal( '1,,3',                     join ',', map { $_ // '' } @{ $row->[3] } );
            equal( 1,                          $row->[4] );
            equal( '12345678901234567890.123', $row->[5] );
            die "not null\n" if defined $row->[6];
            $statement->finish;
        }
    },
    'prepared statements serve many transactions' => sub {
        my ($session) = @_;
        my $connection = connected();
        my $first  = $connection->prepare("select $session * 1000 + ?::int");
        my $second = $connection->prepare("select '$session ' || ?::text");
        for my $number ( 1 .. 30 ) {
            $connection->begin_work if $number % 2;
            equal( $session * 1000 + $number, $connection->selectrow_array( $first,  undef, $number ) );
            equal( "$session $number",        $connection->selectrow_array( $second, undef, $number ) );
            $connection->commit if $number % 2;
        }
        # A handle that goes away deallocates its statement; its name is used again.
        for my $number ( 1 .. 20 ) {
            my $short = $connection->prepare("select $number + ?::int");
            equal( $number + $session, $connection->selectrow_array( $short, undef, $session ) ) for 1 .. 3;
        }
    },
    'statements can be prepared without being described' => sub {
        my ($session) = @_;
        my $connection = connected( pg_server_prepare => 1 );
        my $statement = $connection->prepare( 'select $1 || $2', { pg_prepare_now => 1 } );
        for my $number ( 1 .. 10 ) {
            $statement->execute( "$session", "x$number" );
            equal( "${session}x$number", ( $statement->fetchrow_array )[0] );
            equal( 'text', $connection->type_info( $statement->{TYPE}[0] )->{TYPE_NAME} );
        }
    },
    'parameters of the connection stay' => sub {
        my ($session) = @_;
        local $ENV{PGOPTIONS}  = "-c search_path=schema_$session,public -c work_mem=5MB";
        local $ENV{PGAPPNAME}  = "perl $session";
        local $ENV{PGTZ}       = "Etc/GMT-" . ( $session + 1 );
        local $ENV{PGDATESTYLE} = 'SQL, DMY';
        my $connection = connected();
        for ( 1 .. 10 ) {
            equal( "perl $session", value( $connection, 'show application_name' ) );
            $connection->begin_work;
            equal( "schema_$session,public",         value( $connection, 'show search_path' ) );
            equal( '5MB',                            value( $connection, 'show work_mem' ) );
            equal( 'Etc/GMT-' . ( $session + 1 ),    value( $connection, 'show timezone' ) );
            equal( 'SQL, DMY',                       value( $connection, 'show datestyle' ) );
            equal( 'UTF8',                           value( $connection, 'show client_encoding' ) );
            $connection->commit;
        }
        $connection->do("set search_path = 'other_$session'");
        for ( 1 .. 5 ) {
            equal( "other_$session", value( $connection, 'show search_path' ) );
        }
    },
    'transactions and savepoints roll back' => sub {
        my ($session) = @_;
        my $connection = connected( AutoCommit => 0 );
        my $insert = $connection->prepare('insert into perl_row values (?, ?)');
        $insert->execute( $session, 1 );
        $connection->pg_savepoint('here');
        $insert->execute( $session, 2 );
        $connection->pg_rollback_to('here');
        $insert->execute( $session, 3 );
        $connection->commit;
        $insert->execute( $session, 4 );
        $connection->rollback;
        my $numbers = $connection->selectcol_arrayref( 'select number from perl_row where session = ? order by 1', undef, $session );
        equal( '1 3', join ' ', @{$numbers} );
        $connection->rollback;
        $connection->disconnect;
    },
    'errors are recovered from' => sub {
        my ($session) = @_;
        my $connection = connected();
        my $statement = $connection->prepare('select 100 / ?::int');
        for my $number ( 0 .. 11 ) {
            if ( $number % 3 == 0 ) {
                fails_with( $connection, '22012', sub { $statement->execute(0) } );
            } else {
                equal( int( 100 / ( $number % 3 ) ), $connection->selectrow_array( $statement, undef, $number % 3 ) );
            }
        }
        fails_with( $connection, '42601', sub { $connection->do('selct 1') } );
        fails_with( $connection, '42P01', sub { value( $connection, 'select * from no_such_table where id = ?', 1 ) } );
        $connection->begin_work;
        fails_with( $connection, '22012', sub { value( $connection, 'select 1 / ?::int', 0 ) } );
        fails_with( $connection, '25P02', sub { value( $connection, 'select ?::int',     1 ) } );
        $connection->rollback;
        equal( $session, value( $connection, 'select ?::int', $session ) );
    },
    'copies both ways' => sub {
        my ($session) = @_;
        my $connection = connected();
        my @lines = map { "$session\t$_\n" } 0 .. 2999;
        $connection->do('copy perl_copy from stdin');
        $connection->pg_putcopydata($_) for @lines;
        $connection->pg_putcopyend;
        $connection->begin_work;
        $connection->do("copy (select * from perl_copy where session = $session order by number) to stdout");
        my ( @copied, $line );
        push @copied, $line while $connection->pg_getcopydata($line) >= 0;
        equal( join( '', @lines ), join '', @copied );
        $connection->commit;
        fails_with( $connection, '22P02', sub {
            $connection->do('copy perl_copy from stdin');
            $connection->pg_putcopydata("x\ty\n");
            $connection->pg_putcopyend;
        } );
        equal( $session, value( $connection, 'select ?::int', $session ) );
    },
    'many rows of arguments are inserted' => sub {
        my ($session) = @_;
        my $connection = connected();
        my $insert = $connection->prepare('insert into perl_many values (?, ?)');
        my @statuses;
        equal( 200, $insert->execute_array( { ArrayTupleStatus => \@statuses }, $session, [ 1 .. 200 ] ) );
        $connection->begin_work;
        equal( 200, value( $connection, 'select count(*) from perl_many where session = ?', $session ) );
        $connection->commit;
    },
    'large objects are written and read' => sub {
        my ($session) = @_;
        my $connection = connected();
        $connection->begin_work;
        my $object = $connection->pg_lo_creat( $connection->{pg_INV_WRITE} | $connection->{pg_INV_READ} );
        my $descriptor = $connection->pg_lo_open( $object, $connection->{pg_INV_WRITE} | $connection->{pg_INV_READ} );
        my $written = "$session" x 10_000;
        equal( length $written, $connection->pg_lo_write( $descriptor, $written, length $written ) );
        equal( 0,               $connection->pg_lo_lseek( $descriptor, 0, 0 ) );
        my $read = '';
        equal( length $written, $connection->pg_lo_read( $descriptor, $read, length $written ) );
        equal( $written, $read );
        $connection->pg_lo_unlink($object);
        $connection->commit;
    },
    'notices are warnings' => sub {
        my ($session) = @_;
        my $connection = connected( PrintWarn => 1 );
        my @warnings;
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        $connection->do("select perl_notice($session)");
        die "no notice\n" unless grep { /notice $session/ } @warnings;
    },
    'a running statement is canceled' => sub {
        my ($session) = @_;
        my $connection = connected();
        my $begin = time;
        $connection->do( 'select pg_sleep(30)', { pg_async => PG_ASYNC } );
        Time::HiRes::sleep(0.3);
        $connection->pg_cancel;
        die "the cancel took too long\n" if time - $begin > 10;
        equal( $session, value( $connection, 'select ?::int', $session ) );
    },
);

sub prepare_tables {
    my $connection = connected( PrintWarn => 0 );
    $connection->do($_) for (
        'drop table if exists perl_row, perl_copy, perl_many',
        'create table perl_row (session int, number int)',
        'create table perl_copy (session int, number int)',
        'create table perl_many (session int, number int)',
        q{create or replace function perl_notice(number int) returns void language plpgsql
            as 'begin raise notice ''notice %'', number; end'},
    );
    return;
}

# Runs a check in eight processes; a session that fails says why on its pipe.
sub holds {
    my ( $sentence, $check ) = @_;
    my $begin = time;
    my @pipes;
    for my $session ( 0 .. SESSIONS - 1 ) {
        my $process = open my $pipe, '-|';
        die "fork: $!" unless defined $process;
        if ( $process == 0 ) {
            alarm 40;
            my $held = eval { $check->($session); 1 };
            print "session $session: $@" unless $held;
            STDOUT->flush;
            _exit(0) if $held;
            _exit(1);
        }
        push @pipes, $pipe;
    }
    my @failures;
    for my $pipe (@pipes) {
        my $said = join '', <$pipe>;
        push @failures, $said unless close $pipe;
    }
    if (@failures) {
        printf "FAILED  %s: %d of %d, the first: %s\n", $sentence, scalar @failures, SESSIONS, $failures[0] =~ s/\s+$//r;
    } else {
        printf "ok      %s (%.2f s)\n", $sentence, time - $begin;
    }
    return @failures ? 0 : 1;
}

binmode STDOUT, ':encoding(UTF-8)';
STDOUT->autoflush;
printf "DBD::Pg %s, %d sessions\n", $DBD::Pg::VERSION, SESSIONS;
prepare_tables();
my $held = 0;
for ( my $i = 0 ; $i < @checks ; $i += 2 ) {
    $held += holds( $checks[$i], $checks[ $i + 1 ] );
}
printf "%d of %d hold\n", $held, @checks / 2;
exit( $held == @checks / 2 ? 0 : 1 );
