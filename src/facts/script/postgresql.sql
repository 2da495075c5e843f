select json_build_object('in_recovery', pg_is_in_recovery(), 'server_version', current_setting('server_version_num')::int);
select json_build_object('system_identifier', system_identifier::text) from pg_control_system();
select json_build_object('wal_receiver', (select status from pg_stat_wal_receiver), 'timeline',
  case when pg_is_in_recovery() then coalesce((select received_tli from pg_stat_wal_receiver), (select timeline_id from pg_control_checkpoint()))
  else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end, 'wal_bytes', pg_wal_lsn_diff(
  case when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) else pg_current_wal_lsn() end, '0/0'));
select json_build_object('settings', json_object_agg(name, coalesce(setting, ''))) from pg_settings where name in (
  'archive_mode', 'data_checksums', 'data_directory', 'fsync', 'full_page_writes', 'hot_standby',
  'listen_addresses', 'max_connections', 'max_locks_per_transaction', 'max_prepared_transactions',
  'max_replication_slots', 'max_wal_senders', 'max_worker_processes', 'password_encryption', 'port',
  'server_version', 'shared_buffers', 'synchronous_commit', 'synchronous_standby_names',
  'ssl', 'track_commit_timestamp', 'wal_level', 'wal_log_hints');
select json_build_object('pending_restart', json_agg(name order by name)) from pg_settings where pending_restart
  and name !~ '^recovery_target';
select json_build_object('roles', json_agg(rolname order by rolname)) from pg_roles where rolname !~ '^pg_';
select json_build_object('role_options', json_object_agg(rolname, json_build_array(
  case when rolsuper then '' else 'NO' end || 'SUPERUSER', case when rolcreatedb then '' else 'NO' end || 'CREATEDB',
  case when rolcreaterole then '' else 'NO' end || 'CREATEROLE', case when rolinherit then '' else 'NO' end || 'INHERIT',
  case when rolcanlogin then '' else 'NO' end || 'LOGIN', case when rolreplication then '' else 'NO' end || 'REPLICATION',
  case when rolbypassrls then '' else 'NO' end || 'BYPASSRLS', 'CONNECTION LIMIT ' || rolconnlimit))) from pg_roles where rolname !~ '^pg_';
select json_build_object('verifiers', json_object_agg(rolname, rolpassword)) from pg_authid where rolname in (:roles);
select json_build_object('tablespaces', json_agg(pg_tablespace_location(oid) order by oid)) from pg_tablespace where spcname !~ '^pg_';
select json_build_object('md5_roles', json_agg(rolname order by rolname)) from pg_authid where rolpassword like 'md5%';
select json_build_object('replication', json_agg(json_build_object(
  'application_name', application_name, 'state', state, 'sync_state', sync_state, 'encrypted', ssl, 'lag_bytes',
  case when not pg_is_in_recovery() then pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) end)
  order by application_name, pid)) from pg_stat_replication left join pg_stat_ssl using (pid);
select json_build_object('hba_errors', json_agg('line ' || line_number || ': ' || error order by line_number))
  from pg_hba_file_rules where error is not null;
select json_build_object('hba_rules', json_agg(concat_ws(' ', type, array_to_string(database, ','), array_to_string(user_name, ','),
  address, netmask, auth_method, array_to_string(options, ' ')) order by line_number)) from pg_hba_file_rules where error is null;
