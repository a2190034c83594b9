#!/usr/bin/env bash
# What a person would type who had no weir: certificates, initdb -k once, two base backups at once,
# slots, roles and a database; three servers that serve, each commit waiting for one replica. The
# reference of `./dev bench up`, which starts it and stops its servers.
#   bench/start_all.sh FOLDER NETWORK    FOLDER: the servers' user may write there; NETWORK: 127.64.7
set -euo pipefail
if (($# != 2)); then
  echo "usage: bench/start_all.sh FOLDER NETWORK" >&2
  exit 1
fi
readonly root=$1 network=$2
readonly bin=/usr/lib/postgresql/15/bin
readonly hosts=(a b c)
declare -A address=([a]=$network.1 [b]=$network.2 [c]=$network.3)

certificates() {
  local host
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=start_all \
    -keyout ca.key -out ca.crt 2>/dev/null
  for host in "${hosts[@]}"; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$host" \
      -keyout "$host.key" -out "$host.csr" 2>/dev/null
    openssl x509 -req -in "$host.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 \
      -extfile <(echo "subjectAltName=DNS:$host,IP:${address[$host]}") -out "$host.crt" 2>/dev/null
  done
}

settings() {
  local host=$1
  cat <<END
listen_addresses = '${address[$host]}'
unix_socket_directories = '$root/$host.s'
hba_file = '$root/pg_hba.conf'
ident_file = '$root/pg_ident.conf'
ssl = on
ssl_cert_file = '$root/$host.crt'
ssl_key_file = '$root/$host.key'
ssl_ca_file = '$root/ca.crt'
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = 64MB
max_wal_senders = 16
max_replication_slots = 16
wal_log_hints = on
wal_keep_size = 512MB
synchronous_standby_names = 'ANY 1 (b, c)'
cluster_name = 'orders-$host'
END
}

# conninfo FROM: to the leader, as FROM's certificate says.
conninfo() {
  echo "host=a hostaddr=${address[a]} user=replica application_name=$1 sslmode=verify-full \
sslrootcert=$root/ca.crt sslcert=$root/$1.crt sslkey=$root/$1.key"
}

copy() {
  local host=$1
  "$bin/pg_basebackup" --pgdata="$host" --dbname="$(conninfo "$host")" --wal-method=stream \
    --checkpoint=fast --slot="slot_$host"
  settings "$host" >"$host/postgresql.conf"
  {
    echo "primary_conninfo = '$(conninfo "$host")'"
    echo "primary_slot_name = 'slot_$host'"
  } >>"$host/postgresql.conf"
  touch "$host/standby.signal"
  "$bin/pg_ctl" start --wait --pgdata="$host" --log="$host.log" >/dev/null
}

umask 077
cd "$root"
certificates
mkdir a.s b.s c.s
cat >pg_hba.conf <<END
local all all peer map=own
hostssl replication replica 127.0.0.1/32 cert map=own
hostssl all all 0.0.0.0/0 scram-sha-256
END
printf 'own %s postgres\n' "$(id -un)" >pg_ident.conf
printf 'own %s replica\n' "${hosts[@]}" >>pg_ident.conf
"$bin/initdb" --pgdata=a --username=postgres -k --encoding=UTF8 --locale=C.UTF-8 >initdb.log
settings a >a/postgresql.conf
"$bin/pg_ctl" start --wait --pgdata=a --log=a.log >/dev/null
# Nobody could confirm these yet.
PGOPTIONS='-c synchronous_commit=local' psql -XAtq -v ON_ERROR_STOP=1 -h "$root/a.s" -U postgres \
  -d postgres >/dev/null <<END
CREATE ROLE replica LOGIN REPLICATION;
SELECT pg_create_physical_replication_slot('slot_b'), pg_create_physical_replication_slot('slot_c');
CREATE ROLE shop_owner LOGIN PASSWORD 'bench';
CREATE ROLE shop_app LOGIN PASSWORD 'bench-app';
CREATE DATABASE shop OWNER shop_owner;
\\connect shop
ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shop_app;
END
copy b &
b=$!
copy c
wait "$b"
